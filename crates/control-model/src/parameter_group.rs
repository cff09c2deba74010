//! Parameter groups: named sets of checked values that instances are made from or given. A group is
//! copied when it is used, so that what happens to it later is nobody's business but its owner's.
//! Must not know instances.

use crate::parameter::{self, ParameterFault};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most groups of one account.
pub const GROUPS_MAX: usize = 100;
/// Most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 200;

/// What a group is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Category {
    /// Community edition.
    Standard,
    /// Tair, which works like any other here.
    Enterprise,
}

impl Category {
    /// All words of the API.
    pub const WORDS: &'static [&'static str] = &["standard", "enterprise"];

    /// By its word.
    pub fn parse(word: &str) -> Option<Category> {
        [Category::Standard, Category::Enterprise].into_iter().find(|it| it.word() == word)
    }

    /// Word of the API.
    pub fn word(self) -> &'static str {
        Category::WORDS[self.number()]
    }

    /// Number of the API.
    pub fn number(self) -> usize {
        match self {
            Category::Standard => 0,
            Category::Enterprise => 1,
        }
    }
}

/// A named set of values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterGroup {
    /// `g-…`.
    pub group_id: String,
    /// Unique within the account.
    pub name: String,
    /// `5.0`, `6.0` or `7.0`; only instances of this version take the values.
    pub engine_version: String,
    /// See there.
    pub category: Category,
    /// As asked for at creation.
    pub region_id: String,
    /// May be empty.
    pub description: String,
    /// Values as they are kept, by their names of the API.
    pub parameters: BTreeMap<String, String>,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds.
    pub modified_unix_ms: i64,
}

/// All of an account, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ParameterGroups {
    /// See there.
    pub groups: Vec<ParameterGroup>,
}

/// What a group shall be; the same for a new one and one that is changed.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Its name.
    pub name: &'a str,
    /// See there.
    pub category: Category,
    /// `None` leaves the one that is there.
    pub description: Option<&'a str>,
    /// A JSON object of names and values: all that the group holds afterwards.
    pub parameters: &'a str,
}

/// What of a group never changes.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// See [`ParameterGroup::engine_version`].
    pub engine_version: &'a str,
    /// See [`ParameterGroup::region_id`].
    pub region_id: &'a str,
}

/// Why a change of the groups is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterGroupFault {
    /// A name is malformed.
    #[error("a name has 8 to 64 letters, digits and underscores, a letter first")]
    Name,
    /// Another group has the name.
    #[error("the group {0} has this name")]
    NameTaken(String),
    /// The description is malformed.
    #[error("a description has at most {DESCRIPTION_CHARS_MAX} characters that can be shown")]
    Description,
    /// The values.
    #[error("the values cannot be kept")]
    Parameters {
        /// Version of the group.
        version: String,
        /// What is wrong.
        fault: ParameterFault,
    },
    /// There is no such group.
    #[error("there is no group `{0}`")]
    NotFound(String),
    /// The account has too many.
    #[error("an account has at most {GROUPS_MAX} parameter groups; delete some")]
    TooMany,
}

impl ParameterGroups {
    /// The group with this id.
    ///
    /// # Errors
    /// [`ParameterGroupFault::NotFound`].
    pub fn get(&self, group_id: &str) -> Result<&ParameterGroup, ParameterGroupFault> {
        let group = self.groups.iter().find(|group| group.group_id == group_id);
        group.ok_or_else(|| unknown(group_id))
    }

    /// With one group more.
    ///
    /// # Errors
    /// See [`ParameterGroupFault`].
    pub fn create(
        &mut self,
        group_id: String,
        origin: Origin<'_>,
        wish: Wish<'_>,
        now_unix_ms: i64,
    ) -> Result<&ParameterGroup, ParameterGroupFault> {
        self.check_name(wish.name, "")?;
        let made = ParameterGroup {
            group_id,
            name: wish.name.to_owned(),
            engine_version: origin.engine_version.to_owned(),
            category: wish.category,
            region_id: origin.region_id.to_owned(),
            description: description(wish)?.unwrap_or_default(),
            parameters: values(origin.engine_version, wish.parameters)?,
            created_unix_ms: now_unix_ms,
            modified_unix_ms: now_unix_ms,
        };
        if GROUPS_MAX <= self.groups.len() {
            return Err(ParameterGroupFault::TooMany);
        }
        self.groups.push(made);
        Ok(self.groups.last().expect("one was just added"))
    }

