//! SortedSet commands.

use crate::command::Command;

/// The family's rows.
pub const ROWS: &[Command] = &[];
