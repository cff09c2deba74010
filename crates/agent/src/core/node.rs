//! One node: what it should be, what is known of it, and what to do next.
//!
//! There is no script of states. After each event [`Node::drive`] compares intent with facts and
//! starts what is missing, at most one disk or process step and one conversation at a time:
//!
//! ```text
//! candidate spec ─ bind (new endpoint only) ─ persist ─► accepted
//! accepted, no process ─ bind ─ spawn ─ persist identity ─ talk ─► serving
//! living process of an earlier agent ─ adopt (takes the socket) ─ talk if anything is missing
//! serving and silent for long ─ kill ─ exit ─ (as without process)
//! older incarnation, other endpoint, agent stops ─ stop with save ─ exit ─ (as without process)
//! removed ─ persist removal ─ kill ─ exit ─ close socket ─ delete ─► gone
//! released ─ persist release ─ stop with save ─ exit ─ close socket ─ delete the record ─► gone
//! ```
//!
//! Must not know how any of these is done.

mod drive;

use crate::core::epochs::Epochs;
use crate::core::heart::Beat;
use crate::core::message::{
    Action, Endpoint, Failure, FailureKind, Identity, Leave, ProcessRecord, Record, ReplyId,
    Signal, Success, Ticket, refused,
};
use crate::core::pause::{Pause, SERVICE_MS_MIN};
use crate::core::process::{Cause, Process};
use admin::agent::{AgentReply, NodeObserved, NodePhase, NodeSpec};
use admin::node::Role;
use std::collections::VecDeque;

/// How long a process may take to exit after it agreed to stop or got SIGTERM, in milliseconds.
pub(crate) const EXIT_MS_MAX: u64 = 10_000;
/// Failures in a row after which a node counts as failed.
const FAILURES_MAX: u32 = 3;
/// Pause after the disk refused something, in milliseconds.
const DISK_RETRY_MS: u64 = 1_000;

/// What a node may use of the agent during one turn.
pub(crate) struct Turn<'a> {
    /// Monotonic milliseconds.
    pub(crate) now_ms: u64,
    /// The agent is stopping everything.
    pub(crate) draining: bool,
    /// Source of epochs.
    pub(crate) epochs: &'a mut Epochs,
    /// Last ticket given out.
    pub(crate) tickets: &'a mut Ticket,
    /// What to do.
    pub(crate) actions: &'a mut Vec<Action>,
}

impl Turn<'_> {
    fn ticket(&mut self) -> Ticket {
        *self.tickets += 1;
        *self.tickets
    }

    fn reply(&mut self, reply: ReplyId, answer: AgentReply) {
        self.actions.push(Action::Reply { reply, answer });
    }
}

/// A step of disk or process in flight.
#[derive(Debug, Clone, PartialEq)]
enum Work {
    Bind(Endpoint),
    Persist(Box<Record>),
    Spawn { incarnation: u64 },
    Delete(Leave),
}

/// A conversation in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conversation {
    Adopt,
    Talk,
    Stop,
}

/// A removal under way.
#[derive(Debug)]
struct Removal {
    generation: u64,
    leave: Leave,
    waiters: Vec<ReplyId>,
}

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    id: String,
    accepted: Option<NodeSpec>,
    applying: VecDeque<(NodeSpec, ReplyId)>,
    removal: Option<Removal>,
    persisted: Option<Record>,
    sockets: Vec<Endpoint>,
    process: Option<Process>,
    work: Option<(Ticket, Work)>,
    conversation: Option<(Ticket, Conversation)>,
    pause: Pause,
    retry_at: u64,
    failure: Option<String>,
    last_incarnation: u64,
    crashes: u32,
    wake: Option<u64>,
    beat_at: Option<u64>,
    gone: bool,
}

impl Node {
    /// A node of which nothing exists yet.
    pub(crate) fn new(id: &str) -> Node {
        Node {
            id: id.to_owned(),
            accepted: None,
            applying: VecDeque::new(),
            removal: None,
            persisted: None,
            sockets: Vec::new(),
            process: None,
            work: None,
            conversation: None,
            pause: Pause::default(),
            retry_at: 0,
            failure: None,
            last_incarnation: 0,
            crashes: 0,
            wake: None,
            beat_at: None,
            gone: false,
        }
    }

