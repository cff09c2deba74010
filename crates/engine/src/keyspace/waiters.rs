//! Blocked commands: who waits for which keys, and the one word that decides what became of each.
//! A waiter lies in the queues of all its keys; whoever changes its state first has it, and queues
//! forget the others when they next look. Knows no connection: a waiter's home is numbers.

use super::entry::{Entry, ValueRef};
use crate::types::stream::Id;
use crate::types::{Object, Stream};
use resp::{OwnedArgs, Protocol};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::AcqRel, Ordering::Acquire};

/// What a blocked command needs a key to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A list.
    List,
    /// A list of at least so many elements.
    LongList(u32),
    /// A sorted set.
    SortedSet,
    /// Entries of a stream behind those of [`Wait::ids`].
    Entries,
    /// Entries of a stream that the group named by this word has not read, or that there is
    /// nothing to wait for any more.
    Unread(u32),
    /// As [`Wanted::Unread`], or entries that nobody in the group has any more.
    Claimable(u32),
}

/// When a command that waits may find something although nobody has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// Unix milliseconds.
    pub at_ms: u64,
    /// Word of the timeout, which is shorter the next time.
    pub timeout_at: u32,
}

/// How a command that found nothing wants to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Milliseconds to wait at most; 0 is for ever.
    pub timeout_ms: u64,
    /// Word of the first key to wait for.
    pub first: u32,
    /// Number of keys, which follow each other.
    pub keys: u32,
    /// What one of them must hold.
    pub wanted: Wanted,
    /// For each key, the id behind which entries are wanted; none for other types.
    pub ids: Box<[Id]>,
    /// When to run it again in any case.
    pub again: Option<Again>,
}

/// What became of a waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fate {
    /// Nothing yet.
    Waiting = 0,
    /// A writer runs its command.
    Claimed = 1,
    /// Its time is over.
    TimedOut = 2,
    /// Its connection ended.
    Killed = 3,
    /// CLIENT UNBLOCK, or a change of the node.
    Unblocked = 4,
}

/// Where the connection of a waiter lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Home {
    /// Which loop.
    pub loop_id: u16,
    /// Place in the loop's table.
    pub place: u32,
    /// CLIENT ID.
    pub client: u64,
}

/// A blocked command.
#[derive(Debug)]
pub struct Waiter {
    fate: AtomicU8,
    /// Its connection.
    pub home: Home,
    /// Database it was sent in.
    pub db: u16,
    /// Protocol of its reply.
    pub protocol: Protocol,
    /// Row of the command.
    pub command: u16,
    /// Its words.
    pub args: OwnedArgs,
    /// How it waits.
    pub wait: Wait,
    /// Monotonic microseconds when its time is over; 0 is never.
    pub deadline_us: u64,
    /// When its time is over if it runs again before that; 0 is never.
    pub ends_us: u64,
    /// At its deadline it runs again.
    pub looks_again: bool,
    /// It also changes another key than it waits for, which may wake somebody who does the same: to
    /// serve it all shards must be held, even where those two keys lie in one.
    pub moves: bool,
    /// CLIENT REPLY took its reply away.
    pub silent: bool,
}

impl Waiter {
    /// A command that waits from now on. The flags are false.
    #[must_use]
    pub fn new(home: Home, command: u16, args: OwnedArgs, wait: Wait) -> Self {
        Self {
            fate: AtomicU8::new(Fate::Waiting as u8),
            home,
            db: 0,
            protocol: Protocol::Two,
            command,
            args,
            wait,
            deadline_us: 0,
            ends_us: 0,
            looks_again: false,
            moves: false,
            silent: false,
        }
    }

    /// Decides what becomes of it; false when somebody else was first.
    pub fn claim(&self, fate: Fate) -> bool {
        let (waiting, fate) = (Fate::Waiting as u8, fate as u8);
        self.fate.compare_exchange(waiting, fate, AcqRel, Acquire).is_ok()
    }

