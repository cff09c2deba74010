//! What loops, the keeper and a rewrite tell each other. Held for moments.

use journal::Consumer;
use std::sync::Arc;

/// Where the next increment begins.
#[derive(Debug)]
pub(super) struct Switch {
    /// Offset of the journal.
    pub at: u64,
    /// The consumer that starts there, when nothing was written before.
    pub first: Option<Consumer>,
    /// The database that the increment has to select itself: what a replica records goes on in the
    /// middle of its primary's stream.
    pub db: Option<u16>,
}

/// A rewrite that is over.
#[derive(Debug)]
pub(super) struct Finished {
    pub generation: u64,
    /// The file and its form, or why there is none.
    pub base: Result<(String, bool), String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    #[default]
    Idle,
    /// It begins at the keeper's next step.
    Wanted,
    Running {
        since_s: u64,
    },
}

/// Figures of the file and of its rewrites.
#[derive(Debug, Default, Clone)]
pub struct Report {
    /// Switched on.
    pub enabled: bool,
    /// A rewrite runs or begins.
    pub rewriting: bool,
    /// A rewrite waits for something else to end.
    pub scheduled: bool,
    /// Unix seconds at which it began.
    pub rewriting_since_s: Option<u64>,
    /// Seconds that the last rewrite took.
    pub last_rewrite_s: Option<u64>,
    /// The last rewrite failed.
    pub rewrite_failed: bool,
    /// Rewrites begun.
    pub rewrites: u64,
    /// Rewrites that failed since the last good one.
    pub failures: u64,
    /// The last write failed.
    pub write_failed: bool,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes of all files when the last rewrite ended.
    pub base_bytes: u64,
    /// Bytes that wait to be written.
    pub waiting_bytes: u64,
}

#[derive(Default)]
pub(super) struct Board {
    pub enabled: bool,
    /// Grows when a running rewrite is not wanted any more.
    pub generation: u64,
    pub progress: Progress,
    pub switch: Option<Switch>,
    pub finished: Vec<Finished>,
    pub report: Report,
    /// Why nothing can be written, as the gate tells it.
    pub fault: Option<Arc<str>>,
    told: Option<Arc<str>>,
    /// Base and increments hold everything: what is in them counts.
    pub complete: bool,
    /// Replies are held back.
    pub holds: bool,
}

impl Board {
    pub fn begin(&mut self) {
        self.enabled = true;
        self.complete = true;
    }

    /// True when this is a change.
    pub fn enable(&mut self, on: bool) -> bool {
        if self.enabled == on {
            return false;
        }
        self.enabled = on;
        self.generation += 1;
        self.progress = if on { Progress::Wanted } else { Progress::Idle };
        true
    }

    pub fn request_rewrite(&mut self, waits: bool) -> bool {
        let begins = self.progress == Progress::Wanted && !self.report.scheduled;
        if begins || matches!(self.progress, Progress::Running { .. }) {
            return false;
        }
        self.progress = Progress::Wanted;
        self.report.scheduled = waits;
        self.report.failures = 0;
        true
    }

    /// A rewrite begins at this moment.
    pub fn run(&mut self, since_s: u64, switch: Option<Switch>) {
        self.progress = Progress::Running { since_s };
        self.switch = switch;
        self.report.scheduled = false;
        self.report.rewrites += 1;
    }

    /// There is a cut for something else.
    pub fn postpone(&mut self) {
        self.progress = Progress::Wanted;
        self.report.scheduled = true;
    }

    /// The fault that the gate must be told, if it has changed.
    pub fn news_of_fault(&mut self) -> Option<Option<Arc<str>>> {
        if self.told == self.fault {
            return None;
        }
        self.told.clone_from(&self.fault);
        Some(self.told.clone())
    }

    pub fn report(&self) -> Report {
        let since =
            if let Progress::Running { since_s } = self.progress { Some(since_s) } else { None };
        Report {
            enabled: self.enabled,
            rewriting: self.progress != Progress::Idle && !self.report.scheduled,
            rewriting_since_s: since,
            ..self.report.clone()
        }
    }
}
