//! Handlers of the set commands.

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[];
