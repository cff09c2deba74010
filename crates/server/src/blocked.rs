//! The blocked commands of a node: how many there are, and deciding what becomes of one from any
//! loop. Which keys they wait for is known to the shards alone.

use crate::clients::ClientRecord;
use crate::inbox::{Address, Inbox, Mail};
use engine::keyspace::{Fate, Waiter};
use resp::{Protocol, Reply};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use stdx::Padded;

/// Why a blocked command ends without being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Its time is over, or CLIENT UNBLOCK says so.
    Timeout,
    /// CLIENT UNBLOCK ERROR.
    Error,
    /// The node serves writes no longer.
    Demoted,
}

impl Release {
    /// Writes the reply of a command that ends in this way.
    pub fn reply(self, out: &mut Vec<u8>, protocol: Protocol) {
        let mut reply = Reply::new(out, protocol);
        match self {
            Self::Timeout => reply.null_array(),
            Self::Error => reply.error(b"UNBLOCKED client unblocked via CLIENT UNBLOCK"),
            Self::Demoted => reply.error(
                b"UNBLOCKED force unblock from blocking operation, instance state changed \
                  (master -> replica?)",
            ),
        }
    }
}

/// Blocked commands.
#[derive(Debug, Default)]
pub struct Blocked {
    waiting: Padded<AtomicUsize>,
    /// Requests that wait for the end of a pause.
    postponed: AtomicUsize,
}

impl Blocked {
    /// A connection waits from now on.
    pub fn add(&self, record: &ClientRecord, waiter: Arc<Waiter>) {
        self.waiting.fetch_add(1, Relaxed);
        *record.waiter.lock() = Some(waiter);
    }

    /// Decides what becomes of a waiter; false when somebody else was first.
    pub fn claim(&self, waiter: &Waiter, fate: Fate) -> bool {
        let claimed = waiter.claim(fate);
        if claimed {
            self.waiting.fetch_sub(1, Relaxed);
        }
        claimed
    }

    /// Ends the wait of another connection; false when it does not wait.
    pub fn release(&self, inboxes: &[Inbox], record: &ClientRecord, release: Release) -> bool {
        let waiter = record.waiter.lock().clone();
        let Some(waiter) = waiter else { return false };
        let claimed = self.claim(&waiter, Fate::Unblocked);
        if claimed {
            let inbox = &inboxes[usize::from(waiter.home.loop_id)];
            inbox.push(Mail::Released { waiter, release });
        }
        claimed
    }

    /// A connection ends: nothing may be taken for it any more.
    pub fn kill(&self, record: &ClientRecord) {
        let waiter = record.waiter.lock().clone();
        if let Some(waiter) = waiter {
            self.claim(&waiter, Fate::Killed);
        }
    }

    /// A request waits for the end of a pause from now on.
    pub fn postpone(&self) {
        self.postponed.fetch_add(1, Relaxed);
    }

    /// A request does not wait for the end of a pause any more.
    pub fn go_on(&self) {
        self.postponed.fetch_sub(1, Relaxed);
    }

    /// Connections that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.load(Relaxed) + self.postponed.load(Relaxed)
    }

    /// True when no connection waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where the connection of a waiter gets its mail.
#[must_use]
pub fn address_of(waiter: &Waiter) -> Address {
    let home = waiter.home;
    Address { loop_id: home.loop_id, place: home.place, client: home.client }
}
