//! The agent behind `larder up`: one per data directory. It keeps the endpoints of all nodes bound,
//! starts, configures, grants, watches, fences and replaces node processes, adopts those of an
//! earlier agent, and keeps the control process running.
//!
//! [`core`] decides; everything else here obeys. Must not know the engine, nor why control wants
//! what it wants.
#![forbid(unsafe_code)]

mod conversation;
pub mod core;
mod directory;
mod endpoint;
mod logs;
mod mailbox;
mod process;
mod service;
mod shell;
mod survey;

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use directory::Holder;

/// How to run.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// The data directory; created if needed.
    pub data_dir: PathBuf,
    /// The `larder` program, for nodes and control.
    pub executable: PathBuf,
    /// Where control will listen. Taken by someone else, nothing is started: control alone would
    /// fail for ever behind an agent that looks well.
    pub control_address: SocketAddr,
    /// Arguments of the first control process, `control` included; `--parent-pid N` is appended.
    pub control_args: Vec<OsString>,
    /// Arguments of every later control process.
    pub control_restart_args: Vec<OsString>,
}

/// Why the agent cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Another agent owns the data directory.
    #[error(
        "{pid} runs `larder up` on this data directory already (it holds {path}); stop it first \
         or choose another --data-dir", path = .path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        pid: Holder,
    },
    /// Control could not listen.
    #[error(
        "{address}, the address of API and console, cannot be used: {source}; stop what listens \
         there or choose another --api"
    )]
    Address {
        /// Which.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A file that the agent wrote earlier is damaged.
    #[error(
        "{path} is not understood: {reason}; restore it, or remove it if no node of that name runs",
        path = .path.display()
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file or directory is not accessible.
    #[error("{doing} {path}: {source}", path = .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The agent's own socket cannot be made.
    #[error("listen on {path}: {source}", path = .path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: admin::transport::TransportError,
    },
    /// The kernel refused something that the loop cannot do without.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl AgentError {
    fn io<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> AgentError + 'a {
        move |source| AgentError::Io { doing, path: path.to_owned(), source }
    }

    fn system(doing: &'static str) -> impl FnOnce(io::Error) -> AgentError {
        move |source| AgentError::System { doing, source }
    }
}

/// Runs the agent on this thread until SIGTERM or SIGINT, then stops control and all nodes (with a
/// save) and returns. Killed, it leaves the nodes running for the next agent.
///
/// # Errors
/// As [`AgentError`]; nothing has been started then.
pub fn run(options: AgentOptions) -> Result<(), AgentError> {
    shell::Shell::start(options)?.run()
}
