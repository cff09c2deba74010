//! What a node needs next, found by comparing intent with facts. Must not know what happened last.

use crate::core::message::{Action, Endpoint, Leave, Record, Script, Signal, Ticket};
use crate::core::node::{Conversation, EXIT_MS_MAX, Node, Turn, Work};
use crate::core::process::{Cause, Ending, Process};
use admin::agent::NodeSpec;

impl Node {
    /// Starts whatever is missing now.
    pub(crate) fn drive(&mut self, turn: &mut Turn<'_>) {
        self.wake = None;
        self.beat_at = None;
        if self.gone {
            return;
        }
        if turn.draining {
            self.refuse_candidates("is not changed: the agent is stopping", turn);
        }
        self.escalate(turn);
        self.close_unused_sockets(turn);
        if self.removal.is_some() {
            return self.drive_removal(turn);
        }
        self.drive_work(turn);
        self.drive_conversation(turn);
        self.drive_beat(turn);
    }

    fn drive_beat(&mut self, turn: &mut Turn<'_>) {
        let Some(process) = &mut self.process else { return };
        if !process.serves() || process.ending().is_some() {
            return;
        }
        let due_at = process.heart.due_at(turn.now_ms);
        if process.heart.is_asked() || due_at.is_some_and(|at| turn.now_ms < at) {
            self.beat_at = due_at;
            return;
        }
        let ticket = turn.ticket();
        process.heart.ask(ticket, turn.now_ms);
        self.beat_at = process.heart.due_at(turn.now_ms);
        let (node_id, pid) = (self.id.clone(), process.pid());
        turn.actions.push(Action::Beat { node_id, ticket, pid });
    }

    fn drive_removal(&mut self, turn: &mut Turn<'_>) {
        if self.work.is_some() {
            return;
        }
        let Some(leave) = self.removal.as_ref().map(|removal| removal.leave) else { return };
        let marked = |record: &Record| match leave {
            Leave::Nothing => record.removed,
            Leave::Directory => record.released,
        };
        if let Some(record) = self.persisted.as_ref().filter(|record| !marked(record)) {
            let (removed, released) = (leave == Leave::Nothing, leave == Leave::Directory);
            let record = Record { removed, released, ..record.clone() };
            if self.is_time(self.retry_at, turn) {
                self.start(Work::Persist(Box::new(record)), turn);
            }
        } else if let Some(ending) = self.process.as_ref().map(Process::ending) {
            match leave {
                Leave::Nothing if ending != Some(Ending::Killed) => {
                    self.conversation = None;
                    self.signal(Signal::Kill, turn);
                }
                // What is being said is waited for: an adoption may bring a socket.
                Leave::Directory if ending.is_none() && self.conversation.is_none() => {
                    self.end(Cause::Wish, turn);
                }
                Leave::Nothing | Leave::Directory => {}
            }
        } else if self.is_time(self.retry_at, turn) {
            self.start(Work::Delete(leave), turn);
        }
    }

    fn drive_work(&mut self, turn: &mut Turn<'_>) {
        if self.work.is_some() {
            return;
        }
        let accepted = self.accepted.as_ref().and_then(Endpoint::of);
        if let Some((candidate, _)) = self.applying.front() {
            let wanted = Endpoint::of(candidate).expect("specs are checked before they get here");
            let known = accepted == Some(wanted) || self.sockets.contains(&wanted);
            let work = match known {
                true => Work::Persist(Box::new(self.record(candidate.clone()))),
                false => Work::Bind(wanted),
            };
            return self.start(work, turn);
        }
        let (Some(spec), Some(endpoint)) = (&self.accepted, accepted) else {
            self.gone = true;
            return;
        };
        let incarnation = spec.incarnation;
        if self.is_unrecorded() {
            let record = Box::new(self.record(spec.clone()));
            if self.is_time(self.retry_at, turn) {
                self.start(Work::Persist(record), turn);
            }
            return;
        }
        let settled = self.process.as_ref().is_some_and(|process| !process.wants_socket());
        if turn.draining || settled || !self.is_time(self.retry_at, turn) {
            return;
        }
        if !self.sockets.contains(&endpoint) {
            self.start(Work::Bind(endpoint), turn);
        } else if self.process.is_none() {
            self.start(Work::Spawn { incarnation }, turn);
        }
    }

    fn drive_conversation(&mut self, turn: &mut Turn<'_>) {
        let (outdated, unrecorded) = (self.is_outdated(), self.is_unrecorded());
        let (Some(spec), Some(process)) = (&self.accepted, &mut self.process) else { return };
        if process.ending().is_some() {
            return;
        }
        if turn.draining {
            // Whatever is being said does not matter any more.
            self.conversation = None;
            return self.end(Cause::Wish, turn);
        }
        if self.conversation.is_some() || self.work.is_some() || unrecorded {
            return;
        }
        if outdated {
            return self.end(Cause::Wish, turn);
        }
        let retry_at = process.retry_at;
        let pid = process.pid();
        let (Some(endpoint), node_id) = (Endpoint::of(spec), self.id.clone()) else { return };
        if !process.is_known() {
            if self.is_time(retry_at, turn) {
                let ticket = self.converse(Conversation::Adopt, turn);
                turn.actions.push(Action::Adopt { node_id, ticket, pid });
            }
            return;
        }
        if !self.sockets.contains(&endpoint) || !process.needs_talk(spec.generation) {
            return;
        }
        let Some(grant) = process.grant_wanted(turn.epochs) else { return };
        let script = Script {
            configure: (process.configured != spec.generation)
                .then(|| (spec.generation, Box::new(spec.settings.clone()))),
            listen: process.listening.is_none().then_some(endpoint),
            grant,
        };
        if self.is_time(retry_at, turn) {
            let ticket = self.converse(Conversation::Talk, turn);
            turn.actions.push(Action::Talk { node_id, ticket, pid, script });
        }
    }

