//! Questions about what a node wrote down: its own log, slow commands, writes and refusals.
//! Answered by the agent from the node's files, also while no process of the node runs.

use serde::{Deserialize, Serialize};

/// Which of a node's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeLog {
    /// What the process itself says.
    Running,
    /// Commands that took long.
    Slow,
    /// Writes and refusals.
    Audit,
}

/// A page of a log, filtered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// Which node.
    pub node_id: String,
    /// Which log.
    pub log: NodeLog,
    /// At this time or later, Unix milliseconds.
    pub from_unix_ms: i64,
    /// Before this time.
    pub to_unix_ms: i64,
    /// Only this database.
    pub db: Option<u16>,
    /// Only this account.
    pub user: Option<String>,
    /// Only clients at this address.
    pub host: Option<String>,
    /// Only rows whose text holds this, in any case.
    pub keyword: Option<String>,
    /// The newest first.
    pub newest_first: bool,
    /// Rows before the page.
    pub skip: u64,
    /// Most rows of the page.
    pub count: u64,
}

/// Rows of a page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogPage {
    /// Rows that are asked for, on all pages.
    pub total: u64,
    /// Those of this page.
    pub rows: Vec<LogRow>,
    /// Records within the range that were left out because they came too fast.
    pub left_out: u64,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogRow {
    /// When.
    pub unix_ms: i64,
    /// How long it took, 0 when it was not timed.
    pub took_us: u64,
    /// Database.
    pub db: u16,
    /// `ip:port` of the client.
    pub peer: String,
    /// Account, empty before AUTH.
    pub user: String,
    /// It was not allowed.
    pub refused: bool,
    /// The error, empty when it went well.
    pub outcome: String,
    /// Command or line.
    pub text: String,
}
