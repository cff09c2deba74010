//! Hash commands.

use crate::command::{Command, Family, Flags, Keys, Lock, ONE, all};

const R: Flags = all(&[Flags::READONLY, Flags::FAST]);
const W: Flags = all(&[Flags::WRITE, Flags::FAST]);
const G: Flags = all(&[Flags::WRITE, Flags::FAST, Flags::DENYOOM]);

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    keys: Keys,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command { name, arity, flags, keys, lock: Lock::Keys, since, summary, family: Family::Hash }
}

/// The family's rows.
pub const ROWS: &[Command] = &[
    row("hdel", -3, W, ONE, "2.0.0", "Removes fields."),
    row("hexists", 3, R, ONE, "2.0.0", "Tells whether a field exists."),
    row("hexpire", -6, G, ONE, "7.4.0", "Sets the seconds that fields have to live."),
    row("hexpireat", -6, G, ONE, "7.4.0", "Sets the Unix second at which fields die."),
    row("hexpiretime", -5, R, ONE, "7.4.0", "Tells the Unix seconds at which fields die."),
    row("hget", 3, R, ONE, "2.0.0", "Returns the value of a field."),
    row("hgetall", 2, Flags::READONLY, ONE, "2.0.0", "Returns all fields and values."),
    row("hgetdel", -5, W, ONE, "8.0.0", "Returns the values of fields and removes them."),
    row("hgetex", -5, W, ONE, "8.0.0", "Returns the values of fields and sets when they die."),
    row("hincrby", 4, G, ONE, "2.0.0", "Adds a number to an integer field."),
    row("hincrbyfloat", 4, G, ONE, "2.6.0", "Adds a number to a floating-point field."),
    row("hkeys", 2, Flags::READONLY, ONE, "2.0.0", "Returns all fields."),
    row("hlen", 2, R, ONE, "2.0.0", "Returns the number of fields."),
    row("hmget", -3, R, ONE, "2.0.0", "Returns the values of several fields."),
    row("hmset", -4, G, ONE, "2.0.0", "Sets fields; an older form of HSET."),
    row("hpersist", -5, W, ONE, "7.4.0", "Lets fields live for ever."),
    row("hpexpire", -6, G, ONE, "7.4.0", "Sets the milliseconds that fields have to live."),
    row("hpexpireat", -6, G, ONE, "7.4.0", "Sets the Unix millisecond at which fields die."),
    row("hpexpiretime", -5, R, ONE, "7.4.0", "Tells the Unix milliseconds at which fields die."),
    row("hpttl", -5, R, ONE, "7.4.0", "Tells the milliseconds that fields have to live."),
    row("hrandfield", -2, Flags::READONLY, ONE, "6.2.0", "Returns fields chosen at random."),
    row("hscan", -3, Flags::READONLY, ONE, "2.8.0", "Walks over the fields of a hash."),
    row("hset", -4, G, ONE, "2.0.0", "Sets fields."),
    row("hsetex", -6, G, ONE, "8.0.0", "Sets fields and when they die."),
    row("hsetnx", 4, G, ONE, "2.0.0", "Sets a field if it does not exist."),
    row("hstrlen", 3, R, ONE, "3.2.0", "Returns the length of the value of a field."),
    row("httl", -5, R, ONE, "7.4.0", "Tells the seconds that fields have to live."),
    row("hvals", 2, Flags::READONLY, ONE, "2.0.0", "Returns all values."),
];
