//! Who wants to hear of the keys of a shard: transactions that watch them, blocked commands that
//! wait for them and connections that keep copies of them. One branch in the shard while there is
//! nobody.

use super::entry::Entry;
use super::shard::Shard;
use super::waiters::{ByKey, Home, SweepAt, Waiter, Waiters};
use crate::effects::Effects;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};

/// Raised when a watched key is touched. Whoever drops it watches no longer.
pub type WatchFlag = Arc<AtomicBool>;

/// Everybody who is interested in keys of one shard.
#[derive(Debug, Default)]
pub(super) struct Interest {
    watchers: ByKey<Vec<Watcher>>,
    sweep_at: SweepAt,
    waiters: Waiters,
    /// By key in any database, as Redis has it.
    readers: HashMap<Box<[u8]>, Vec<Weak<Reader>>>,
    readers_sweep_at: SweepAt,
}

/// A connection that keeps copies of what it reads. Whoever drops it keeps none.
#[derive(Debug)]
pub struct Reader {
    /// The connection.
    pub home: Home,
    /// It is not told of its own changes.
    pub skips_own: bool,
}

#[derive(Debug)]
struct Watcher {
    flag: Weak<AtomicBool>,
    /// The key was dead already when it was watched: that it goes is no change.
    expired: bool,
}

impl Watcher {
    fn is_alive(&self) -> bool {
        self.flag.strong_count() > 0
    }

    fn raise(&self) {
        if let Some(flag) = self.flag.upgrade() {
            flag.store(true, Relaxed);
        }
    }
}

/// What a database holds under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Missing,
    Dead,
    Alive,
}

impl Shard {
    /// True when anybody may want to hear of some key of this shard.
    #[inline]
    #[must_use]
    pub fn has_interest(&self) -> bool {
        self.interest.is_some()
    }

    /// Says that `key` was changed: its watchers' flags rise, and if somebody waits for it, it is
    /// noted as ready. Called after the change.
    #[inline]
    pub fn touched(&mut self, db: u16, key: &[u8], effects: &mut Effects) {
        if self.interest.is_some() {
            self.tell(db, key, effects);
        }
    }

    #[cold]
    fn tell(&mut self, db: u16, key: &[u8], effects: &mut Effects) {
        let exists = self.entry(db, key).is_some();
        let Some(interest) = &mut self.interest else { return };
        if let Some(watchers) = interest.watchers.find_mut(db, key) {
            watchers.retain_mut(|watcher| {
                let goes = watcher.expired && !exists;
                watcher.expired &= !goes;
                if !goes {
                    watcher.raise();
                }
                goes
            });
        }
        if let Some(readers) = interest.readers.remove(key) {
            effects.stale.push((key.into(), readers));
        }
        if interest.waiters.has(db, key, exists) {
            effects.ready(db, key);
        }
    }

    /// Makes `flag` rise when `key` is next touched.
    pub fn watch(&mut self, db: u16, key: &[u8], flag: &WatchFlag, now_ms: u64) {
        let expired = self.presence(db, key, now_ms) == Presence::Dead;
        let Interest { watchers, sweep_at, .. } = &mut **self.interest.get_or_insert_default();
        let watched = watchers.db_mut(db);
        if sweep_at.is_due(watched.len()) {
            watched.retain(|_, watchers| watchers.iter().any(Watcher::is_alive));
            sweep_at.swept(watched.len());
        }
        let watchers = watched.entry(key.into()).or_default();
        watchers.retain(Watcher::is_alive);
        watchers.push(Watcher { flag: Arc::downgrade(flag), expired });
    }

    /// Notes that somebody keeps a copy of `key`, or of its absence.
    pub fn read_by(&mut self, key: &[u8], reader: &Arc<Reader>) {
        let interest = self.interest.get_or_insert_default();
        let is_alive = |reader: &Weak<Reader>| reader.strong_count() > 0;
        if interest.readers_sweep_at.is_due(interest.readers.len()) {
            interest.readers.retain(|_, readers| readers.iter().any(is_alive));
            interest.readers_sweep_at.swept(interest.readers.len());
        }
        let readers = interest.readers.entry(key.into()).or_default();
        readers.retain(is_alive);
        if readers.iter().all(|other| other.as_ptr() != Arc::as_ptr(reader)) {
            readers.push(Arc::downgrade(reader));
        }
    }

