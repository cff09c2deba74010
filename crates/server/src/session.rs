//! What a connection has said so far: protocol, user, database, transaction, subscriptions.

use crate::access::User;
use crate::clients::ClientRecord;
use crate::inbox::Address;
use crate::links::ReplicaSide;
use crate::pubsub::{PubSub, Scope};
use catalog::commands::CommandId;
use engine::keyspace::{Reader, WatchFlag};
use resp::{OwnedArgs, Protocol};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A connection's state.
#[derive(Debug)]
pub struct Session {
    /// The part that others may see.
    pub record: Arc<ClientRecord>,
    /// The peer's address; `None` over a unix socket.
    pub source: Option<IpAddr>,
    /// Protocol of replies.
    pub protocol: Protocol,
    /// Selected database.
    pub db: u16,
    /// Who it is; `None` before AUTH.
    pub user: Option<Arc<User>>,
    /// The peer's address is not allowed: every command is answered with that.
    pub refused: bool,
    /// Queued commands between MULTI and EXEC.
    pub multi: Option<Multi>,
    /// Watched keys, and the flag that rises when one is touched.
    pub watch: Option<Watch>,
    /// Channels subscribed.
    pub channels: BTreeSet<Box<[u8]>>,
    /// Patterns subscribed.
    pub patterns: BTreeSet<Box<[u8]>>,
    /// CLIENT REPLY.
    pub replies: Replies,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// Journal offset behind everything that it wrote.
    pub wrote_to: u64,
    /// It applies the stream of the node's primary: no gate holds it up.
    pub applies: bool,
    /// What it said as a replica, and the link it became.
    pub replica: Option<Box<ReplicaSide>>,
    /// It keeps copies of what it reads.
    pub tracking: Option<Arc<Reader>>,
    /// It is shown every command.
    pub monitor: bool,
    /// Close once the output is written.
    pub closing: bool,
}

/// An open transaction.
#[derive(Debug, Default)]
pub struct Multi {
    /// Commands in order.
    pub queue: Vec<(CommandId, OwnedArgs)>,
    /// A command was refused: EXEC will abort.
    pub aborted: bool,
}

/// Watched keys.
#[derive(Debug, Default)]
pub struct Watch {
    /// Database and key of each.
    pub keys: Vec<(u16, Box<[u8]>)>,
    /// Rises when one of them is touched.
    pub flag: WatchFlag,
}

/// CLIENT REPLY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    /// As usual.
    On,
    /// None until switched on again.
    Off,
    /// None to the command that is running (SKIP itself).
    SkipThis,
    /// None to the next command.
    SkipNext,
}

impl Session {
    /// The state of a new connection.
    #[must_use]
    pub fn new(record: Arc<ClientRecord>, user: Option<Arc<User>>) -> Self {
        let session = Self {
            record,
            source: None,
            protocol: Protocol::Two,
            db: 0,
            user: None,
            refused: false,
            multi: None,
            watch: None,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            replies: Replies::On,
            no_touch: false,
            wrote_to: 0,
            applies: false,
            replica: None,
            tracking: None,
            monitor: false,
            closing: false,
        };
        session.logged_in(user)
    }

    fn logged_in(mut self, user: Option<Arc<User>>) -> Self {
        self.log_in(user);
        self
    }

    /// Becomes `user`, or nobody.
    pub fn log_in(&mut self, user: Option<Arc<User>>) {
        let name = user.as_ref().map(|user| user.name.clone()).unwrap_or_default();
        self.record.texts.lock().user = name;
        self.user = user;
    }

    /// Selects a database.
    pub fn select(&mut self, db: u16) {
        self.db = db;
        self.record.db.store(db, Relaxed);
    }

    /// Speaks another protocol.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.record.protocol.store(if protocol == Protocol::Two { 2 } else { 3 }, Relaxed);
    }

    /// Channels and patterns subscribed.
    #[inline]
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// True when it is a replica's link, which is fed instead of answered.
    #[must_use]
    pub fn is_link(&self) -> bool {
        self.replica.as_ref().is_some_and(|side| side.link.is_some())
    }

    /// Where mail for this connection goes.
    #[must_use]
    pub fn address(&self) -> Address {
        self.record.address
    }

    /// Tells others how many subscriptions and queued commands there are.
    pub fn publish_counts(&self) {
        self.record.channels.store(self.channels.len() as u32, Relaxed);
        self.record.patterns.store(self.patterns.len() as u32, Relaxed);
        let queued = self.multi.as_ref().map_or(-1, |multi| multi.queue.len() as i32);
        self.record.queued.store(queued, Relaxed);
    }

    /// Ends all subscriptions.
    pub fn unsubscribe_all(&mut self, pubsub: &PubSub) {
        let address = self.address();
        for (scope, names) in
            [(Scope::Channel, &mut self.channels), (Scope::Pattern, &mut self.patterns)]
        {
            for name in std::mem::take(names) {
                pubsub.unsubscribe(scope, &name, address);
            }
        }
        self.publish_counts();
    }

    /// A session for tests: logged in, on no loop.
    #[cfg(test)]
    #[must_use]
    pub fn for_tests() -> Self {
        let address = Address { loop_id: 0, place: 0, client: 1 };
        let record = ClientRecord::new(address, "127.0.0.1:1".into(), "127.0.0.1:2".into(), 0);
        let access = crate::access::Access::drop_in(b"", b"");
        Self::new(Arc::new(record), access.initial_user().cloned())
    }
}
