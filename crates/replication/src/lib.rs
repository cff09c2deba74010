//! The conversation of a replica with its primary, as Redis 7.0 and its relatives hold it. Bytes
//! in, bytes and events out: knows no socket, no keyspace and no clock.
#![forbid(unsafe_code)]

mod error;
pub mod replica;

pub use error::LinkError;
pub use replica::{Event, Greeting, Link};
