//! The decisions of the agent: events and the time in, actions out. Repeats and late endings change
//! nothing; every failure is tried again or answered. Must not know processes, sockets, files or
//! clocks.

mod control;
mod epochs;
pub(crate) mod heart;
pub mod message;
mod node;
mod pause;
mod process;
#[cfg(test)]
mod tests;

use crate::core::control::Control;
use crate::core::epochs::Epochs;
use crate::core::message::{
    Action, Endpoint, Event, Leave, Question, Record, ReplyId, Ticket, refused,
};
use crate::core::node::{Node, Turn};
use admin::agent::{AgentReply, AgentRequest, NodeObserved, NodeSpec};
use std::collections::{BTreeMap, VecDeque};

/// How long control waits for the nodes of an earlier agent to be heard, in milliseconds.
const ADOPTION_MS_MAX: u64 = 2_000;
/// The longest that a watch may wait, in milliseconds.
const WATCH_MS_MAX: u64 = 60_000;
/// Removed nodes whose generation is remembered.
const TOMBSTONES_MAX: usize = 10_000;
/// The most loops a node may have.
const LOOPS_MAX: u32 = 256;

/// All of one agent.
#[derive(Debug)]
pub struct Agent {
    nodes: BTreeMap<String, Node>,
    /// Last published observation of each node.
    observed: BTreeMap<String, NodeObserved>,
    revision: u64,
    watches: Vec<Watch>,
    tombstones: Tombstones,
    epochs: Epochs,
    tickets: Ticket,
    control: Control,
    draining: bool,
    exited: bool,
}

/// Someone who waits for a change.
#[derive(Debug)]
struct Watch {
    reply: ReplyId,
    after: u64,
    until: u64,
}

/// What is known when an agent starts.
#[derive(Debug)]
pub struct Start {
    /// Records of nodes, each with whether its process still runs.
    pub records: Vec<(Record, bool)>,
    /// Highest epoch that an earlier agent has reserved.
    pub epoch_reserved: u64,
    /// First revision; another for each agent.
    pub revision: u64,
    /// Monotonic milliseconds.
    pub now_ms: u64,
}

impl Agent {
    /// An agent that has done nothing yet; its first event should be a tick.
    pub fn new(start: Start) -> Agent {
        let nodes = start
            .records
            .into_iter()
            .map(|(record, alive)| (record.spec.node_id.clone(), Node::recorded(record, alive)));
        Agent {
            nodes: nodes.collect(),
            observed: BTreeMap::new(),
            revision: start.revision,
            watches: Vec::new(),
            tombstones: Tombstones::default(),
            epochs: Epochs::after(start.epoch_reserved),
            tickets: 0,
            control: Control::new(start.now_ms + ADOPTION_MS_MAX),
            draining: false,
            exited: false,
        }
    }

    /// Whether everything is being stopped: what breaks off then is no news.
    pub fn is_stopping(&self) -> bool {
        self.draining
    }

    /// Takes in one event; appends what is to be done. Time is monotonic, in milliseconds.
    pub fn handle(&mut self, event: Event, now_ms: u64, actions: &mut Vec<Action>) {
        match event {
            Event::Request { reply, request } => self.request(reply, request, now_ms, actions),
            Event::Finished { node_id, ticket, result } => {
                self.with_node(&node_id, now_ms, actions, |node, turn| {
                    node.finished(ticket, result, turn);
                });
            }
            Event::NodeExited { node_id, pid, how } => {
                self.with_node(&node_id, now_ms, actions, |node, turn| {
                    node.exited(pid, &how, turn);
                });
            }
            Event::EpochsReserved(outcome) => {
                self.epochs.reserved(outcome, now_ms);
                self.drive_all(now_ms, actions);
            }
            Event::ControlStarted => self.control.started(now_ms),
            Event::ControlExited { how: _ } => self.control.exited(now_ms),
            Event::Terminate => self.draining = true,
            Event::Tick => {}
        }
        self.settle(now_ms, actions);
    }

    /// When a tick is due at the latest; `None` when only an event can change anything.
    pub fn wake(&self, now_ms: u64) -> Option<u64> {
        let beats = self.nodes.values().filter_map(Node::beat_at);
        self.wake_but_beats(now_ms).into_iter().chain(beats).min()
    }

    /// As `wake`, without the heartbeats, which never end.
    fn wake_but_beats(&self, now_ms: u64) -> Option<u64> {
        let nodes = self.nodes.values().filter_map(Node::wake);
        let watches = self.watches.iter().map(|watch| watch.until);
        nodes.chain(watches).chain(self.epochs.wake(now_ms)).chain(self.control.wake()).min()
    }

    // ---- requests

