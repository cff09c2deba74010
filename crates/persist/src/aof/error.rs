//! What can go wrong with the files, where Redis has words for it in these words: tools look for
//! them in the log.

use super::ManifestError;
use crate::PersistError;
use std::io;

/// Errors of the append-only file.
#[derive(Debug, thiserror::Error)]
pub enum AofError {
    /// The manifest is not one.
    #[error("FATAL AOF MANIFEST FILE ERROR: {0}")]
    Manifest(#[from] ManifestError),
    /// A file that the manifest names is not there.
    #[error("Unable to obtain the AOF file {name} length. stat: No such file or directory")]
    Missing {
        /// The file.
        name: String,
    },
    /// A file cannot be read.
    #[error("Unrecoverable error reading the append only file {name}: {source}")]
    Read {
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A file ends in the middle of a command, and that is not accepted.
    #[error(
        "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of \
         your AOF file, then use redis-check-aof --fix <filename.manifest>. 2) Alternatively you \
         can set the 'aof-load-truncated' configuration option to yes and restart the server."
    )]
    Short {
        /// The file.
        name: String,
    },
    /// A file that is followed by others ends in the middle of a command.
    #[error("Fatal error: the truncated file is not the last file ({name})")]
    ShortInside {
        /// The file.
        name: String,
    },
    /// A file holds something else than commands.
    #[error(
        "Bad file format reading the append only file {name} at byte {offset}: make a backup of \
         your AOF file, then use redis-check-aof --fix <filename.manifest>"
    )]
    Format {
        /// The file.
        name: String,
        /// End of the last good command.
        offset: u64,
    },
    /// A command that does not exist.
    #[error("Unknown command '{command}' reading the append only file {name}")]
    UnknownCommand {
        /// The command's name.
        command: String,
        /// The file.
        name: String,
    },
    /// The base is not readable.
    #[error("Error reading the RDB base file {name}, AOF loading aborted: {source}")]
    Base {
        /// The file.
        name: String,
        /// Why.
        source: PersistError,
    },
    /// A file or the directory cannot be changed.
    #[error("{doing} {name}: {source}")]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

impl AofError {
    /// For `map_err`: what was being done with which file.
    pub(super) fn disk(doing: &'static str, name: &str) -> impl FnOnce(io::Error) -> Self {
        let name = name.to_owned();
        move |source| Self::Disk { doing, name, source }
    }
}
