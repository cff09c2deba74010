//! Files of the data set, over [`stdx::Disk`]: RDB snapshots and append-only files. Runs no
//! command, knows no socket and no clock: times are handed in.
#![forbid(unsafe_code)]

pub mod aof;
mod error;
pub mod rdb;

pub use error::PersistError;
