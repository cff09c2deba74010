//! The pure core of a node: executor and locks, gates, sessions, publish/subscribe, statistics and
//! the commands that concern the server itself. Bytes in, bytes out. Knows no epoll, TLS, file or
//! thread: those are the node's, reached through [`host::Host`] and [`inbox::Waker`].
#![forbid(unsafe_code)]

pub mod access;
pub mod ahead;
pub mod aof;
pub mod bandwidth;
pub mod blocked;
pub mod brake;
pub mod clearing;
pub mod clients;
pub mod commands;
pub mod config;
mod config_file;
pub mod conn;
pub mod dispatch;
#[cfg(test)]
mod edge_tests;
pub mod error;
pub mod evict;
pub mod executor;
pub mod gate;
pub mod hold;
pub mod host;
pub mod inbox;
pub mod info;
pub mod job;
pub mod key_events;
pub mod links;
pub mod loop_core;
pub mod measure;
pub mod memory;
#[cfg(feature = "shuttle")]
pub mod models;
pub mod monitors;
pub mod pubsub;
pub mod records;
pub mod scripts;
pub mod session;
pub mod shared;
pub mod snapshot;
pub mod stats;
pub mod switches;
pub mod sync;
pub mod tenant;
pub mod tracking;
pub mod trash;
pub mod turn;
pub mod upstream;

pub use loop_core::LoopCore;
pub use shared::Shared;

#[cfg(test)]
mod access_tests;
#[cfg(test)]
mod account_tests;
#[cfg(test)]
mod admin_tests;
#[cfg(test)]
mod blocking_tests;
#[cfg(test)]
mod hard_tests;
#[cfg(test)]
mod memory_disk;
#[cfg(test)]
mod script_stress;
#[cfg(test)]
mod stress;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
