//! Commands of scripts and functions.

use crate::command::{Command, Family, Flags, Keys, Lock, all};

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
        keys: Keys::None,
        lock: Lock::Exclusive,
        since,
        summary,
        family: Family::Scripting,
    }
}

/// A row of a command that runs a script: its keys are told by a number at word 2.
const fn runs(
    name: &'static str,
    flags: Flags,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command { keys: Keys::Counted { count: 2, store: 0 }, ..row(name, -3, flags, since, summary) }
}

const fn unlocked(row: Command) -> Command {
    Command { lock: Lock::None, ..row }
}

const RUN: Flags = all(&[Flags::NOSCRIPT, Flags::STALE, Flags::SKIP_MONITOR, Flags::MOVABLE_KEYS]);
const WRITER: Flags = all(&[RUN, Flags::MAY_REPLICATE]);
const READER: Flags = all(&[RUN, Flags::READONLY]);
const KEEP: Flags = all(&[Flags::NOSCRIPT, Flags::STALE]);
const CHANGE: Flags = all(&[Flags::NOSCRIPT, Flags::WRITE]);
const GROW: Flags = all(&[CHANGE, Flags::DENYOOM]);
const TELL: Flags = all(&[Flags::LOADING, Flags::STALE]);
const MEANWHILE: Flags = all(&[Flags::NOSCRIPT, Flags::ALLOW_BUSY]);
const FLUSH: Flags = all(&[KEEP, Flags::INTERFERES]);
const KILL: Flags = all(&[MEANWHILE, Flags::INTERFERES]);

/// Scripts and functions.
pub const ROWS: &[Command] = &[
    runs("eval", WRITER, "2.6.0", "Runs a script."),
    runs("eval_ro", READER, "7.0.0", "Runs a script that does not write."),
    runs("evalsha", WRITER, "2.6.0", "Runs a script that is known by its digest."),
    runs("evalsha_ro", READER, "7.0.0", "Runs a known script that does not write."),
    runs("fcall", WRITER, "7.0.0", "Calls a function."),
    runs("fcall_ro", READER, "7.0.0", "Calls a function that does not write."),
    row("function", -2, Flags::CONTAINER, "7.0.0", "Keeps libraries of functions."),
    row("function|delete", 3, CHANGE, "7.0.0", "Takes a library away."),
    row("function|dump", 2, KEEP, "7.0.0", "Returns all libraries as one payload."),
    row("function|flush", -2, CHANGE, "7.0.0", "Takes all libraries away."),
    unlocked(row("function|help", 2, TELL, "7.0.0", "Lists FUNCTION's subcommands.")),
    unlocked(row("function|kill", 2, KILL, "7.0.0", "Ends the running function.")),
    row("function|list", -2, KEEP, "7.0.0", "Lists libraries and their functions."),
    row("function|load", -3, GROW, "7.0.0", "Loads a library."),
    row("function|restore", -3, GROW, "7.0.0", "Loads the libraries of a payload."),
    unlocked(row("function|stats", 2, MEANWHILE, "7.0.0", "Tells which function runs.")),
    row("script", -2, Flags::CONTAINER, "2.6.0", "Keeps scripts."),
    row("script|debug", 3, KEEP, "3.2.0", "Is refused: there is no debugger."),
    row("script|exists", -3, KEEP, "2.6.0", "Tells which scripts are known."),
    row("script|flush", -2, FLUSH, "2.6.0", "Forgets all scripts."),
    unlocked(row("script|help", 2, TELL, "5.0.0", "Lists SCRIPT's subcommands.")),
    unlocked(row("script|kill", 2, KILL, "2.6.0", "Ends the running script.")),
    row("script|load", 3, KEEP, "2.6.0", "Compiles a script and keeps it."),
];
