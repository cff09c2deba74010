//! Commands on keys of any type.

use crate::command::{Command, Family, Flags, Keys, Lock, MANY, ONE, TWO, all};

const R: Flags = all(&[Flags::READONLY, Flags::FAST]);
const W: Flags = all(&[Flags::WRITE, Flags::FAST]);
const WALK: Flags = Flags::READONLY;
const KEYS: Flags = all(&[Flags::READONLY, Flags::DANGEROUS, Flags::LONG]);
const HELP: Flags = all(&[Flags::LOADING, Flags::STALE]);
const RESTORE: Flags = all(&[Flags::WRITE, Flags::DENYOOM, Flags::DANGEROUS]);
const SORT: Flags =
    all(&[Flags::WRITE, Flags::DENYOOM, Flags::DANGEROUS, Flags::MOVABLE_KEYS, Flags::LONG]);
const SORT_RO: Flags = all(&[Flags::READONLY, Flags::DANGEROUS, Flags::MOVABLE_KEYS, Flags::LONG]);
const CONTAINER: Flags = Flags::CONTAINER;
const THIRD: Keys = Keys::Range { first: 2, last: 2, step: 1 };

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    (keys, lock): (Keys, Lock),
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command { name, arity, flags, keys, lock, since, summary, family: Family::Generic }
}

const AT_ONE: (Keys, Lock) = (ONE, Lock::Keys);
const AT_TWO: (Keys, Lock) = (TWO, Lock::Keys);
const AT_MANY: (Keys, Lock) = (MANY, Lock::Keys);
const SUB: (Keys, Lock) = (THIRD, Lock::Keys);
const SORTED: (Keys, Lock) = (Keys::Sort, Lock::Keys);
const NOWHERE: (Keys, Lock) = (Keys::None, Lock::None);
const EACH: (Keys, Lock) = (Keys::None, Lock::Walk);

/// The family's rows.
pub const ROWS: &[Command] = &[
    row(
        "copy",
        -3,
        all(&[Flags::WRITE, Flags::DENYOOM]),
        AT_TWO,
        "6.2.0",
        "Copies a value to another key.",
    ),
    row("del", -2, Flags::WRITE, AT_MANY, "1.0.0", "Deletes keys."),
    row("dump", 2, Flags::READONLY, AT_ONE, "2.6.0", "Returns a value as RDB files hold it."),
    row("exists", -2, R, AT_MANY, "1.0.0", "Counts which of the keys exist."),
    row("expire", -3, W, AT_ONE, "1.0.0", "Sets a time to live in seconds."),
    row("expireat", -3, W, AT_ONE, "1.2.0", "Sets the time of death in Unix seconds."),
    row("expiretime", 2, R, AT_ONE, "7.0.0", "Returns the time of death in Unix seconds."),
    row("keys", 2, KEYS, EACH, "1.0.0", "Returns all keys that match a pattern."),
    row("move", 3, W, AT_ONE, "1.0.0", "Moves a key to another database."),
    row("object", -2, CONTAINER, NOWHERE, "2.2.3", "Looks inside a value."),
    row("object|encoding", 3, WALK, SUB, "2.2.3", "Returns how a value is stored."),
    row("object|freq", 3, WALK, SUB, "4.0.0", "Returns the access frequency of a key."),
    row("object|help", 2, HELP, EACH, "6.2.0", "Lists the subcommands of OBJECT."),
    row("object|idletime", 3, WALK, SUB, "2.2.3", "Returns the seconds since the last access."),
    row("object|refcount", 3, WALK, SUB, "2.2.3", "Returns how often a value is shared."),
    row("persist", 2, W, AT_ONE, "2.2.0", "Removes the time to live."),
    row("pexpire", -3, W, AT_ONE, "2.6.0", "Sets a time to live in milliseconds."),
    row("pexpireat", -3, W, AT_ONE, "2.6.0", "Sets the time of death in Unix milliseconds."),
    row("pexpiretime", 2, R, AT_ONE, "7.0.0", "Returns the time of death in Unix milliseconds."),
    row("pttl", 2, R, AT_ONE, "2.6.0", "Returns the time to live in milliseconds."),
    row("randomkey", 1, WALK, EACH, "1.0.0", "Returns a random key."),
    row("rename", 3, Flags::WRITE, AT_TWO, "1.0.0", "Renames a key."),
    row("renamenx", 3, W, AT_TWO, "1.0.0", "Renames a key if the new name is free."),
    row("restore", -4, RESTORE, AT_ONE, "2.6.0", "Makes a key of what DUMP returned."),
    row("scan", -2, all(&[WALK, Flags::LONG]), EACH, "2.8.0", "Walks over the keys of a database."),
    row("sort", -2, SORT, SORTED, "1.0.0", "Sorts a list, set or sorted set."),
    row("sort_ro", -2, SORT_RO, SORTED, "7.0.0", "Sorts without storing."),
    row("touch", -2, R, AT_MANY, "3.2.1", "Refreshes the access time of keys."),
    row("ttl", 2, R, AT_ONE, "1.0.0", "Returns the time to live in seconds."),
    row("type", 2, R, AT_ONE, "1.0.0", "Returns the type of a value."),
    row("unlink", -2, W, AT_MANY, "4.0.0", "Deletes keys, freeing them in the background."),
];
