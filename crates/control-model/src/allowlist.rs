//! Who may connect to an instance: named groups of addresses, and how they may be changed. A new
//! instance's `default` group reads 127.0.0.1 and means nobody; from the first change on, entries
//! mean what they say. Must not know sockets.

use admin::Allowlist;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Name of the group that is always there.
pub const DEFAULT_GROUP: &str = "default";

const SYSTEM_GROUPS: [&str; 2] = ["ali_dms_group", "hdm_security_ips"];
const PLACEHOLDER: &str = "127.0.0.1";
const ENTRIES_MAX: usize = 1000;
const GROUPS_MAX: usize = 50;

/// One named list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Unique within the instance.
    pub name: String,
    /// Free text; `hidden` keeps it off the console.
    pub attribute: String,
    /// Addresses and CIDR blocks, as written by the owner.
    pub entries: Vec<String>,
}

/// All groups of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// False until the owner changed a group: the placeholder admits nobody.
    pub configured: bool,
    /// `default` first.
    pub groups: Vec<Group>,
}

impl Default for Groups {
    fn default() -> Self {
        let group = Group {
            name: DEFAULT_GROUP.to_owned(),
            attribute: String::new(),
            entries: vec![PLACEHOLDER.to_owned()],
        };
        Groups { configured: false, groups: vec![group] }
    }
}

/// How a change combines with what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Replaces the group.
    Cover,
    /// Adds to it.
    Append,
    /// Takes from it.
    Delete,
}

/// One change of one group.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Which group; made when it does not exist.
    pub group: &'a str,
    /// New attribute, or keep the present one.
    pub attribute: Option<&'a str>,
    /// How.
    pub mode: Mode,
    /// Comma-separated entries.
    pub entries: &'a str,
}

/// Why a change is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AllowlistFault {
    /// A group name is malformed or belongs to the system.
    #[error("`{0}` cannot be the name of a group of yours")]
    GroupName(String),
    /// Not an address or block.
    #[error("`{0}` is not an IP address or CIDR block")]
    Entry(String),
    /// Twice in the list, or in the group already.
    #[error("`{0}` is there already")]
    Duplicate(String),
    /// Not in the group, or the last of the default group.
    #[error("`{0}` is not in the group, or is the last of the default group")]
    NotFound(String),
    /// More than 1000 entries or 50 groups.
    #[error("a group holds at most 1000 entries, an instance at most 50 groups")]
    TooMany,
}

impl Groups {
    /// The groups after `change`.
    ///
    /// # Errors
    /// See [`AllowlistFault`]; the groups stay as they are.
    pub fn changed(&self, change: Change<'_>) -> Result<Groups, AllowlistFault> {
        if !group_name(change.group) {
            return Err(AllowlistFault::GroupName(change.group.to_owned()));
        }
        let listed = parse(change.entries)?;
        let mut next = self.clone();
        let at = next.position_or_new(change.group);
        let group = &mut next.groups[at];
        match change.mode {
            Mode::Cover => group.entries = listed,
            Mode::Append => append(group, listed, self.configured)?,
            Mode::Delete => delete(group, &listed)?,
        }
        if let Some(attribute) = change.attribute {
            group.attribute = attribute.to_owned();
        }
        if group.entries.len() > ENTRIES_MAX {
            return Err(AllowlistFault::TooMany);
        }
        next.groups.retain(|group| group.name == DEFAULT_GROUP || !group.entries.is_empty());
        if next.groups.len() > GROUPS_MAX {
            return Err(AllowlistFault::TooMany);
        }
        next.configured = true;
        Ok(next)
    }

    fn position_or_new(&mut self, name: &str) -> usize {
        if let Some(at) = self.groups.iter().position(|group| group.name == name) {
            return at;
        }
        let (name, attribute, entries) = (name.to_owned(), String::new(), Vec::new());
        self.groups.push(Group { name, attribute, entries });
        self.groups.len() - 1
    }

    /// What a node must enforce: nobody yet, or the union of all groups.
    pub fn enforced(&self) -> Allowlist {
        if !self.configured {
            return Allowlist::Nobody;
        }
        Allowlist::Entries(self.all_entries())
    }

    /// The union of all groups, in order, as written.
    pub fn all_entries(&self) -> Vec<String> {
        let mut union: Vec<String> = Vec::new();
        for entry in self.groups.iter().flat_map(|group| &group.entries) {
            if !union.contains(entry) {
                union.push(entry.clone());
            }
        }
        union
    }
}

fn group_name(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    (2..=32).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
        && !SYSTEM_GROUPS.contains(&name)
}

fn parse(list: &str) -> Result<Vec<String>, AllowlistFault> {
    let mut entries: Vec<String> = Vec::new();
    for entry in list.split(',').map(str::trim) {
        let block = block(entry).ok_or_else(|| AllowlistFault::Entry(entry.to_owned()))?;
        if contains(&entries, block) {
            return Err(AllowlistFault::Duplicate(entry.to_owned()));
        }
        entries.push(entry.to_owned());
    }
    Ok(entries)
}