    /// With other content of a group.
    ///
    /// # Errors
    /// See [`ParameterGroupFault`].
    pub fn modify(
        &mut self,
        group_id: &str,
        wish: Wish<'_>,
        now_unix_ms: i64,
    ) -> Result<(), ParameterGroupFault> {
        let version = self.get(group_id)?.engine_version.clone();
        self.check_name(wish.name, group_id)?;
        let (description, parameters) = (description(wish)?, values(&version, wish.parameters)?);
        let group = self.groups.iter_mut().find(|group| group.group_id == group_id);
        let group = group.ok_or_else(|| unknown(group_id))?;
        wish.name.clone_into(&mut group.name);
        group.category = wish.category;
        group.parameters = parameters;
        group.modified_unix_ms = now_unix_ms;
        if let Some(description) = description {
            group.description = description;
        }
        Ok(())
    }

    /// Without a group.
    ///
    /// # Errors
    /// [`ParameterGroupFault::NotFound`].
    pub fn delete(&mut self, group_id: &str) -> Result<(), ParameterGroupFault> {
        self.get(group_id)?;
        self.groups.retain(|group| group.group_id != group_id);
        Ok(())
    }

    fn check_name(&self, name: &str, group_id: &str) -> Result<(), ParameterGroupFault> {
        if !well_formed(name) {
            return Err(ParameterGroupFault::Name);
        }
        let other = self.groups.iter().find(|g| g.name == name && g.group_id != group_id);
        let taken = |other: &ParameterGroup| ParameterGroupFault::NameTaken(other.group_id.clone());
        other.map_or(Ok(()), |other| Err(taken(other)))
    }
}

fn unknown(group_id: &str) -> ParameterGroupFault {
    ParameterGroupFault::NotFound(group_id.chars().take(64).collect())
}