    /// Ends the process: with a save if it may hold data that the disk does not.
    pub(super) fn end(&mut self, cause: Cause, turn: &mut Turn<'_>) {
        let Some(process) = &mut self.process else { return };
        process.ended_for = cause;
        if !process.may_hold_data() {
            return self.signal(Signal::Kill, turn);
        }
        process.end(Ending::Asked);
        let pid = process.pid();
        let ticket = self.converse(Conversation::Stop, turn);
        turn.actions.push(Action::Stop { node_id: self.id.clone(), ticket, pid });
    }

    /// Goes on to the next harder means when the process has not ended in time.
    fn escalate(&mut self, turn: &mut Turn<'_>) {
        let Some(ending) = self.process.as_ref().and_then(Process::ending) else { return };
        match ending {
            Ending::Exiting { until } if until <= turn.now_ms => {
                self.signal(Signal::Terminate, turn);
            }
            Ending::Terminated { until } if until <= turn.now_ms => self.signal(Signal::Kill, turn),
            Ending::Exiting { until } | Ending::Terminated { until } => self.wake_at(until),
            Ending::Asked | Ending::Killed => {}
        }
    }

    pub(super) fn signal(&mut self, signal: Signal, turn: &mut Turn<'_>) {
        let Some(process) = &mut self.process else { return };
        let pid = process.pid();
        process.end(match signal {
            Signal::Terminate => Ending::Terminated { until: turn.now_ms + EXIT_MS_MAX },
            Signal::Kill => Ending::Killed,
        });
        turn.actions.push(Action::Signal { node_id: self.id.clone(), pid, signal });
        if signal == Signal::Terminate {
            self.wake_at(turn.now_ms + EXIT_MS_MAX);
        }
    }

    fn close_unused_sockets(&mut self, turn: &mut Turn<'_>) {
        if self.work.is_some() {
            return;
        }
        let leaving = self.removal.is_some() && self.process.is_none();
        let candidate = self.applying.front().and_then(|(spec, _)| Endpoint::of(spec));
        let accepted = self.accepted.as_ref().and_then(Endpoint::of);
        let held = self.process.as_ref().and_then(|process| process.listening);
        let (used, unused): (Vec<_>, Vec<_>) = self.sockets.drain(..).partition(|&endpoint| {
            !leaving && [candidate, accepted, held].contains(&Some(endpoint))
        });
        self.sockets = used;
        turn.actions.extend(
            unused
                .into_iter()
                .map(|endpoint| Action::CloseSocket { node_id: self.id.clone(), endpoint }),
        );
    }

    // ---- small parts

    fn start(&mut self, work: Work, turn: &mut Turn<'_>) {
        assert!(self.work.is_none(), "one step at a time");
        let ticket = turn.ticket();
        let node_id = self.id.clone();
        turn.actions.push(match &work {
            Work::Bind(endpoint) => Action::Bind { node_id, ticket, endpoint: *endpoint },
            Work::Persist(record) => Action::Persist { node_id, ticket, record: record.clone() },
            Work::Spawn { .. } => {
                let loops = self.accepted.as_ref().map_or(1, |spec| spec.loops);
                Action::Spawn { node_id, ticket, loops }
            }
            Work::Delete(leave) => Action::Delete { node_id, ticket, leave: *leave },
        });
        self.work = Some((ticket, work));
    }

    fn converse(&mut self, conversation: Conversation, turn: &mut Turn<'_>) -> Ticket {
        let ticket = turn.ticket();
        self.conversation = Some((ticket, conversation));
        ticket
    }

    fn record(&self, spec: NodeSpec) -> Record {
        let before = self.persisted.as_ref().and_then(|record| record.process.clone());
        let process = self.process.as_ref().map(|process| process.record().clone()).or(before);
        Record { spec, removed: false, released: false, process }
    }

    /// The process that runs is not the one on disk: it may not be told anything yet, because an
    /// agent that starts now would not find it.
    fn is_unrecorded(&self) -> bool {
        let recorded = self.persisted.as_ref().and_then(|record| record.process.as_ref());
        self.process.as_ref().is_some_and(|process| Some(process.record()) != recorded)
    }

    fn is_outdated(&self) -> bool {
        let (Some(spec), Some(process)) = (&self.accepted, &self.process) else { return false };
        let elsewhere = process.listening.is_some() && process.listening != Endpoint::of(spec);
        process.record().incarnation < spec.incarnation || elsewhere
    }

    /// True when `at_ms` has come; otherwise sees to being driven then.
    fn is_time(&mut self, at_ms: u64, turn: &Turn<'_>) -> bool {
        let due = at_ms <= turn.now_ms;
        if !due {
            self.wake_at(at_ms);
        }
        due
    }

    fn wake_at(&mut self, at_ms: u64) {
        self.wake = Some(self.wake.map_or(at_ms, |wake| wake.min(at_ms)));
    }
}
