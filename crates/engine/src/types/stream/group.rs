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
    /// Names of consumers by their numbers.
    names: Sorted<Numbered>,
    /// What nobody has, in the order in which it was released.
    released: Sorted<Due>,
    /// What consumers have by when they got it; kept from the first time that somebody asks.
    times: Option<Sorted<Due>>,
}

/// An entry that was given out and not acknowledged.
#[derive(Debug, Clone, Copy)]
pub struct Pending {
    /// Its id.
    pub id: Id,
    /// How often it was given out.
    pub count: u64,
    /// When it was last given out; once nobody has it, its turn among those released.
    moment: u64,
    /// Number of the consumer who has it.
    owner: u32,
}

/// The owner of what nobody has.
const NOBODY: u32 = 0;

impl Pending {
    /// True when a consumer has it, and nobody has released it.
    #[must_use]
    pub fn is_owned(&self) -> bool {
        self.owner != NOBODY
    }

    /// When it was last given out, in Unix milliseconds; 0 when nobody has it.
    #[must_use]
    pub fn delivered_ms(&self) -> u64 {
        if self.is_owned() { self.moment } else { 0 }
    }

    /// For how long it has been out by `now_ms`; `i64::MAX` when nobody has it.
    #[must_use]
    pub fn idle_ms(&self, now_ms: u64) -> i64 {
        if self.is_owned() { now_ms.wrapping_sub(self.moment).cast_signed() } else { i64::MAX }
    }

    fn due(&self) -> Due {
        Due { moment: self.moment, id: self.id }
    }
}

/// A pending entry where it stands in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    moment: u64,
    id: Id,
}

#[derive(Debug, Clone)]
struct Numbered {
    number: u32,
    name: Name,
}

/// Somebody who reads.
#[derive(Debug, Clone)]
pub struct Consumer {
    name: Name,
    number: u32,
    /// When it was last heard of, in Unix milliseconds.
    pub seen_ms: u64,
    pending: Sorted<Id>,
}

macro_rules! ordered {
    ($type:ty, $key:ty, $of:expr) => {
        impl Record for $type {
            type Key = $key;
            type Query = $key;

            fn key(&self) -> $key {
                $of(self)
            }
            fn order(key: &$key, query: &$key) -> Ordering {
                key.cmp(query)
            }
            fn place(&self, query: &$key) -> Ordering {
                self.key().cmp(query)
            }
        }
    };
}

