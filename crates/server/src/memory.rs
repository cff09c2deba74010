//! What was allocated when the node was ready, and the most since: marks that INFO and MEMORY tell.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Marks of allocated bytes.
#[derive(Debug, Default)]
pub struct MemoryMarks {
    startup: AtomicU64,
    peak: AtomicU64,
}

impl MemoryMarks {
    /// Notes what is allocated before there are data.
    pub fn start(&self, used_bytes: u64) {
        self.startup.store(used_bytes, Relaxed);
    }

    /// What was allocated before there were data.
    #[must_use]
    pub fn startup_bytes(&self) -> u64 {
        self.startup.load(Relaxed)
    }

    /// Notes what is allocated now; returns the most so far.
    pub fn peak_bytes(&self, used_bytes: u64) -> u64 {
        self.peak.fetch_max(used_bytes, Relaxed).max(used_bytes)
    }

    /// Forgets the peak.
    pub fn reset_peak(&self, used_bytes: u64) {
        self.peak.store(used_bytes, Relaxed);
    }
}
