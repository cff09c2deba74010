//! Syntax of names that owners give: instances, tags, client tokens. Pure checks; error codes are
//! chosen by the caller.

use crate::instance::Tag;

/// Whether an instance may be called so: 2–80 characters, first a letter of any script, none of
/// ``@/:="<>{[]}`` or white space.
pub fn instance_name(name: &str) -> bool {
    let forbidden = |c: char| "@/:=\"<>{[]}".contains(c) || c.is_whitespace() || c.is_control();
    (2..=80).contains(&name.chars().count())
        && name.starts_with(char::is_alphabetic)
        && !name.contains(forbidden)
}

/// Whether writes may be locked for this reason: 1–128 characters on one line, as clients read it
/// in an answer of one line.
pub fn lock_reason(reason: &str) -> bool {
    (1..=128).contains(&reason.chars().count()) && !reason.contains(char::is_control)
}

/// Whether a client token is well-formed: 1–64 printable ASCII characters.
pub fn client_token(token: &str) -> bool {
    (1..=64).contains(&token.len()) && token.bytes().all(|c| c.is_ascii_graphic())
}

/// Whether a text can be the first part of an endpoint's name: 8–40 lower-case letters and digits,
/// the first a letter.
pub fn connection_prefix(prefix: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    (8..=40).contains(&prefix.len())
        && prefix.starts_with(|c: char| c.is_ascii_lowercase())
        && prefix.bytes().all(plain)
}

/// The resource group of an instance that was put into none.
pub const RESOURCE_GROUP_DEFAULT: &str = "rg-default";

/// Whether a text can be the id of a resource group.
pub fn resource_group_id(id: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    let rest = id.strip_prefix("rg-").unwrap_or_default();
    (1..=60).contains(&rest.len()) && rest.bytes().all(plain)
}

/// What is wrong with a tag set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagFault {
    /// A key is empty, longer than 64 characters or begins with a reserved prefix.
    Key,
    /// A value is longer than 128 characters.
    Value,
    /// The same key twice.
    Duplicate,
    /// More than 20.
    TooMany,
}

/// Checks a whole tag set.
///
/// # Errors
/// The first fault found.
pub fn tags(tags: &[Tag]) -> Result<(), TagFault> {
    if tags.len() > 20 {
        return Err(TagFault::TooMany);
    }
    for (at, tag) in tags.iter().enumerate() {
        let reserved = ["aliyun", "acs:", "http://", "https://"];
        let key_length = tag.key.chars().count();
        if !(1..=64).contains(&key_length) || reserved.iter().any(|p| tag.key.starts_with(p)) {
            return Err(TagFault::Key);
        }
        if tag.value.chars().count() > 128 {
            return Err(TagFault::Value);
        }
        if tags[..at].iter().any(|other| other.key == tag.key) {
            return Err(TagFault::Duplicate);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_names() {
        let long = "a".repeat(80);
        for name in ["ab", "cache-1", "缓存", "été_2", &long] {
            assert!(instance_name(name), "{name}");
        }
        let longer = "a".repeat(81);
        for name in ["", "a", "1cache", "a b", "a@b", "a:b", "a\tb", "_ab", &longer] {
            assert!(!instance_name(name), "{name}");
        }
    }

    #[test]
    fn tokens() {
        assert!(client_token(&"x".repeat(64)));
        for token in ["", "a b", "ü", &"x".repeat(65)] {
            assert!(!client_token(token), "{token}");
        }
    }

    #[test]
    fn connection_prefixes() {
        assert!(connection_prefix("mycache1") && connection_prefix(&"a".repeat(40)));
        for prefix in ["", "short", "1mycache", "my-cache1", "Mycache1", &"a".repeat(41)] {
            assert!(!connection_prefix(prefix), "{prefix}");
        }
    }

    #[test]
    fn resource_groups() {
        for id in [RESOURCE_GROUP_DEFAULT, "rg-acfmx0123", "rg-a-b"] {
            assert!(resource_group_id(id), "{id}");
        }
        for id in ["", "rg-", "default", "rg-A", "rg-a b", &format!("rg-{}", "a".repeat(61))] {
            assert!(!resource_group_id(id), "{id}");
        }
    }

    #[test]
    fn tag_sets() {
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        assert_eq!(tags(&[tag("env", "test"), tag("team", "")]), Ok(()));
        assert_eq!(tags(&[tag("", "x")]), Err(TagFault::Key));
        assert_eq!(tags(&[tag("acs:x", "x")]), Err(TagFault::Key));
        assert_eq!(tags(&[tag("k", &"v".repeat(129))]), Err(TagFault::Value));
        assert_eq!(tags(&[tag("k", "1"), tag("k", "2")]), Err(TagFault::Duplicate));
        let many: Vec<_> = (0..21).map(|n| tag(&format!("k{n}"), "")).collect();
        assert_eq!(tags(&many), Err(TagFault::TooMany));
    }
}
