//! Commands on the bits of strings.

use crate::command::{Command, Family, Flags, Lock, ONE, all};

const R: Flags = all(&[Flags::READONLY, Flags::FAST]);
const W: Flags = all(&[Flags::WRITE, Flags::DENYOOM]);

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command {
        name,
        arity,
        flags,
        keys: ONE,
        lock: Lock::Keys,
        since,
        summary,
        family: Family::Bitmap,
    }
}

/// The family's rows.
pub const ROWS: &[Command] = &[
    row("getbit", 3, R, "2.2.0", "Returns one bit of a string."),
    row("setbit", 4, W, "2.2.0", "Sets one bit of a string and returns the one before."),
];
