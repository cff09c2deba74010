//! Who may connect to an instance: named groups of addresses, and how they may be changed. A new
//! instance's `default` group reads 127.0.0.1 and means nobody; once its owner has changed it, its
//! entries mean what they say, as those of all other groups always do. Must not know sockets.

use crate::address_list::{self, ENTRIES_MAX, ListFault};
use admin::Allowlist;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Name of the group that is always there.
pub const DEFAULT_GROUP: &str = "default";

const SYSTEM_GROUPS: [&str; 2] = ["ali_dms_group", "hdm_security_ips"];
const PLACEHOLDER: &str = "127.0.0.1";
const ATTRIBUTE_CHARS_MAX: usize = 128;
/// Most groups of an instance.
pub const GROUPS_MAX: usize = 50;

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
    /// False until the owner changed the default group: its placeholder admits nobody.
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
    /// The attribute is too long or holds characters that cannot be shown.
    #[error("it has at most {ATTRIBUTE_CHARS_MAX} characters, none of them a control character")]
    Attribute,
    /// The list.
    #[error(transparent)]
    List(#[from] ListFault),
    /// Not in the group, or the last of the default group.
    #[error("`{0}` is not in the group, or is the last of the default group")]
    NotFound(String),
    /// More than 1000 entries or 50 groups.
    #[error("a group holds at most {ENTRIES_MAX} entries, an instance at most {GROUPS_MAX} groups")]
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
        if change.attribute.is_some_and(|attribute| !attribute_fits(attribute)) {
            return Err(AllowlistFault::Attribute);
        }
        let listed = address_list::parse(change.entries)?;
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
        next.configured |= change.group == DEFAULT_GROUP;
        Ok(next)
    }

    /// Whether the owner has said anything about who may connect.
    pub fn is_touched(&self) -> bool {
        self.configured || self.groups.len() > 1
    }

    fn position_or_new(&mut self, name: &str) -> usize {
        if let Some(at) = self.groups.iter().position(|group| group.name == name) {
            return at;
        }
        let (name, attribute, entries) = (name.to_owned(), String::new(), Vec::new());
        self.groups.push(Group { name, attribute, entries });
        self.groups.len() - 1
    }

    /// What a node must enforce: the union of all groups and of what is `shared` with other
    /// instances; nobody while nothing was said.
    pub fn enforced<'a>(&'a self, shared: impl IntoIterator<Item = &'a String>) -> Allowlist {
        address_list::enforced(self.meant().flat_map(|group| &group.entries).chain(shared))
    }

    /// Names of the groups that admit a peer at `address`.
    pub fn admitting(&self, address: IpAddr) -> Vec<&str> {
        let admits = |group: &&Group| address_list::admits(&group.entries, address);
        self.meant().filter(admits).map(|group| group.name.as_str()).collect()
    }

    /// All groups but a default one that is only a placeholder.
    fn meant(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| self.configured || group.name != DEFAULT_GROUP)
    }

    /// The union of all groups, in order, as written.
    pub fn all_entries(&self) -> Vec<String> {
        let mut seen = std::collections::BTreeSet::new();
        let all = self.groups.iter().flat_map(|group| &group.entries);
        all.filter(|entry| seen.insert(entry.as_str())).cloned().collect()
    }
}

fn attribute_fits(attribute: &str) -> bool {
    attribute.chars().count() <= ATTRIBUTE_CHARS_MAX && !attribute.chars().any(char::is_control)
}

fn group_name(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    (2..=32).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
        && !SYSTEM_GROUPS.contains(&name)
}

fn append(group: &mut Group, new: Vec<String>, configured: bool) -> Result<(), AllowlistFault> {
    let present = address_list::blocks(&group.entries);
    for entry in new {
        let is_new = address_list::block(&entry).is_some_and(|block| !present.contains(&block));
        if is_new {
            group.entries.push(entry);
        } else if configured || group.name != DEFAULT_GROUP || entry != PLACEHOLDER {
            return Err(ListFault::Duplicate(entry).into());
        }
    }
    Ok(())
}

