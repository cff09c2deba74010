//! Control → agent requests and the agent's answers, over `<data-dir>/agent/agent.sock`.
//!
//! Control states what should be ([`NodeSpec`]); the agent brings its host there and says what it
//! sees ([`NodeObserved`]). Every request can be repeated; nothing older than what the agent has
//! already accepted is carried out.

use crate::logs::{LogPage, LogQuery};
use crate::node::{ClientRow, NodeFigures, NodeStatus};
use crate::{Hello, NodeSettings, Refusal};
use serde::{Deserialize, Serialize};

/// What control asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AgentRequest {
    /// Version handshake.
    Hello(Hello),
    /// Make this node be so. Answered `Applied` as soon as it is persisted and under way, not when
    /// it serves. `StaleGeneration` when `spec.generation` is older; `PortInUse` when the port of a
    /// node that never had one cannot be bound (choose another and apply again).
    Apply(Box<NodeSpec>),
    /// Stop the node, close its socket, delete its files. `Done` once nothing is left of it; also
    /// when it never existed.
    Remove {
        /// Which node.
        node_id: String,
        /// As in `NodeSpec`.
        generation: u64,
    },
    /// Have the node save and stop, close its socket, forget it and keep its directory, so that a
    /// later `Apply` goes on with its data. `Done` once nothing of it runs; also when it never
    /// existed. No form of `Remove`: an agent that does not know it refuses it and keeps the data.
    Release {
        /// Which node.
        node_id: String,
        /// As in `NodeSpec`.
        generation: u64,
    },
    /// All nodes now; answered `Observed`.
    Observe,
    /// As `Observe`, but waits until the revision is above `after`, or the time is over.
    Watch {
        /// Revision of the last `Observed` seen.
        after: u64,
        /// Longest wait.
        timeout_ms: u64,
    },
    /// Ask the node itself; answered `Status`.
    Probe {
        /// Which node.
        node_id: String,
    },
    /// Read a node's log; answered `Log`.
    Log(Box<LogQuery>),
    /// Ask the node itself; answered `Clients`.
    Clients {
        /// Which node.
        node_id: String,
    },
    /// Figures of all nodes; answered `Samples` within about a second, without those that are
    /// silent.
    Sample,
}

/// What the agent answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AgentReply {
    /// To `Hello`.
    Hello(Hello),
    /// Accepted.
    Applied,
    /// Carried out.
    Done,
    /// To `Observe` and `Watch`.
    Observed {
        /// Grows with every change of any node's observation; starts anew with the agent's process
        /// at a random high value, so a caller compares for "different", not only "greater".
        revision: u64,
        /// All nodes of this host.
        nodes: Vec<NodeObserved>,
    },
    /// To `Probe`.
    Status(Box<NodeStatus>),
    /// To `Log`.
    Log(LogPage),
    /// To `Clients`.
    Clients(Vec<ClientRow>),
    /// To `Sample`: one of each node that runs.
    Samples(Vec<NodeSample>),
    /// Not carried out.
    Refused(Refusal),
}

/// What a node should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// `<instance>-node-0`.
    pub node_id: String,
    /// `r-…`.
    pub instance_id: String,
    /// Grows with every change of the instance's intent.
    pub generation: u64,
    /// Grows with every wanted restart: a node that runs under a lower one is stopped (with a save)
    /// and started again.
    pub incarnation: u64,
    /// Address to bind, an IP address.
    pub bind: String,
    /// Port of the endpoint.
    pub port: u16,
    /// Loops of the engine.
    pub loops: u32,
    /// What the node enforces.
    pub settings: NodeSettings,
}

/// What the agent sees of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeObserved {
    /// Which node.
    pub node_id: String,
    /// Its instance.
    pub instance_id: String,
    /// Generation that the node confirmed by `Configure`; 0 before.
    pub generation: u64,
    /// Incarnation that runs now; 0 before the first.
    pub incarnation: u64,
    /// Where it stands.
    pub phase: NodePhase,
    /// Bound port, 0 before.
    pub port: u16,
    /// Process id while one runs.
    pub pid: Option<u32>,
    /// Epoch of the present grant.
    pub epoch: u64,
    /// Restarts after a crash since the agent started.
    pub crashes: u32,
}

/// What the agent measures of a running node, and what the node says of itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeSample {
    /// Which node.
    pub node_id: String,
    /// Its process.
    pub pid: u32,
    /// The node's own figures; `None` when it did not answer in time.
    pub figures: Option<NodeFigures>,
    /// CPU time of the process, user and system; `None` when the kernel does not tell.
    pub cpu_us: Option<u64>,
    /// Resident bytes of the process.
    pub resident_bytes: Option<u64>,
    /// Bytes of the node's data files.
    pub data_bytes: u64,
    /// Bytes of the node's log.
    pub log_bytes: u64,
}

/// Where a node stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodePhase {
    /// Process starts, loads or is being configured.
    Starting,
    /// Granted and serving.
    Serving,
    /// Being stopped for a restart, a release or a removal.
    Stopping,
    /// Does not come up; the agent goes on trying with growing pauses.
    Failed {
        /// What happened last, for a person.
        reason: String,
    },
}
