//! RDB files: the whole data set at one moment, in the form of Redis 7.0.
//!
//! ```text
//! REDIS0010  (FA name value)…  (FE db  FB keys mortal  ([FC death_ms] type key value)…)…  FF crc64
//! ```

mod load;
mod save;
mod sink;
mod source;

pub use load::{LoadReport, Refusal, Taker, load, load_from, load_preamble};
pub use save::{SaveInfo, SaveReport, Writer, publish, save, write_to};

const MAGIC: &[u8] = b"REDIS";

/// Marks between the entries of a file; smaller numbers are types of values.
mod mark {
    /// Keys of a slot in a cluster, a hint.
    pub const SLOT: u8 = 244;
    /// A library of functions.
    pub const FUNCTION: u8 = 245;
    /// A library of functions as a release candidate wrote it.
    pub const FUNCTION_OLD: u8 = 246;
    /// Data of a module.
    pub const MODULE: u8 = 247;
    /// Idle time of the next key.
    pub const IDLE: u8 = 248;
    /// Access frequency of the next key.
    pub const FREQUENCY: u8 = 249;
    /// A fact about the file.
    pub const AUX: u8 = 250;
    /// Sizes of the database, a hint.
    pub const SIZES: u8 = 251;
    /// Time of death of the next key in Unix milliseconds.
    pub const DEATH_MS: u8 = 252;
    /// Time of death of the next key in Unix seconds.
    pub const DEATH_S: u8 = 253;
    /// The database of what follows.
    pub const DB: u8 = 254;
    /// The end; the checksum follows.
    pub const END: u8 = 255;
}
