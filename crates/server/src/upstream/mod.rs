//! The node as a replica: whom it follows, how the link is, and what a change of role does. The
//! link's thread is the node's; it asks here what to do. Knows no socket.

pub mod apply;
pub mod info;
#[cfg(test)]
mod tests;

pub use apply::Applier;

use crate::blocked::Release;
use crate::commands::keyspace;
use crate::executor::Exclusive;
use crate::inbox::Mail;
use crate::shared::{Shared, new_id};
use engine::keyspace::{Keyspace, Shard};
use parking_lot::{Condvar, Mutex};
use replication::Greeting;
use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

/// A primary to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Grows with every change of role: what is done for an older one comes too late.
    pub generation: u64,
}

/// How far the link to the primary is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// There is no primary.
    #[default]
    None,
    /// It is to be connected.
    Connect,
    /// It is being connected.
    Connecting,
    /// The two greet each other.
    Handshake,
    /// The data set is being taken over.
    Transfer,
    /// The stream flows.
    Connected,
}

/// A data set on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transfer {
    /// Its length, when the primary said it.
    pub total_bytes: u64,
    /// What has arrived.
    pub read_bytes: u64,
}

/// What INFO and ROLE tell of the link.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Whom it follows; `None` for a primary.
    pub target: Option<Target>,
    /// How far the link is.
    pub progress: Progress,
    /// Unix milliseconds when something came last.
    pub heard_ms: u64,
    /// Unix milliseconds since when the link is down; 0 when it was never up.
    pub down_since_ms: u64,
    /// The data set on its way.
    pub transfer: Transfer,
}

/// Cuts the link that a thread waits on.
pub type Cut = Box<dyn Fn() + Send>;

/// The link to the primary, as all threads see it.
#[derive(Default)]
pub struct Upstream {
    inner: Mutex<Inner>,
    /// Database selected in the stream that is to be gone on with after a restart.
    stream_db: AtomicU16,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    status: Status,
    generation: u64,
    cut: Option<Cut>,
    closed: bool,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Upstream {
    /// Notes which database is selected where the stream goes on.
    pub fn set_stream_db(&self, db: u16) {
        self.stream_db.store(db, Relaxed);
    }

    /// How the link is.
    #[must_use]
    pub fn status(&self) -> Status {
        self.inner.lock().status.clone()
    }

    /// Waits until there is a primary to follow; `None` when the node ends.
    pub fn wait_for_target(&self) -> Option<Target> {
        let mut inner = self.inner.lock();
        loop {
            if inner.closed {
                return None;
            }
            if let Some(target) = &inner.status.target {
                return Some(target.clone());
            }
            self.changed.wait(&mut inner);
        }
    }

    /// Waits for `timeout_ms`, or until the primary is another one.
    pub fn pause(&self, target: &Target, timeout_ms: u64) {
        let mut inner = self.inner.lock();
        if inner.status.target.as_ref() == Some(target) && !inner.closed {
            let timeout = std::time::Duration::from_millis(timeout_ms);
            self.changed.wait_for(&mut inner, timeout);
        }
    }

    /// Ends [`Upstream::wait_for_target`].
    pub fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        if let Some(cut) = inner.cut.take() {
            cut();
        }
        self.changed.notify_all();
    }

    /// True while `target` is the primary to follow.
    #[must_use]
    pub fn is_current(&self, target: &Target) -> bool {
        let inner = self.inner.lock();
        inner.generation == target.generation && !inner.closed
    }

    /// Notes how far the link to `target` is; `cut` ends it from outside. False when the primary
    /// is another one.
    pub fn note(&self, target: &Target, change: impl FnOnce(&mut Status)) -> bool {
        let mut inner = self.inner.lock();
        let current = inner.generation == target.generation && !inner.closed;
        if current {
            change(&mut inner.status);
        }
        current
    }

