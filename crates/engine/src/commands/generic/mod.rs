//! Commands on keys of any type.

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[];
