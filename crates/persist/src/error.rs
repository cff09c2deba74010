//! Why a file could not be written or read.

use std::io;

/// Errors of this crate; each names the file and what was being done.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// The temporary file could not be created.
    #[error("cannot create {name}: {source}")]
    Create {
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The temporary file could not be written or made durable.
    #[error("cannot write {name}: {source}")]
    Write {
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The finished file could not be given its name.
    #[error("cannot rename {from} to {name}: {source}")]
    Rename {
        /// The temporary file.
        from: String,
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A shard was held by somebody else while everything had to be saved.
    #[error("cannot save {name}: shard {shard} is held elsewhere")]
    Held {
        /// The file.
        name: String,
        /// The shard.
        shard: u8,
    },
    /// The file could not be read.
    #[error("cannot read {name} at byte {offset}: {source}")]
    Read {
        /// The file.
        name: String,
        /// Bytes read before.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{name} is damaged at byte {offset}: {what}")]
    Damaged {
        /// The file.
        name: String,
        /// Bytes understood before.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// The file is fine, but holds something that cannot be held here.
    #[error("{name} cannot be loaded: at byte {offset}, {what}")]
    Unsupported {
        /// The file.
        name: String,
        /// Bytes understood before.
        offset: u64,
        /// What it holds.
        what: String,
    },
}
