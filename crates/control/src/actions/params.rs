//! Parameters of actions: their kinds as data, the check against them, and typed reading. Must not
//! know what they are for.

use crate::error::{self, ApiError};
use control_model::Tag;
use std::collections::BTreeMap;

/// One parameter of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param {
    /// As in the API.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether the action cannot do without it.
    pub required: bool,
    /// A phrase.
    pub doc: &'static str,
}

/// What the values of a parameter are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text that is never logged.
    Secret,
    /// A decimal number.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// `true` or `false` in any case.
    Boolean,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `Tag.1.Key`, `Tag.1.Value`, …
    Tags,
    /// `Name.1`, `Name.2`, …
    List,
}

impl Param {
    /// A parameter that must be there.
    pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Param {
        Param { name, kind, required: true, doc }
    }

    /// A parameter that may be there.
    pub const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Param {
        Param { name, kind, required: false, doc }
    }
}

/// `InstanceId`, as most actions take it.
pub const INSTANCE_ID: Param = Param::required("InstanceId", Kind::Text, "which instance");

/// `RegionId`, required by some actions and meaningless on one host.
pub const REGION_ID: Param = Param::required("RegionId", Kind::Text, "any well-formed region id");

/// Parameters of one call, checked against their kinds. An empty value is an absent one.
#[derive(Debug, Clone, Copy)]
pub struct Params<'a> {
    given: &'a BTreeMap<String, String>,
}

impl<'a> Params<'a> {
    /// Checks presence and kinds.
    ///
    /// # Errors
    /// `Missing…` or `Invalid….Malformed` for the first parameter that is wrong.
    pub fn check(
        given: &'a BTreeMap<String, String>,
        specs: &[Param],
    ) -> Result<Params<'a>, ApiError> {
        let params = Params { given };
        for spec in specs {
            match params.text(spec.name) {
                None if spec.required => return Err(error::missing(spec.name)),
                Some(value) if !fits(value, spec.kind) => {
                    return Err(error::malformed(spec.name, &wanted(spec.kind)));
                }
                _ => {}
            }
        }
        Ok(params)
    }

    /// All parameters as they came.
    pub fn given(&self) -> &'a BTreeMap<String, String> {
        self.given
    }

    /// The value, unless absent or empty.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.given.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether it is there, even if empty.
    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// The value of a required parameter, empty if the row does not require it.
    pub fn required(&self, name: &str) -> &'a str {
        self.text(name).unwrap_or_default()
    }

    /// The number, if given.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|value| value.parse().ok())
    }

    /// Whether it is given and true.
    pub fn is_true(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// `Name.1`, `Name.2`, … by growing number, without empty ones.
    pub fn list(&self, name: &str) -> Vec<&'a str> {
        let numbered = |(key, value): (&'a String, &'a String)| {
            let number = key.strip_prefix(name)?.strip_prefix('.')?.parse::<u16>().ok()?;
            (!value.is_empty()).then_some((number, value.as_str()))
        };
        let values: BTreeMap<_, _> = self.given.iter().filter_map(numbered).collect();
        values.into_values().collect()
    }

    /// Numbers N for which `name.N` or `name.N.…` is given, growing.
    pub fn numbers(&self, name: &str) -> Vec<u16> {
        let number = |given: &String| {
            let rest = given.strip_prefix(name)?.strip_prefix('.')?;
            rest.split('.').next()?.parse::<u16>().ok()
        };
        let numbers: std::collections::BTreeSet<_> = self.given.keys().filter_map(number).collect();
        numbers.into_iter().collect()
    }

    /// `Tag.N.Key` and `Tag.N.Value` by growing N.
    pub fn tags(&self) -> Vec<Tag> {
        tags(self.given)
    }
}

