//! Commands on places on earth: members of sorted sets whose scores are geohashes of 52 bits.

mod add;
mod area;
mod geohash;
mod place;
mod read;
mod request;
mod search;
mod shape;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("geoadd", add::run),
    ("geodist", read::geodist),
    ("geohash", read::geohash),
    ("geopos", read::geopos),
    ("georadius", search::georadius),
    ("georadius_ro", search::georadius_ro),
    ("georadiusbymember", search::georadiusbymember),
    ("georadiusbymember_ro", search::georadiusbymember_ro),
    ("geosearch", search::geosearch),
    ("geosearchstore", search::geosearchstore),
];
