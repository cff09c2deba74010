//! One FIFO per loop for whatever a command causes on connections of that loop. Pushed while the
//! causing command's locks are held and before its own reply; drained by the loop between batches.

use crate::blocked::Release;
use crate::job::Job;
use crate::sync::Mutex;
use engine::keyspace::Waiter;
use std::sync::Arc;

/// Makes a loop leave its wait.
pub trait Waker: Send + Sync {
    /// May be called from any thread, any number of times.
    fn wake(&self);
}

/// A connection of one loop: its place in the loop's table and, because places are used again, its
/// unique number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// Which loop.
    pub loop_id: u16,
    /// Place in the loop's table.
    pub place: u32,
    /// CLIENT ID.
    pub client: u64,
}

/// A published message.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// The pattern it matched, for pattern subscribers.
    pub pattern: Option<Box<[u8]>>,
    /// Channel.
    pub channel: Box<[u8]>,
    /// Payload, shared by all receivers.
    pub payload: Arc<[u8]>,
    /// Journal offset that has to be durable before it leaves.
    pub release: u64,
}

/// What a loop is to do for its connections.
#[derive(Debug)]
pub enum Mail {
    /// Deliver a message to these connections.
    Publish(Vec<Address>, Arc<Message>),
    /// Tell a connection that its copy of a key is stale, or of all keys.
    Invalidate(Address, Option<Arc<[u8]>>),
    /// Show a command to a connection that asked for it.
    Monitor(Address, Arc<[u8]>),
    /// Close a connection.
    Kill(Address),
    /// A blocked command was run by whoever made its key ready.
    Served {
        /// The command.
        waiter: Arc<Waiter>,
        /// Its reply.
        reply: Vec<u8>,
        /// Journal offset behind its effects.
        offset: u64,
    },
    /// The wait of a blocked command was ended.
    Released {
        /// The command.
        waiter: Arc<Waiter>,
        /// Why.
        release: Release,
    },
    /// A connection comes back from its job.
    Return(Box<Job>),
}

/// The FIFO.
pub struct Inbox {
    mail: Mutex<Vec<Mail>>,
    waker: Arc<dyn Waker>,
}

impl Inbox {
    /// An empty inbox of the loop that `waker` wakes.
    #[must_use]
    pub fn new(waker: Box<dyn Waker>) -> Self {
        Self { mail: Mutex::new(Vec::new()), waker: waker.into() }
    }

    /// Adds to the end. Wakes the loop when the inbox was empty.
    pub fn push(&self, mail: Mail) {
        let mut queue = self.mail.lock();
        let first = queue.is_empty();
        queue.push(mail);
        drop(queue);
        if first {
            self.waker.wake();
        }
    }

    /// Takes everything, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.mail.lock())
    }

    /// Wakes this inbox's loop.
    #[must_use]
    pub fn waker(&self) -> Arc<dyn Waker> {
        Arc::clone(&self.waker)
    }

    /// Makes the loop leave its wait, for reasons of the shell.
    pub fn wake(&self) {
        self.waker.wake();
    }
}