/// As [`Params::tags`], before parameters are checked.
pub fn tags(given: &BTreeMap<String, String>) -> Vec<Tag> {
    let mut tags = BTreeMap::new();
    for name in given.keys() {
        let number = name.strip_prefix("Tag.").and_then(|rest| rest.split_once('.'));
        let Some((number, "Key" | "Value")) = number else { continue };
        let Ok(number) = number.parse::<u16>() else { continue };
        let field = |field: &str| {
            let value = given.get(&format!("Tag.{number}.{field}"));
            value.cloned().unwrap_or_default()
        };
        tags.insert(number, Tag { key: field("Key"), value: field("Value") });
    }
    tags.into_values().collect()
}

fn fits(value: &str, kind: Kind) -> bool {
    match kind {
        Kind::Text | Kind::Secret | Kind::Tags | Kind::List => true,
        Kind::Integer { min, max } => {
            value.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number))
        }
        Kind::Boolean => ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)),
        Kind::OneOf(words) => words.contains(&value),
    }
}

/// What values of this kind are, for a person.
fn wanted(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Secret | Kind::Tags | Kind::List => "a text".to_owned(),
        Kind::Integer { min, max: i64::MAX } => format!("a number from {min} on"),
        Kind::Integer { min, max } => format!("a number from {min} to {max}"),
        Kind::Boolean => "true or false".to_owned(),
        Kind::OneOf(words) => format!("one of: {}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[Param] = &[
        INSTANCE_ID,
        Param::optional("Port", Kind::Integer { min: 1, max: 9 }, "port"),
        Param::optional("DryRun", Kind::Boolean, "flag"),
        Param::optional("Mode", Kind::OneOf(&["A", "B"]), "mode"),
    ];

    fn given(text: &str) -> BTreeMap<String, String> {
        crate::signature::canonical::form_pairs(text.as_bytes()).into_iter().collect()
    }

    #[test]
    fn presence_and_kinds() {
        let rows = [
            ("InstanceId=r&Port=9&DryRun=True&Mode=A&Other=x", ""),
            ("InstanceId=r&Port=&DryRun=", ""),
            ("", "MissingInstanceId"),
            ("InstanceId=", "MissingInstanceId"),
            ("InstanceId=r&Port=10", "InvalidPort.Malformed"),
            ("InstanceId=r&Port=x", "InvalidPort.Malformed"),
            ("InstanceId=r&DryRun=yes", "InvalidDryRun.Malformed"),
            ("InstanceId=r&Mode=a", "InvalidMode.Malformed"),
        ];
        for (text, code) in rows {
            let given = given(text);
            let found = Params::check(&given, SPECS).map_err(|error| error.code.into_owned());
            assert_eq!(found.err().unwrap_or_default(), code, "{text}");
        }
    }

    #[test]
    fn a_refusal_tells_what_is_wanted() {
        let rows = [("Port=x", "1 to 9."), ("DryRun=x", "true or false."), ("Mode=a", "of: A, B.")];
        for (text, cure) in rows {
            let given = given(&format!("InstanceId=r&{text}"));
            let error = Params::check(&given, SPECS).expect_err("malformed");
            assert!(error.message.ends_with(cure), "{}", error.message);
        }
    }

    #[test]
    fn lists_in_order() {
        let given = given("Id.10=c&Id.2=b&Id.1=a&Id.3=&Id.x=z&Id=q&Idx.1=y");
        let params = Params::check(&given, &[]).expect("nothing required");
        assert_eq!(params.list("Id"), ["a", "b", "c"]);
    }

    #[test]
    fn tags_in_order() {
        let given = given("Tag.10.Key=c&Tag.2.Key=b&Tag.1.Key=a&Tag.1.Value=1&Tag.x.Key=z&Tag.=q");
        let params = Params::check(&given, &[]).expect("nothing required");
        let shown: Vec<_> =
            params.tags().iter().map(|t| format!("{}={}", t.key, t.value)).collect();
        assert_eq!(shown, ["a=1", "b=", "c="]);
    }
}
