//! Making, changing and deleting users. Must not know their keys: whoever deletes a user has looked
//! that it has none.

use super::{Directory, RamFault, USERS_MAX, User, already_exists, check_text, delete_conflict};
use super::{is_name, limit, not_exist};

/// What UpdateUser changes; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// Another name.
    pub name: Option<String>,
    /// Another name for people.
    pub display_name: Option<String>,
    /// Another address.
    pub email: Option<String>,
    /// Another number.
    pub mobile_phone: Option<String>,
    /// Other comments.
    pub comments: Option<String>,
}

fn check_name(param: &'static str, name: &str) -> Result<(), RamFault> {
    let wanted = "1 to 64 letters, digits, '.', '_' and '-', and not \"root\"";
    let fits = is_name(name, 64, b"._-") && !name.eq_ignore_ascii_case(crate::policy::ROOT);
    if fits { Ok(()) } else { Err(RamFault::Invalid { param, wanted }) }
}

impl Directory {
    /// The user of this name.
    ///
    /// # Errors
    /// `EntityNotExist.User`.
    pub fn user(&self, name: &str) -> Result<&User, RamFault> {
        self.users.get(name).ok_or_else(|| not_exist("User", name))
    }

    /// As [`Directory::user`], to change.
    ///
    /// # Errors
    /// As there.
    pub fn user_mut(&mut self, name: &str) -> Result<&mut User, RamFault> {
        self.users.get_mut(name).ok_or_else(|| not_exist("User", name))
    }

    /// Adds a user.
    ///
    /// # Errors
    /// When a value is wrong, the name is taken, or there are too many.
    pub fn create_user(&mut self, user: User) -> Result<(), RamFault> {
        check_name("UserName", &user.name)?;
        check_text("DisplayName", &user.display_name)?;
        check_text("Email", &user.email)?;
        check_text("MobilePhone", &user.mobile_phone)?;
        check_text("Comments", &user.comments)?;
        if self.users.contains_key(&user.name) {
            return Err(already_exists("User", &user.name));
        }
        limit("User", self.users.len(), USERS_MAX)?;
        self.users.insert(user.name.clone(), user);
        Ok(())
    }

    /// Changes a user; all or nothing.
    ///
    /// # Errors
    /// When there is none, a value is wrong, or the new name is taken.
    pub fn update_user(
        &mut self,
        name: &str,
        change: UserChange,
        now_unix_ms: i64,
    ) -> Result<&User, RamFault> {
        let mut user = self.user(name)?.clone();
        let fields = [
            ("NewDisplayName", &mut user.display_name, change.display_name),
            ("NewEmail", &mut user.email, change.email),
            ("NewMobilePhone", &mut user.mobile_phone, change.mobile_phone),
            ("NewComments", &mut user.comments, change.comments),
        ];
        for (param, field, value) in fields {
            if let Some(value) = value {
                check_text(param, &value)?;
                *field = value;
            }
        }
        let new_name = change.name.unwrap_or_else(|| name.to_owned());
        if new_name != name {
            check_name("NewUserName", &new_name)?;
            if self.users.contains_key(&new_name) {
                return Err(already_exists("User", &new_name));
            }
            for group in self.groups.values_mut() {
                if let Some(joined) = group.members.remove(name) {
                    group.members.insert(new_name.clone(), joined);
                }
            }
        }
        user.name.clone_from(&new_name);
        user.updated_unix_ms = now_unix_ms;
        self.users.remove(name);
        Ok(self.users.entry(new_name).or_insert(user))
    }

    /// Takes a user away.
    ///
    /// # Errors
    /// When there is none, or something hangs on it.
    pub fn delete_user(&mut self, name: &str) -> Result<(), RamFault> {
        let user = self.user(name)?;
        if !user.attached.is_empty() {
            return Err(delete_conflict("User.Policy", name, "policies: detach them first"));
        }
        if self.groups.values().any(|group| group.members.contains_key(name)) {
            return Err(delete_conflict("User.Group", name, "groups: take it out of them first"));
        }
        if user.login.is_some() {
            let rest = "a login profile: delete it first";
            return Err(delete_conflict("User.LoginProfile", name, rest));
        }
        self.users.remove(name);
        Ok(())
    }
}
