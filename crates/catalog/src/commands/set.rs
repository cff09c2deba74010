//! Set commands.

use crate::command::{Command, Family, Flags, Keys, Lock, MANY, ONE, TWO, all};

const R: Flags = all(&[Flags::READONLY, Flags::FAST]);
const W: Flags = all(&[Flags::WRITE, Flags::FAST]);
const G: Flags = all(&[Flags::WRITE, Flags::FAST, Flags::DENYOOM]);
const A: Flags = all(&[Flags::READONLY, Flags::LONG]);
const S: Flags = all(&[Flags::WRITE, Flags::DENYOOM, Flags::LONG]);
const RM: Flags = all(&[A, Flags::MOVABLE_KEYS]);
const NUMBERED: Keys = Keys::Counted { count: 1, store: 0 };

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    keys: Keys,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command { name, arity, flags, keys, lock: Lock::Keys, since, summary, family: Family::Set }
}

/// The family's rows.
pub const ROWS: &[Command] = &[
    row("sadd", -3, G, ONE, "1.0.0", "Adds members."),
    row("scard", 2, R, ONE, "1.0.0", "Returns the number of members."),
    row("sdiff", -2, A, MANY, "1.0.0", "Returns the members of the first set that no other has."),
    row(
        "sdiffcard",
        -3,
        RM,
        NUMBERED,
        "8.10.0",
        "Counts the members of the first set that no other has.",
    ),
    row(
        "sdiffstore",
        -3,
        S,
        MANY,
        "1.0.0",
        "Stores the members of the first set that no other has.",
    ),
    row("sinter", -2, A, MANY, "1.0.0", "Returns the members that all sets have."),
    row("sintercard", -3, RM, NUMBERED, "7.0.0", "Counts the members that all sets have."),
    row("sinterstore", -3, S, MANY, "1.0.0", "Stores the members that all sets have."),
    row("sismember", 3, R, ONE, "1.0.0", "Tells whether a member is in a set."),
    row("smembers", 2, Flags::READONLY, ONE, "1.0.0", "Returns all members."),
    row("smismember", -3, R, ONE, "6.2.0", "Tells which members are in a set."),
    row("smove", 4, W, TWO, "1.0.0", "Moves a member from one set to another."),
    row("spop", -2, W, ONE, "1.0.0", "Takes out members chosen at random."),
    row("srandmember", -2, Flags::READONLY, ONE, "1.0.0", "Returns members chosen at random."),
    row("srem", -3, W, ONE, "1.0.0", "Removes members."),
    row("sscan", -3, Flags::READONLY, ONE, "2.8.0", "Walks over the members of a set."),
    row("sunion", -2, A, MANY, "1.0.0", "Returns the members that any set has."),
    row("sunioncard", -3, RM, NUMBERED, "8.10.0", "Counts the members that any set has."),
    row("sunionstore", -3, S, MANY, "1.0.0", "Stores the members that any set has."),
];
