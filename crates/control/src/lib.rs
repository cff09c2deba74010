//! The control plane of one host: HTTP API, one pipeline for every action, embedded store,
//! reconciler. Decisions live in `control-model`; this crate must not know the engine, nor how the
//! agent runs processes.
#![forbid(unsafe_code)]

mod call;

pub use call::{Answer, Call, LoginError, Principal, Via};

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// How `larder control` was started.
#[derive(Debug, Clone)]
pub struct ControlOptions {
    /// `--data-dir`; holds `master.key`, `control/` and `agent/`.
    pub data_dir: PathBuf,
    /// Address of API and console.
    pub api: SocketAddr,
    /// `--advertise`: address that clients are told to connect to.
    pub advertise: String,
    /// The agent's socket, `<data-dir>/agent/agent.sock`.
    pub agent_socket: PathBuf,
    /// Create and announce the quickstart instance.
    pub quickstart: bool,
    /// Written once everything serves.
    pub ready_file: Option<PathBuf>,
}

/// A handle on the running control plane; cheap to clone.
#[derive(Clone)]
pub struct Control {}

impl Control {
    /// Runs one action: policy, throttle, client token, audit, handler, audit.
    pub async fn call(&self, _call: Call) -> Answer {
        let body = serde_json::json!({"Code": "ServiceUnavailable", "Message": "starting"});
        Answer { status: 503, body }
    }

    /// Checks a console user's password. Failures from one `source` slow further attempts down.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn console_login(
        &self,
        _user: &str,
        _password: &str,
        _source: IpAddr,
    ) -> Result<Principal, LoginError> {
        Err(LoginError::Unavailable)
    }
}

/// Serves until SIGTERM. `extra` adds the console's routes.
///
/// # Errors
/// When the store or the sockets cannot be opened.
pub async fn serve<F>(_options: ControlOptions, extra: F) -> Result<(), std::io::Error>
where
    F: FnOnce(Control) -> axum::Router + Send,
{
    let _ = extra(Control {});
    Ok(())
}
