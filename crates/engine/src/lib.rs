//! The data: a single-threaded [`keyspace::Shard`], the types, the command handlers, expiry and
//! effects. Reaches other shards only through [`keyspace::Keyspace`]. Knows no locks, threads,
//! sockets, files or clocks: time and randomness are handed in.
#![deny(unsafe_code)]

pub mod commands;
pub mod digest;
pub mod effects;
pub mod error;
pub mod glob;
pub mod keyspace;
pub mod parse;
pub mod rdb;
pub mod tick;
pub mod types;

pub use commands::{Blocking, Ctx, Handler};
pub use effects::Effects;
pub use error::CommandError;
pub use keyspace::{Keys, Keyspace, Shard};
pub use tick::{NoTick, Tick};
