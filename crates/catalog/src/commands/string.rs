//! String commands.

use crate::command::{Command, Family, Flags, Keys, Lock, MANY, ONE, PAIRS, TWO, all};

const R: Flags = all(&[Flags::READONLY, Flags::FAST]);
const W: Flags = all(&[Flags::WRITE, Flags::FAST]);
const G: Flags = all(&[Flags::WRITE, Flags::FAST, Flags::DENYOOM]);
const S: Flags = all(&[Flags::WRITE, Flags::DENYOOM]);

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    keys: Keys,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command { name, arity, flags, keys, lock: Lock::Keys, since, summary, family: Family::String }
}

/// The family's rows.
pub const ROWS: &[Command] = &[
    row("append", 3, G, ONE, "2.0.0", "Appends to a string, creating it when it is missing."),
    row("decr", 2, G, ONE, "1.0.0", "Subtracts one from an integer."),
    row("decrby", 3, G, ONE, "1.0.0", "Subtracts a number from an integer."),
    row("delex", -2, W, ONE, "8.4.0", "Deletes a key if its value compares as wanted."),
    row("delifeq", 3, W, ONE, "9.0.0", "Deletes a string if it is equal to another."),
    row(
        "digest",
        2,
        all(&[Flags::READONLY, Flags::LONG]),
        ONE,
        "8.4.0",
        "Returns the digest of a string.",
    ),
    row("get", 2, R, ONE, "1.0.0", "Returns a string."),
    row("getdel", 2, W, ONE, "6.2.0", "Returns a string and deletes its key."),
    row("getex", -2, W, ONE, "6.2.0", "Returns a string and changes its time to live."),
    row("getrange", 4, Flags::READONLY, ONE, "2.4.0", "Returns a part of a string."),
    row("getset", 3, G, ONE, "1.0.0", "Sets a string and returns the one before."),
    row("incr", 2, G, ONE, "1.0.0", "Adds one to an integer."),
    row("incrby", 3, G, ONE, "1.0.0", "Adds a number to an integer."),
    row("incrbyfloat", 3, G, ONE, "2.6.0", "Adds a number to a floating-point number."),
    row("increx", -2, G, ONE, "8.8.0", "Adds to a number within bounds, with a time to live."),
    row(
        "lcs",
        -3,
        all(&[Flags::READONLY, Flags::LONG]),
        TWO,
        "7.0.0",
        "Finds the longest common subsequence.",
    ),
    row("mget", -2, R, MANY, "1.0.0", "Returns the strings of several keys."),
    row("mset", -3, S, PAIRS, "1.0.1", "Sets several strings at once."),
    row(
        "msetex",
        -4,
        all(&[S, Flags::MOVABLE_KEYS]),
        Keys::CountedPairs,
        "8.4.0",
        "Sets several strings with one time to live, all or none.",
    ),
    row("msetnx", -3, S, PAIRS, "1.0.1", "Sets several strings if none of the keys exists."),
    row("psetex", 4, S, ONE, "2.6.0", "Sets a string with a time to live in milliseconds."),
    row("set", -3, S, ONE, "1.0.0", "Sets a string, under conditions and with a time to live."),
    row("setex", 4, S, ONE, "2.0.0", "Sets a string with a time to live in seconds."),
    row("setnx", 3, G, ONE, "1.0.0", "Sets a string if its key does not exist."),
    row("setrange", 4, S, ONE, "2.2.0", "Overwrites a part of a string."),
    row("strlen", 2, R, ONE, "2.2.0", "Returns the length of a string."),
    row("substr", 4, Flags::READONLY, ONE, "1.0.0", "Returns a part of a string."),
];
