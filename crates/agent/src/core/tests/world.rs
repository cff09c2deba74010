//! A world for the core: a disk, sockets and processes in memory, one agent that may be killed, and
//! faults. It checks on the spot that nothing is done that the agent promises never to do.

use crate::core::heart::ANSWER_MS_MAX;
use crate::core::message::*;
use crate::core::{Agent, Start};
use admin::agent::{AgentReply, AgentRequest, NodeObserved, NodeSpec};
use admin::node::Role;
use admin::{Allowlist, NodeSettings};
use std::collections::{BTreeMap, BTreeSet};
use stdx::Rng;

pub(super) const NAMES: [&str; 3] = ["a", "b", "c"];

pub(super) fn spec(node_id: &str, generation: u64, incarnation: u64) -> NodeSpec {
    let offset = node_id.bytes().next().unwrap_or(0);
    NodeSpec {
        node_id: node_id.to_owned(),
        instance_id: format!("r-{node_id}"),
        generation,
        incarnation,
        bind: "127.0.0.1".to_owned(),
        port: 7_000 + u16::from(offset),
        loops: 1,
        settings: NodeSettings {
            instance_id: format!("r-{node_id}"),
            engine_version: "7.0".to_owned(),
            users: Vec::new(),
            password_free: false,
            allowlist: Allowlist::Nobody,
            maxmemory_bytes: 0,
            connections_max: 100,
            parameters: BTreeMap::new(),
            clears: Default::default(),
            bandwidth_bytes_per_s: 0,
            audit_log_days: None,
            adopted_change: 0,
            write_lock: None,
        },
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The n-th ending is a failure.
    Nth(usize),
    /// Any ending may be a failure.
    Half(u64),
    /// New processes die before they open their admin socket.
    Stillborn,
    /// No conversation is answered.
    Silent,
    /// No sign of life is given; everything else works.
    Hung,
    /// Signs of life cannot be asked for.
    Unaskable,
    /// Shutdown is not answered.
    DeafToStop,
    /// Shutdown is answered but the process stays until SIGTERM.
    AgreesAndStays,
    /// As before, and only SIGKILL helps.
    DeafToTerm,
    /// Adoption meets another protocol.
    OldProtocol,
    /// Grants are not answered, and the node says that it loads.
    Loading,
}

struct Process {
    node_id: String,
    identity: Identity,
    configured: u64,
    listening: Option<Endpoint>,
    granted: u64,
    dirty: bool,
}

pub(super) struct World {
    pub(super) agent: Agent,
    pub(super) now: u64,
    pub(super) fault: Fault,
    /// Names of actions and of replies to `Apply`, in order.
    pub(super) trace: Vec<String>,
    pub(super) replies: Vec<AgentReply>,
    pub(super) taken_ports: Vec<u16>,
    pub(super) disk_epoch: u64,
    pub(super) spawned_epoch_floor: u64,
    pub(super) starts: usize,
    pub(super) completed: usize,
    /// Granted processes that died otherwise than after a save or by our own `kill`.
    pub(super) unsaved_deaths: usize,
    /// Each ending is delivered twice.
    pub(super) twice: bool,
    records: BTreeMap<String, Record>,
    files: BTreeSet<String>,
    processes: BTreeMap<u32, Process>,
    sockets: BTreeSet<(String, Endpoint)>,
    highest_epoch: BTreeMap<String, u64>,
    pending: Vec<Action>,
    /// Questions for a sign of life that nobody answers: when, whose, ticket.
    beats: Vec<(u64, String, Ticket)>,
    next_pid: u32,
    next_reply: ReplyId,
    control_runs: bool,
}

impl World {
    pub(super) fn new(fault: Fault) -> World {
        let agent = Agent::new(Start {
            records: Vec::new(),
            epoch_reserved: 0,
            revision: 1 << 40,
            now_ms: 0,
        });
        let mut world = World {
            agent,
            now: 0,
            fault,
            trace: Vec::new(),
            replies: Vec::new(),
            taken_ports: Vec::new(),
            disk_epoch: 0,
            spawned_epoch_floor: 0,
            starts: 0,
            completed: 0,
            unsaved_deaths: 0,
            twice: false,
            records: BTreeMap::new(),
            files: BTreeSet::new(),
            processes: BTreeMap::new(),
            sockets: BTreeSet::new(),
            highest_epoch: BTreeMap::new(),
            pending: Vec::new(),
            beats: Vec::new(),
            next_pid: 100,
            next_reply: 0,
            control_runs: false,
        };
        world.event(Event::Tick);
        world
    }

    // ---- what tests do

    pub(super) fn apply(&mut self, spec: NodeSpec) {
        self.request(AgentRequest::Apply(Box::new(spec)));
    }

    pub(super) fn remove(&mut self, node_id: &str, generation: u64) {
        self.request(AgentRequest::Remove { node_id: node_id.to_owned(), generation });
    }

    pub(super) fn release(&mut self, node_id: &str, generation: u64) {
        self.request(AgentRequest::Release { node_id: node_id.to_owned(), generation });
    }

    pub(super) fn request(&mut self, request: AgentRequest) {
        self.next_reply += 1;
        self.event(Event::Request { reply: self.next_reply, request });
    }

    /// SIGKILL by someone else; an agent that runs learns of it.
    pub(super) fn kill(&mut self, node_id: &str) {
        for pid in self.living(node_id) {
            self.exit(pid, "killed");
        }
    }

    pub(super) fn living(&self, node_id: &str) -> Vec<u32> {
        let of_node = self.processes.iter().filter(|(_, process)| process.node_id == node_id);
        of_node.map(|(&pid, _)| pid).collect()
    }

    /// Everything in the agent's memory is lost; processes and what they hold stay.
    pub(super) fn kill_agent(&mut self) {
        self.pending.clear();
        self.beats.clear();
        self.sockets.clear();
        self.control_runs = false;
        let records = Vec::new();
        self.agent = Agent::new(Start { records, epoch_reserved: 0, revision: 0, now_ms: 0 });
    }

    pub(super) fn start_agent(&mut self) {
        let is_recorded = |process: &Process| {
            let record = self.records.get(&process.node_id);
            let recorded = record.and_then(|record| record.process.as_ref());
            recorded.is_some_and(|recorded| recorded.identity == process.identity)
        };
        self.processes.retain(|_, process| is_recorded(process));
        let records = self.records.values().map(|record| {
            let pid = record.process.as_ref().map(|process| process.identity.pid);
            (record.clone(), pid.is_some_and(|pid| self.processes.contains_key(&pid)))
        });
        self.agent = Agent::new(Start {
            records: records.collect(),
            epoch_reserved: self.disk_epoch,
            revision: 2 << 40,
            now_ms: self.now,
        });
        self.event(Event::Tick);
    }

    pub(super) fn event(&mut self, event: Event) {
        let repeats = self.twice && !matches!(event, Event::Request { .. });
        let mut actions = Vec::new();
        self.agent.handle(event.clone(), self.now, &mut actions);
        self.agent.check_invariants();
        if repeats {
            self.agent.handle(event, self.now, &mut actions);
            self.agent.check_invariants();
        }
        for action in actions {
            self.take(action);
        }
    }

    /// Finishes everything, in order, and lets time pass until nothing but heartbeats is due.
    pub(super) fn settle(&mut self) {
        for _ in 0..100_000 {
            if !self.pending.is_empty() {
                self.complete_at(0);
            } else if let Some(wake) = self.agent.wake_but_beats(self.now) {
                self.now = self.now.max(wake);
                self.event(Event::Tick);
            } else {
                return;
            }
        }
        panic!("no rest: {:?}", self.trace.iter().rev().take(20).collect::<Vec<_>>());
    }

    /// As `settle`, but up to a time.
    pub(super) fn run_until(&mut self, until: u64) {
        for _ in 0..10_000 {
            self.time_out_beats();
            let overdue = self.beats.iter().map(|(since, ..)| since + ANSWER_MS_MAX);
            let wake = self.agent.wake(self.now).into_iter().chain(overdue).min();
            let wake = wake.unwrap_or(until);
            if !self.pending.is_empty() && self.now < until {
                // Conversations take time, so that a failing one cannot go on for ever at once.
                self.now += 1;
                self.complete_at(0);
            } else if wake < until {
                self.now = self.now.max(wake);
                self.event(Event::Tick);
            } else {
                break;
            }
        }
        self.now = self.now.max(until);
        self.time_out_beats();
        self.event(Event::Tick);
    }

    fn time_out_beats(&mut self) {
        let now = self.now;
        let overdue = |(since, ..): &mut (u64, String, Ticket)| *since + ANSWER_MS_MAX <= now;
        let over: Vec<_> = self.beats.extract_if(.., overdue).collect();
        for (_, node_id, ticket) in over {
            let kind = FailureKind::TimedOut;
            let result = Err(Failure { kind, reason: "silent".to_owned() });
            self.event(Event::Finished { node_id, ticket, result });
        }
    }

    fn beat(&mut self, node_id: String, ticket: Ticket, pid: u32) {
        let result = match self.fault {
            Fault::Hung | Fault::Silent => return self.beats.push((self.now, node_id, ticket)),
            Fault::Unaskable => Err(other("too many open files")),
            _ if self.processes.contains_key(&pid) => Ok(Success::Alive),
            _ => Err(unreachable()),
        };
        self.event(Event::Finished { node_id, ticket, result });
    }

    pub(super) fn complete_any(&mut self) {
        self.complete_at(0);
    }

    pub(super) fn complete_at(&mut self, at: usize) {
        if !self.pending.is_empty() {
            let action = self.pending.remove(at % self.pending.len());
            self.complete(action);
        }
    }

    pub(super) fn seen(&self, node_id: &str) -> NodeObserved {
        self.agent.observed.get(node_id).cloned().unwrap_or_else(|| panic!("no node {node_id}"))
    }

    pub(super) fn bound_ports(&self) -> Vec<u16> {
        let held = self.processes.values().filter_map(|process| process.listening);
        let all = self.sockets.iter().map(|(_, endpoint)| *endpoint).chain(held);
        let ports: BTreeSet<u16> = all.map(|endpoint| endpoint.0.port()).collect();
        ports.into_iter().collect()
    }

    pub(super) fn assert_nothing_left(&self, node_id: &str) {
        assert!(!self.files.contains(node_id), "files are left");
        self.assert_nothing_runs(node_id);
    }

    pub(super) fn assert_only_files_left(&self, node_id: &str) {
        assert!(self.files.contains(node_id), "the files are gone");
        self.assert_nothing_runs(node_id);
    }

    fn assert_nothing_runs(&self, node_id: &str) {
        assert!(self.living(node_id).is_empty(), "a process is left");
        assert!(!self.records.contains_key(node_id), "a record is left");
        assert!(!self.sockets.iter().any(|(owner, _)| owner == node_id), "a socket is left");
    }

    // ---- what the agent does

    /// Signals, answers and the like happen at once, the rest when it is completed.
    fn take(&mut self, action: Action) {
        match action {
            Action::CloseSocket { node_id, endpoint } => {
                assert!(self.sockets.remove(&(node_id, endpoint)), "closed twice");
            }
            Action::Beat { node_id, ticket, pid } => self.beat(node_id, ticket, pid),
            Action::Signal { node_id, pid, signal } => self.signal(&node_id, pid, signal),
            Action::Reply { reply: _, answer } => {
                if answer == AgentReply::Applied {
                    self.trace.push("Applied".to_owned());
                }
                self.replies.push(answer);
            }
            Action::Publish { .. } | Action::Relay { .. } => {}
            Action::SpawnControl { .. } => {
                self.trace.push("Control".to_owned());
                self.control_runs = true;
                self.event(Event::ControlStarted);
            }
            Action::SignalControl(signal) => {
                assert!(self.control_runs);
                self.trace.push(format!("Control{signal:?}"));
                self.control_runs = false;
                self.event(Event::ControlExited { how: "stopped".to_owned() });
            }
            Action::Exit => self.trace.push("Exit".to_owned()),
            action => self.pending.push(action),
        }
    }

    fn signal(&mut self, node_id: &str, pid: u32, signal: Signal) {
        let Some(process) = self.processes.get_mut(&pid) else { return };
        assert_eq!(process.node_id, node_id, "a signal to someone else");
        if signal == Signal::Terminate && self.fault == Fault::DeafToTerm {
            return;
        }
        if signal == Signal::Terminate {
            process.dirty = false;
        }
        self.unsaved_deaths += usize::from(process.dirty);
        self.exit(pid, "signalled");
    }

    fn exit(&mut self, pid: u32, how: &str) {
        if let Some(process) = self.processes.remove(&pid) {
            let (node_id, how) = (process.node_id, how.to_owned());
            self.event(Event::NodeExited { node_id, pid, how });
        }
    }

    fn complete(&mut self, action: Action) {
        let nth = self.completed;
        self.completed += 1;
        let fails = match self.fault {
            Fault::Nth(failing) => nth == failing,
            Fault::Half(seed) => Rng::new(seed.wrapping_add(nth as u64)).below(2) == 0,
            _ => false,
        };
        let name = format!("{action:?}");
        let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
        match action {
            Action::ReserveEpochs { .. } if fails => {
                self.event(Event::EpochsReserved(Err("disk".to_owned())));
            }
            Action::ReserveEpochs { through } => {
                self.disk_epoch = through;
                self.event(Event::EpochsReserved(Ok(through)));
            }
            Action::Bind { node_id, ticket, endpoint } => {
                self.trace.push(name);
                let result = self.bind(&node_id, endpoint, fails);
                self.event(Event::Finished { node_id, ticket, result });
            }
            Action::Persist { node_id, ticket, record } => {
                self.trace.push(name);
                let result = match fails {
                    true => Err(other("disk")),
                    false => {
                        self.records.insert(node_id.clone(), *record);
                        Ok(Success::Persisted)
                    }
                };
                self.event(Event::Finished { node_id, ticket, result });
            }
            Action::Spawn { node_id, ticket, .. } => {
                self.trace.push(name);
                self.spawn(node_id, ticket, fails);
            }
            Action::Delete { node_id, ticket, leave } => {
                self.trace.push(name);
                let result = self.delete(&node_id, leave, fails);
                self.event(Event::Finished { node_id, ticket, result });
            }
            Action::Adopt { node_id, ticket, pid } => {
                self.trace.push(name);
                let result = self.adopt(pid, fails);
                if let Ok(Success::Adopted(Adoption { endpoint: Some(endpoint), .. })) = &result {
                    self.sockets.insert((node_id.clone(), *endpoint));
                }
                self.event(Event::Finished { node_id, ticket, result });
            }
            Action::Talk { node_id, ticket, pid, script } => {
                self.trace.push(name);
                let result = self.talk(&node_id, pid, &script, fails);
                self.event(Event::Finished { node_id, ticket, result });
            }
            Action::Stop { node_id, ticket, pid } => {
                self.trace.push(name);
                self.stop(node_id, ticket, pid, fails);
            }
            other => panic!("{other:?} has no ending"),
        }
    }

    fn bind(&mut self, node_id: &str, endpoint: Endpoint, fails: bool) -> Result<Success, Failure> {
        let held = self.processes.values().any(|process| process.listening == Some(endpoint));
        assert!(!held, "{node_id} binds what a living process still holds");
        assert!(!self.sockets.iter().any(|(_, bound)| *bound == endpoint), "bound twice");
        if fails || self.taken_ports.contains(&endpoint.0.port()) {
            return Err(other("address in use"));
        }
        self.sockets.insert((node_id.to_owned(), endpoint));
        Ok(Success::Bound)
    }

    fn delete(&mut self, node_id: &str, leave: Leave, fails: bool) -> Result<Success, Failure> {
        assert!(self.living(node_id).is_empty(), "files of a living process deleted");
        if fails {
            return Err(other("disk"));
        }
        if leave == Leave::Nothing {
            self.files.remove(node_id);
        }
        self.records.remove(node_id);
        Ok(Success::Deleted)
    }

    fn spawn(&mut self, node_id: String, ticket: Ticket, fails: bool) {
        assert!(self.living(&node_id).is_empty(), "a second process of {node_id}");
        assert!(
            self.records.contains_key(&node_id),
            "a process of {node_id} not on record: {:?}",
            self.trace.iter().rev().take(20).collect::<Vec<_>>()
        );
        if fails {
            let result = Err(other("fork"));
            return self.event(Event::Finished { node_id, ticket, result });
        }
        self.starts += 1;
        self.next_pid += 1;
        let pid = self.next_pid;
        let identity = Identity { pid, start_time: self.now, boot_id: "boot".to_owned() };
        let process = Process {
            node_id: node_id.clone(),
            identity: identity.clone(),
            configured: 0,
            listening: None,
            granted: 0,
            dirty: false,
        };
        self.processes.insert(pid, process);
        self.files.insert(node_id.clone());
        let result = Ok(Success::Spawned(identity));
        self.event(Event::Finished { node_id, ticket, result });
        if self.fault == Fault::Stillborn {
            self.exit(pid, "stillborn");
        }
    }

    fn adopt(&mut self, pid: u32, fails: bool) -> Result<Success, Failure> {
        if self.fault == Fault::OldProtocol {
            let kind = FailureKind::ProtocolMismatch;
            return Err(Failure { kind, reason: "old".to_owned() });
        }
        let silent = fails || self.fault == Fault::Silent;
        let Some(process) = self.processes.get(&pid).filter(|_| !silent) else {
            return Err(unreachable());
        };
        Ok(Success::Adopted(Adoption {
            endpoint: process.listening,
            role: if process.granted == 0 { Role::Nobody } else { Role::Primary },
            epoch: process.granted,
            generation: process.configured,
        }))
    }

    fn talk(
        &mut self,
        node_id: &str,
        pid: u32,
        script: &Script,
        fails: bool,
    ) -> Result<Success, Failure> {
        let floor = self.spawned_epoch_floor;
        let mut report = TalkReport { node_epoch: floor, ..TalkReport::default() };
        let silent = self.fault == Fault::Silent;
        let Some(process) = self.processes.get_mut(&pid).filter(|_| !silent) else {
            report.failure = Some(unreachable());
            return Ok(Success::Talked(report));
        };
        let recorded = self.records.get(node_id).and_then(|record| record.process.as_ref());
        assert_eq!(recorded.map(|it| &it.identity), Some(&process.identity), "not on record");
        if let Some((generation, _)) = &script.configure {
            assert!(process.configured <= *generation, "settings go backwards");
            process.configured = *generation;
            report.configured = Some(*generation);
        }
        if fails {
            report.failure = Some(unreachable());
            return Ok(Success::Talked(report));
        }
        if let Some(endpoint) = script.listen {
            assert!(self.sockets.contains(&(node_id.to_owned(), endpoint)), "not bound");
            process.listening = Some(endpoint);
            report.listening = Some(endpoint);
        }
        let Some(epoch) = script.grant else { return Ok(Success::Talked(report)) };
        if epoch <= floor {
            let kind = FailureKind::StaleEpoch;
            report.failure = Some(Failure { kind, reason: "stale".to_owned() });
            return Ok(Success::Talked(report));
        }
        let highest = self.highest_epoch.entry(node_id.to_owned()).or_default();
        assert!(*highest < epoch || process.granted == epoch, "epochs of a node grow");
        assert!(epoch <= self.disk_epoch, "an epoch that is not reserved");
        if self.fault == Fault::Loading {
            report.loading = true;
            let kind = FailureKind::TimedOut;
            report.failure = Some(Failure { kind, reason: "loading".to_owned() });
            return Ok(Success::Talked(report));
        }
        *highest = epoch;
        process.granted = epoch;
        process.dirty = true;
        report.granted = Some(epoch);
        let granted = self.processes.values().filter(|it| it.node_id == node_id && it.granted > 0);
        assert_eq!(granted.count(), 1, "one granted process per node");
        Ok(Success::Talked(report))
    }

    fn stop(&mut self, node_id: String, ticket: Ticket, pid: u32, fails: bool) {
        let deaf = fails || matches!(self.fault, Fault::DeafToStop | Fault::Silent);
        let stays = matches!(self.fault, Fault::AgreesAndStays | Fault::DeafToTerm);
        let found = self.processes.get_mut(&pid).filter(|_| !deaf);
        let result = match found {
            None => Err(unreachable()),
            Some(process) => {
                process.dirty = false;
                Ok(Success::Stopping)
            }
        };
        let agreed = result.is_ok();
        self.event(Event::Finished { node_id, ticket, result });
        if agreed && !stays {
            self.exit(pid, "exit status: 0");
        }
    }
}

fn other(reason: &str) -> Failure {
    Failure { kind: FailureKind::Other, reason: reason.to_owned() }
}

fn unreachable() -> Failure {
    Failure { kind: FailureKind::Unreachable, reason: "gone".to_owned() }
}
