//! What goes into the core (events) and what comes out (actions), both closed. Must not know how
//! anything is done.

use admin::agent::{AgentReply, AgentRequest, NodeObserved, NodeSpec};
use admin::node::Role;
use admin::{NodeSettings, Refusal};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Pairs an action with the event that ends it; an ending with another ticket is out of date.
pub type Ticket = u64;

/// Names the one who waits for an [`AgentReply`].
pub type ReplyId = u64;

/// Tells one process from all that ever had or will have its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Process id.
    pub pid: u32,
    /// Clock ticks from the boot to the start of the process.
    pub start_time: u64,
    /// Which boot.
    pub boot_id: String,
}

/// A process as it is remembered on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRecord {
    /// Which process.
    pub identity: Identity,
    /// Incarnation that it was started for.
    pub incarnation: u64,
}

/// All that is remembered of a node; the content of `agent/nodes/<id>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the node should be. Its endpoint was bound at least once.
    pub spec: NodeSpec,
    /// True from the acceptance of a removal until nothing is left.
    pub removed: bool,
    /// True from the acceptance of a release until the record is gone. Apart from `removed`, so
    /// that an agent that does not know it goes on with the node and deletes nothing.
    #[serde(default)]
    pub released: bool,
    /// The last process that was started, dead or alive.
    pub process: Option<ProcessRecord>,
}

/// What stays of a node that is not wanted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Nothing.
    Nothing,
    /// Its directory with its data, which is saved first.
    Directory,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Control asks.
    Request {
        /// Who waits for the answer.
        reply: ReplyId,
        /// What is asked.
        request: AgentRequest,
    },
    /// An action with a ticket has ended.
    Finished {
        /// Node of the action.
        node_id: String,
        /// Ticket of the action.
        ticket: Ticket,
        /// How it ended.
        result: Result<Success, Failure>,
    },
    /// The process of a node is gone.
    NodeExited {
        /// Whose.
        node_id: String,
        /// Which process.
        pid: u32,
        /// How it ended, for a person.
        how: String,
    },
    /// `Action::ReserveEpochs` has ended.
    EpochsReserved(Result<u64, String>),
    /// `Action::SpawnControl` has succeeded.
    ControlStarted,
    /// The control process is gone, or could not be started.
    ControlExited {
        /// How it ended, for a person.
        how: String,
    },
    /// The agent is told to stop everything.
    Terminate,
    /// Time has passed; nothing else happened.
    Tick,
}

/// How an action ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Success {
    /// The endpoint is bound and listens.
    Bound,
    /// The record is on disk.
    Persisted,
    /// The process has been started.
    Spawned(Identity),
    /// The record is gone, and the files that were not to be left.
    Deleted,
    /// The node agreed to stop, and has saved.
    Stopping,
    /// The node gave a sign of life.
    Alive,
    /// The node told how it is.
    Adopted(Adoption),
    /// The conversation is over; it may have got stuck on the way.
    Talked(TalkReport),
}

/// How an action ended badly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For the machine.
    pub kind: FailureKind,
    /// For a person.
    pub reason: String,
}

/// Failures that are answered differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The node did not open its admin socket in time, or has ended.
    Unreachable,
    /// The node closed the connection, most likely because it has just ended.
    Closed,
    /// The node is connected and silent.
    TimedOut,
    /// The node speaks another protocol.
    ProtocolMismatch,
    /// The node has seen a higher epoch.
    StaleEpoch,
    /// Anything else, told by the node or by the kernel.
    Other,
}

/// What a living node told a new agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// Endpoint whose listening socket it handed over.
    pub endpoint: Option<Endpoint>,
    /// Its role.
    pub role: Role,
    /// Epoch of its grant, 0 without.
    pub epoch: u64,
    /// Generation of its settings, 0 without.
    pub generation: u64,
}

/// How far a conversation came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TalkReport {
    /// Generation that the node confirmed.
    pub configured: Option<u64>,
    /// Endpoint whose listening socket the node took.
    pub listening: Option<Endpoint>,
    /// Epoch under which the node serves.
    pub granted: Option<u64>,
    /// Highest epoch that the node knew of, 0 if it was not asked.
    pub node_epoch: u64,
    /// The node said that it is loading its data.
    pub loading: bool,
    /// Why it went no further.
    pub failure: Option<Failure>,
}

/// Address and port of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint(pub SocketAddr);

