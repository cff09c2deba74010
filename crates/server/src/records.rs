//! Records on their way to the files of a managed node: slow commands always, writes and refusals
//! when the instance's audit log is on. Loops append under a lock that is held for a copy and never
//! wait for a disk; what comes faster than it is written is counted and left out. Must not know
//! files.

use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use stdx::record::{Kind, Record};

/// Bytes that may wait, of each of the two.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// How often records are taken while the audit log is on: nobody is woken for them.
const AUDITED_PAUSE: Duration = Duration::from_millis(100);

/// What waits to be written.
#[derive(Debug, Default)]
pub struct Records {
    waiting: Mutex<Waiting>,
    news: Condvar,
    /// The audit log is on.
    audited: AtomicBool,
    /// Days that audit records are kept.
    keep_days: AtomicU32,
}

#[derive(Debug, Default)]
struct Waiting {
    slow: Vec<u8>,
    audit: Vec<u8>,
    left_out: u64,
    closed: bool,
}

/// What was taken to be written.
#[derive(Debug, Default)]
pub struct Taken {
    /// Slow commands.
    pub slow: Vec<u8>,
    /// Writes and refusals.
    pub audit: Vec<u8>,
    /// How many were left out behind them.
    pub left_out: u64,
    /// Nothing comes any more.
    pub closed: bool,
}

impl Records {
    /// Switches the audit log on, to be kept for so many days, or off.
    pub fn set_audited(&self, keep_days: Option<u32>) {
        self.keep_days.store(keep_days.unwrap_or(1), Relaxed);
        self.audited.store(keep_days.is_some(), Relaxed);
        self.news.notify_all();
    }

    /// Days that audit records are kept.
    pub fn keep_days(&self) -> u32 {
        self.keep_days.load(Relaxed)
    }

    /// Adds a record.
    pub fn add(&self, record: &Record<'_>) {
        let mut waiting = self.waiting.lock();
        let is_slow = record.kind == Kind::Slow;
        let queue = if is_slow { &mut waiting.slow } else { &mut waiting.audit };
        if WAITING_BYTES_MAX <= queue.len() {
            waiting.left_out += u64::from(!is_slow);
            return;
        }
        record.encode(queue);
        drop(waiting);
        if is_slow {
            self.news.notify_all();
        }
    }

    /// Waits for records, `limit` at most, and takes all there are.
    pub fn take(&self, limit: Duration) -> Taken {
        let mut waiting = self.waiting.lock();
        if waiting.slow.is_empty() && !waiting.closed {
            let limit = if self.audited.load(Relaxed) { AUDITED_PAUSE } else { limit };
            self.news.wait_for(&mut waiting, limit);
        }
        Taken {
            slow: std::mem::take(&mut waiting.slow),
            audit: std::mem::take(&mut waiting.audit),
            left_out: std::mem::take(&mut waiting.left_out),
            closed: waiting.closed,
        }
    }

    /// Lets whoever takes come to an end.
    pub fn close(&self) {
        self.waiting.lock().closed = true;
        self.news.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::record::decode;

    fn record(kind: Kind, text: &[u8]) -> Record<'_> {
        let (peer, user, outcome) = ("p", "u", "");
        Record { kind, unix_us: 1, took_us: 2, db: 0, peer, user, outcome, text }
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let records = Records::default();
        let text = [b'x'; 4096];
        let (mut added, mut seen) = (0u64, 0u64);
        while records.waiting.lock().left_out < 3 {
            records.add(&record(Kind::Write, &text));
            added += 1;
        }
        records.add(&record(Kind::Slow, b"GET k"));
        let taken = records.take(Duration::ZERO);
        let mut rest = &taken.audit[..];
        while let Some((_, bytes)) = decode(rest) {
            (seen, rest) = (seen + 1, &rest[bytes..]);
        }
        assert_eq!((seen + taken.left_out, taken.left_out), (added, 3));
        assert_eq!(decode(&taken.slow).map(|(record, _)| record.kind), Some(Kind::Slow));
        records.close();
        assert!(records.take(Duration::from_secs(3600)).closed, "nobody waits for nothing");
    }
}
