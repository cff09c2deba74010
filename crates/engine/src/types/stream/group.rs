//! Consumer groups: how far each has read, what it gave out and to whom. Knows no entry.

use super::id::Id;
use super::sorted::{Record, Sorted};
use std::cmp::Ordering;
use std::sync::Arc;

/// The name of a group or a consumer.
pub type Name = Arc<[u8]>;

/// A consumer group.
#[derive(Debug, Clone)]
pub struct Group {
    name: Name,
    /// Id of the last entry that was given out.
    pub last_id: Id,
    /// Entries given out, as far as that is known.
    pub read: Option<i64>,
    pending: Sorted<Pending>,
    consumers: Sorted<Consumer>,
}

/// An entry that was given out and not acknowledged.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Its id.
    pub id: Id,
    /// Whom it was given to last.
    pub owner: Name,
    /// When, in Unix milliseconds.
    pub delivered_ms: u64,
    /// How often it was given out.
    pub count: u64,
}

/// Somebody who reads.
#[derive(Debug, Clone)]
pub struct Consumer {
    name: Name,
    /// When it was last heard of, in Unix milliseconds.
    pub seen_ms: u64,
    pending: Sorted<Id>,
}

impl Record for Id {
    type Key = Id;
    type Query = Id;

    fn key(&self) -> Id {
        *self
    }
    fn order(key: &Id, query: &Id) -> Ordering {
        key.cmp(query)
    }
    fn place(&self, query: &Id) -> Ordering {
        self.cmp(query)
    }
}

impl Record for Pending {
    type Key = Id;
    type Query = Id;

    fn key(&self) -> Id {
        self.id
    }
    fn order(key: &Id, query: &Id) -> Ordering {
        key.cmp(query)
    }
    fn place(&self, query: &Id) -> Ordering {
        self.id.cmp(query)
    }
}

macro_rules! named {
    ($type:ident) => {
        impl Record for $type {
            type Key = Name;
            type Query = [u8];

            fn key(&self) -> Name {
                Arc::clone(&self.name)
            }
            fn order(key: &Name, query: &[u8]) -> Ordering {
                (**key).cmp(query)
            }
            fn place(&self, query: &[u8]) -> Ordering {
                (*self.name).cmp(query)
            }
        }
    };
}

named!(Group);
named!(Consumer);

impl Consumer {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Ids of what it was given and has not acknowledged.
    #[must_use]
    pub fn pending(&self) -> &Sorted<Id> {
        &self.pending
    }
}

impl Group {
    /// A group without consumers.
    #[must_use]
    pub fn new(name: &[u8], last_id: Id, read: Option<i64>) -> Self {
        let (pending, consumers) = (Sorted::default(), Sorted::default());
        Self { name: name.into(), last_id, read, pending, consumers }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What was given out and not acknowledged.
    #[must_use]
    pub fn pending(&self) -> &Sorted<Pending> {
        &self.pending
    }

    /// Who reads.
    #[must_use]
    pub fn consumers(&self) -> &Sorted<Consumer> {
        &self.consumers
    }

    /// A consumer.
    #[must_use]
    pub fn consumer(&self, name: &[u8]) -> Option<&Consumer> {
        self.consumers.find(name)
    }

    /// Makes a consumer; false when there is one of this name.
    pub fn create_consumer(&mut self, name: &[u8], now_ms: u64) -> bool {
        let consumer = Consumer { name: name.into(), seen_ms: now_ms, pending: Sorted::default() };
        self.consumers.find(name).is_none() && self.consumers.insert(name, consumer)
    }

    /// Notes that a consumer was heard of, who is made if need be; true when it was made.
    pub fn see(&mut self, name: &[u8], now_ms: u64) -> bool {
        let seen = self.consumers.edit(name, |consumer| consumer.seen_ms = now_ms);
        seen.is_none() && self.create_consumer(name, now_ms)
    }

    /// Takes a consumer out with all it was given, to be dropped elsewhere; returns how much that
    /// was.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<(Consumer, usize)> {
        let consumer = self.consumers.remove(name)?;
        for id in consumer.pending.iter() {
            self.pending.remove(id);
        }
        let len = consumer.pending.len();
        Some((consumer, len))
    }

    /// Gives an entry to a consumer, which must exist, whoever had it.
    ///
    /// # Panics
    /// There is no such consumer.
    pub fn give(&mut self, id: Id, consumer: &[u8], delivered_ms: u64, count: u64) {
        let owner = Arc::clone(&self.consumers.find(consumer).expect("the consumer exists").name);
        let former = self.pending.edit(&id, |pending| {
            pending.delivered_ms = delivered_ms;
            pending.count = count;
            std::mem::replace(&mut pending.owner, Arc::clone(&owner))
        });
        match former {
            Some(former) if former == owner => return,
            Some(former) => self.disown(&former, id),
            None => {
                let pending = Pending { id, owner, delivered_ms, count };
                self.pending.insert(&id, pending);
            }
        }
        self.consumers.edit(consumer, |consumer| consumer.pending.insert(&id, id));
    }

    /// Changes when and how often a pending entry was given out.
    pub fn edit_pending(&mut self, id: Id, change: impl FnOnce(&mut Pending)) {
        self.pending.edit(&id, change);
    }

    /// Forgets a pending entry; returns what was known of it.
    pub fn acknowledge(&mut self, id: Id) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        self.disown(&pending.owner, id);
        Some(pending)
    }

    fn disown(&mut self, owner: &[u8], id: Id) {
        self.consumers.edit(owner, |consumer| consumer.pending.remove(&id));
    }

    /// True when dropping it takes long.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.pending.len() + self.consumers.len() > crate::types::LARGE
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        self.pending.check_invariants();
        self.consumers.check_invariants();
        let mut owned = 0;
        for consumer in self.consumers.iter() {
            consumer.pending.check_invariants();
            owned += consumer.pending.len();
            for id in consumer.pending.iter() {
                let owner = self.pending.find(id).map(|pending| &pending.owner);
                assert_eq!(owner, Some(&consumer.name), "both lists agree");
            }
        }
        assert_eq!(owned, self.pending.len(), "everything pending has an owner");
    }
}
