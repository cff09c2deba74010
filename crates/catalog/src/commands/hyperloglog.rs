//! HyperLogLog commands.

use crate::command::{Command, Family, Flags, Keys, Lock, MANY, ONE, all};

const G: Flags = all(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]);
/// Counting a single key keeps the result in it.
const C: Flags = all(&[Flags::READONLY, Flags::MAY_REPLICATE, Flags::LONG]);
const S: Flags = all(&[Flags::WRITE, Flags::DENYOOM, Flags::LONG]);
const A: Flags = all(&[Flags::ADMIN, Flags::DANGEROUS]);
const D: Flags = all(&[A, Flags::WRITE, Flags::DENYOOM]);
const T: Flags = all(&[A, Flags::LONG]);
const SECOND: Keys = Keys::Range { first: 2, last: 2, step: 1 };

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    keys: Keys,
    since: &'static str,
    summary: &'static str,
) -> Command {
    let lock = if matches!(keys, Keys::None) { Lock::Walk } else { Lock::Keys };
    Command { name, arity, flags, keys, lock, since, summary, family: Family::HyperLogLog }
}

/// The family's rows.
pub const ROWS: &[Command] = &[
    row("pfadd", -2, G, ONE, "2.8.9", "Adds elements to a HyperLogLog."),
    row("pfcount", -2, C, MANY, "2.8.9", "Estimates the distinct elements of HyperLogLogs."),
    row("pfdebug", 3, D, SECOND, "2.8.9", "Shows the inside of a HyperLogLog."),
    row("pfmerge", -2, S, MANY, "2.8.9", "Joins HyperLogLogs into one."),
    row("pfselftest", 1, T, Keys::None, "2.8.9", "Tests the estimates of HyperLogLogs."),
];
