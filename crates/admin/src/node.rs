//! Agent → node requests and the node's answers, over the node's admin socket
//! (`larder node --admin-socket PATH`).
//!
//! ```text
//! agent                                   node (starts as nobody, binds nothing of the tenant's)
//!   Hello ─────────────────────────────►  Hello
//!   Configure{generation, settings} ───►  Done            (users, allowlist, limits)
//!   Listen + descriptor ───────────────►  Done            (keeps the duplicate, does not poll it)
//!   Grant{primary, epoch} ─────────────►  Done            (only now polls it and serves writes)
//! ```

use crate::{Hello, NodeSettings, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the agent asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum NodeRequest {
    /// Version handshake; answered by `NodeReply::Hello`.
    Hello(Hello),
    /// Replace all settings. Refused (`StaleGeneration`) when `generation` is older than the last.
    Configure {
        /// The instance's generation that these settings belong to.
        generation: u64,
        /// The whole new truth.
        settings: Box<NodeSettings>,
    },
    /// The listening socket rides along as a descriptor.
    Listen,
    /// Adoption: answer `Listener` with a duplicate of the listening socket.
    TakeListener,
    /// Serve under `role`. Refused (`StaleEpoch`) when `epoch` is not above the last one granted,
    /// unless it repeats the present grant.
    Grant {
        /// What to serve as.
        role: Role,
        /// Fencing number, grows with every grant of the instance.
        epoch: u64,
    },
    /// Answer `Status`.
    Probe,
    /// Answer `Clients`.
    Clients,
    /// Answer `Figures`.
    Figures,
    /// Write an RDB file now; `Done` when it is renamed into place.
    Save,
    /// Stop: refuse new work, save when asked, answer `Done`, exit 0.
    Shutdown {
        /// Write an RDB file first.
        save: bool,
    },
}

/// What the node answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum NodeReply {
    /// To `Hello`.
    Hello(Hello),
    /// Carried out.
    Done,
    /// The listening socket rides along.
    Listener,
    /// To `Probe`.
    Status(Box<NodeStatus>),
    /// To `Clients`.
    Clients(Vec<ClientRow>),
    /// To `Figures`.
    Figures(Box<NodeFigures>),
    /// Not carried out.
    Refused(Refusal),
}

/// A node's role. A node without a grant is nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// No grant: serves nothing.
    Nobody,
    /// Serves reads and writes.
    Primary,
}

/// A node's own account of itself. Counters are since the process started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// `larder` version of the node.
    pub version: String,
    /// Present role.
    pub role: Role,
    /// Epoch of the present grant, 0 before the first.
    pub epoch: u64,
    /// Generation of the settings in force, 0 before the first.
    pub generation: u64,
    /// True while the RDB file is being read.
    pub loading: bool,
    /// Milliseconds since the process started.
    pub uptime_ms: u64,
    /// Loops that run commands.
    pub loops: u32,
    /// Bytes allocated by the process.
    pub used_memory_bytes: u64,
    /// Limit in force, 0 for none.
    pub maxmemory_bytes: u64,
    /// Tenant connections open now.
    pub connections: u64,
    /// Tenant connections accepted.
    pub connections_received: u64,
    /// Connections refused by the allowlist.
    pub connections_refused: u64,
    /// Commands processed.
    pub commands: u64,
    /// Commands processed in the last full second.
    pub commands_per_second: u64,
    /// Bytes read from tenants.
    pub net_input_bytes: u64,
    /// Bytes written to tenants.
    pub net_output_bytes: u64,
    /// Lookups that found a key.
    pub keyspace_hits: u64,
    /// Lookups that found none.
    pub keyspace_misses: u64,
    /// Keys over all databases.
    pub keys: u64,
    /// Keys with a time to live.
    pub keys_with_ttl: u64,
    /// Keys removed because their time had come.
    pub expired_keys: u64,
    /// CPU time of the process.
    pub cpu_us: u64,
    /// Changes since the last successful save.
    pub changes_since_save: u64,
    /// Unix seconds of the last successful save, 0 if never.
    pub last_save_unix_s: u64,
    /// Parameters of the instance as they are in force, by their names of the API.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

/// What metrics are made of. Counters are since the process started, or since CONFIG RESETSTAT.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeFigures {
    /// Milliseconds since the process started.
    pub uptime_ms: u64,
    /// Bytes allocated by the process.
    pub used_memory_bytes: u64,
    /// Limit in force, 0 for none.
    pub maxmemory_bytes: u64,
    /// Bytes allocated before there were data.
    pub startup_bytes: u64,
    /// Bytes that scripts take.
    pub lua_bytes: u64,
    /// Values that wait to be freed.
    pub lazyfree_pending: u64,
    /// Tenant connections open now.
    pub connections: u64,
    /// The most that may be open.
    pub connections_max: u64,
    /// Connections that wait for a key.
    pub blocked_clients: u64,
    /// Counter: connections accepted.
    pub connections_received: u64,
    /// Counter: connections refused.
    pub connections_refused: u64,
    /// Counter: bytes read from tenants.
    pub net_input_bytes: u64,
    /// Counter: bytes written to tenants.
    pub net_output_bytes: u64,
    /// The most of each in a second, 0 for no limit.
    pub bandwidth_bytes_per_s: u64,
    /// Counter: lookups that found a key.
    pub keyspace_hits: u64,
    /// Counter: lookups that found none.
    pub keyspace_misses: u64,
    /// Keys over all databases.
    pub keys: u64,
    /// Keys with a time to live.
    pub keys_with_ttl: u64,
    /// Counter: keys removed because their time had come.
    pub expired_keys: u64,
    /// Counter: keys removed to make room.
    pub evicted_keys: u64,
    /// Counter: error replies.
    pub errors: u64,
    /// Counter: runs of commands that only read.
    pub reads: u64,
    /// Counter: runs of commands that write.
    pub writes: u64,
    /// Counter: runs of all commands.
    pub calls: u64,
    /// Counter: runs that `timed_us` stands for.
    pub timed_calls: u64,
    /// Counter: microseconds of those.
    pub timed_us: u64,
    /// Microseconds of the longest timed run since these figures were last asked for.
    pub slowest_us: u64,
    /// Changes since the last successful save.
    pub changes_since_save: u64,
    /// Counter: runs of each command that ever ran, by lower-case name; a subcommand counts for its
    /// container.
    pub commands: BTreeMap<String, u64>,
    /// Generation of the settings in force.
    pub generation: u64,
    /// Parameters of the instance as they are in force, by their names of the API.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// What accounts of the data plane set since what control has answered, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tenant_changes: Vec<TenantChange>,
}

/// Parameters that an account of the data plane has set by CONFIG SET, all at once. They are in
/// force until control answers: it makes them the intent, or undoes them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TenantChange {
    /// Grows with each change of an instance, over all of its processes.
    pub number: u64,
    /// Who.
    pub account: String,
    /// When.
    pub unix_ms: u64,
    /// Names of the API and values.
    pub set: Vec<(String, String)>,
}

/// One tenant connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRow {
    /// CLIENT ID.
    pub id: u64,
    /// Peer `ip:port`.
    pub address: String,
    /// CLIENT SETNAME.
    pub name: String,
    /// Authenticated account, empty before AUTH.
    pub user: String,
    /// Selected database.
    pub db: u16,
    /// Seconds since it connected.
    pub age_s: u64,
    /// Seconds since its last command.
    pub idle_s: u64,
    /// Last command, lower case.
    pub command: String,
    /// Library name and version as given by CLIENT SETINFO.
    pub library: String,
}