    /// True until it is claimed.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.fate.load(Acquire) == Fate::Waiting as u8
    }

    /// Its request once more, as it would be sent at this moment: with the time that is left.
    #[must_use]
    pub fn request(&self, now_us: u64) -> Vec<u8> {
        let left_ms = self.ends_us.saturating_sub(now_us).div_ceil(1000).max(1);
        let left_ms = if self.ends_us == 0 { 0 } else { left_ms };
        let left_ms = left_ms.to_string();
        let timeout_at = self.wait.again.map(|again| again.timeout_at as usize);
        let (mut request, args) = (Vec::new(), self.args.as_args());
        let mut reply = resp::Reply::new(&mut request, Protocol::Two);
        reply.array(args.len());
        for (at, word) in args.from(0).enumerate() {
            reply.bulk(if Some(at) == timeout_at { left_ms.as_bytes() } else { word });
        }
        request
    }

    /// The keys it waits for.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.args.as_args().from(self.wait.first as usize).take(self.wait.keys as usize)
    }

    /// True when it waits for what `key` holds now.
    #[must_use]
    pub fn wants(&self, key: &[u8], value: Option<&Entry>) -> bool {
        let object = match value.map(Entry::value) {
            Some(ValueRef::Object(object)) => Some(object),
            _ => None,
        };
        match (self.wait.wanted, object) {
            (Wanted::List, Some(Object::List(_)))
            | (Wanted::SortedSet, Some(Object::SortedSet(_))) => true,
            (Wanted::LongList(len), Some(Object::List(list))) => list.len() >= len as usize,
            (Wanted::Entries, Some(Object::Stream(stream))) => {
                let place = self.keys().position(|other| other == key);
                let after = place.and_then(|place| self.wait.ids.get(place));
                after.is_some_and(|after| stream.last_id > *after)
            }
            (Wanted::Unread(word), Some(Object::Stream(stream))) => self.has_unread(word, stream),
            (Wanted::Claimable(word), Some(Object::Stream(stream))) => {
                let group = stream.group(self.args.as_args().at(word as usize));
                let released = group.is_some_and(|group| group.released().len() > 0);
                released || self.has_unread(word, stream)
            }
            (Wanted::Unread(_) | Wanted::Claimable(_), _) => true,
            _ => false,
        }
    }

    fn has_unread(&self, group: u32, stream: &Stream) -> bool {
        let group = stream.group(self.args.as_args().at(group as usize));
        group.is_none_or(|group| stream.last_id > group.last_id)
    }
}

/// A value for each key of each database; looking up allocates nothing.
#[derive(Debug)]
pub(super) struct ByKey<T>(Vec<HashMap<Box<[u8]>, T>>);

impl<T> Default for ByKey<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByKey<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(HashMap::is_empty)
    }

    pub(super) fn db(&self, db: u16) -> Option<&HashMap<Box<[u8]>, T>> {
        self.0.get(usize::from(db))
    }

    pub(super) fn db_mut(&mut self, db: u16) -> &mut HashMap<Box<[u8]>, T> {
        let at = usize::from(db);
        if self.0.len() <= at {
            self.0.resize_with(at + 1, HashMap::new);
        }
        &mut self.0[at]
    }

    pub(super) fn find(&self, db: u16, key: &[u8]) -> Option<&T> {
        self.db(db)?.get(key)
    }

    pub(super) fn find_mut(&mut self, db: u16, key: &[u8]) -> Option<&mut T> {
        self.0.get_mut(usize::from(db))?.get_mut(key)
    }
}

/// When a list that forgets lazily is to be swept: whenever it may have become half dead.
#[derive(Debug, Default)]
pub(super) struct SweepAt(usize);

impl SweepAt {
    pub(super) fn is_due(&self, len: usize) -> bool {
        len >= self.0.max(4)
    }

    pub(super) fn swept(&mut self, left: usize) {
        self.0 = 2 * left;
    }
}

/// The waiters of a shard, in the order in which they came to each key.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    queues: ByKey<Queue>,
    sweep_at: SweepAt,
}

#[derive(Debug, Default)]
struct Queue {
    waiters: VecDeque<Arc<Waiter>>,
    sweep_at: SweepAt,
}

impl Waiters {
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Adds to the end of a key's queue. The dead are swept out whenever there could be as many
    /// of them as living ones.
    pub(super) fn add(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let queues = self.queues.db_mut(waiter.db);
        if self.sweep_at.is_due(queues.len()) {
            queues.retain(|_, queue| queue.waiters.iter().any(|waiter| waiter.is_waiting()));
            self.sweep_at.swept(queues.len());
        }
        let queue = queues.entry(key.into()).or_default();
        if queue.sweep_at.is_due(queue.waiters.len()) {
            queue.waiters.retain(|waiter| waiter.is_waiting());
            queue.sweep_at.swept(queue.waiters.len());
        }
        queue.waiters.push_back(Arc::clone(waiter));
    }