ordered!(Id, Id, |id: &Id| *id);
ordered!(Pending, Id, |pending: &Pending| pending.id);
ordered!(Due, Due, |due: &Due| *due);
ordered!(Numbered, u32, |numbered: &Numbered| numbered.number);

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
        let (names, released) = (Sorted::default(), Sorted::default());
        Self { name: name.into(), last_id, read, pending, consumers, names, released, times: None }
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

    /// Ids of what nobody has, in the order in which it was released.
    pub fn released(&self) -> impl ExactSizeIterator<Item = Id> {
        let mut dues = self.released.iter();
        (0..self.released.len()).map(move |_| dues.next().expect("as many as there are").id)
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

    /// The name of the consumer who has a pending entry; empty when nobody has it.
    #[must_use]
    pub fn owner(&self, pending: &Pending) -> Name {
        let owner = self.names.find(&pending.owner);
        owner.map_or_else(Name::default, |owner| Arc::clone(&owner.name))
    }

    /// Makes a consumer; false when there is one of this name.
    pub fn create_consumer(&mut self, name: &[u8], now_ms: u64) -> bool {
        if self.consumers.find(name).is_some() {
            return false;
        }
        let number = self.free_number();
        let consumer =
            Consumer { name: name.into(), number, seen_ms: now_ms, pending: Sorted::default() };
        let numbered = Numbered { number, name: Arc::clone(&consumer.name) };
        self.names.insert(&number, numbered) && self.consumers.insert(name, consumer)
    }

    /// A number that no consumer has: the one behind the last, or else the first gap.
    fn free_number(&self) -> u32 {
        let last = self.names.last().map_or(NOBODY, |numbered| numbered.number);
        last.checked_add(1).unwrap_or_else(|| {
            let taken = self.names.iter().map(|numbered| numbered.number);
            let gap = taken.zip(NOBODY + 1..).find(|(taken, free)| taken != free);
            gap.expect("fewer consumers than numbers").1
        })
    }

    /// Notes that a consumer was heard of, who is made if need be; true when it was made.
    pub fn see(&mut self, name: &[u8], now_ms: u64) -> bool {
        let seen = self.consumers.edit(name, |consumer| consumer.seen_ms = now_ms);
        seen.is_none() && self.create_consumer(name, now_ms)
    }

    /// Forgets up to `most` entries that a consumer has. False when [`Group::remove_consumer`] is
    /// as short, which it is when few are left, or nobody else has any.
    pub fn forget(&mut self, name: &[u8], most: usize) -> bool {
        let Some(consumer) = self.consumers.find(name) else { return false };
        let len = consumer.pending.len();
        if len <= most || len == self.pending.len() {
            return false;
        }
        let ids: Vec<Id> = consumer.pending.iter().take(most).copied().collect();
        ids.into_iter().for_each(|id| _ = self.acknowledge(id));
        true
    }

    /// Takes a consumer out with all it was given, to be dropped elsewhere. How much that was is
    /// the number of entries that the consumer has.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<Self> {
        let consumer = self.consumers.remove(name)?;
        self.names.remove(&consumer.number);
        let mut taken = Self::new(&self.name, self.last_id, self.read);
        if consumer.pending.len() == self.pending.len() {
            taken.pending = std::mem::take(&mut self.pending);
            taken.times = self.times.as_mut().map(std::mem::take);
        } else {
            for id in consumer.pending.iter() {
                let removed = self.pending.remove(id);
                removed.into_iter().for_each(|pending| self.leave_row(&pending));
            }
        }
        taken.consumers.insert(name, consumer);
        Some(taken)
    }

    /// Gives an entry to a consumer, which must exist, whoever had it.
    ///
    /// # Panics
    /// There is no such consumer.
    pub fn give(&mut self, id: Id, consumer: &[u8], delivered_ms: u64, count: u64) {
        self.give_all(&[id], consumer, delivered_ms, count);
    }

    /// Gives entries to a consumer, as [`Group::give`] does.
    ///
    /// # Panics
    /// There is no such consumer.
    pub fn give_all(&mut self, ids: &[Id], consumer: &[u8], delivered_ms: u64, count: u64) {
        let owner = self.consumers.find(consumer).expect("the consumer exists").number;
        for &id in ids {
            let pending = Pending { id, count, moment: delivered_ms, owner };
            let former = self.pending.replace(&id, pending);
            if let Some(former) = &former {
                self.leave_row(former);
            }
            if let Some(former) = former.filter(|former| former.owner != owner) {
                self.disown(former.owner, id);
            }
            if let Some(times) = &mut self.times {
                times.replace(&pending.due(), pending.due());
            }
        }
        self.consumers.edit(consumer, |consumer| {
            ids.iter().for_each(|id| _ = consumer.pending.replace(id, *id));
        });
    }

    /// Notes that a pending entry was given to the same consumer once more.
    pub fn give_again(&mut self, id: Id, delivered_ms: u64) {
        let change = |pending: &mut Pending| {
            let former = *pending;
            pending.moment = delivered_ms;
            pending.count = pending.count.wrapping_add(1);
            (former, *pending)
        };
        if let Some((former, pending)) = self.pending.edit(&id, change) {
            self.leave_row(&former);
            if let Some(times) = &mut self.times {
                times.replace(&pending.due(), pending.due());
            }
        }
    }

    /// Takes an entry from who has it, and puts it behind all others that nobody has. It need not
    /// be pending.
    pub fn release(&mut self, id: Id, count: u64) {
        let moment = self.released.last().map_or(0, |due| due.moment + 1);
        let pending = Pending { id, count, moment, owner: NOBODY };
        if let Some(former) = self.pending.replace(&id, pending) {
            self.leave_row(&former);
            self.disown(former.owner, id);
        }
        self.released.replace(&pending.due(), pending.due());
    }

    /// Forgets a pending entry; returns what was known of it.
    pub fn acknowledge(&mut self, id: Id) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        self.leave_row(&pending);
        self.disown(pending.owner, id);
        Some(pending)
    }

    fn disown(&mut self, owner: u32, id: Id) {
        if let Some(Numbered { name, .. }) = self.names.find(&owner) {
            self.consumers.edit(name, |consumer| consumer.pending.remove(&id));
        }
    }

    fn leave_row(&mut self, pending: &Pending) {
        if !pending.is_owned() {
            self.released.remove(&pending.due());
        } else if let Some(times) = &mut self.times {
            times.remove(&pending.due());
        }
    }

    /// True when it keeps what is pending by its age.
    #[must_use]
    pub fn keeps_times(&self) -> bool {
        self.times.is_some()
    }

    /// Keeps what is pending by its age from now on.
    pub fn keep_times(&mut self) {
        if self.times.is_none() {
            let owned = self.pending.iter().filter(|pending| pending.is_owned());
            let mut dues: Vec<Due> = owned.map(Pending::due).collect();
            dues.sort_unstable();
            let mut times = Sorted::default();
            dues.into_iter().for_each(|due| _ = times.replace(&due, due));
            self.times = Some(times);
        }
    }

    /// Ids of what may be given to somebody else, the first one first: what nobody has, and then
    /// what others got `idle_ms` before `now_ms` or earlier, as far as [`Group::keep_times`] knows.
    pub fn claimable(&self, now_ms: u64, idle_ms: u64) -> impl Iterator<Item = Id> {
        let late = self.times.iter().flat_map(Sorted::iter);
        let late = late.take_while(move |due| due.moment.saturating_add(idle_ms) <= now_ms);
        self.released().chain(late.map(|due| due.id))
    }

    /// When something becomes claimable that is not yet; at the latest what is given out now.
    #[must_use]
    pub fn next_due_ms(&self, now_ms: u64, idle_ms: u64) -> u64 {
        let moment = now_ms.checked_sub(idle_ms).map_or(0, |moment| moment + 1);
        let first = Due { moment, id: Id::MIN };
        let next = self.times.as_ref().and_then(|times| times.from(&first).next());
        next.map_or(now_ms, |due| due.moment).saturating_add(idle_ms).max(now_ms + 1)
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
        let mut owned = self.released.len();
        for consumer in self.consumers.iter() {
            consumer.pending.check_invariants();
            owned += consumer.pending.len();
            for id in consumer.pending.iter() {
                let pending = self.pending.find(id).expect("both lists agree");
                assert_eq!(self.owner(pending), consumer.name, "who has it");
            }
        }
        assert_eq!(self.names.len(), self.consumers.len(), "consumers have numbers");
        for (due, is_owned) in self
            .released
            .iter()
            .map(|due| (due, false))
            .chain(self.times.iter().flat_map(Sorted::iter).map(|due| (due, true)))
        {
            let pending = self.pending.find(&due.id).expect("what stands in a row is pending");
            assert_eq!((pending.due(), pending.is_owned()), (*due, is_owned), "and there");
        }
        let timed =
            self.times.as_ref().map_or(self.pending.len() - self.released.len(), Sorted::len);
        assert_eq!(owned, self.pending.len(), "everything pending has an owner or was released");
        assert_eq!(self.released.len() + timed, self.pending.len(), "everything stands in a row");
    }
}
