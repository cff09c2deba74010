//! What one thread measured, and how such measures add up. Pure: latencies come in as numbers.

use crate::replies::Outcome;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// Latencies above an hour count as an hour.
const LATENCY_US_MAX: u64 = 3_600_000_000;
/// Three digits of each latency are kept.
const DIGITS: u8 = 3;
/// More kinds of errors than this are counted together.
const KINDS_MAX: usize = 32;
const OTHERS: &str = "(others)";

/// Measures of one operation.
#[derive(Debug, Clone)]
pub struct Measures {
    /// Latencies of all replies, errors included, µs.
    pub latency_us: Histogram<u64>,
    /// Replies that were null.
    pub nulls: u64,
    /// Replies that were errors.
    pub errors: u64,
}

impl Measures {
    /// Nothing measured yet.
    #[must_use]
    pub fn new() -> Self {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS)
            .expect("the bounds are constants that hdrhistogram accepts");
        Self { latency_us, nulls: 0, errors: 0 }
    }

    /// Adds what another has measured.
    pub fn add(&mut self, other: &Self) {
        self.latency_us.add(&other.latency_us).expect("all histograms have the same bounds");
        self.nulls += other.nulls;
        self.errors += other.errors;
    }
}

/// Errors of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors {
    /// How many.
    pub count: u64,
    /// Text of the first.
    pub first: String,
}

/// All measures of one thread, or of a run.
#[derive(Debug, Clone)]
pub struct Tally {
    /// By index of the operation.
    pub operations: Vec<Measures>,
    /// Errors by their first word.
    pub errors: BTreeMap<String, Errors>,
    /// Connections that ended before their work did.
    pub lost: u64,
    /// Operations that were due and never sent.
    pub unsent: u64,
    /// Bytes of requests.
    pub sent_bytes: u64,
    /// Bytes of replies.
    pub received_bytes: u64,
    /// When the last reply came, µs of the run's clock.
    pub last_us: u64,
}

impl Tally {
    /// Nothing measured yet, of `operations` operations.
    #[must_use]
    pub fn new(operations: usize) -> Self {
        Self {
            operations: (0..operations).map(|_| Measures::new()).collect(),
            errors: BTreeMap::new(),
            lost: 0,
            unsent: 0,
            sent_bytes: 0,
            received_bytes: 0,
            last_us: 0,
        }
    }

    /// One reply to operation `index`.
    #[inline]
    pub fn record(&mut self, index: usize, latency_us: u64, outcome: Outcome<'_>) {
        let measures = &mut self.operations[index];
        measures.latency_us.saturating_record(latency_us.max(1));
        match outcome {
            Outcome::Value => {}
            Outcome::Null => measures.nulls += 1,
            Outcome::Error(text) => {
                measures.errors += 1;
                self.fault(text, 1);
            }
        }
    }

    /// `count` errors with this text, its kind first.
    pub fn fault(&mut self, text: &str, count: u64) {
        let kind = text.split_ascii_whitespace().next().unwrap_or("(empty)");
        let known = self.errors.contains_key(kind) || self.errors.len() < KINDS_MAX;
        let kind = if known { kind } else { OTHERS };
        let first = || Errors { count: 0, first: text.to_owned() };
        self.errors.entry(kind.to_owned()).or_insert_with(first).count += count;
    }

    /// Adds what another thread has measured.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.operations.iter_mut().zip(&other.operations) {
            mine.add(theirs);
        }
        for (kind, errors) in &other.errors {
            let first = || Errors { count: 0, first: errors.first.clone() };
            self.errors.entry(kind.clone()).or_insert_with(first).count += errors.count;
        }
        self.lost += other.lost;
        self.unsent += other.unsent;
        self.sent_bytes += other.sent_bytes;
        self.received_bytes += other.received_bytes;
        self.last_us = self.last_us.max(other.last_us);
    }

    /// Replies of all operations.
    #[must_use]
    pub fn replies(&self) -> u64 {
        self.operations.iter().map(|measures| measures.latency_us.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_add_up() {
        let (mut one, mut two) = (Tally::new(2), Tally::new(2));
        one.record(0, 10, Outcome::Value);
        one.record(1, 20, Outcome::Error("ERR first"));
        two.record(0, 30, Outcome::Null);
        two.record(1, 0, Outcome::Error("ERR second"));
        two.record(1, u64::MAX, Outcome::Error("OOM full"));
        two.last_us = 9;
        one.add(&two);
        assert_eq!(one.replies(), 5);
        assert_eq!(one.operations[0].latency_us.max(), 30);
        assert_eq!((one.operations[0].nulls, one.operations[1].errors), (1, 3));
        assert_eq!(one.errors["ERR"], Errors { count: 2, first: "ERR first".into() });
        assert_eq!(one.errors["OOM"], Errors { count: 1, first: "OOM full".into() });
        assert_eq!(one.last_us, 9);
    }

    #[test]
    fn kinds_of_errors_are_bounded() {
        let mut tally = Tally::new(1);
        for kind in 0..100 {
            tally.fault(&format!("E{kind} text"), 1);
        }
        assert_eq!(tally.errors.len(), KINDS_MAX + 1);
        assert_eq!(tally.errors[OTHERS].count, 100 - KINDS_MAX as u64);
    }
}