    fn request(
        &mut self,
        reply: ReplyId,
        request: AgentRequest,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) {
        let answer = match request {
            AgentRequest::Hello(_) => Some(refused("BadRequest", "hello was said already")),
            AgentRequest::Log(_) => Some(refused("BadRequest", "logs are read beside the core")),
            AgentRequest::Apply(spec) => self.apply(*spec, reply, now_ms, actions),
            AgentRequest::Remove { node_id, generation } => {
                let leave = (generation, Leave::Nothing);
                self.remove(&node_id, leave, reply, now_ms, actions)
            }
            AgentRequest::Release { node_id, generation } => {
                let leave = (generation, Leave::Directory);
                self.remove(&node_id, leave, reply, now_ms, actions)
            }
            AgentRequest::Observe => Some(self.observation()),
            AgentRequest::Watch { after, timeout_ms } => {
                let until = now_ms + timeout_ms.min(WATCH_MS_MAX);
                self.watches.push(Watch { reply, after, until });
                None
            }
            AgentRequest::Probe { node_id } => self.relay(node_id, Question::Probe, reply, actions),
            AgentRequest::Clients { node_id } => {
                self.relay(node_id, Question::Clients, reply, actions)
            }
            AgentRequest::Sample => {
                let running =
                    self.nodes.iter().filter_map(|(id, node)| Some((id.clone(), node.pid()?)));
                actions.push(Action::Survey { reply, nodes: running.collect() });
                None
            }
        };
        actions.extend(answer.map(|answer| Action::Reply { reply, answer }));
    }

    fn apply(
        &mut self,
        spec: NodeSpec,
        reply: ReplyId,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) -> Option<AgentReply> {
        if self.draining {
            return Some(refused("Failed", "the agent is stopping"));
        }
        if let Err(message) = check_spec(&spec) {
            return Some(refused("BadRequest", message));
        }
        let node_id = spec.node_id.clone();
        let known = self.nodes.get(&node_id);
        if known.is_some_and(|node| node.removing().is_some()) {
            return Some(refused("Failed", format!("node {node_id} is being removed")));
        }
        let newest = known.and_then(Node::newest);
        let (generation, incarnation) = newest.unwrap_or((self.tombstones.generation(&node_id), 0));
        if spec.generation < generation || spec.incarnation < incarnation {
            return Some(refused(
                "StaleGeneration",
                format!(
                    "node {node_id} is at generation {generation}, incarnation {incarnation}; \
                     got {}, {}",
                    spec.generation, spec.incarnation
                ),
            ));
        }
        if known.is_some_and(|node| node.contradicts(&spec)) {
            let message = format!(
                "node {node_id} has other settings under generation {generation}; \
                 changed settings need a higher one"
            );
            return Some(refused("BadRequest", message));
        }
        self.nodes.entry(node_id.clone()).or_insert_with(|| Node::new(&node_id));
        self.with_node(&node_id, now_ms, actions, |node, turn| node.apply(spec, reply, turn));
        None
    }

    fn remove(
        &mut self,
        node_id: &str,
        (generation, leave): (u64, Leave),
        reply: ReplyId,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) -> Option<AgentReply> {
        if self.draining {
            return Some(refused("Failed", "the agent is stopping"));
        }
        if !is_node_id(node_id) {
            return Some(refused("BadRequest", format!("{node_id:?} names no node")));
        }
        let newest = self.nodes.get(node_id).and_then(Node::newest);
        if newest.is_some_and(|(newest, _)| generation < newest) {
            return Some(refused(
                "StaleGeneration",
                format!("node {node_id} is newer than generation {generation}"),
            ));
        }
        self.tombstones.bury(node_id, generation);
        self.nodes.entry(node_id.to_owned()).or_insert_with(|| Node::new(node_id));
        self.with_node(node_id, now_ms, actions, |node, turn| {
            node.remove((generation, leave), reply, turn);
        });
        None
    }

    fn relay(
        &mut self,
        node_id: String,
        question: Question,
        reply: ReplyId,
        actions: &mut Vec<Action>,
    ) -> Option<AgentReply> {
        let Some(node) = self.nodes.get(&node_id) else {
            return Some(refused("UnknownNode", format!("there is no node {node_id}")));
        };
        let Some(pid) = node.pid() else {
            return Some(refused("Failed", format!("node {node_id} does not run")));
        };
        actions.push(Action::Relay { reply, node_id, pid, question });
        None
    }

    fn observation(&self) -> AgentReply {
        let nodes = self.observed.values().cloned().collect();
        AgentReply::Observed { revision: self.revision, nodes }
    }

    // ---- turns

