//! Commands on the bits of strings.

use crate::command::{Command, Family, Flags, Keys, Lock, ONE, all};

const R: Flags = all(&[Flags::READONLY, Flags::FAST]);
const L: Flags = all(&[Flags::READONLY, Flags::LONG]);
const W: Flags = all(&[Flags::WRITE, Flags::DENYOOM]);
const WL: Flags = all(&[W, Flags::LONG]);
const FROM_SECOND: Keys = Keys::Range { first: 2, last: -1, step: 1 };

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    keys: Keys,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command { name, arity, flags, keys, lock: Lock::Keys, since, summary, family: Family::Bitmap }
}

/// The family's rows.
pub const ROWS: &[Command] = &[
    row("bitcount", -2, L, ONE, "2.6.0", "Counts the bits of a string that are set."),
    row("bitfield", -2, W, ONE, "3.2.0", "Reads and changes integers of any width in a string."),
    row("bitfield_ro", -2, R, ONE, "6.0.0", "Reads integers of any width in a string."),
    row("bitop", -4, WL, FROM_SECOND, "2.6.0", "Combines strings bit by bit into another."),
    row("bitpos", -3, L, ONE, "2.8.7", "Finds the first bit of a string that is set or clear."),
    row("getbit", 3, R, ONE, "2.2.0", "Returns one bit of a string."),
    row("setbit", 4, W, ONE, "2.2.0", "Sets one bit of a string and returns the one before."),
];
