//! What others may see of a connection: a shared record of atomics, so that CLIENT LIST and the
//! admin socket read it without asking the connection's loop.

use crate::inbox::Address;
use engine::keyspace::Waiter;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed,
};

/// One connection's record.
#[derive(Debug)]
pub struct ClientRecord {
    /// Where mail for it goes; `client` is CLIENT ID.
    pub address: Address,
    /// Peer, `ip:port` or a path.
    pub peer: String,
    /// Our side, `ip:port` or a path.
    pub local: String,
    /// Unix milliseconds when it connected.
    pub created_ms: u64,
    /// Unix milliseconds of its last request.
    pub active_ms: AtomicU64,
    /// Selected database.
    pub db: AtomicU16,
    /// Last command's id, `u16::MAX` before the first.
    pub command: AtomicU16,
    /// Channels subscribed.
    pub channels: AtomicU32,
    /// Patterns subscribed.
    pub patterns: AtomicU32,
    /// Queued commands, −1 outside MULTI.
    pub queued: AtomicI32,
    /// Protocol, 2 or 3.
    pub protocol: AtomicU16,
    /// It is a replica's link.
    pub replica: AtomicBool,
    /// It is the link to the node's primary, which no loop has.
    pub upstream: AtomicBool,
    /// Bytes received that no request has used yet, those of the running one included.
    pub input_bytes: AtomicU32,
    /// CLIENT TRACKING.
    pub tracks: AtomicBool,
    /// It is shown every command.
    pub monitor: AtomicBool,
    /// CLIENT NO-EVICT.
    pub no_evict: AtomicBool,
    /// The blocked command, from its registration until its loop has ended it.
    pub waiter: Mutex<Option<Arc<Waiter>>>,
    /// Things set as text.
    pub texts: Mutex<Texts>,
}

/// The texts of a record.
#[derive(Debug, Default, Clone)]
pub struct Texts {
    /// CLIENT SETNAME.
    pub name: String,
    /// Authenticated user; empty before AUTH.
    pub user: String,
    /// CLIENT SETINFO LIB-NAME.
    pub library_name: String,
    /// CLIENT SETINFO LIB-VER.
    pub library_version: String,
}

/// All connections, by number.
#[derive(Debug, Default)]
pub struct Clients {
    next: AtomicU64,
    records: Mutex<BTreeMap<u64, Arc<ClientRecord>>>,
}

impl Clients {
    /// A number never used before.
    pub fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Relaxed) + 1
    }

    /// Makes a record visible.
    pub fn add(&self, record: &Arc<ClientRecord>) {
        self.records.lock().insert(record.address.client, Arc::clone(record));
    }

    /// Removes a record.
    pub fn remove(&self, id: u64) {
        self.records.lock().remove(&id);
    }

    /// A record by number.
    #[must_use]
    pub fn find(&self, id: u64) -> Option<Arc<ClientRecord>> {
        self.records.lock().get(&id).cloned()
    }

    /// Connections open now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.lock().len()
    }

    /// True without connections.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All records, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<ClientRecord>> {
        self.records.lock().values().cloned().collect()
    }
}

impl ClientRecord {
    /// A record of a connection that has just been made.
    #[must_use]
    pub fn new(address: Address, peer: String, local: String, now_ms: u64) -> Self {
        Self {
            address,
            peer,
            local,
            created_ms: now_ms,
            active_ms: AtomicU64::new(now_ms),
            db: AtomicU16::new(0),
            command: AtomicU16::new(u16::MAX),
            channels: AtomicU32::new(0),
            patterns: AtomicU32::new(0),
            queued: AtomicI32::new(-1),
            protocol: AtomicU16::new(2),
            replica: AtomicBool::new(false),
            upstream: AtomicBool::new(false),
            input_bytes: AtomicU32::new(0),
            tracks: AtomicBool::new(false),
            monitor: AtomicBool::new(false),
            no_evict: AtomicBool::new(false),
            waiter: Mutex::new(None),
            texts: Mutex::new(Texts::default()),
        }
    }

    /// True for connections of this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let peer = self.peer.as_str();
        peer.starts_with("127.") || peer.starts_with("[::1]:") || !peer.contains(':')
    }

    /// True while a command waits for a key.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.waiter.lock().as_ref().is_some_and(|waiter| waiter.is_waiting())
    }

    /// The line of CLIENT LIST. `command` is the name of the last one.
    #[must_use]
    pub fn line(&self, now_ms: u64, command: &str) -> String {
        let texts = self.texts.lock().clone();
        let flags = if self.monitor.load(Relaxed) {
            "O"
        } else if self.replica.load(Relaxed) {
            "S"
        } else if self.upstream.load(Relaxed) {
            "M"
        } else if self.is_blocked() {
            "b"
        } else if self.queued.load(Relaxed) >= 0 {
            "x"
        } else if self.channels.load(Relaxed) + self.patterns.load(Relaxed) > 0 {
            "P"
        } else {
            "N"
        };
        format!(
            "id={} addr={} laddr={} fd=-1 name={} age={} idle={} flags={flags} db={} sub={} \
             psub={} ssub=0 multi={} qbuf={} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 \
             oll=0 omem=0 tot-mem=0 events=r cmd={command} user={} redir=-1 resp={} lib-name={} \
             lib-ver={}",
            self.address.client,
            self.peer,
            self.local,
            texts.name,
            now_ms.saturating_sub(self.created_ms) / 1000,
            now_ms.saturating_sub(self.active_ms.load(Relaxed)) / 1000,
            self.db.load(Relaxed),
            self.channels.load(Relaxed),
            self.patterns.load(Relaxed),
            self.queued.load(Relaxed),
            self.input_bytes.load(Relaxed),
            texts.user,
            self.protocol.load(Relaxed),
            texts.library_name,
            texts.library_version,
        )
    }
}
