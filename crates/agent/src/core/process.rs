//! The facts about one running process of a node. Must not know what the node should be.

use crate::core::epochs::Epochs;
use crate::core::heart::Heart;
use crate::core::message::{Adoption, Endpoint, FailureKind, ProcessRecord, TalkReport};
use crate::core::pause::Pause;
use admin::node::Role;

/// How the process is being ended, each harder than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Asked over its admin socket; the conversation has its own limit.
    Asked,
    /// It agreed and is expected to exit by then.
    Exiting { until: u64 },
    /// Got SIGTERM.
    Terminated { until: u64 },
    /// Got SIGKILL: fenced, whether it is still seen or not.
    Killed,
}

/// Why a process is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It is to stop, or to be replaced by another.
    Wish,
    /// It did not come up or fell silent, which counts as a crash.
    Failure,
}

/// A process.
#[derive(Debug)]
pub(crate) struct Process {
    record: ProcessRecord,
    /// False for a process of an earlier agent that was not heard yet.
    known: bool,
    /// Started by this agent.
    ours: bool,
    /// Generation that it confirmed, 0 before.
    pub(crate) configured: u64,
    /// Endpoint whose listening socket it holds.
    pub(crate) listening: Option<Endpoint>,
    /// Epoch that was or may have been granted, 0 before.
    epoch: u64,
    /// It confirmed the grant, at this time.
    granted_at: Option<u64>,
    ending: Option<Ending>,
    /// Why it is being ended, if it is.
    pub(crate) ended_for: Cause,
    /// Its heartbeat, felt while it serves.
    pub(crate) heart: Heart,
    pause: Pause,
    /// No conversation before this time.
    pub(crate) retry_at: u64,
}

impl Process {
    /// A process that this agent has just started.
    pub(crate) fn started(record: ProcessRecord) -> Process {
        Process { known: true, ours: true, ..Process::inherited(record) }
    }

    /// A living process that an earlier agent has started.
    pub(crate) fn inherited(record: ProcessRecord) -> Process {
        Process {
            record,
            known: false,
            ours: false,
            configured: 0,
            listening: None,
            epoch: 0,
            granted_at: None,
            ending: None,
            ended_for: Cause::Wish,
            heart: Heart::default(),
            pause: Pause::default(),
            retry_at: 0,
        }
    }

    /// Who it is.
    pub(crate) fn record(&self) -> &ProcessRecord {
        &self.record
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.record.identity.pid
    }

    /// It was heard, or this agent has started it.
    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    /// Neither known nor tried.
    pub(crate) fn is_unasked(&self) -> bool {
        !self.known && self.pause.failures() == 0 && self.ending.is_none()
    }

    /// This agent has started it.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours
    }

    /// It serves tenants.
    pub(crate) fn serves(&self) -> bool {
        self.granted_at.is_some() && self.configured > 0
    }

    /// Epoch under which it serves, 0 when it does not.
    pub(crate) fn granted_epoch(&self) -> u64 {
        self.granted_at.map_or(0, |_| self.epoch)
    }

    /// How long it has served, in milliseconds.
    pub(crate) fn served_ms(&self, now_ms: u64) -> u64 {
        self.granted_at.map_or(0, |since| now_ms.saturating_sub(since))
    }

    /// It may have been granted, so tenants may have written.
    pub(crate) fn may_hold_data(&self) -> bool {
        !self.known || self.epoch != 0
    }

    /// How it is being ended, if it is.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// It is being ended, and not because it failed.
    pub(crate) fn is_ending_as_wanted(&self) -> bool {
        self.ending.is_some() && self.ended_for == Cause::Wish
    }

    /// Notes how it is being ended.
    pub(crate) fn end(&mut self, ending: Ending) {
        self.ending = Some(ending);
    }

    /// It agreed to stop.
    pub(crate) fn exit_expected(&mut self, until: u64) {
        if self.ending == Some(Ending::Asked) {
            self.ending = Some(Ending::Exiting { until });
        }
    }

    /// It has still to be given a listening socket.
    pub(crate) fn wants_socket(&self) -> bool {
        self.known && self.ending.is_none() && self.listening.is_none()
    }

    /// Something is missing until it serves with the settings of `generation`.
    pub(crate) fn needs_talk(&self, generation: u64) -> bool {
        self.configured != generation || self.listening.is_none() || self.granted_at.is_none()
    }

    /// The epoch to grant: `Some(None)` when it holds its grant, `None` when there is no epoch yet.
    /// A grant that may have arrived is repeated under the same epoch.
    pub(crate) fn grant_wanted(&mut self, epochs: &mut Epochs) -> Option<Option<u64>> {
        if self.granted_at.is_some() {
            return Some(None);
        }
        if self.epoch == 0 {
            self.epoch = epochs.take()?;
        }
        Some(Some(self.epoch))
    }

    /// It told a new agent how it is.
    pub(crate) fn adopted(&mut self, adoption: &Adoption, now_ms: u64) {
        self.known = true;
        self.configured = adoption.generation;
        self.listening = adoption.endpoint;
        if adoption.role == Role::Primary {
            self.epoch = adoption.epoch;
            self.granted_at = Some(now_ms);
        }
        self.talk_succeeded();
    }

    /// A conversation has ended.
    pub(crate) fn talked(&mut self, report: &TalkReport, now_ms: u64) {
        self.configured = report.configured.unwrap_or(self.configured);
        self.listening = report.listening.or(self.listening);
        if report.granted.is_some_and(|epoch| epoch == self.epoch) && self.granted_at.is_none() {
            self.granted_at = Some(now_ms);
        }
        if report.failure.is_none() {
            self.talk_succeeded();
        }
    }

    fn talk_succeeded(&mut self) {
        self.pause.reset();
        self.retry_at = 0;
    }

    /// Counts a failed conversation; returns how many failed in a row.
    pub(crate) fn talk_failed(&mut self, kind: FailureKind, now_ms: u64) -> u32 {
        if kind == FailureKind::StaleEpoch && self.granted_at.is_none() {
            self.epoch = 0;
        }
        self.retry_at = now_ms + self.pause.grow().max(100);
        self.pause.failures()
    }
}
