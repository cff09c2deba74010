//! Allowlist groups that many instances share: one list of an account, bound to instances by id. A
//! change of the list is one change of one document, so that changes never cross. Must not know
//! which instances are bound.

use crate::address_list::{self, ListFault};
use serde::{Deserialize, Serialize};

/// Most groups of one account.
pub const GROUPS_MAX: usize = 50;
/// Most groups bound to one instance.
pub const BOUND_MAX: usize = 20;

/// A named list that instances are bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalGroup {
    /// `g-…`.
    pub group_id: String,
    /// Unique within the account.
    pub name: String,
    /// As asked for at creation.
    pub region_id: String,
    /// Addresses and CIDR blocks, as written by the owner.
    pub entries: Vec<String>,
}

/// All of an account, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GlobalGroups {
    /// See there.
    pub groups: Vec<GlobalGroup>,
}

/// Why a change of the groups is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobalGroupFault {
    /// A name is malformed.
    #[error(
        "a name has 2 to 120 lower-case letters, digits and underscores, begins with a letter \
             and does not end with an underscore"
    )]
    Name,
    /// Another group has the name.
    #[error("the group {0} has this name")]
    NameTaken(String),
    /// The list.
    #[error(transparent)]
    List(#[from] ListFault),
    /// There is no such group.
    #[error("there is no group `{0}`")]
    NotFound(String),
    /// The account or the instance has too many.
    #[error("an account has at most {GROUPS_MAX} groups, an instance is bound to {BOUND_MAX}")]
    TooMany,
}

impl GlobalGroups {
    /// The group with this id, or `None`.
    pub fn find(&self, group_id: &str) -> Option<&GlobalGroup> {
        self.groups.iter().find(|group| group.group_id == group_id)
    }

    /// With one group more.
    ///
    /// # Errors
    /// See [`GlobalGroupFault`].
    pub fn create(
        &mut self,
        group_id: String,
        name: &str,
        region_id: &str,
        list: &str,
    ) -> Result<&GlobalGroup, GlobalGroupFault> {
        self.check_name(name, "")?;
        let entries = address_list::parse(list)?;
        if GROUPS_MAX <= self.groups.len() {
            return Err(GlobalGroupFault::TooMany);
        }
        let (name, region_id) = (name.to_owned(), region_id.to_owned());
        self.groups.push(GlobalGroup { group_id, name, region_id, entries });
        Ok(self.groups.last().expect("one was just added"))
    }

    /// With another name of a group.
    ///
    /// # Errors
    /// See [`GlobalGroupFault`].
    pub fn rename(&mut self, group_id: &str, name: &str) -> Result<(), GlobalGroupFault> {
        self.get(group_id)?;
        self.check_name(name, group_id)?;
        self.get(group_id)?.name = name.to_owned();
        Ok(())
    }

    /// With another list of a group.
    ///
    /// # Errors
    /// See [`GlobalGroupFault`].
    pub fn replace(&mut self, group_id: &str, list: &str) -> Result<(), GlobalGroupFault> {
        let group = self.get(group_id)?;
        group.entries = address_list::parse(list)?;
        Ok(())
    }

    /// Without a group.
    ///
    /// # Errors
    /// See [`GlobalGroupFault`].
    pub fn delete(&mut self, group_id: &str) -> Result<(), GlobalGroupFault> {
        self.get(group_id)?;
        self.groups.retain(|group| group.group_id != group_id);
        Ok(())
    }

