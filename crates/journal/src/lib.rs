//! The one ordered log of a node: offsets, contiguous blocks, and the newest bytes for as long as a
//! consumer or the backlog needs them. Its payload is the replication stream, byte for byte. Knows
//! no file and no socket.
#![forbid(unsafe_code)]

mod identity;
mod log;
#[cfg(test)]
mod tests;

pub use identity::Identity;

use log::{Log, Piece};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Makes a consumer that has fallen asleep look again.
pub trait Wake: Send + Sync {
    /// May be called from any thread, any number of times.
    fn wake(&self);
}

/// Where a consumer starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At the end. The next block selects its database again: a stream that starts here is
    /// complete by itself.
    Now,
    /// At the end, in the middle of a stream that its reader knows already.
    End,
    /// At an offset that the backlog still covers.
    Offset(u64),
}

/// What a new consumer asks for.
pub struct Interest {
    /// Where it starts.
    pub from: From,
    /// How many bytes it may lag behind before it is dropped.
    pub lag_bytes_max: u64,
    /// Called when it sleeps and there is something to read.
    pub wake: Option<Arc<dyn Wake>>,
}

/// A registered reader. [`Journal::detach`] ends it; what it has not read is kept until then.
#[derive(Debug)]
pub struct Consumer {
    id: u64,
    start: u64,
}

impl Consumer {
    /// Offset of the first byte that it reads.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }
}

/// Why bytes cannot be read from an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Gone {
    /// What is kept starts later.
    #[error("the log is kept from offset {0} only")]
    Before(u64),
    /// The log ends earlier.
    #[error("the log ends at offset {0}")]
    Beyond(u64),
}

/// Why a consumer gets nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// It lagged further behind than it may.
    #[error("it lagged {lag_bytes} bytes behind")]
    TooFarBehind {
        /// How far.
        lag_bytes: u64,
    },
    /// The log started again at another offset.
    #[error("the log started again")]
    Restarted,
}

/// The log. Appending takes one leaf lock and copies: no system call, and no allocation as long as
/// consumers give chunks back.
pub struct Journal {
    log: Mutex<Log>,
    offset: AtomicU64,
    wanted: AtomicBool,
    /// Consumers fell asleep and there is something to read.
    due: AtomicBool,
    identity: Mutex<Identity>,
}

impl Journal {
    /// An empty log at offset 0, which records nothing until somebody wants it.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self {
            log: Mutex::new(Log::new()),
            offset: AtomicU64::new(0),
            wanted: AtomicBool::new(false),
            due: AtomicBool::new(false),
            identity: Mutex::new(identity),
        }
    }

    /// True when effects must be appended: a consumer is attached, or a backlog is kept.
    #[inline]
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Relaxed)
    }

    /// Offset of the next byte.
    #[inline]
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset.load(Relaxed)
    }

    /// Whose history this is.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity.lock().clone()
    }

    /// The history becomes another one.
    pub fn set_identity(&self, identity: Identity) {
        *self.identity.lock() = identity;
    }

    /// Keeps the newest `bytes` from now on, for readers that come back; 0 keeps none.
    pub fn keep_backlog(&self, bytes: u64) {
        let mut log = self.log.lock();
        log.keep_backlog(bytes);
        self.wanted.store(log.is_wanted(), Relaxed);
    }

    /// Offset of the oldest byte that [`From::Offset`] accepts.
    #[must_use]
    pub fn backlog_start(&self) -> u64 {
        self.log.lock().backlog_start()
    }

    /// Appends the effects of one outermost command as one contiguous block; more than one is
    /// wrapped in MULTI and EXEC. Returns the offset behind it.
    pub fn append<'b>(&self, effects: impl ExactSizeIterator<Item = (u16, &'b [u8])>) -> u64 {
        let mut log = self.log.lock();
        log.append(effects);
        self.publish(&log)
    }

    /// Appends bytes as they are: another node's log, with the database selected behind them, or
    /// bytes that leave the selection alone. Returns the offset behind them.
    pub fn append_verbatim(&self, bytes: &[u8], db: Option<u16>) -> u64 {
        let mut log = self.log.lock();
        log.append_verbatim(bytes, db);
        self.publish(&log)
    }

    #[inline]
    fn publish(&self, log: &Log) -> u64 {
        if log.has_sleepers() {
            self.due.store(true, Relaxed);
        }
        self.offset.store(log.end(), Relaxed);
        log.end()
    }

    /// Wakes the consumers that sleep while there is something to read. Whoever has appended calls
    /// this once, when its locks are given back.
    #[inline]
    pub fn wake_due(&self) {
        if self.due.load(Relaxed) {
            self.wake_sleepers();
        }
    }

    #[cold]
    fn wake_sleepers(&self) {
        let wakes = {
            let mut log = self.log.lock();
            self.due.store(false, Relaxed);
            log.take_sleepers()
        };
        wakes.iter().for_each(|wake| wake.wake());
    }

    /// The database selected at the end, if the stream has selected one since it had to.
    #[must_use]
    pub fn selected_db(&self) -> Option<u16> {
        self.log.lock().selected_db()
    }

    /// The next block selects its database, whatever was selected before.
    pub fn reselect(&self) {
        self.log.lock().reselect();
    }

    /// Starts anew at `offset`, without bytes: the history before is another node's. Every consumer
    /// is dropped.
    pub fn restart_at(&self, offset: u64) {
        let mut log = self.log.lock();
        log.restart_at(offset);
        self.publish(&log);
        drop(log);
        self.wake_due();
    }

    /// Registers a reader.
    ///
    /// # Errors
    /// [`Gone`] when the backlog does not cover the offset asked for.
    pub fn attach(&self, interest: Interest) -> Result<Consumer, Gone> {
        let mut log = self.log.lock();
        let (id, start) = log.attach(interest)?;
        self.wanted.store(true, Relaxed);
        Ok(Consumer { id, start })
    }

    /// Ends a reader.
    pub fn detach(&self, consumer: Consumer) {
        let mut log = self.log.lock();
        log.detach(consumer.id);
        self.wanted.store(log.is_wanted(), Relaxed);
    }

    /// Appends to `out` what the consumer has not read yet, at most `bytes_max`; returns how many
    /// bytes. Only the newest chunk is copied under the lock.
    ///
    /// # Errors
    /// [`Dropped`], for ever.
    pub fn read(
        &self,
        consumer: &Consumer,
        out: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Result<usize, Dropped> {
        let from = out.len();
        loop {
            let room = bytes_max - (out.len() - from);
            let piece = self.log.lock().next(consumer.id, out, room)?;
            let Some(Piece { chunk, range, is_last_of_chunk }) = piece else { break };
            out.extend_from_slice(&chunk[range]);
            if is_last_of_chunk {
                self.recycle(chunk);
            }
        }
        Ok(out.len() - from)
    }

    /// Gives the memory of a chunk that nobody needs any more back to the writer.
    fn recycle(&self, chunk: Arc<Vec<u8>>) {
        if let Ok(chunk) = Arc::try_unwrap(chunk) {
            self.log.lock().put_spare(chunk);
        }
    }

    /// Bytes that the consumer has not read.
    #[must_use]
    pub fn lag_bytes(&self, consumer: &Consumer) -> u64 {
        self.log.lock().lag_bytes(consumer.id)
    }

    /// The consumer falls asleep: it is woken once there is something to read. False when there is
    /// something already, or when it was dropped; then it is not woken.
    #[must_use]
    pub fn wake_me(&self, consumer: &Consumer) -> bool {
        self.log.lock().wake_me(consumer.id)
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("offset", &self.offset()).finish_non_exhaustive()
    }
}
