//! Commands on the bits of strings.

mod bit;
mod count;
mod field;
mod operation;
mod pos;
mod range;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("bitcount", count::run),
    ("bitfield", field::bitfield),
    ("bitfield_ro", field::bitfield_ro),
    ("bitop", operation::run),
    ("bitpos", pos::run),
    ("getbit", bit::getbit),
    ("setbit", bit::setbit),
];