    /// The ids of a comma-separated list, each once; none when it is empty.
    ///
    /// # Errors
    /// The first id that is unknown, or too many.
    pub fn ids(&self, list: &str) -> Result<Vec<String>, GlobalGroupFault> {
        let mut ids: Vec<String> = Vec::new();
        for id in list.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            let known = self.find(id).ok_or_else(|| unknown(id))?;
            if !ids.contains(&known.group_id) {
                ids.push(known.group_id.clone());
            }
        }
        if BOUND_MAX < ids.len() {
            return Err(GlobalGroupFault::TooMany);
        }
        Ok(ids)
    }

    /// The groups with these ids.
    pub fn among<'a>(&'a self, ids: &'a [String]) -> impl Iterator<Item = &'a GlobalGroup> {
        ids.iter().filter_map(|id| self.find(id))
    }

    /// The entries of the groups with these ids.
    pub fn entries(&self, ids: &[String]) -> Vec<String> {
        self.among(ids).flat_map(|group| group.entries.iter().cloned()).collect()
    }

    fn get(&mut self, group_id: &str) -> Result<&mut GlobalGroup, GlobalGroupFault> {
        let group = self.groups.iter_mut().find(|group| group.group_id == group_id);
        group.ok_or_else(|| unknown(group_id))
    }

    fn check_name(&self, name: &str, group_id: &str) -> Result<(), GlobalGroupFault> {
        if !well_formed(name) {
            return Err(GlobalGroupFault::Name);
        }
        let other = self.groups.iter().find(|g| g.name == name && g.group_id != group_id);
        let taken = |other: &GlobalGroup| GlobalGroupFault::NameTaken(other.group_id.clone());
        other.map_or(Ok(()), |other| Err(taken(other)))
    }
}

fn unknown(group_id: &str) -> GlobalGroupFault {
    GlobalGroupFault::NotFound(group_id.chars().take(64).collect())
}

fn well_formed(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    (2..=120).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(groups: &mut GlobalGroups, id: &str, name: &str, list: &str) -> String {
        match groups.create(id.to_owned(), name, "cn-hangzhou", list) {
            Ok(made) => format!("{}={}", made.name, made.entries.join(",")),
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[test]
    fn names_are_checked_and_unique() {
        let mut groups = GlobalGroups::default();
        assert_eq!(create(&mut groups, "g-1", "office", "10.0.0.1, ::1"), "office=10.0.0.1,::1");
        assert_eq!(create(&mut groups, "g-2", "office", "::1"), "NameTaken(\"g-1\")");
        assert_eq!(create(&mut groups, "g-2", "home", "x"), "List(Entry(\"x\"))");
        let long = "a".repeat(121);
        for name in ["a", "Office", "1office", "office_", "of-fice", "", &long] {
            assert_eq!(create(&mut groups, "g-2", name, "::1"), "Name", "{name}");
        }
        assert_eq!(create(&mut groups, "g-2", &long[1..], "::1"), format!("{}=::1", &long[1..]));
        assert_eq!(groups.rename("g-1", "office"), Ok(()), "its own name");
        assert_eq!(groups.rename("g-2", "office"), Err(GlobalGroupFault::NameTaken("g-1".into())));
        assert_eq!(groups.rename("g-3", "other"), Err(GlobalGroupFault::NotFound("g-3".into())));
        assert_eq!(groups.replace("g-1", "10.0.0.2"), Ok(()));
        assert_eq!(groups.entries(&["g-1".into(), "g-2".into()]), ["10.0.0.2", "::1"]);
        assert_eq!(groups.delete("g-1"), Ok(()));
        assert_eq!(groups.delete("g-1"), Err(GlobalGroupFault::NotFound("g-1".into())));
    }

    #[test]
    fn limits_and_lists_of_ids() {
        let mut groups = GlobalGroups::default();
        for at in 0..GROUPS_MAX {
            let made = create(&mut groups, &format!("g-{at}"), &format!("name{at}"), "::1");
            assert_eq!(made, format!("name{at}=::1"));
        }
        assert_eq!(create(&mut groups, "g-x", "more", "::1"), "TooMany");
        assert_eq!(groups.ids(""), Ok(Vec::new()));
        assert_eq!(groups.ids("g-1, g-0,g-1"), Ok(vec!["g-1".into(), "g-0".into()]));
        assert_eq!(groups.ids("g-1,g-x"), Err(GlobalGroupFault::NotFound("g-x".into())));
        let list = |count: usize| (0..count).map(|at| format!("g-{at},")).collect::<String>();
        assert_eq!(groups.ids(&list(BOUND_MAX)).map(|ids| ids.len()), Ok(BOUND_MAX));
        assert_eq!(groups.ids(&list(BOUND_MAX + 1)), Err(GlobalGroupFault::TooMany));
    }
}
