//! Commands on the bits of strings.

mod bit;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[("getbit", bit::getbit), ("setbit", bit::setbit)];
