//! What a node must enforce for its instance: users, allowlist, limits. The agent persists these
//! (mode 0600) so that it can restart a node while control is away. No clear-text secret is in
//! here.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything a node is told about its instance. Replaced as a whole by `Configure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSettings {
    /// `r-…`; also the name of the instance's own account.
    pub instance_id: String,
    /// What INFO and HELLO report: `5.0`, `6.0`, `7.0`.
    pub engine_version: String,
    /// Accounts: the instance's own, then `default`, which share a password, then those that the
    /// owner made.
    pub users: Vec<UserSettings>,
    /// Connections need no AUTH (VpcAuthMode=Close).
    pub password_free: bool,
    /// Who may connect.
    pub allowlist: Allowlist,
    /// Class size; 0 means no limit.
    pub maxmemory_bytes: u64,
    /// Class limit of client connections.
    pub connections_max: u32,
    /// What clients may send in a second, and what they may be sent; 0 means no limit.
    #[serde(default)]
    pub bandwidth_bytes_per_s: u64,
    /// Directives in redis.conf words (`maxmemory-policy` → `volatile-lru`).
    pub parameters: BTreeMap<String, String>,
    /// What was to be emptied, each once for the data set that it was wanted of.
    #[serde(default)]
    pub clears: Clears,
    /// Writes and refusals are recorded and kept for so many days.
    #[serde(default)]
    pub audit_log_days: Option<u32>,
    /// Changes by accounts of the data plane up to this number are answered by these settings.
    #[serde(default)]
    pub adopted_change: u64,
    /// Accounts write nothing, for this reason.
    #[serde(default)]
    pub write_lock: Option<String>,
}

/// Numbered wishes to empty data, the newest of each kind; 0 is none. A data set remembers the
/// number of the last one that it has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clears {
    /// All databases empty.
    pub all: u64,
    /// These databases empty.
    pub dbs: BTreeMap<u16, u64>,
    /// No dead keys.
    pub dead: u64,
}

impl Clears {
    /// The number of the newest wish.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.dbs.values().copied().chain([self.all, self.dead]).max().unwrap_or(0)
    }
}

/// One account of the data plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSettings {
    /// Account name, case-sensitive.
    pub name: String,
    /// Accepted passwords, the newest first; empty means that no password was set and nobody can
    /// log in by one.
    pub verifiers: Vec<Verifier>,
    /// What the account may do.
    pub privilege: Privilege,
}

/// A password's salted check value: `HMAC-SHA-256(key = salt, message = password)`, both in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verifier {
    /// 16 random bytes in lower-case hex.
    pub salt: String,
    /// 32 bytes in lower-case hex.
    pub mac: String,
}

/// Rights of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Privilege {
    /// RoleReadWrite.
    ReadWrite,
    /// RoleReadOnly: neither data nor other connections and shared scripts.
    ReadOnly,
}

/// Who may connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Allowlist {
    /// Nobody yet: `ModifySecurityIps` was never called for the instance.
    Nobody,
    /// Literal IPv4/IPv6 addresses and CIDR blocks, the union of all groups.
    Entries(Vec<String>),
}
