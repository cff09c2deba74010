//! Handlers of the list commands.

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[];
