//! Sorted-set commands.

use crate::command::{Command, Family, Flags, Keys, Lock, ONE, TWO, all};

const R: Flags = all(&[Flags::READONLY, Flags::FAST]);
const W: Flags = all(&[Flags::WRITE, Flags::FAST]);
const G: Flags = all(&[Flags::WRITE, Flags::FAST, Flags::DENYOOM]);
const S: Flags = all(&[Flags::WRITE, Flags::DENYOOM]);
const RM: Flags = all(&[Flags::READONLY, Flags::MOVABLE_KEYS, Flags::LONG]);
const WM: Flags = all(&[Flags::WRITE, Flags::MOVABLE_KEYS]);
const LARGE: Flags = all(&[Flags::DENYOOM, Flags::MOVABLE_KEYS, Flags::LONG]);
const SM: Flags = all(&[Flags::WRITE, LARGE]);
const NUMBERED: Keys = Keys::Counted { count: 1, store: 0 };
const STORED: Keys = Keys::Counted { count: 2, store: 1 };

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    keys: Keys,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command {
        name,
        arity,
        flags,
        keys,
        lock: Lock::Keys,
        since,
        summary,
        family: Family::SortedSet,
    }
}

const B: Flags = all(&[Flags::WRITE, Flags::NOSCRIPT, Flags::BLOCKING, Flags::FAST]);
const BM: Flags = all(&[Flags::WRITE, Flags::BLOCKING, Flags::MOVABLE_KEYS]);
const ALL_BUT_LAST: Keys = Keys::Range { first: 1, last: -2, step: 1 };
const SECOND_NUMBERED: Keys = Keys::Counted { count: 2, store: 0 };

/// The family's rows.
pub const ROWS: &[Command] = &[
    row(
        "bzmpop",
        -5,
        BM,
        SECOND_NUMBERED,
        "7.0.0",
        "Takes members out of the first sorted set that has any, or waits for one.",
    ),
    row("bzpopmax", -3, B, ALL_BUT_LAST, "5.0.0", "Takes out the highest member, or waits."),
    row("bzpopmin", -3, B, ALL_BUT_LAST, "5.0.0", "Takes out the lowest member, or waits."),
    row("zadd", -4, G, ONE, "1.2.0", "Adds members or changes their scores."),
    row("zcard", 2, R, ONE, "1.2.0", "Returns the number of members."),
    row("zcount", 4, R, ONE, "2.0.0", "Counts the members with scores in a range."),
    row(
        "zdiff",
        -3,
        RM,
        NUMBERED,
        "6.2.0",
        "Returns the members of the first set that no other has.",
    ),
    row(
        "zdiffstore",
        -4,
        SM,
        STORED,
        "6.2.0",
        "Stores the members of the first set that no other has.",
    ),
    row("zincrby", 4, G, ONE, "1.2.0", "Adds to the score of a member."),
    row("zinter", -3, RM, NUMBERED, "6.2.0", "Returns the members that all sets have."),
    row("zintercard", -3, RM, NUMBERED, "7.0.0", "Counts the members that all sets have."),
    row("zinterstore", -4, SM, STORED, "2.0.0", "Stores the members that all sets have."),
    row("zlexcount", 4, R, ONE, "2.8.9", "Counts the members in a range of names."),
    row(
        "zmpop",
        -4,
        WM,
        NUMBERED,
        "7.0.0",
        "Takes members out of the first sorted set that has any.",
    ),
    row("zmscore", -3, R, ONE, "6.2.0", "Returns the scores of several members."),
    row("zpopmax", -2, W, ONE, "5.0.0", "Takes out the members with the highest scores."),
    row("zpopmin", -2, W, ONE, "5.0.0", "Takes out the members with the lowest scores."),
    row("zrandmember", -2, Flags::READONLY, ONE, "6.2.0", "Returns members chosen at random."),
    row(
        "zrange",
        -4,
        Flags::READONLY,
        ONE,
        "1.2.0",
        "Returns members in a range of ranks, scores or names.",
    ),
    row("zrangebylex", -4, Flags::READONLY, ONE, "2.8.9", "Returns members in a range of names."),
    row(
        "zrangebyscore",
        -4,
        Flags::READONLY,
        ONE,
        "1.0.5",
        "Returns members in a range of scores.",
    ),
    row("zrangestore", -5, S, TWO, "6.2.0", "Stores members in a range of ranks, scores or names."),
    row("zrank", -3, R, ONE, "2.0.0", "Returns the place of a member, the lowest first."),
    row("zrem", -3, W, ONE, "1.2.0", "Removes members."),
    row("zremrangebylex", 4, Flags::WRITE, ONE, "2.8.9", "Removes members in a range of names."),
    row("zremrangebyrank", 4, Flags::WRITE, ONE, "2.0.0", "Removes members in a range of ranks."),
    row("zremrangebyscore", 4, Flags::WRITE, ONE, "1.2.0", "Removes members in a range of scores."),
    row(
        "zrevrange",
        -4,
        Flags::READONLY,
        ONE,
        "1.2.0",
        "Returns members in a range of ranks, the highest first.",
    ),
    row(
        "zrevrangebylex",
        -4,
        Flags::READONLY,
        ONE,
        "2.8.9",
        "Returns members in a range of names, the greatest first.",
    ),
    row(
        "zrevrangebyscore",
        -4,
        Flags::READONLY,
        ONE,
        "2.2.0",
        "Returns members in a range of scores, the highest first.",
    ),
    row("zrevrank", -3, R, ONE, "2.0.0", "Returns the place of a member, the highest first."),
    row("zscan", -3, Flags::READONLY, ONE, "2.8.0", "Walks over the members of a sorted set."),
    row("zscore", 3, R, ONE, "1.2.0", "Returns the score of a member."),
    row("zunion", -3, RM, NUMBERED, "6.2.0", "Returns the members that any set has."),
    row("zunionstore", -4, SM, STORED, "2.0.0", "Stores the members that any set has."),
];
