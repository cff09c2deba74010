//! List commands.

use crate::command::{Command, Family, Flags, Keys, Lock, ONE, TWO, all};

const R: Flags = all(&[Flags::READONLY, Flags::FAST]);
const W: Flags = all(&[Flags::WRITE, Flags::FAST]);
const G: Flags = all(&[Flags::WRITE, Flags::FAST, Flags::DENYOOM]);
const S: Flags = all(&[Flags::WRITE, Flags::DENYOOM]);
const WM: Flags = all(&[Flags::WRITE, Flags::MOVABLE_KEYS]);
const NUMBERED: Keys = Keys::Counted { count: 1, store: 0 };

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    keys: Keys,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command { name, arity, flags, keys, lock: Lock::Keys, since, summary, family: Family::List }
}

const B: Flags = all(&[Flags::WRITE, Flags::NOSCRIPT, Flags::BLOCKING]);
const BG: Flags = all(&[Flags::WRITE, Flags::DENYOOM, Flags::NOSCRIPT, Flags::BLOCKING]);
const BM: Flags = all(&[Flags::WRITE, Flags::BLOCKING, Flags::MOVABLE_KEYS]);
const ALL_BUT_LAST: Keys = Keys::Range { first: 1, last: -2, step: 1 };
const SECOND_NUMBERED: Keys = Keys::Counted { count: 2, store: 0 };

/// The family's rows.
pub const ROWS: &[Command] = &[
    row("blmove", 6, BG, TWO, "6.2.0", "Moves an element between lists, or waits for one."),
    row("blmovem", -6, BG, TWO, "8.10.0", "Moves elements between lists, or waits for them."),
    row(
        "blmpop",
        -5,
        BM,
        SECOND_NUMBERED,
        "7.0.0",
        "Takes elements off the first list that has any, or waits for one.",
    ),
    row("blpop", -3, B, ALL_BUT_LAST, "2.0.0", "Takes an element off the front, or waits for one."),
    row("brpop", -3, B, ALL_BUT_LAST, "2.0.0", "Takes an element off the back, or waits for one."),
    row(
        "brpoplpush",
        4,
        BG,
        TWO,
        "2.2.0",
        "Moves the last element of a list to the front of another, or waits for one.",
    ),
    row("lindex", 3, Flags::READONLY, ONE, "1.0.0", "Returns the element at a place."),
    row("linsert", 5, S, ONE, "2.2.0", "Inserts an element before or after another."),
    row("llen", 2, R, ONE, "1.0.0", "Returns the length of a list."),
    row("lmove", 5, S, TWO, "6.2.0", "Moves an element from one list to another."),
    row("lmovem", -5, S, TWO, "8.10.0", "Moves elements from one list to another."),
    row("lmpop", -4, WM, NUMBERED, "7.0.0", "Takes elements off the first list that has any."),
    row("lpop", -2, W, ONE, "1.0.0", "Takes elements off the front."),
    row("lpos", -3, Flags::READONLY, ONE, "6.0.6", "Finds elements."),
    row("lpush", -3, G, ONE, "1.0.0", "Adds elements at the front."),
    row("lpushx", -3, G, ONE, "2.2.0", "Adds elements at the front of an existing list."),
    row("lrange", 4, Flags::READONLY, ONE, "1.0.0", "Returns a range of elements."),
    row("lrem", 4, Flags::WRITE, ONE, "1.0.0", "Removes elements equal to a value."),
    row("lset", 4, S, ONE, "1.0.0", "Replaces the element at a place."),
    row("ltrim", 4, Flags::WRITE, ONE, "1.0.0", "Removes all elements outside a range."),
    row("rpop", -2, W, ONE, "1.0.0", "Takes elements off the back."),
    row(
        "rpoplpush",
        3,
        S,
        TWO,
        "1.2.0",
        "Moves the last element of a list to the front of another.",
    ),
    row("rpush", -3, G, ONE, "1.0.0", "Adds elements at the back."),
    row("rpushx", -3, G, ONE, "2.2.0", "Adds elements at the back of an existing list."),
];
