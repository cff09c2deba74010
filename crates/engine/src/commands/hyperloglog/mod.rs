//! HyperLogLog commands: the number of distinct elements, about 0.8 % off, from 12 KiB at most. A
//! sketch is a string in Redis' own form.

mod add;
mod count;
mod debug;
mod dense;
pub mod estimate;
mod merge;
mod murmur;
mod selftest;
mod sketch;
mod sparse;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("pfadd", add::run),
    ("pfcount", count::run),
    ("pfdebug", debug::run),
    ("pfmerge", merge::run),
    ("pfselftest", selftest::run),
];
