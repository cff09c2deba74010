//! Handlers of the hash commands.

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[];