    /// Lets `change` work on a node, then drives it. An unknown node is left alone.
    fn with_node(
        &mut self,
        node_id: &str,
        now_ms: u64,
        actions: &mut Vec<Action>,
        change: impl FnOnce(&mut Node, &mut Turn<'_>),
    ) {
        let draining = self.nodes_drain();
        let Some(node) = self.nodes.get_mut(node_id) else { return };
        let mut turn = Turn {
            now_ms,
            draining,
            epochs: &mut self.epochs,
            tickets: &mut self.tickets,
            actions,
        };
        change(node, &mut turn);
        node.drive(&mut turn);
        let seen = node.observe(draining);
        let seen = seen.filter(|_| !node.is_gone());
        if node.is_gone() {
            self.nodes.remove(node_id);
        }
        self.publish(node_id, seen, actions);
    }

    fn publish(&mut self, node_id: &str, seen: Option<NodeObserved>, actions: &mut Vec<Action>) {
        let before = match &seen {
            Some(seen) => self.observed.insert(node_id.to_owned(), seen.clone()),
            None => self.observed.remove(node_id),
        };
        if before != seen {
            self.revision += 1;
            let node_id = node_id.to_owned();
            actions.push(Action::Publish { node_id, observed: seen.map(Box::new) });
        }
    }

    fn drive_all(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let ids: Vec<String> = self.nodes.keys().cloned().collect();
        for id in ids {
            self.with_node(&id, now_ms, actions, |_, _| {});
        }
    }

    fn drive_due(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let unseen = |id: &String| !self.observed.contains_key(id);
        let is_due =
            |node: &Node| node.wake().into_iter().chain(node.beat_at()).any(|at| at <= now_ms);
        let due = self.nodes.iter().filter(|(id, node)| is_due(node) || unseen(id));
        let ids: Vec<String> = due.map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.with_node(&id, now_ms, actions, |_, _| {});
        }
    }

    /// Nodes are stopped after control, which may still talk about them.
    fn nodes_drain(&self) -> bool {
        self.draining && self.control.is_stopped()
    }

    /// What follows from any event: timers, control, shutdown, watches.
    fn settle(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        self.drive_due(now_ms, actions);
        if !self.nodes.values().any(Node::is_unknown) {
            self.control.hurry();
        }
        actions.extend(self.control.step(now_ms, self.draining));
        if self.nodes_drain() {
            self.drive_all(now_ms, actions);
            if !self.exited && self.nodes.values().all(Node::is_quiet) {
                self.exited = true;
                actions.push(Action::Exit);
            }
        }
        actions.extend(self.epochs.replenish(now_ms));
        self.answer_watches(now_ms, actions);
    }

    fn answer_watches(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let revision = self.revision;
        let done = |watch: &mut Watch| watch.after != revision || watch.until <= now_ms;
        let answered: Vec<Watch> = self.watches.extract_if(.., done).collect();
        for Watch { reply, .. } in answered {
            actions.push(Action::Reply { reply, answer: self.observation() });
        }
    }

    /// Panics when the facts contradict each other.
    pub fn check_invariants(&self) {
        for (id, node) in &self.nodes {
            node.check_invariants();
            assert!(!node.is_gone(), "{id} is gone and still here");
        }
    }
}

/// Generations of nodes that were removed, so that a late `Apply` does not bring them back.
#[derive(Debug, Default)]
struct Tombstones {
    generations: BTreeMap<String, u64>,
    order: VecDeque<String>,
}

impl Tombstones {
    fn bury(&mut self, node_id: &str, generation: u64) {
        match self.generations.get_mut(node_id) {
            Some(buried) => *buried = (*buried).max(generation),
            None => {
                self.generations.insert(node_id.to_owned(), generation);
                self.order.push_back(node_id.to_owned());
            }
        }
        if TOMBSTONES_MAX < self.order.len()
            && let Some(oldest) = self.order.pop_front()
        {
            self.generations.remove(&oldest);
        }
    }

    fn generation(&self, node_id: &str) -> u64 {
        self.generations.get(node_id).copied().unwrap_or(0)
    }
}

fn check_spec(spec: &NodeSpec) -> Result<(), String> {
    if !is_node_id(&spec.node_id) {
        return Err(format!("{:?} cannot name a node", spec.node_id));
    }
    if Endpoint::of(spec).is_none() {
        return Err(format!("{}:{} is no address with a port", spec.bind, spec.port));
    }
    if !(1..=LOOPS_MAX).contains(&spec.loops) {
        return Err(format!("{} loops are not within 1..={LOOPS_MAX}", spec.loops));
    }
    if spec.generation == 0 {
        return Err("generation 0 means none".to_owned());
    }
    Ok(())
}

/// Node ids become file names, so they hold nothing that a path could mean something by.
pub(crate) fn is_node_id(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=100).contains(&text.len()) && text.chars().all(plain)
}
