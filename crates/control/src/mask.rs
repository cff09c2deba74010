//! What of a request may be written down. People put passwords where they do not belong: under
//! misspelt names, into addresses, instead of a user name. So only what is known to be harmless is
//! kept as it came. Pure; must not know the log.

use crate::actions::Action;
use crate::actions::params::Kind;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Stands for what is not shown.
pub const MASK: &str = "***";

/// Longest value that is kept, in characters.
const VALUE_CHARS_MAX: usize = 2048;
/// Shortest secret that is looked for in other texts; shorter ones would hit harmless words.
const SECRET_BYTES_MIN: usize = 6;

/// What one request must not show.
pub struct Masking<'a> {
    row: Option<&'static Action>,
    given: &'a BTreeMap<String, String>,
    secrets: Vec<&'a str>,
}

impl<'a> Masking<'a> {
    /// Of a call with these parameters; `row` is none for an action that there is not.
    pub fn of(row: Option<&'static Action>, given: &'a BTreeMap<String, String>) -> Masking<'a> {
        let is_secret =
            |name: &str| kind(row, name).map_or_else(|| sounds_secret(name), |open| !open);
        let secrets = given.iter().filter(|(name, _)| is_secret(name));
        let secrets = secrets.map(|(_, value)| value.as_str());
        let secrets = secrets.filter(|value| SECRET_BYTES_MIN <= value.len()).collect();
        Masking { row, given, secrets }
    }

    /// Parameters without secrets; of those that the action does not have, only the names.
    pub fn params(&self) -> Map<String, Value> {
        let shown = |(name, value): (&String, &String)| match kind(self.row, name) {
            Some(true) => (name.clone(), Value::from(self.text(&inner(value)))),
            Some(false) => (name.clone(), Value::from(MASK)),
            None if is_param_name(name) => (name.clone(), Value::from(MASK)),
            None => (MASK.to_owned(), Value::from(MASK)),
        };
        self.given.iter().map(shown).collect()
    }

    /// A text that may repeat what was given.
    pub fn text(&self, text: &str) -> String {
        let mut text: String = text.chars().take(VALUE_CHARS_MAX).collect();
        for secret in &self.secrets {
            if text.contains(secret) {
                text = text.replace(secret, MASK);
            }
        }
        text
    }
}

/// Whether a parameter's value may be shown; none when the action has no such parameter.
fn kind(row: Option<&'static Action>, name: &str) -> Option<bool> {
    let first = name.split('.').next().unwrap_or(name);
    let mut params = row.iter().flat_map(|row| row.params);
    params.find(|param| param.name == first).map(|param| param.kind != Kind::Secret)
}

/// A JSON object as a value, with the values of names that sound secret masked.
fn inner(value: &str) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(value) else { return value.into() };
    let mut masked = false;
    for (name, value) in &mut fields {
        if sounds_secret(name) {
            (*value, masked) = (MASK.into(), true);
        }
    }
    if masked { Value::Object(fields).to_string() } else { value.into() }
}

/// Whether a name is, perhaps misspelt, that of a secret.
pub fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pas", "pwd", "auth", "secret", "token"].iter().any(|word| name.contains(word))
}

/// The name of a region, or a mask.
pub fn region(text: &str) -> String {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if text.len() <= 32 && text.bytes().all(plain) { text.into() } else { MASK.into() }
}

/// Names as the API has them: words of letters, perhaps numbered. A password has other characters.
fn is_param_name(name: &str) -> bool {
    let word = |part: &str| {
        let numbered = part.bytes().all(|c| c.is_ascii_digit());
        !part.is_empty() && (numbered || part.bytes().all(|c| c.is_ascii_alphabetic()))
    };
    name.len() <= 64 && name.split('.').all(word)
}

/// The name of an action, or a mask for what cannot be one.
pub fn action(name: &str) -> String {
    let fits = name.len() <= 64 && name.bytes().all(|c| c.is_ascii_alphabetic());
    if fits { name.into() } else { MASK.into() }
}