fn delete(group: &mut Group, gone: &[String]) -> Result<(), AllowlistFault> {
    let present = address_list::blocks(&group.entries);
    let is_absent =
        |entry: &&String| address_list::block(entry).is_none_or(|block| !present.contains(&block));
    let absent = gone.iter().find(is_absent);
    // All of them are there, so as many as there are means all.
    let last = gone.last().filter(|_| gone.len() == present.len() && group.name == DEFAULT_GROUP);
    if let Some(culprit) = absent.or(last) {
        return Err(AllowlistFault::NotFound(culprit.clone()));
    }
    let gone = address_list::blocks(gone);
    group
        .entries
        .retain(|entry| address_list::block(entry).is_none_or(|block| !gone.contains(&block)));
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
        let twice = |entry: &str| format!("List(Duplicate({entry:?}))");
        check(&["default cover 10.0.0.1,10.0.0.1"], &twice("10.0.0.1"));
        check(&["default cover 10.0.0.0/24,10.0.0.7/24"], &twice("10.0.0.7/24"));
        check(&["default append ::1", "default append ::1"], &twice("::1"));
        check(&["office cover 127.0.0.1", "office append 127.0.0.1"], &twice("127.0.0.1"));
        check(&["default delete 10.9.9.9"], "NotFound(\"10.9.9.9\")");
        check(&["default delete 127.0.0.1"], "NotFound(\"127.0.0.1\")");
        check(&["office delete 10.0.0.1"], "NotFound(\"10.0.0.1\")");
        for bad in ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/0", "localhost", "10.0.0.1,"] {
            let entry = bad.rsplit(',').next().expect("one part at least");
            check(&[&format!("default cover {bad}")], &format!("List(Entry({entry:?}))"));
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
        assert_eq!(cover(&list(1001)), Err(ListFault::TooMany.into()));
        let full = cover(&list(1000)).expect("as many as fit");
        fn change<'a>(group: &'a str, entries: &'a str, attribute: Option<&'a str>) -> Change<'a> {
            Change { group, attribute, mode: Mode::Append, entries }
        }
        let one_more = change(DEFAULT_GROUP, "10.1.0.1", None);
        assert_eq!(full.changed(one_more), Err(AllowlistFault::TooMany));
        assert!(full.changed(change("office", "10.1.0.1", None)).is_ok(), "each group has its own");
        for attribute in ["x\ny".to_owned(), "x".repeat(ATTRIBUTE_CHARS_MAX + 1)] {
            let refused = full.changed(change("office", "10.1.0.1", Some(&attribute)));
            assert_eq!(refused, Err(AllowlistFault::Attribute), "{attribute}");
        }
        let mut many = full;
        for at in 1..GROUPS_MAX {
            let name = format!("group_{at}");
            many = many.changed(change(&name, "10.0.0.1", None)).expect("as many as fit");
        }
        let refused = many.changed(change("one_more", "10.0.0.1", None));
        assert_eq!(refused, Err(AllowlistFault::TooMany));
    }

    #[test]
    fn the_placeholder_means_nobody_until_its_group_is_changed() {
        let check = |groups: &Groups, expected: &[&str]| {
            let expected: Vec<_> = expected.iter().map(|&entry| entry.to_owned()).collect();
            let expected = match expected[..] {
                [] => Allowlist::Nobody,
                _ => Allowlist::Entries(expected),
            };
            assert_eq!(groups.enforced([]), expected, "{groups:?}");
        };
        let cover = |groups: &Groups, group, entries| {
            let change = Change { group, attribute: None, mode: Mode::Cover, entries };
            groups.changed(change).expect("well-formed")
        };
        let local = "127.0.0.1".parse().expect("an address");
        let new = Groups::default();
        check(&new, &[]);
        assert!(!new.is_touched() && new.admitting(local).is_empty());
        let shared = "10.9.0.0/16".to_owned();
        assert_eq!(new.enforced([&shared]), Allowlist::Entries(vec![shared.clone()]));
        let office = cover(&new, "office", "10.0.0.1");
        check(&office, &["10.0.0.1"]);
        assert!(office.is_touched() && office.admitting(local).is_empty());
        let literal = cover(&office, DEFAULT_GROUP, "127.0.0.1");
        check(&literal, &["127.0.0.1", "10.0.0.1"]);
        check(&cover(&literal, "office", "127.0.0.1,10.0.0.2"), &["127.0.0.1", "10.0.0.2"]);
        assert_eq!(literal.admitting(local), [DEFAULT_GROUP]);
    }

    #[test]
    fn random_changes_end_as_in_a_plain_model() {
        use std::collections::{BTreeMap, BTreeSet};
        let mut state: u64 = 7;
        let mut below = |limit: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % limit
        };
        let names = [DEFAULT_GROUP, "office", "home"];
        let mut groups = Groups::default().changed(Change {
            group: DEFAULT_GROUP,
            attribute: None,
            mode: Mode::Cover,
            entries: "10.0.0.0",
        });
        let mut model = BTreeMap::from([(DEFAULT_GROUP, BTreeSet::from([0]))]);
        for _ in 0..5_000 {
            let group = names[below(3) as usize];
            let listed: BTreeSet<u64> = (0..=below(3)).map(|_| below(6)).collect();
            let present = model.get(group).cloned().unwrap_or_default();
            let (mode, wanted) = match below(3) {
                0 => (Mode::Cover, Some(listed.clone())),
                1 => (Mode::Append, present.is_disjoint(&listed).then_some(&present | &listed)),
                _ => (Mode::Delete, present.is_superset(&listed).then_some(&present - &listed)),
            };
            let wanted = wanted.filter(|left| group != DEFAULT_GROUP || !left.is_empty());
            let entries: Vec<_> = listed.iter().map(|n| format!("10.0.0.{n}")).collect();
            let before = groups.expect("well-formed");
            let change = Change { group, attribute: None, mode, entries: &entries.join(",") };
            let changed = before.changed(change);
            assert_eq!(changed.is_ok(), wanted.is_some(), "{before:?} {change:?}");
            if let Some(wanted) = wanted {
                model.insert(group, wanted);
                model.retain(|_, left| !left.is_empty());
            }
            let next = changed.unwrap_or(before);
            let text = |n: &u64| format!("10.0.0.{n}");
            for group in &next.groups {
                let entries: BTreeSet<_> = group.entries.iter().cloned().collect();
                let expected = model[group.name.as_str()].iter().map(text).collect();
                assert_eq!(entries, expected);
            }
            assert_eq!(next.groups.len(), model.len());
            groups = Ok(next);
        }
    }
}
