//! Handlers of the zset commands.

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[];