    /// True when a key watched by `flag` has died since it was watched, and nobody has met it yet.
    #[must_use]
    pub fn has_died(&self, db: u16, key: &[u8], flag: &WatchFlag, now_ms: u64) -> bool {
        let watchers = self.interest.as_ref().and_then(|interest| interest.watchers.find(db, key));
        let mut own = watchers.into_iter().flatten();
        let own = own.find(|watcher| watcher.flag.as_ptr() == Arc::as_ptr(flag));
        let expired = own.is_some_and(|watcher| watcher.expired);
        !expired && self.presence(db, key, now_ms) == Presence::Dead
    }

    /// Says that a whole database is about to be emptied or replaced by another.
    pub fn touched_db(&mut self, db: u16, replaced_by: Option<u16>, now_ms: u64) {
        let Some(mut interest) = self.interest.take() else { return };
        for (key, watchers) in interest.watchers.db_mut(db) {
            let was = self.presence(db, key, now_ms) != Presence::Missing;
            let after = replaced_by.map_or(Presence::Missing, |db| self.presence(db, key, now_ms));
            if !was && after == Presence::Missing {
                continue;
            }
            watchers.retain_mut(|watcher| {
                let same = match after {
                    Presence::Missing => watcher.expired,
                    Presence::Dead => watcher.expired || !was,
                    Presence::Alive => false,
                };
                watcher.expired = same && after == Presence::Dead;
                if !same {
                    watcher.raise();
                }
                same
            });
        }
        self.interest = Some(interest);
    }

    /// Notes as ready the keys of a database that somebody waits for and that exist, or whose end
    /// somebody waits for.
    pub fn ready_in(&self, db: u16, effects: &mut Effects) {
        let Some(interest) = &self.interest else { return };
        for key in interest.waiters.keys(db) {
            if interest.waiters.has(db, key, self.entry(db, key).is_some()) {
                effects.ready(db, key);
            }
        }
    }

    /// Notes `key` as ready if somebody waits for it, though its data are as they were.
    pub fn wake(&self, db: u16, key: &[u8], effects: &mut Effects) {
        if self.interest.as_ref().is_some_and(|interest| interest.waiters.has(db, key, true)) {
            effects.ready(db, key);
        }
    }

    /// Lets a blocked command wait for `key`.
    pub fn wait(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        self.interest.get_or_insert_default().waiters.add(key, waiter);
    }

    /// Forgets a waiter.
    pub fn stop_waiting(&mut self, key: &[u8], waiter: &Arc<Waiter>) {
        if let Some(interest) = &mut self.interest {
            interest.waiters.remove(key, waiter);
        }
        self.lose_interest();
    }

    /// The one who waits longest for what `key` holds now, if anybody does.
    #[must_use]
    pub fn first_waiter(&self, db: u16, key: &[u8], now_ms: u64) -> Option<Arc<Waiter>> {
        let waiters = &self.interest.as_ref()?.waiters;
        let is_alive = self.presence(db, key, now_ms) == Presence::Alive;
        let entry = self.entry(db, key).filter(|_| is_alive);
        waiters.queue(db, key).find(|waiter| waiter.wants(key, entry)).cloned()
    }

    /// True when serving somebody who waits for `key`, in any database, may need other shards too.
    #[must_use]
    pub fn wakes_across(&self, key: &[u8]) -> bool {
        self.interest.as_ref().is_some_and(|interest| interest.waiters.moves(key))
    }

    /// Forgets everybody, when there is nobody left.
    fn lose_interest(&mut self) {
        let nobody =
            |i: &Interest| i.waiters.is_empty() && i.watchers.is_empty() && i.readers.is_empty();
        if self.interest.as_deref().is_some_and(nobody) {
            self.interest = None;
        }
    }

    fn entry(&self, db: u16, key: &[u8]) -> Option<&Entry> {
        let db = self.db(db)?;
        Some(db.at(db.find(self.seed.hash(key), key)?))
    }

    fn presence(&self, db: u16, key: &[u8], now_ms: u64) -> Presence {
        match self.entry(db, key) {
            None => Presence::Missing,
            Some(entry) if entry.expiry_ms().is_some_and(|at_ms| at_ms <= now_ms) => Presence::Dead,
            Some(_) => Presence::Alive,
        }
    }
}