/// The block that an entry means; a prefix of 0 only as the block of all addresses.
fn block(entry: &str) -> Option<IpNet> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Some(IpNet::from(address));
    }
    let block = entry.parse::<IpNet>().ok()?;
    (block.prefix_len() > 0 || block.addr().is_unspecified()).then(|| block.trunc())
}

fn contains(entries: &[String], wanted: IpNet) -> bool {
    entries.iter().any(|entry| block(entry) == Some(wanted))
}

fn append(group: &mut Group, new: Vec<String>, configured: bool) -> Result<(), AllowlistFault> {
    for entry in new {
        let wanted = block(&entry).expect("parse checked each entry");
        if !contains(&group.entries, wanted) {
            group.entries.push(entry);
        } else if configured || entry != PLACEHOLDER {
            return Err(AllowlistFault::Duplicate(entry));
        }
    }
    Ok(())
}

fn delete(group: &mut Group, gone: &[String]) -> Result<(), AllowlistFault> {
    for entry in gone {
        let wanted = block(entry);
        let at = group.entries.iter().position(|present| block(present) == wanted);
        let at = at.ok_or_else(|| AllowlistFault::NotFound(entry.clone()))?;
        if group.name == DEFAULT_GROUP && group.entries.len() == 1 {
            return Err(AllowlistFault::NotFound(entry.clone()));
        }
        group.entries.remove(at);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies `group mode entries` lines; gives `name=entries;…` or the fault.
    fn check(lines: &[&str], expected: &str) {
        let mut groups = Groups::default();
        let mut shown = String::new();
        for line in lines {
            let [group, mode, entries] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
                panic!("three words: {line}");
            };
            let mode = match mode {
                "cover" => Mode::Cover,
                "append" => Mode::Append,
                _ => Mode::Delete,
            };
            match groups.changed(Change { group, attribute: None, mode, entries }) {
                Ok(next) => groups = next,
                Err(fault) => shown = format!("{fault:?}"),
            }
        }
        if shown.is_empty() {
            let each = |g: &Group| format!("{}={}", g.name, g.entries.join(","));
            shown = groups.groups.iter().map(each).collect::<Vec<_>>().join(";");
        }
        assert_eq!(shown, expected, "{lines:?}");
    }

    #[test]
    fn changes() {
        check(&[], "default=127.0.0.1");
        check(&["default cover 10.0.0.1, 10.1.0.0/16"], "default=10.0.0.1,10.1.0.0/16");
        check(&["default append 127.0.0.1"], "default=127.0.0.1");
        check(&["default append 10.0.0.1"], "default=127.0.0.1,10.0.0.1");
        check(&["office cover ::1"], "default=127.0.0.1;office=::1");
        check(&["office cover ::1", "office delete ::1"], "default=127.0.0.1");
        check(&["default append ::1", "default delete 127.0.0.1"], "default=::1");
        check(&["default cover 0.0.0.0/0"], "default=0.0.0.0/0");
    }

    #[test]
    fn refusals() {
        check(&["default cover 10.0.0.1,10.0.0.1"], "Duplicate(\"10.0.0.1\")");
        check(&["default cover 10.0.0.0/24,10.0.0.7/24"], "Duplicate(\"10.0.0.7/24\")");
        check(&["default append ::1", "default append ::1"], "Duplicate(\"::1\")");
        check(&["default delete 10.9.9.9"], "NotFound(\"10.9.9.9\")");
        check(&["default delete 127.0.0.1"], "NotFound(\"127.0.0.1\")");
        check(&["office delete 10.0.0.1"], "NotFound(\"10.0.0.1\")");
        for bad in ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/0", "localhost", "10.0.0.1,"] {
            let entry = bad.rsplit(',').next().expect("one part at least");
            check(&[&format!("default cover {bad}")], &format!("Entry({entry:?})"));
        }
        for name in ["a", "Office", "office_", "1office", "ali_dms_group", "of-fice"] {
            check(&[&format!("{name} cover ::1")], &format!("GroupName({name:?})"));
        }
    }

    #[test]
    fn limits() {
        let list = |count: usize| {
            let entry = |n| format!("10.0.{}.{}", n / 256, n % 256);
            (0..count).map(entry).collect::<Vec<_>>().join(",")
        };
        let cover = |entries: &str| {
            let (group, mode) = (DEFAULT_GROUP, Mode::Cover);
            Groups::default().changed(Change { group, attribute: None, mode, entries })
        };
        assert!(cover(&list(1000)).is_ok());
        assert_eq!(cover(&list(1001)), Err(AllowlistFault::TooMany));
    }

    #[test]
    fn nobody_until_changed_then_literal() {
        let new = Groups::default();
        assert_eq!(new.enforced(), Allowlist::Nobody);
        let change = Change {
            group: DEFAULT_GROUP,
            attribute: None,
            mode: Mode::Cover,
            entries: "127.0.0.1",
        };
        let changed = new.changed(change).expect("well-formed");
        assert_eq!(changed.enforced(), Allowlist::Entries(vec!["127.0.0.1".into()]));
        let more = Change { group: "office", entries: "127.0.0.1,10.0.0.1", ..change };
        let union = changed.changed(more).expect("well-formed").enforced();
        assert_eq!(union, Allowlist::Entries(vec!["127.0.0.1".into(), "10.0.0.1".into()]));
    }
}