impl Endpoint {
    /// The endpoint that a spec asks for; `None` when it names no address or no port.
    pub fn of(spec: &NodeSpec) -> Option<Endpoint> {
        let address: IpAddr = spec.bind.parse().ok()?;
        (spec.port != 0).then_some(Endpoint(SocketAddr::new(address, spec.port)))
    }
}

/// What a node is to be told; each part only where it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Settings, with their generation.
    pub configure: Option<(u64, Box<NodeSettings>)>,
    /// The endpoint whose socket goes to the node.
    pub listen: Option<Endpoint>,
    /// The epoch of the grant.
    pub grant: Option<u64>,
}

/// Questions that are passed on to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// How are you.
    Probe,
    /// Who is connected.
    Clients,
}

/// Signals that the agent sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Please stop.
    Terminate,
    /// The fence.
    Kill,
}

/// Something to be done. Those with a ticket end in an `Event::Finished` with the same ticket.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Bind and listen; the socket stays with the agent until `CloseSocket`.
    Bind {
        /// For whom.
        node_id: String,
        /// Ends in `Bound`.
        ticket: Ticket,
        /// Where.
        endpoint: Endpoint,
    },
    /// Drop the agent's duplicate of a listening socket.
    CloseSocket {
        /// Whose.
        node_id: String,
        /// Which.
        endpoint: Endpoint,
    },
    /// Write the record durably.
    Persist {
        /// Whose.
        node_id: String,
        /// Ends in `Persisted`.
        ticket: Ticket,
        /// The new content.
        record: Box<Record>,
    },
    /// Start a process.
    Spawn {
        /// For whom.
        node_id: String,
        /// Ends in `Spawned`.
        ticket: Ticket,
        /// Loops of the engine.
        loops: u32,
    },
    /// Ask a process of an earlier agent how it is, and for its listening socket.
    Adopt {
        /// Which node.
        node_id: String,
        /// Ends in `Adopted`.
        ticket: Ticket,
        /// Which process.
        pid: u32,
    },
    /// Bring a process into service or up to date.
    Talk {
        /// Which node.
        node_id: String,
        /// Ends in `Talked`.
        ticket: Ticket,
        /// Which process.
        pid: u32,
        /// What to tell it.
        script: Script,
    },
    /// Ask a process for a sign of life.
    Beat {
        /// Which node.
        node_id: String,
        /// Ends in `Alive`.
        ticket: Ticket,
        /// Which process.
        pid: u32,
    },
    /// Ask a process to save and stop.
    Stop {
        /// Which node.
        node_id: String,
        /// Ends in `Stopping`.
        ticket: Ticket,
        /// Which process.
        pid: u32,
    },
    /// Signal a process.
    Signal {
        /// Which node.
        node_id: String,
        /// Which process.
        pid: u32,
        /// By what.
        signal: Signal,
    },
    /// Delete the record of a node, and before it what is not to be left of its directory.
    Delete {
        /// Which node.
        node_id: String,
        /// What stays.
        leave: Leave,
        /// Ends in `Deleted`.
        ticket: Ticket,
    },
    /// Write durably that epochs up to this one may be in use.
    ReserveEpochs {
        /// Highest epoch of the block.
        through: u64,
    },
    /// Pass a question on to a node, and its answer back.
    Relay {
        /// Who waits for the answer.
        reply: ReplyId,
        /// Which node.
        node_id: String,
        /// Which process.
        pid: u32,
        /// What to ask.
        question: Question,
    },
    /// Ask all these nodes for their figures, and answer with what they say.
    Survey {
        /// Who waits for the answer.
        reply: ReplyId,
        /// Nodes with their processes.
        nodes: Vec<(String, u32)>,
    },
    /// Answer.
    Reply {
        /// Who waits.
        reply: ReplyId,
        /// The answer.
        answer: AgentReply,
    },
    /// A node is seen in another state than before, or `None`: is gone.
    Publish {
        /// Which node.
        node_id: String,
        /// Its present state.
        observed: Option<Box<NodeObserved>>,
    },
    /// Start the control process.
    SpawnControl {
        /// True the first time.
        first: bool,
    },
    /// Signal the control process.
    SignalControl(Signal),
    /// Nothing is left to do: leave the loop.
    Exit,
}

/// A refusal as an answer.
pub(crate) fn refused(code: &str, message: impl Into<String>) -> AgentReply {
    AgentReply::Refused(Refusal { code: code.to_owned(), message: message.into() })
}
