//! Tags of instances as sets: what putting on and taking off makes of them, and which are listed.
//! Must not know requests or stores.

use crate::instance::{Instance, Tag};
use crate::name::{self, TagFault};
use std::collections::{BTreeMap, BTreeSet};

/// The tags after `added` are put on; a key that is there gets the new value in its place.
///
/// # Errors
/// When a tag is malformed, or they become too many.
pub fn put_on(present: &[Tag], added: &[Tag]) -> Result<Vec<Tag>, TagFault> {
    name::tags(added)?;
    let mut tags = present.to_vec();
    for new in added {
        match tags.iter_mut().find(|tag| tag.key == new.key) {
            Some(tag) => tag.value.clone_from(&new.value),
            None => tags.push(new.clone()),
        }
    }
    name::tags(&tags)?;
    Ok(tags)
}

/// The tags after those with `keys`, or all where there are none, are taken off.
pub fn take_off(present: &[Tag], keys: &[&str]) -> Vec<Tag> {
    let stays = |tag: &&Tag| !keys.is_empty() && !keys.contains(&tag.key.as_str());
    present.iter().filter(stays).cloned().collect()
}

/// Whether an instance has all of these tags; an empty value stands for any.
pub fn has_all(instance: &Instance, wanted: &[Tag]) -> bool {
    let has = |wanted: &Tag| {
        let same = |tag: &Tag| {
            tag.key == wanted.key && (wanted.value.is_empty() || tag.value == wanted.value)
        };
        instance.tags.iter().any(same)
    };
    wanted.iter().all(has)
}

/// Every key in use with its values, both in order.
pub fn in_use<'a>(
    instances: impl Iterator<Item = &'a Instance>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for tag in instances.flat_map(|instance| &instance.tags) {
        keys.entry(&tag.key).or_default().insert(&tag.value);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;

    /// `a=1 b=2` as tags.
    fn tags(text: &str) -> Vec<Tag> {
        let tag = |word: &str| {
            let (key, value) = word.split_once('=').expect("key=value");
            Tag { key: key.into(), value: value.into() }
        };
        text.split_whitespace().map(tag).collect()
    }

    #[test]
    fn putting_on() {
        let rows = [
            ("", "a=1 b=2", Ok("a=1 b=2")),
            ("a=1 b=2", "a=3 c=4", Ok("a=3 b=2 c=4")),
            ("a=1", "a=", Ok("a=")),
            ("", "a=1 a=2", Err(TagFault::Duplicate)),
            ("", "acs:x=1", Err(TagFault::Key)),
        ];
        for (present, added, expected) in rows {
            let found = put_on(&tags(present), &tags(added));
            assert_eq!(found, expected.map(tags), "{present} + {added}");
        }
        let many = |range: std::ops::Range<u32>| {
            tags(&range.map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(put_on(&many(0..19), &many(19..20)), Ok(many(0..20)));
        assert_eq!(put_on(&many(0..20), &many(19..20)), Ok(many(0..20)), "the same key again");
        assert_eq!(put_on(&many(0..20), &many(20..21)), Err(TagFault::TooMany));
    }

    #[test]
    fn taking_off() {
        let rows: [(&[&str], &str); 4] =
            [(&["a"], "b=2"), (&["x"], "a=1 b=2"), (&["a", "b"], ""), (&[], "")];
        for (keys, expected) in rows {
            assert_eq!(take_off(&tags("a=1 b=2"), keys), tags(expected), "{keys:?}");
        }
    }

    #[test]
    fn finding() {
        let instance = Instance { tags: tags("a=1 b=2"), ..sample() };
        for (wanted, expected) in
            [("", true), ("a=1", true), ("a=", true), ("a=2", false), ("a=1 c=", false)]
        {
            assert_eq!(has_all(&instance, &tags(wanted)), expected, "{wanted}");
        }
        let other = Instance { tags: tags("a=0 c="), ..sample() };
        let all = in_use([&instance, &other].into_iter());
        let shown: Vec<_> = all.iter().map(|(key, values)| format!("{key}:{values:?}")).collect();
        assert_eq!(shown, [r#"a:{"0", "1"}"#, r#"b:{"2"}"#, r#"c:{""}"#]);
    }
}
