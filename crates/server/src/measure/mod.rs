//! What commands cost: calls, failures and times by command, errors by code, slow requests, spikes
//! of latency. One set of counters per slot, written only by its holder, summed on read.

pub mod histogram;
pub mod latency;
pub mod slow;

use crate::stats::Counter;
use catalog::commands::CommandId;
use catalog::{Command, Family, Flags};
use histogram::Histogram;
use latency::Latency;
use parking_lot::Mutex;
use slow::SlowLog;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Codes of errors that are told apart; clients can make up more through scripts.
const CODES_MAX: usize = 128;

/// Counters of one command in one slot.
#[derive(Debug, Default)]
pub struct Row {
    calls: Counter,
    took_us: Counter,
    rejected: Counter,
    failed: Counter,
    times: OnceLock<Box<Histogram>>,
}

/// Sums of one command over all slots.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Runs.
    pub calls: u64,
    /// Microseconds of those runs that were timed.
    pub took_us: u64,
    /// Refusals before it ran.
    pub rejected: u64,
    /// Runs that gave an error.
    pub failed: u64,
}

/// All measures of a node.
#[derive(Debug)]
pub struct Measures {
    slots: Vec<Vec<Row>>,
    errors: Mutex<BTreeMap<String, u64>>,
    /// Slow requests.
    pub slow: Mutex<SlowLog>,
    /// Spikes of latency.
    pub latency: Mutex<Latency>,
}

/// What is to be timed. Reading the clock costs as much as a tenth of a short command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Every command, not only those that can be long.
    pub all: bool,
    /// Times go into histograms.
    pub tracks: bool,
    /// Microseconds from which a request is logged as slow; `None` is never.
    pub slow_us: Option<u64>,
    /// Milliseconds from which a command is a spike of latency; 0 is never.
    pub spike_ms: u64,
}

/// A limit below this makes short commands worth timing.
const SHORT_US: u64 = 1_000;

impl Timing {
    /// From the parameters: `slowlog-log-slower-than` in microseconds and
    /// `latency-monitor-threshold` in milliseconds.
    #[must_use]
    pub fn new(tracks: bool, slow_us: i64, spike_ms: u64) -> Self {
        let slow_us = u64::try_from(slow_us).ok();
        let all = spike_ms > 0 || slow_us.is_some_and(|us| us < SHORT_US);
        Self { all, tracks, slow_us, spike_ms }
    }

    /// True when a run of `row` is to be timed.
    #[inline]
    #[must_use]
    pub fn times(&self, row: &Command) -> bool {
        self.all || !row.flags.has(Flags::FAST) && row.family != Family::String
    }
}

impl Measures {
    /// Nothing measured yet.
    #[must_use]
    pub fn new(slots: usize, rows: usize) -> Self {
        let slot = || (0..rows).map(|_| Row::default()).collect();
        Self {
            slots: (0..slots).map(|_| slot()).collect(),
            errors: Mutex::default(),
            slow: Mutex::default(),
            latency: Mutex::default(),
        }
    }

    /// Counts a run. Only the holder of the slot may.
    #[inline]
    pub fn ran(&self, slot: usize, id: CommandId, failed: bool) {
        let row = &self.slots[slot][usize::from(id)];
        row.calls.add(1);
        if failed {
            row.failed.add(1);
        }
    }

    /// Runs of one command in one slot so far.
    #[inline]
    #[must_use]
    pub fn calls(&self, slot: usize, id: CommandId) -> u64 {
        self.slots[slot][usize::from(id)].calls.get()
    }

    /// Runs of one command over all slots.
    #[must_use]
    pub fn calls_of(&self, id: CommandId) -> u64 {
        self.slots.iter().map(|slot| slot[usize::from(id)].calls.get()).sum()
    }

    /// Notes how long a run took. Only the holder of the slot may.
    pub fn took(&self, slot: usize, id: CommandId, took_us: u64, tracks: bool) {
        let row = &self.slots[slot][usize::from(id)];
        row.took_us.add(took_us);
        if tracks {
            row.times.get_or_init(Box::default).add(took_us);
        }
    }

    /// Counts a refusal. Only the holder of the slot may.
    pub fn rejected(&self, slot: usize, id: CommandId) {
        self.slots[slot][usize::from(id)].rejected.add(1);
    }

    /// Counts an error reply by its code.
    pub fn error(&self, text: &str) {
        let code = text.split_once(' ').map_or("ERR", |(code, _)| code);
        let mut errors = self.errors.lock();
        if let Some(count) = errors.get_mut(code) {
            *count += 1;
        } else if errors.len() < CODES_MAX {
            errors.insert(code.to_owned(), 1);
        }
    }

    /// Counts of error replies by code, in order.
    #[must_use]
    pub fn errors(&self) -> BTreeMap<String, u64> {
        self.errors.lock().clone()
    }

    /// The sums of one command.
    #[must_use]
    pub fn sums(&self, id: CommandId) -> Sums {
        self.slots.iter().fold(Sums::default(), |sum, slot| {
            let row = &slot[usize::from(id)];
            Sums {
                calls: sum.calls + row.calls.get(),
                took_us: sum.took_us + row.took_us.get(),
                rejected: sum.rejected + row.rejected.get(),
                failed: sum.failed + row.failed.get(),
            }
        })
    }

    /// Times of one command; none when no run of it was timed.
    #[must_use]
    pub fn times(&self, id: CommandId) -> Option<Histogram> {
        let slots = self.slots.iter().filter_map(|slot| slot[usize::from(id)].times.get());
        let sum = Histogram::default();
        slots.for_each(|times| sum.add_all(times));
        (sum.len() > 0).then_some(sum)
    }

    /// CONFIG RESETSTAT. In exclusive mode: no slot counts meanwhile.
    pub fn reset(&self) {
        for row in self.slots.iter().flatten() {
            for counter in [&row.calls, &row.took_us, &row.rejected, &row.failed] {
                counter.reset();
            }
            if let Some(times) = row.times.get() {
                times.reset();
            }
        }
        self.errors.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_command_over_slots() {
        let measures = Measures::new(2, 3);
        measures.ran(0, 1, false);
        measures.ran(1, 1, true);
        measures.took(1, 1, 40, true);
        measures.rejected(0, 1);
        let want = Sums { calls: 2, took_us: 40, rejected: 1, failed: 1 };
        assert_eq!(measures.sums(1), want);
        assert_eq!(measures.sums(2), Sums::default());
        assert_eq!(measures.times(1).map(|times| times.len()), Some(1));
        assert!(measures.times(0).is_none());
        for text in ["ERR a", "WRONGTYPE b", "ERR c", "oops"] {
            measures.error(text);
        }
        let errors: Vec<_> = measures.errors().into_iter().collect();
        assert_eq!(errors, [("ERR".to_owned(), 3), ("WRONGTYPE".to_owned(), 1)]);
        measures.reset();
        assert_eq!(measures.sums(1), Sums::default());
        assert!(measures.errors().is_empty() && measures.times(1).is_none());
    }

    #[test]
    fn short_commands_are_timed_only_when_asked_for() {
        let index = catalog::commands::Index::new();
        let row = |name: &[u8]| index.row(index.find(name).expect("it has a row"));
        let usual = Timing::new(true, 10_000, 0);
        assert!(!usual.times(row(b"get")) && !usual.times(row(b"set")));
        assert!(usual.times(row(b"lrange")));
        assert!(Timing::new(true, 0, 0).times(row(b"get")));
        assert!(Timing::new(true, -1, 1).times(row(b"get")));
        assert!(!Timing::new(true, -1, 0).times(row(b"get")));
    }
}
