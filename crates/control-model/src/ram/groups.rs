//! Making, changing and deleting groups, and who is in them.

use super::{Directory, GROUPS_MAX, Group, RamFault, already_exists, check_text};
use super::{delete_conflict, is_name, limit, not_exist};

fn check_name(param: &'static str, name: &str) -> Result<(), RamFault> {
    let wanted = "1 to 64 letters, digits, '.', '_' and '-'";
    if is_name(name, 64, b"._-") { Ok(()) } else { Err(RamFault::Invalid { param, wanted }) }
}

impl Directory {
    /// The group of this name.
    ///
    /// # Errors
    /// `EntityNotExist.Group`.
    pub fn group(&self, name: &str) -> Result<&Group, RamFault> {
        self.groups.get(name).ok_or_else(|| not_exist("Group", name))
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group, RamFault> {
        self.groups.get_mut(name).ok_or_else(|| not_exist("Group", name))
    }

    /// Adds a group.
    ///
    /// # Errors
    /// When a value is wrong, the name is taken, or there are too many.
    pub fn create_group(&mut self, group: Group) -> Result<(), RamFault> {
        check_name("GroupName", &group.name)?;
        check_text("Comments", &group.comments)?;
        if self.groups.contains_key(&group.name) {
            return Err(already_exists("Group", &group.name));
        }
        limit("Group", self.groups.len(), GROUPS_MAX)?;
        self.groups.insert(group.name.clone(), group);
        Ok(())
    }

    /// Changes name or comments of a group; what is `None` stays.
    ///
    /// # Errors
    /// When there is none, a value is wrong, or the new name is taken.
    pub fn update_group(
        &mut self,
        name: &str,
        new_name: Option<&str>,
        comments: Option<&str>,
        now_unix_ms: i64,
    ) -> Result<&Group, RamFault> {
        let mut group = self.group(name)?.clone();
        if let Some(comments) = comments {
            check_text("NewComments", comments)?;
            group.comments = comments.to_owned();
        }
        let new_name = new_name.unwrap_or(name);
        check_name("NewGroupName", new_name)?;
        if new_name != name && self.groups.contains_key(new_name) {
            return Err(already_exists("Group", new_name));
        }
        group.name = new_name.to_owned();
        group.updated_unix_ms = now_unix_ms;
        self.groups.remove(name);
        Ok(self.groups.entry(new_name.to_owned()).or_insert(group))
    }

    /// Takes a group away.
    ///
    /// # Errors
    /// When there is none, or something hangs on it.
    pub fn delete_group(&mut self, name: &str) -> Result<(), RamFault> {
        let group = self.group(name)?;
        if !group.members.is_empty() {
            return Err(delete_conflict("Group.User", name, "members: take them out first"));
        }
        if !group.attached.is_empty() {
            return Err(delete_conflict("Group.Policy", name, "policies: detach them first"));
        }
        self.groups.remove(name);
        Ok(())
    }

    /// Puts a user into a group.
    ///
    /// # Errors
    /// When one of them is missing, or it is there already.
    pub fn add_member(
        &mut self,
        group: &str,
        user: &str,
        now_unix_ms: i64,
    ) -> Result<(), RamFault> {
        self.user(user)?;
        let members = &mut self.group_mut(group)?.members;
        if members.contains_key(user) {
            return Err(already_exists("User.Group", user));
        }
        members.insert(user.to_owned(), now_unix_ms);
        Ok(())
    }

    /// Takes a user out of a group.
    ///
    /// # Errors
    /// When one of them is missing, or it is not there.
    pub fn remove_member(&mut self, group: &str, user: &str) -> Result<(), RamFault> {
        self.user(user)?;
        let gone = self.group_mut(group)?.members.remove(user);
        gone.map(drop).ok_or_else(|| not_exist("User.Group", user))
    }
}