fn well_formed(name: &str) -> bool {
    (8..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

fn description(wish: Wish<'_>) -> Result<Option<String>, ParameterGroupFault> {
    let Some(text) = wish.description else { return Ok(None) };
    if DESCRIPTION_CHARS_MAX < text.chars().count() || text.contains(char::is_control) {
        return Err(ParameterGroupFault::Description);
    }
    Ok(Some(text.to_owned()))
}

fn values(version: &str, text: &str) -> Result<BTreeMap<String, String>, ParameterGroupFault> {
    let fault = |fault| ParameterGroupFault::Parameters { version: version.to_owned(), fault };
    let wanted = parameter::parse(version, text).map_err(fault)?;
    Ok(wanted.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::managed::Fault;

    const ORIGIN: Origin<'static> = Origin { engine_version: "7.0", region_id: "cn-hangzhou" };
    const TIMEOUT: &str = r#"{"timeout":"5"}"#;

    fn wish<'a>(name: &'a str, parameters: &'a str) -> Wish<'a> {
        Wish { name, category: Category::Standard, description: None, parameters }
    }

    /// The group's name and values, or why there is none.
    fn create(groups: &mut ParameterGroups, id: &str, wish: Wish<'_>) -> String {
        match groups.create(id.to_owned(), ORIGIN, wish, 1) {
            Ok(made) => format!("{} {:?}", made.name, made.parameters),
            Err(fault) => format!("{fault:?}"),
        }
    }

    #[test]
    fn names_and_values_are_checked() {
        let mut groups = ParameterGroups::default();
        let made =
            create(&mut groups, "g-1", wish("of_caches", r#"{"EvictionPolicy":"noeviction"}"#));
        assert_eq!(made, r#"of_caches {"maxmemory-policy": "noeviction"}"#);
        let again = create(&mut groups, "g-2", wish("of_caches", TIMEOUT));
        assert_eq!(again, r#"NameTaken("g-1")"#);
        let long = "a".repeat(65);
        for name in
            ["", "a234567", "1of_caches", "_of_cache", "of-caches", "of caches", "größer12", &long]
        {
            assert_eq!(create(&mut groups, "g-2", wish(name, TIMEOUT)), "Name", "{name}");
        }
        for (text, expected) in [
            ("{}", ParameterFault::Nothing),
            ("x", ParameterFault::NoObject),
            (
                r#"{"hz":1}"#,
                ParameterFault::Parameter { name: "hz".into(), fault: Fault::NotSupported },
            ),
        ] {
            let refused = groups.create("g-2".into(), ORIGIN, wish("of_others", text), 1);
            let version = "7.0".to_owned();
            assert_eq!(refused, Err(ParameterGroupFault::Parameters { version, fault: expected }));
        }
        let text = "ü".repeat(201);
        for (text, good) in [(&text[2..], true), (&text, false), ("a\nb", false), ("", true)] {
            let mut groups = ParameterGroups::default();
            let wish = Wish { description: Some(text), ..wish("of_others", TIMEOUT) };
            assert_eq!(groups.create("g-2".into(), ORIGIN, wish, 1).is_ok(), good, "{text}");
        }
        assert_eq!(groups.groups.len(), 1);
    }

    #[test]
    fn a_change_replaces_all_but_the_origin() {
        let mut groups = ParameterGroups::default();
        let described = Wish { description: Some("first"), ..wish("of_caches", TIMEOUT) };
        create(&mut groups, "g-1", described);
        create(&mut groups, "g-2", wish("of_others", TIMEOUT));
        let change = Wish {
            category: Category::Enterprise,
            ..wish("of_queues", r#"{"slowlog-max-len":500}"#)
        };
        assert_eq!(groups.modify("g-1", change, 9), Ok(()));
        let group = groups.get("g-1").expect("there");
        let parameters = BTreeMap::from([("slowlog-max-len".to_owned(), "500".to_owned())]);
        let expected = ParameterGroup {
            group_id: "g-1".into(),
            name: "of_queues".into(),
            engine_version: "7.0".into(),
            category: Category::Enterprise,
            region_id: "cn-hangzhou".into(),
            description: "first".into(),
            parameters,
            created_unix_ms: 1,
            modified_unix_ms: 9,
        };
        assert_eq!(*group, expected);
        let taken = Err(ParameterGroupFault::NameTaken("g-2".into()));
        assert_eq!(groups.modify("g-1", wish("of_others", TIMEOUT), 10), taken);
        assert!(groups.modify("g-1", wish("of_queues", "{}"), 10).is_err());
        let missing = Err(ParameterGroupFault::NotFound("g-3".into()));
        assert_eq!(groups.modify("g-3", wish("of_queues", "{}"), 10), missing);
        assert_eq!(*groups.get("g-1").expect("there"), expected, "refusals change nothing");
        assert_eq!(groups.delete("g-3"), missing);
        assert_eq!(groups.delete("g-1"), Ok(()));
        assert_eq!(groups.groups.len(), 1);
    }

    #[test]
    fn an_account_has_a_limit() {
        let mut groups = ParameterGroups::default();
        for at in 0..GROUPS_MAX {
            create(&mut groups, &format!("g-{at}"), wish(&format!("group_{at:03}"), TIMEOUT));
        }
        assert_eq!(groups.groups.len(), GROUPS_MAX);
        assert_eq!(create(&mut groups, "g-x", wish("one_more", TIMEOUT)), "TooMany");
    }

    #[test]
    fn categories_have_words_and_numbers() {
        for (number, word) in Category::WORDS.iter().enumerate() {
            let category = Category::parse(word).expect("known");
            assert_eq!((category.word(), category.number()), (*word, number));
        }
        assert_eq!(Category::parse("Standard"), None);
    }
}
