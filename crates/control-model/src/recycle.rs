//! The way of an instance into the recycle bin and out of it. Must not know where the bin is.

use crate::instance::{Instance, Kept};

/// Days that a deleted instance is kept, unless the installation says otherwise.
pub const DAYS: u32 = 7;

/// The most days that an installation may keep one.
pub const DAYS_MAX: u32 = 365;

const DAY_MS: i64 = 24 * 3_600_000;

/// What is kept of an instance deleted now, by an installation that keeps them for so many days.
pub fn keep(days: u32, now_unix_ms: i64) -> Option<Kept> {
    let until_unix_ms = now_unix_ms.saturating_add(i64::from(days) * DAY_MS);
    (0 < days).then_some(Kept { deleted_unix_ms: now_unix_ms, until_unix_ms })
}

/// Whether a released instance can be brought back.
pub fn is_recoverable(released: &Instance, now_unix_ms: i64) -> bool {
    released.kept.is_some_and(|kept| now_unix_ms < kept.until_unix_ms)
}

/// A released instance as it is wanted again: what it was, newer than all that a node has seen of
/// it, on `port`, and with those of its shared allowlist groups that are still `there`.
pub fn recover(released: &Instance, port: u16, there: impl Fn(&str) -> bool) -> Instance {
    let mut instance = released.clone();
    instance.touch();
    instance.incarnation += 1;
    instance.served_incarnation = 0;
    instance.deleting = false;
    instance.kept = None;
    instance.port = port;
    instance.global_groups.retain(|id| there(id));
    instance
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;

    #[test]
    fn retention() {
        let kept = |until_unix_ms| Some(Kept { deleted_unix_ms: 5, until_unix_ms });
        let day = 86_400_000;
        for (days, expected) in [(0, None), (1, kept(5 + day)), (7, kept(5 + 7 * day))] {
            assert_eq!(keep(days, 5), expected, "{days}");
        }
        assert_eq!(keep(DAYS_MAX, i64::MAX).expect("kept").until_unix_ms, i64::MAX);
        for (kept, now, expected) in [(kept(10), 9, true), (kept(10), 10, false), (None, 0, false)]
        {
            let released = Instance { deleting: true, kept, ..sample() };
            assert_eq!(is_recoverable(&released, now), expected, "{kept:?} {now}");
        }
    }

    #[test]
    fn what_comes_back_is_what_went() {
        let was = Instance {
            generation: 8,
            incarnation: 3,
            served_incarnation: 3,
            global_groups: vec!["g-1".into(), "g-2".into()],
            ..sample()
        };
        let released = Instance { deleting: true, kept: keep(7, 0), generation: 9, ..was.clone() };
        let back = recover(&released, 7000, |id| id == "g-2");
        let expected = Instance {
            generation: 10,
            incarnation: 4,
            served_incarnation: 0,
            port: 7000,
            global_groups: vec!["g-2".into()],
            ..was
        };
        assert_eq!(back, expected);
    }
}