/// An API version, or a mask.
pub fn version(text: &str) -> String {
    let fits = text.len() <= 10 && text.bytes().all(|c| c.is_ascii_digit() || c == b'-');
    if fits { text.into() } else { MASK.into() }
}

/// An AccessKey id as far as it looks like one; secrets are pasted into that field too.
pub fn access_key_id(id: &str) -> String {
    let plain = id.len() <= 64 && id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'.');
    let known = ["LTAI", "STS."].iter().any(|prefix| id.starts_with(prefix));
    if id.is_empty() || plain && known { id.into() } else { MASK.into() }
}

/// The products that a User-Agent names with their versions: `Python/3.11.2`. The rest is free
/// text, in which anything may be.
pub fn user_agent(text: &str) -> String {
    let is_product = |token: &&str| {
        let Some((name, version)) = token.split_once('/') else { return false };
        let name_fits = (1..=32).contains(&name.len())
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c));
        let numbers = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(digit_ish);
        name_fits && version.len() <= 32 && version.split(['.', '-', '+']).all(numbers)
    };
    let tokens = text.split([' ', '(', ')', ';', ',']).filter(is_product).take(12);
    tokens.collect::<Vec<_>>().join(" ")
}

/// Digits, and what stands among them in versions: `1`, `v2`, `0rc1`, `alpha`.
fn digit_ish(byte: u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::table::{self, KVSTORE};

    #[test]
    fn only_what_the_action_takes_is_shown() {
        let row = table::find("ResetAccountPassword", KVSTORE).ok();
        let rows = [
            ("InstanceId", "r-1", "InstanceId", "r-1"),
            ("AccountPassword", "Canary-1x", "AccountPassword", MASK),
            ("Pasword", "Canary-2x", "Pasword", MASK),
            ("Canary-3x", "", MASK, MASK),
            ("Tag.1.Key", "Canary-4x", "Tag.1.Key", MASK),
        ];
        for (name, value, shown_name, shown) in rows {
            let given = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            assert_eq!(Masking::of(row, &given).params()[shown_name], shown, "{name}");
            let unknown = Masking::of(None, &given).params();
            assert_eq!(unknown.values().next(), Some(&MASK.into()), "{name}");
        }
    }

    #[test]
    fn a_secret_is_masked_wherever_else_it_stands() {
        let row = table::find("ResetAccountPassword", KVSTORE).ok();
        let pairs = [("AccountPassword", "Canary-1x"), ("AccountName", "a-Canary-1x")];
        let given = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let masking = Masking::of(row, &given);
        assert_eq!(masking.params()["AccountName"], "a-***");
        assert_eq!(masking.text("no Canary-1x here"), "no *** here");
        assert_eq!(inner(r#"{"requirepass":"x","hz":"10"}"#), r#"{"hz":"10","requirepass":"***"}"#);
    }

    #[test]
    fn names_of_things() {
        assert_eq!([action("DescribeZones"), action("Canary-1")], ["DescribeZones", MASK]);
        assert_eq!([version("2015-01-01"), version("Canary-1")], ["2015-01-01", MASK]);
        assert_eq!([access_key_id("LTAIx9"), access_key_id("Canary1x")], ["LTAIx9", MASK]);
        let agents = [
            (
                "AlibabaCloud (Linux; x86_64) Python/3.11.2 Core/0.4.6 TeaDSL/2",
                "Python/3.11.2 Core/0.4.6 TeaDSL/2",
            ),
            ("curl/8.5.0 Canary-1x x/Canary-1x p=Canary-1x/1.0", "curl/8.5.0"),
            ("Terraform/1.9.0-beta1", "Terraform/1.9.0-beta1"),
            ("", ""),
        ];
        for (given, kept) in agents {
            assert_eq!(user_agent(given), kept);
        }
    }
}
