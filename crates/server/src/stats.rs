//! Counters: one set per loop, written only by it, summed on read.

use engine::keyspace::KeyStats;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A counter with one writer.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the owning loop may.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Present value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Back to zero.
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

/// A loop's counters.
#[derive(Debug, Default)]
pub struct LoopStats {
    /// Commands run.
    pub commands: Counter,
    /// Connections accepted.
    pub connections_received: Counter,
    /// Connections closed.
    pub connections_closed: Counter,
    /// Connections refused by the allowlist or the limit.
    pub connections_refused: Counter,
    /// Passwords that were wrong.
    pub wrong_passwords: Counter,
    /// Passwords that were not looked at: too many from their source were wrong.
    pub braked_logins: Counter,
    /// Bytes read.
    pub net_input_bytes: Counter,
    /// Bytes written.
    pub net_output_bytes: Counter,
    /// Times that a client had to wait before more was read from it.
    pub throttled_reads: Counter,
    /// Times that a client had to wait before it was sent more.
    pub throttled_writes: Counter,
    /// Reads that found their key.
    pub keyspace_hits: Counter,
    /// Reads that did not.
    pub keyspace_misses: Counter,
    /// Keys removed because their time had come.
    pub expired_keys: Counter,
    /// Keys removed to make room.
    pub evicted_keys: Counter,
    /// Changes of data.
    pub changes: Counter,
    /// Error replies.
    pub errors: Counter,
    /// Commands that met a shard held by another loop.
    pub deferrals: Counter,
    /// Runs that the time below stands for.
    pub timed_calls: Counter,
    /// Microseconds of runs; one that was timed for many counts as many.
    pub timed_us: Counter,
    /// Microseconds of the longest timed run.
    pub slowest_us: Peak,
}

/// The largest of many numbers, until someone takes it.
#[derive(Debug, Default)]
pub struct Peak(AtomicU64);

impl Peak {
    /// Takes a number into account.
    pub fn add(&self, n: u64) {
        self.0.fetch_max(n, Relaxed);
    }

    /// The largest since the last time.
    pub fn take(&self) -> u64 {
        self.0.swap(0, Relaxed)
    }
}

impl LoopStats {
    /// Adds what one batch found in the keyspace.
    #[inline]
    pub fn add_keys(&self, keys: &mut KeyStats) {
        let KeyStats { hits, misses, expired, .. } = keys.take();
        self.keyspace_hits.add(hits);
        self.keyspace_misses.add(misses);
        self.expired_keys.add(expired);
    }

    /// CONFIG RESETSTAT: everything that INFO's Stats section counts.
    pub fn reset(&self) {
        let counters = [
            &self.commands,
            &self.connections_received,
            &self.connections_closed,
            &self.connections_refused,
            &self.wrong_passwords,
            &self.braked_logins,
            &self.net_input_bytes,
            &self.net_output_bytes,
            &self.throttled_reads,
            &self.throttled_writes,
            &self.keyspace_hits,
            &self.keyspace_misses,
            &self.expired_keys,
            &self.evicted_keys,
            &self.errors,
            &self.deferrals,
            &self.timed_calls,
            &self.timed_us,
        ];
        counters.into_iter().for_each(Counter::reset);
    }
}
