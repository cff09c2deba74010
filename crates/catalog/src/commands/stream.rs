//! Stream commands.

use crate::command::{Command, Family, Flags, Keys, Lock, ONE, all};

const R: Flags = Flags::READONLY;
const W: Flags = Flags::WRITE;
const WF: Flags = all(&[Flags::WRITE, Flags::FAST]);
const GROW: Flags = all(&[Flags::WRITE, Flags::DENYOOM, Flags::FAST]);
const MAKE: Flags = all(&[Flags::WRITE, Flags::DENYOOM]);
const READ: Flags = all(&[Flags::READONLY, Flags::BLOCKING, Flags::MOVABLE_KEYS]);
const READ_GROUP: Flags = all(&[Flags::WRITE, Flags::BLOCKING, Flags::MOVABLE_KEYS]);
const HELP: Flags = all(&[Flags::LOADING, Flags::STALE]);
const SUB: Keys = Keys::Range { first: 2, last: 2, step: 1 };

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    keys: Keys,
    since: &'static str,
    summary: &'static str,
) -> Command {
    let lock = if matches!(keys, Keys::None) { Lock::None } else { Lock::Keys };
    Command { name, arity, flags, keys, lock, since, summary, family: Family::Stream }
}

const fn container(name: &'static str, summary: &'static str) -> Command {
    row(name, -2, Flags::CONTAINER, Keys::None, "5.0.0", summary)
}

const fn help(name: &'static str, summary: &'static str) -> Command {
    let row = row(name, 2, HELP, Keys::None, "5.0.0", summary);
    Command { lock: Lock::Walk, ..row }
}

/// The family's rows.
pub const ROWS: &[Command] = &[
    row("xack", -4, WF, ONE, "5.0.0", "Acknowledges entries that a group gave out."),
    row("xackdel", -6, WF, ONE, "8.2.0", "Acknowledges entries and deletes them."),
    row("xadd", -5, GROW, ONE, "5.0.0", "Adds an entry to a stream."),
    row(
        "xautoclaim",
        -6,
        WF,
        ONE,
        "6.2.0",
        "Gives a consumer entries that others have had for too long.",
    ),
    row(
        "xcfgset",
        -2,
        WF,
        ONE,
        "8.6.0",
        "Sets how much a stream remembers of what producers sent.",
    ),
    row("xclaim", -6, WF, ONE, "5.0.0", "Gives a consumer entries that others have."),
    row("xdel", -3, WF, ONE, "5.0.0", "Deletes entries by their ids."),
    row("xdelex", -5, WF, ONE, "8.2.0", "Deletes entries, and what groups know of them."),
    container("xgroup", "Changes the consumer groups of a stream."),
    row("xgroup|create", -5, MAKE, SUB, "5.0.0", "Makes a consumer group."),
    row("xgroup|createconsumer", 5, MAKE, SUB, "6.2.0", "Makes a consumer in a group."),
    row("xgroup|delconsumer", 5, W, SUB, "5.0.0", "Removes a consumer from a group."),
    row("xgroup|destroy", 4, W, SUB, "5.0.0", "Removes a consumer group."),
    help("xgroup|help", "Lists the subcommands of XGROUP."),
    row("xgroup|setid", -5, W, SUB, "5.0.0", "Sets how far a group has read."),
    row(
        "xidmprecord",
        5,
        WF,
        ONE,
        "8.8.0",
        "Notes that a producer has added an entry; for replicas.",
    ),
    container("xinfo", "Looks inside a stream."),
    row("xinfo|consumers", 4, R, SUB, "5.0.0", "Lists the consumers of a group."),
    row("xinfo|groups", 3, R, SUB, "5.0.0", "Lists the consumer groups of a stream."),
    help("xinfo|help", "Lists the subcommands of XINFO."),
    row("xinfo|stream", -3, R, SUB, "5.0.0", "Returns what is known of a stream."),
    row(
        "xlen",
        2,
        all(&[Flags::READONLY, Flags::FAST]),
        ONE,
        "5.0.0",
        "Returns the number of entries.",
    ),
    row("xnack", -7, WF, ONE, "8.8.0", "Gives entries back to a group for others to claim."),
    row("xpending", -3, R, ONE, "5.0.0", "Lists what was given out and not acknowledged."),
    row("xrange", -4, R, ONE, "5.0.0", "Returns entries in a range of ids."),
    row("xread", -4, READ, Keys::Streams { after: 1 }, "5.0.0", "Returns new entries, or waits."),
    row(
        "xreadgroup",
        -7,
        READ_GROUP,
        Keys::Streams { after: 4 },
        "5.0.0",
        "Gives a consumer entries that its group has not read, or waits for them.",
    ),
    row("xrevrange", -4, R, ONE, "5.0.0", "Returns entries in a range of ids, the last one first."),
    row("xsetid", -3, GROW, ONE, "5.0.0", "Sets the last id of a stream; for replicas."),
    row("xtrim", -4, W, ONE, "5.0.0", "Removes the oldest entries."),
];