    /// A node remembered by an earlier agent. `alive` when the recorded process still runs.
    pub(crate) fn recorded(record: Record, alive: bool) -> Node {
        let mut node = Node::new(&record.spec.node_id);
        if let Some(process) = &record.process {
            node.last_incarnation = process.incarnation;
            node.process = alive.then(|| Process::inherited(process.clone()));
        }
        let generation = record.spec.generation;
        let leave = match (record.removed, record.released) {
            (true, _) => Some(Leave::Nothing),
            (false, true) => Some(Leave::Directory),
            (false, false) => None,
        };
        node.removal = leave.map(|leave| Removal { generation, leave, waiters: Vec::new() });
        node.accepted = Some(record.spec.clone());
        node.persisted = Some(record);
        node
    }

    // ---- what others ask

    /// Newest generation and incarnation that were ever asked for.
    pub(crate) fn newest(&self) -> Option<(u64, u64)> {
        let spec = self.applying.back().map(|(spec, _)| spec).or(self.accepted.as_ref());
        spec.map(|spec| (spec.generation, spec.incarnation))
    }

    /// Generation of the removal under way.
    pub(crate) fn removing(&self) -> Option<u64> {
        self.removal.as_ref().map(|removal| removal.generation)
    }

    /// The process that can be asked, if one runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Nothing is left of the node.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Nothing runs and nothing is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.process.is_none() && self.work.is_none() && self.conversation.is_none()
    }

    /// True until the process of an earlier agent was asked for the first time.
    pub(crate) fn is_unknown(&self) -> bool {
        self.process.as_ref().is_some_and(Process::is_unasked)
    }

    /// When it must be driven again, without any event.
    pub(crate) fn wake(&self) -> Option<u64> {
        self.wake
    }

    /// When its heartbeat must be seen to.
    pub(crate) fn beat_at(&self) -> Option<u64> {
        self.beat_at
    }

    /// The newest spec has the same generation and other settings: it could never be told apart
    /// from the one that the process has confirmed.
    pub(crate) fn contradicts(&self, spec: &NodeSpec) -> bool {
        let newest = self.applying.back().map(|(newest, _)| newest).or(self.accepted.as_ref());
        newest.is_some_and(|newest| {
            newest.generation == spec.generation && newest.settings != spec.settings
        })
    }

    /// What the agent sees of it; `None` before it is accepted.
    pub(crate) fn observe(&self, draining: bool) -> Option<NodeObserved> {
        let spec = self.accepted.as_ref()?;
        let process = self.process.as_ref();
        let socket =
            process.and_then(|process| process.listening).or(self.sockets.first().copied());
        Some(NodeObserved {
            node_id: self.id.clone(),
            instance_id: spec.instance_id.clone(),
            generation: process.map_or(0, |process| process.configured),
            incarnation: self.last_incarnation,
            phase: self.phase(draining),
            port: socket.map_or(0, |endpoint| endpoint.0.port()),
            pid: process.map(Process::pid),
            epoch: process.map_or(0, Process::granted_epoch),
            crashes: self.crashes,
        })
    }

    fn phase(&self, draining: bool) -> NodePhase {
        let process = self.process.as_ref();
        let stopping = process.is_some_and(|process| process.is_ending_as_wanted());
        if draining || stopping || self.removal.is_some() {
            return NodePhase::Stopping;
        }
        if process.is_some_and(Process::serves) {
            return NodePhase::Serving;
        }
        match &self.failure {
            Some(reason) => NodePhase::Failed { reason: reason.clone() },
            None => NodePhase::Starting,
        }
    }

    // ---- what others want

    /// A newer spec is wanted; `reply` is answered when it is accepted or refused.
    pub(crate) fn apply(&mut self, spec: NodeSpec, reply: ReplyId, turn: &mut Turn<'_>) {
        assert!(self.removal.is_none(), "a node under removal accepts no spec");
        if self.applying.is_empty() && self.accepted.as_ref() == Some(&spec) {
            turn.reply(reply, AgentReply::Applied);
            return;
        }
        self.applying.push_back((spec, reply));
    }

    /// The node is not wanted any more; `reply` is answered when only `leave` is left. Once nothing
    /// is to be left, that stays so.
    pub(crate) fn remove(
        &mut self,
        (generation, leave): (u64, Leave),
        reply: ReplyId,
        turn: &mut Turn<'_>,
    ) {
        self.refuse_candidates("is being removed", turn);
        let waiters = Vec::new();
        let removal = self.removal.get_or_insert(Removal { generation, leave, waiters });
        removal.generation = removal.generation.max(generation);
        if leave == Leave::Nothing {
            removal.leave = leave;
        }
        removal.waiters.push(reply);
        self.retry_at = 0;
    }

    fn refuse_candidates(&mut self, why: &str, turn: &mut Turn<'_>) {
        for (_, reply) in self.applying.drain(..) {
            turn.reply(reply, refused("Failed", format!("node {} {why}", self.id)));
        }
    }

    // ---- what happened

    /// An action has ended. Endings of abandoned actions are ignored.
    pub(crate) fn finished(
        &mut self,
        ticket: Ticket,
        result: Result<Success, Failure>,
        turn: &mut Turn<'_>,
    ) {
        if let Some((_, work)) = self.work.take_if(|(of, _)| *of == ticket) {
            self.work_finished(work, result, turn);
        } else if let Some((_, talk)) = self.conversation.take_if(|(of, _)| *of == ticket) {
            self.conversation_finished(talk, result, turn);
        } else {
            self.beat_ended(ticket, &result, turn);
        }
    }

    /// A silent process is fenced: it may go on at any time, so another must not start beside it.
    fn beat_ended(
        &mut self,
        ticket: Ticket,
        result: &Result<Success, Failure>,
        turn: &mut Turn<'_>,
    ) {
        let Some(process) = &mut self.process else { return };
        let beat = match result {
            Ok(_) => Beat::Answered,
            Err(failure) if failure.kind == FailureKind::TimedOut => Beat::Silent,
            Err(_) => Beat::Unasked,
        };
        let dead = process.heart.ended(ticket, beat, turn.now_ms);
        if dead && process.ending().is_none() {
            process.ended_for = Cause::Failure;
            self.conversation = None;
            self.signal(Signal::Kill, turn);
        }
    }

    fn work_finished(&mut self, work: Work, result: Result<Success, Failure>, turn: &mut Turn<'_>) {
        match (work, result) {
            (Work::Bind(endpoint), Ok(_)) => self.sockets.push(endpoint),
            (Work::Bind(endpoint), Err(failure)) => self.bind_failed(endpoint, failure, turn),
            (Work::Persist(record), Ok(_)) => self.record_persisted(*record, turn),
            (Work::Persist(_), Err(failure)) => self.persist_failed(&failure, turn),
            (Work::Spawn { incarnation }, Ok(Success::Spawned(identity))) => {
                self.spawned(identity, incarnation);
            }
            (Work::Spawn { .. }, Ok(other)) => unreachable!("a spawn ends in {other:?}"),
            (Work::Spawn { .. }, Err(failure)) => self.came_to_nothing(failure.reason, turn),
            (Work::Delete(left), Ok(_)) => self.deleted(left, turn),
            (Work::Delete(_), Err(failure)) => self.removal_failed(&failure, turn),
        }
    }

    fn bind_failed(&mut self, endpoint: Endpoint, failure: Failure, turn: &mut Turn<'_>) {
        let accepted = self.accepted.as_ref().and_then(Endpoint::of);
        let refused_candidate = match self.applying.front() {
            Some((spec, _)) if accepted != Some(endpoint) => Endpoint::of(spec) == Some(endpoint),
            _ => false,
        };
        if refused_candidate && let Some((_, reply)) = self.applying.pop_front() {
            let message = format!("{} cannot be bound: {}", endpoint.0, failure.reason);
            turn.reply(reply, refused("PortInUse", message));
        } else {
            self.failure = Some(format!("bind {}: {}", endpoint.0, failure.reason));
            self.retry_at = turn.now_ms + self.pause.grow().max(100);
        }
    }

    fn record_persisted(&mut self, record: Record, turn: &mut Turn<'_>) {
        if self.applying.front().is_some_and(|(spec, _)| *spec == record.spec) {
            if let Some((spec, reply)) = self.applying.pop_front() {
                turn.reply(reply, AgentReply::Applied);
                self.accepted = Some(spec);
            }
            // Whatever made the old spec fail may be cured by the new one.
            self.retry_at = 0;
            if let Some(process) = &mut self.process {
                process.retry_at = 0;
            }
        }
        self.persisted = Some(record);
    }

    fn persist_failed(&mut self, failure: &Failure, turn: &mut Turn<'_>) {
        if self.removal.is_some() {
            return self.removal_failed(failure, turn);
        }
        if let Some((_, reply)) = self.applying.pop_front() {
            turn.reply(reply, refused("Failed", format!("write the record: {}", failure.reason)));
        } else {
            self.failure = Some(format!("write the record: {}", failure.reason));
            self.retry_at = turn.now_ms + DISK_RETRY_MS;
        }
    }

    fn removal_failed(&mut self, failure: &Failure, turn: &mut Turn<'_>) {
        if let Some(removal) = &mut self.removal {
            for reply in removal.waiters.drain(..) {
                turn.reply(reply, refused("Failed", failure.reason.clone()));
            }
        }
        self.retry_at = turn.now_ms + DISK_RETRY_MS;
    }

    fn spawned(&mut self, identity: Identity, incarnation: u64) {
        assert!(self.process.is_none(), "one process per node");
        self.last_incarnation = incarnation;
        self.process = Some(Process::started(ProcessRecord { identity, incarnation }));
    }

    fn deleted(&mut self, left: Leave, turn: &mut Turn<'_>) {
        assert!(self.process.is_none() && self.sockets.is_empty(), "deleted before it was stopped");
        // More is to go than when the deletion began.
        if self.removal.as_ref().is_some_and(|removal| removal.leave != left) {
            self.persisted = None;
            return;
        }
        for reply in self.removal.iter_mut().flat_map(|removal| removal.waiters.drain(..)) {
            turn.reply(reply, AgentReply::Done);
        }
        self.gone = true;
    }

    fn conversation_finished(
        &mut self,
        conversation: Conversation,
        result: Result<Success, Failure>,
        turn: &mut Turn<'_>,
    ) {
        let Some(process) = &mut self.process else { return };
        match (conversation, result) {
            (Conversation::Stop, Ok(_)) => process.exit_expected(turn.now_ms + EXIT_MS_MAX),
            (Conversation::Stop, Err(_)) => self.signal(Signal::Terminate, turn),
            (_, Ok(Success::Adopted(adoption))) => {
                turn.epochs.seen(adoption.epoch);
                if let Some(endpoint) = adoption.endpoint
                    && !self.sockets.contains(&endpoint)
                {
                    self.sockets.push(endpoint);
                }
                process.adopted(&adoption, turn.now_ms);
                if adoption.role == Role::Primary {
                    self.failure = None;
                }
            }
            (_, Ok(Success::Talked(report))) => {
                turn.epochs.seen(report.node_epoch);
                process.talked(&report, turn.now_ms);
                if process.serves() {
                    self.failure = None;
                }
                if let Some(failure) = report.failure {
                    let waits = failure.kind == FailureKind::TimedOut && report.loading;
                    self.talk_failed(failure, waits, turn);
                }
            }
            (_, Ok(other)) => unreachable!("a conversation ends in {other:?}"),
            (_, Err(failure)) => self.talk_failed(failure, false, turn),
        }
    }

    /// `waits` when the node is only slow because it loads its data.
    fn talk_failed(&mut self, failure: Failure, waits: bool, turn: &mut Turn<'_>) {
        let Some(process) = &mut self.process else { return };
        if failure.kind == FailureKind::ProtocolMismatch {
            return self.signal(Signal::Terminate, turn);
        }
        if waits {
            return;
        }
        let failures = process.talk_failed(failure.kind, turn.now_ms);
        let hopeless = failure.kind == FailureKind::Unreachable || FAILURES_MAX <= failures;
        let replaceable = !process.serves() && process.is_ours();
        if FAILURES_MAX <= failures {
            self.failure = Some(failure.reason);
        }
        if hopeless && replaceable && process.ending().is_none() {
            self.end(Cause::Failure, turn);
        }
    }

    /// The process is gone.
    pub(crate) fn exited(&mut self, pid: u32, how: &str, turn: &mut Turn<'_>) {
        let Some(process) = self.process.take_if(|process| process.pid() == pid) else { return };
        self.conversation = None;
        if process.served_ms(turn.now_ms) >= SERVICE_MS_MIN {
            self.pause.reset();
        }
        if process.is_ending_as_wanted() {
            self.retry_at = 0;
            return;
        }
        self.crashes = self.crashes.saturating_add(1);
        self.came_to_nothing(format!("process {pid} ended: {how}"), turn);
    }

    fn came_to_nothing(&mut self, reason: String, turn: &mut Turn<'_>) {
        self.retry_at = turn.now_ms + self.pause.grow();
        if FAILURES_MAX <= self.pause.failures() {
            self.failure = Some(reason);
        }
    }

    /// Panics when the facts contradict each other.
    pub(crate) fn check_invariants(&self) {
        let process = self.process.as_ref();
        assert!(process.is_none_or(|process| process.serves() <= (process.granted_epoch() > 0)));
        assert!(self.conversation.is_none() || process.is_some(), "a talk needs a process");
        assert!(self.removal.is_none() || self.applying.is_empty(), "removal ends all candidates");
        let mut sockets = self.sockets.clone();
        sockets.sort_unstable();
        sockets.dedup();
        assert_eq!(sockets.len(), self.sockets.len(), "each endpoint is bound once");
    }
}
