//! The append-only file in the form of Redis 7: a directory with a base, increments and a manifest
//! that lists them. Files and directory can be handed to Redis 7 and taken over from it.

mod commands;
mod error;
mod files;
mod manifest;
mod reader;

pub use commands::{CommandSink, save_commands, time_note};
pub use error::AofError;
pub use files::{AofFiles, WriteFailure};
pub use manifest::{Manifest, ManifestError, Part};
pub use reader::{CommandReader, ReadFailure};
