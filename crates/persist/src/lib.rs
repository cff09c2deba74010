//! Files of the data set, over [`stdx::Disk`]: RDB snapshots. Knows no command by name, no socket
//! and no clock: times are handed in.
#![forbid(unsafe_code)]

mod error;
pub mod rdb;

pub use error::PersistError;