    /// Forgets one waiter.
    pub(super) fn remove(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        let Some(queue) = self.queues.find_mut(waiter.db, key) else { return };
        queue.waiters.retain(|other| !Arc::ptr_eq(other, waiter));
        if queue.waiters.is_empty() {
            self.queues.db_mut(waiter.db).remove(key);
        }
    }

    /// True when anybody waits for what may be found at `key`, or for its end.
    pub(super) fn has(&self, db: u16, key: &[u8], exists: bool) -> bool {
        let mut queue = self.queue(db, key);
        let wants_end = |wanted| matches!(wanted, Wanted::Unread(_) | Wanted::Claimable(_));
        queue.any(|waiter| exists || wants_end(waiter.wait.wanted))
    }

    /// Who waits for `key`, longest first.
    pub(super) fn queue(&self, db: u16, key: &[u8]) -> impl Iterator<Item = &Arc<Waiter>> {
        let queue = self.queues.find(db, key).map(|queue| &queue.waiters);
        queue.into_iter().flatten().filter(|waiter| waiter.is_waiting())
    }

    /// Keys of a database that somebody may wait for.
    pub(super) fn keys(&self, db: u16) -> impl Iterator<Item = &[u8]> {
        self.queues.db(db).into_iter().flat_map(|queues| queues.keys().map(|key| &**key))
    }

    /// True when serving a waiter of `key`, in any database, changes another key.
    pub(super) fn moves(&self, key: &[u8]) -> bool {
        let dbs = 0..self.queues.0.len() as u16;
        dbs.into_iter().any(|db| self.queue(db, key).any(|waiter| waiter.moves))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiter(client: u64, keys: &[&str]) -> Arc<Waiter> {
        let words = ["BLPOP"].iter().chain(keys).map(|word| word.as_bytes());
        let wait = Wait {
            timeout_ms: 0,
            first: 1,
            keys: keys.len() as u32,
            wanted: Wanted::List,
            ids: Box::default(),
            again: None,
        };
        let home = Home { loop_id: 0, place: 0, client };
        Arc::new(Waiter::new(home, 0, OwnedArgs::from_words(words), wait))
    }

    fn clients(waiters: &Waiters, key: &str) -> Vec<u64> {
        waiters.queue(0, key.as_bytes()).map(|waiter| waiter.home.client).collect()
    }

    #[test]
    fn queues_keep_their_order_and_forget_who_is_claimed() {
        let mut waiters = Waiters::default();
        let all: Vec<_> = (0..5).map(|client| waiter(client, &["a", "b"])).collect();
        for one in &all {
            one.keys().for_each(|key| waiters.add(key, one));
        }
        assert_eq!(clients(&waiters, "a"), [0, 1, 2, 3, 4]);
        assert!(all[1].claim(Fate::Claimed));
        assert!(!all[1].claim(Fate::TimedOut), "only the first claim counts");
        assert_eq!(clients(&waiters, "b"), [0, 2, 3, 4]);
        waiters.remove(b"a", &all[0]);
        assert_eq!(clients(&waiters, "a"), [2, 3, 4]);
        assert_eq!(clients(&waiters, "c"), [0; 0]);
    }

    #[test]
    fn keys_without_living_waiters_are_swept_out() {
        let mut waiters = Waiters::default();
        for client in 0..10_000 {
            let key = format!("reply:{client}");
            let one = waiter(client, &[&key]);
            waiters.add(key.as_bytes(), &one);
            one.claim(Fate::TimedOut);
        }
        assert!(waiters.keys(0).count() <= 4, "{} keys", waiters.keys(0).count());
        let same = waiter(0, &["k"]);
        for client in 0..10_000 {
            let one = waiter(client, &["k"]);
            waiters.add(b"k", &one);
            one.claim(Fate::Killed);
        }
        waiters.add(b"k", &same);
        assert_eq!(clients(&waiters, "k"), [0]);
        assert!(waiters.queues.find(0, b"k").is_some_and(|queue| queue.waiters.len() <= 4));
    }
}
