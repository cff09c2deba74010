//! The node as a primary: the replicas that follow it. A replica's link is a connection whose
//! output is fed from the journal by its loop. Knows no socket and no file by name.

pub mod copy;
pub mod feed;
pub mod info;
pub mod resume;
#[cfg(test)]
mod tests;
mod waits;

pub use copy::{Beginning, Copy};

use waits::Waits;

use crate::gate::GateState;
use crate::inbox::{Address, Inbox, Waker};
use crate::session::Session;
use crate::shared::{Shared, new_id};
use journal::{Consumer, Identity, Wake};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Replicas of a node.
#[derive(Debug, Default)]
pub struct Links {
    records: Mutex<Vec<Arc<LinkRecord>>>,
    /// Length of `records`.
    len: AtomicUsize,
    /// A backlog is kept: replicas may come back.
    keeps_backlog: AtomicBool,
    /// Monotonic microseconds of the last ping, or of when the first one could have been.
    last_ping_us: AtomicU64,
    waits: Waits,
    /// What INFO counts.
    pub counts: SyncCounts,
}

/// Synchronisations since the start.
#[derive(Debug, Default)]
pub struct SyncCounts {
    /// With the whole data set.
    pub full: AtomicU64,
    /// Continued from the journal.
    pub partial: AtomicU64,
    /// Wanted to continue and could not.
    pub partial_refused: AtomicU64,
}

/// What others may see of a replica's link.
#[derive(Debug)]
pub struct LinkRecord {
    /// Its connection.
    pub address: Address,
    /// Its address, as it announced it or as we see it.
    pub ip: String,
    /// The port it serves on; 0 when it did not say.
    pub port: u16,
    /// False for a peer of the old protocol, which never acknowledges.
    pub acknowledges: bool,
    state: AtomicU8,
    /// Offset that it says to have applied.
    pub acked: AtomicU64,
    /// Unix milliseconds when it last said so.
    pub acked_ms: AtomicU64,
}

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LinkState {
    /// The data set is being written down for it.
    Waiting = 0,
    /// The data set is on its way.
    Sending = 1,
    /// It follows the stream.
    Online = 2,
}

impl LinkRecord {
    /// How far it is.
    #[must_use]
    pub fn state(&self) -> LinkState {
        match self.state.load(Relaxed) {
            0 => LinkState::Waiting,
            1 => LinkState::Sending,
            _ => LinkState::Online,
        }
    }

    /// Notes how far it is.
    pub fn set_state(&self, state: LinkState) {
        self.state.store(state as u8, Relaxed);
    }
}

/// What a connection has said about the replica behind it, and the link it became.
#[derive(Debug, Default)]
pub struct ReplicaSide {
    /// REPLCONF listening-port.
    pub port: u16,
    /// REPLCONF ip-address.
    pub ip: Option<String>,
    /// REPLCONF capa psync2: it takes a new name of the history with `+CONTINUE`.
    pub renames: bool,
    /// Since SYNC or PSYNC was granted.
    pub link: Option<Arc<LinkRecord>>,
    /// What the loop is to send first; the loop takes it.
    pub start: Option<Start>,
}

/// The beginning of a link.
#[derive(Debug)]
pub enum Start {
    /// The replica has what it needs and goes on from here.
    Stream(Beginning),
    /// A data set is being written down for it.
    Copy(Arc<Copy>),
}

impl Start {
    /// The link is gone before it began; gives the reader of the journal that it had.
    fn abandon(self) -> Option<Consumer> {
        match self {
            Self::Stream(beginning) => Some(beginning.consumer),
            Self::Copy(copy) => copy.abandon(),
        }
    }
}

/// Wakes a loop for one of its links.
pub struct WakeLoop(Arc<dyn Waker>);

impl std::fmt::Debug for WakeLoop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WakeLoop")
    }
}

impl WakeLoop {
    /// Wakes the loop of `inbox`.
    #[must_use]
    pub fn new(inbox: &Inbox) -> Self {
        Self(inbox.waker())
    }
}

impl Wake for WakeLoop {
    fn wake(&self) {
        self.0.wake();
    }
}

impl Links {
    /// True when replicas may come back and go on from where they were.
    #[must_use]
    pub fn keeps_backlog(&self) -> bool {
        self.keeps_backlog.load(Relaxed)
    }

    /// Keeps a backlog from now on. What was before is in no journal, so nobody may go on from
    /// there: the history gets a new name. In exclusive mode only.
    pub fn keep_backlog(&self, shared: &Shared) {
        if !self.keeps_backlog.swap(true, Relaxed) {
            shared.journal.set_identity(Identity::new(&new_id(&*shared.host)));
            shared.journal.keep_backlog(shared.config.lock().number("repl-backlog-size"));
        }
    }

    /// Keeps as much of a backlog as is configured by now, if one is kept.
    pub fn resize_backlog(&self, shared: &Shared) {
        if self.keeps_backlog() {
            shared.journal.keep_backlog(shared.config.lock().number("repl-backlog-size"));
        }
    }

    /// Counts the replicas that follow closely enough for `min-replicas-to-write`, for the gates.
    pub fn count_close(&self, now_ms: u64, gate: &GateState) -> u64 {
        let lag_s_max = gate.settings.replica_lag_s_max;
        let follows = |link: &&Arc<LinkRecord>| {
            let lag_ms = now_ms.saturating_sub(link.acked_ms.load(Relaxed));
            link.state() == LinkState::Online && lag_ms / 1000 <= lag_s_max
        };
        let close = self.records.lock().iter().filter(follows).count() as u64;
        gate.close_replicas.store(close, Relaxed);
        close
    }

    /// Makes a link of the session's connection.
    pub fn add(&self, session: &mut Session, start: Start, now_ms: u64, acknowledges: bool) {
        let peer = session.record.peer.rsplit_once(':').map_or("", |(ip, _)| ip).to_owned();
        let address = session.address();
        let side = session.replica.get_or_insert_default();
        let record = Arc::new(LinkRecord {
            address,
            ip: side.ip.clone().unwrap_or(peer),
            port: side.port,
            acknowledges,
            state: AtomicU8::new(LinkState::Waiting as u8),
            acked: AtomicU64::new(0),
            acked_ms: AtomicU64::new(now_ms),
        });
        side.link = Some(Arc::clone(&record));
        side.start = Some(start);
        session.record.replica.store(true, Relaxed);
        let mut records = self.records.lock();
        records.push(record);
        self.len.store(records.len(), Relaxed);
    }

    /// Forgets a link.
    pub fn remove(&self, client: u64) {
        let mut records = self.records.lock();
        records.retain(|record| record.address.client != client);
        self.len.store(records.len(), Relaxed);
    }

    /// Number of links.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    /// True without links.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All links, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<LinkRecord>> {
        self.records.lock().clone()
    }

    /// True once per `period_s` while there are links.
    fn ping_is_due(&self, now_us: u64, period_s: u64) -> bool {
        if self.is_empty() {
            return false;
        }
        let last_us = match self.last_ping_us.load(Relaxed) {
            0 => now_us,
            last_us => last_us,
        };
        let due = now_us >= last_us + period_s * 1_000_000;
        self.last_ping_us.store(if due { now_us } else { last_us }, Relaxed);
        due
    }
}
