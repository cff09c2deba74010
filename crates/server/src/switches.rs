//! What DEBUG switches for tests. Read off the hot path only; knows no command.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// Switches of the whole node.
#[derive(Debug)]
pub struct Switches {
    /// Dead keys are removed in the background too, not only when they are met.
    pub active_expire: AtomicBool,
    /// Work by the clock is stopped.
    pub cron_paused: AtomicBool,
    /// Commands that scripts may not run are allowed to them.
    pub deny_scripts_off: AtomicBool,
    /// Reply buffers shrink when they are idle.
    pub reply_buffers_shrink: AtomicBool,
    /// Microseconds to rest before each write to the append-only file.
    pub aof_flush_sleep_us: AtomicU64,
    /// Milliseconds after which the peak of a reply buffer is forgotten; negative is never.
    pub reply_peak_reset_ms: AtomicI64,
}

/// Milliseconds after which the peak of a reply buffer is forgotten, unless told otherwise.
pub const REPLY_PEAK_RESET_MS: i64 = 5_000;

impl Default for Switches {
    fn default() -> Self {
        Self {
            active_expire: AtomicBool::new(true),
            cron_paused: AtomicBool::new(false),
            deny_scripts_off: AtomicBool::new(false),
            reply_buffers_shrink: AtomicBool::new(true),
            aof_flush_sleep_us: AtomicU64::new(0),
            reply_peak_reset_ms: AtomicI64::new(REPLY_PEAK_RESET_MS),
        }
    }
}

impl Switches {
    /// True while dead keys are removed in the background.
    #[must_use]
    pub fn removes_dead_keys(&self) -> bool {
        self.active_expire.load(Relaxed) && !self.cron_paused.load(Relaxed)
    }
}
