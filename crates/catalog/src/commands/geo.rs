//! Commands on places on earth.

use crate::command::{Command, Family, Flags, Keys, Lock, ONE, TWO, all};

const R: Flags = Flags::READONLY;
const L: Flags = all(&[Flags::READONLY, Flags::LONG]);
const W: Flags = all(&[Flags::WRITE, Flags::DENYOOM]);
const S: Flags = all(&[W, Flags::LONG]);
const SM: Flags = all(&[S, Flags::MOVABLE_KEYS]);

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    keys: Keys,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command { name, arity, flags, keys, lock: Lock::Keys, since, summary, family: Family::Geo }
}

/// The family's rows.
pub const ROWS: &[Command] = &[
    row("geoadd", -5, W, ONE, "3.2.0", "Adds members at longitudes and latitudes."),
    row("geodist", -4, R, ONE, "3.2.0", "Returns the distance between two members."),
    row("geohash", -2, R, ONE, "3.2.0", "Returns the geohashes of members as text."),
    row("geopos", -2, R, ONE, "3.2.0", "Returns the longitudes and latitudes of members."),
    row(
        "georadius",
        -6,
        SM,
        Keys::Radius,
        "3.2.0",
        "Returns or stores the members within a distance of a place.",
    ),
    row("georadius_ro", -6, L, ONE, "3.2.10", "Returns the members within a distance of a place."),
    row(
        "georadiusbymember",
        -5,
        SM,
        Keys::Radius,
        "3.2.0",
        "Returns or stores the members within a distance of a member.",
    ),
    row(
        "georadiusbymember_ro",
        -5,
        L,
        ONE,
        "3.2.10",
        "Returns the members within a distance of a member.",
    ),
    row("geosearch", -7, L, ONE, "6.2.0", "Returns the members in a circle, box or polygon."),
    row("geosearchstore", -8, S, TWO, "6.2.0", "Stores the members in a circle, box or polygon."),
];
