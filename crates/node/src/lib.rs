//! The shell of a node: argv and files, epoll loops, signals, the admin socket. It moves bytes and
//! obeys; every decision is the core's (crate `server`).
#![forbid(unsafe_code)]

pub mod admin_server;
mod figures;
pub mod host;
pub mod io;
mod keeper;
pub mod options;
mod parameters;
mod recorder;
pub mod run;
mod upstream;

pub use options::{HELP, Options};
pub use run::{NodeError, run};
