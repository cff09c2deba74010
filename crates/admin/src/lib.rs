//! Wire types between agent and node, and between control and agent, with the version handshake.
//!
//! One JSON object per line over a unix stream socket (mode 0600), at most [`LINE_BYTES_MAX`]
//! bytes; one answer line per request line, in order. A descriptor rides with a line as SCM_RIGHTS
//! ([`transport`]). The first request on a connection is `Hello`; a peer of another protocol number
//! is answered `Refused` with code `ProtocolMismatch`.
//! Knows neither end: no process, no engine, no store.
#![forbid(unsafe_code)]

pub mod agent;
pub mod client;
pub mod logs;
pub mod node;
pub mod settings;
pub mod transport;

pub use settings::{Allowlist, Clears, NodeSettings, Privilege, UserSettings, Verifier};

/// The protocol spoken by this build, on both sockets.
pub const PROTOCOL: u32 = 3;

/// The longest line either end accepts.
pub const LINE_BYTES_MAX: usize = 4 << 20;

use serde::{Deserialize, Serialize};

/// The first line of each connection, in both directions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of the sender.
    pub protocol: u32,
    /// `larder` version of the sender, for logs only.
    pub version: String,
}

/// Why a request was not carried out. `code` is stable, `message` names the culprit and the cure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// `ProtocolMismatch`, `StaleGeneration`, `StaleEpoch`, `PortInUse`, `UnknownNode`,
    /// `BadRequest`, `Failed`.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
}