    /// Tells how to cut the link to `target`. False when it is to be cut at once.
    pub fn set_cut(&self, target: &Target, cut: Cut) -> bool {
        let mut inner = self.inner.lock();
        let current = inner.generation == target.generation && !inner.closed;
        if current {
            inner.cut = Some(cut);
        }
        current
    }

    /// Cuts the link; it is made again.
    pub fn cut(&self) {
        if let Some(cut) = self.inner.lock().cut.take() {
            cut();
        }
    }

    /// Another primary, or none: the link that there is ends.
    fn change(&self, primary: Option<(String, u16)>) {
        let mut inner = self.inner.lock();
        inner.generation += 1;
        let generation = inner.generation;
        let target = primary.map(|(host, port)| Target { host, port, generation });
        let progress = if target.is_some() { Progress::Connect } else { Progress::None };
        inner.status = Status { target, progress, ..Status::default() };
        if let Some(cut) = inner.cut.take() {
            cut();
        }
        self.changed.notify_all();
    }
}

/// Makes the node a replica of `host`.
pub fn follow(shared: &Shared, exclusive: &mut Exclusive<'_>, host: &str, port: u16) {
    // What it has of its own history may be enough to go on in the new primary's.
    shared.links.keep_backlog(shared);
    shared.upstream.change(Some((host.to_owned(), port)));
    exclusive.change_gate(|gate| {
        gate.primary = false;
        gate.replica = true;
        gate.link_is_down = true;
    });
    for record in shared.clients.all() {
        shared.blocked.release(&shared.inboxes, &record, Release::Demoted);
    }
}

/// Makes the node a primary. Its history gets a new name, and replicas that have followed it so
/// far are cut off to learn it.
pub fn promote(shared: &Shared, exclusive: &mut Exclusive<'_>) {
    shared.upstream.change(None);
    exclusive.change_gate(|gate| {
        gate.primary = true;
        gate.replica = false;
        gate.link_is_down = false;
    });
    let mut space = exclusive.space();
    for id in 0..=u8::MAX {
        space.shard(id).into_iter().for_each(Shard::disown);
    }
    let identity = shared.journal.identity();
    let id = new_id(&*shared.host);
    shared.journal.set_identity(identity.renamed(&id, shared.journal.offset()));
    shared.journal.reselect();
    cut_links(shared);
}

/// Cuts off the replicas of this node.
pub fn cut_links(shared: &Shared) {
    for link in shared.links.all() {
        let inbox = &shared.inboxes[usize::from(link.address.loop_id)];
        inbox.push(Mail::Kill(link.address));
    }
}

/// Drops all keys of all databases.
fn drop_all(shared: &Shared, exclusive: &mut Exclusive<'_>) {
    let now_ms = shared.host.clock().unix_ms();
    let mut space = exclusive.space();
    for db in 0..exclusive.gate().settings.dbs {
        keyspace::flush_db(shared, &mut space, db, now_ms);
    }
}

/// The link to `target` is down.
pub fn lost(shared: &Shared, target: &Target) {
    let mut exclusive = shared.executor.exclusive();
    let now_ms = shared.host.clock().unix_ms();
    let noted = shared.upstream.note(target, |status| {
        status.progress = Progress::Connect;
        if status.down_since_ms == 0 {
            status.down_since_ms = now_ms;
        }
    });
    if noted {
        exclusive.change_gate(|gate| gate.link_is_down = true);
    }
}

/// What the node says to its primary.
#[must_use]
pub fn greeting(shared: &Shared) -> Greeting {
    let identity = shared.journal.identity();
    let config = shared.config.lock();
    Greeting {
        user: config.get("masteruser").to_owned(),
        password: config.bytes("masterauth").to_owned(),
        port: match config.number("replica-announce-port") {
            0 => config.number("port") as u16,
            port => port as u16,
        },
        ip: config.get("replica-announce-ip").to_owned(),
        resume: Some((identity.id, shared.journal.offset())),
    }
}
