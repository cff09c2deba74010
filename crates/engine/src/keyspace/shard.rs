//! One of the 256 parts of the keyspace: its databases, times to live and watched keys. Single-
//! threaded; whoever holds the shard's lock may do anything with it.

pub mod cut;
mod own;

use super::entry::{Entry, Value};
use super::interest::Interest;
use super::table::{Place, Table};
use crate::effects::Effects;
use crate::types::{Bytes, Collection, Hash};
use catalog::events::Classes;
use smallvec::SmallVec;
use stdx::hash::HashSeed;

/// Number of shards.
pub const SHARDS: usize = 256;

/// The shard that a key with this hash lives in; independent of the database.
#[inline]
#[must_use]
pub fn shard_of(hash: u64) -> u8 {
    (hash >> 40) as u8
}

/// A part of the keyspace.
#[derive(Debug)]
pub struct Shard {
    pub(super) seed: HashSeed,
    /// The first lies in the shard itself: most instances use no other.
    dbs: SmallVec<[Db; 1]>,
    /// Databases emptied while a cut still needs what they held.
    leaving: Vec<Db>,
    pub(super) interest: Option<Box<Interest>>,
    /// `None` until a client of a replica gives a key a time of death.
    own: Option<Box<own::OwnMortals>>,
    /// Newest offset of the node's log at which something in here changed, as far as somebody
    /// wants to know.
    pub changed_at: u64,
}

/// What was removed because its time had come.
#[derive(Debug)]
pub enum Dead {
    /// A key of this database.
    Key(u16, Entry),
    /// Fields of a hash of this database.
    Fields(u16, Shed),
}

/// Fields that a hash has lost.
#[derive(Debug)]
pub struct Shed {
    /// Of the hash.
    pub key: Box<[u8]>,
    /// Their names.
    pub fields: Vec<Bytes>,
    /// The hash itself, when nothing is left in it.
    pub empty: Option<Entry>,
}

impl Shed {
    /// States what happened, for those who listen and those who repeat it.
    pub fn tell(&self, db: u16, events: Classes, effects: &mut Effects) {
        effects.event(events, Classes::HASH, "hexpired", db, &self.key);
        if self.empty.is_some() {
            effects.event(events, Classes::GENERIC, "del", db, &self.key);
        }
        let mut words: Vec<&[u8]> = vec![b"HDEL", &self.key];
        words.extend(self.fields.iter().map(|field| &**field));
        effects.command(db, &words);
        // As with a key that dies, see `Keys::expire`.
        effects.dirty -= 1;
    }
}

/// One database's share in a shard.
#[derive(Debug)]
pub struct Db {
    table: Table,
}

impl Shard {
    /// An empty shard; databases come into being when they are first written.
    #[must_use]
    pub fn new(seed: HashSeed) -> Self {
        Self {
            seed,
            dbs: SmallVec::new(),
            leaving: Vec::new(),
            interest: None,
            own: None,
            changed_at: 0,
        }
    }

    /// A database, when it was ever written.
    #[inline]
    #[must_use]
    pub fn db(&self, db: u16) -> Option<&Db> {
        self.dbs.get(usize::from(db))
    }

    /// As [`Shard::db`], to change it.
    #[inline]
    #[must_use]
    pub fn db_mut(&mut self, db: u16) -> Option<&mut Db> {
        self.dbs.get_mut(usize::from(db))
    }

    /// A database, made when it is missing.
    #[inline]
    pub fn db_or_new(&mut self, db: u16) -> &mut Db {
        while self.dbs.len() <= usize::from(db) {
            self.dbs.push(Db { table: Table::new(self.seed) });
        }
        &mut self.dbs[usize::from(db)]
    }

    /// Asks the processor to fetch the bucket that a key with this hash lies in.
    #[inline]
    pub fn prefetch_bucket(&self, db: u16, hash: u64) {
        if let Some(db) = self.db(db) {
            db.table.prefetch_bucket(hash);
        }
    }

    /// Asks the processor to fetch the entry of a key with this hash; its bucket should be near.
    #[inline]
    pub fn prefetch_entry(&self, db: u16, hash: u64) {
        if let Some(db) = self.db(db) {
            db.table.prefetch_entry(hash);
        }
    }

    /// Empties a database; returns what it held, to be dropped elsewhere, unless a cut needs it.
    pub fn clear_db(&mut self, db: u16) -> Option<Db> {
        let seed = self.seed;
        self.disown_db(db);
        let db = self.dbs.get_mut(usize::from(db))?;
        let old = std::mem::replace(db, Db { table: Table::new(seed) });
        self.release(old)
    }

    /// Exchanges two databases.
    pub fn swap_dbs(&mut self, a: u16, b: u16) {
        self.db_or_new(a.max(b));
        self.dbs.swap(usize::from(a), usize::from(b));
        self.swap_own(a, b);
    }

    /// Removes up to `limit` entries of any database that are dead at `now_ms`, and as many fields
    /// of each of those whose fields are.
    pub fn remove_dead(&mut self, now_ms: u64, limit: usize, effects: &mut Effects) -> Vec<Dead> {
        let mut dead = Vec::new();
        for number in 0..self.dbs.len() {
            let db = &mut self.dbs[number];
            let found = db.table.dead(now_ms, limit.saturating_sub(dead.len()));
            for (at_ms, hash) in found {
                let place = db.table.find_mortal(hash, at_ms).expect("it was there a moment ago");
                let is_dead = db.at(place).expiry_ms().is_some_and(|at_ms| at_ms <= now_ms);
                dead.push(if is_dead {
                    Dead::Key(number as u16, db.table.remove(place))
                } else {
                    Dead::Fields(number as u16, db.shed(place, now_ms, limit))
                });
            }
        }
        for one in &dead {
            match one {
                Dead::Key(db, entry) => self.touched(*db, entry.key(), effects),
                Dead::Fields(db, shed) => self.touched(*db, &shed.key, effects),
            }
        }
        dead
    }

    /// The earliest time of death of any entry, in Unix milliseconds.
    #[must_use]
    pub fn first_death_ms(&self) -> Option<u64> {
        self.dbs.iter().filter_map(|db| db.table.first_death_ms()).min()
    }

    /// Checks everything that must hold between commands.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        self.dbs.iter().chain(&self.leaving).for_each(Db::check_invariants);
        assert!(self.leaving.iter().all(|db| db.table.in_cut()), "a cut needs what is kept for it");
    }
}

impl Db {
    /// The entries, to look.
    #[inline]
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Takes a database that nobody uses any more apart, see [`Table::dismantle`].
    pub fn dismantle(&mut self, each: &mut impl FnMut(Entry)) -> bool {
        self.table.dismantle(each)
    }

    /// The entry that dies first.
    #[must_use]
    pub fn first_to_die(&self) -> Option<&Entry> {
        self.table.soon_to_die()
    }

    /// Number of entries that have a time of death.
    #[must_use]
    pub fn mortal_len(&self) -> usize {
        self.table.mortal_len()
    }

    /// Where the entry of `key` lies.
    #[inline]
    #[must_use]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Place> {
        self.table.find(hash, key)
    }

    /// The entry at `place`.
    #[inline]
    #[must_use]
    pub fn at(&self, place: Place) -> &Entry {
        self.table.at(place)
    }

    /// The entry at `place`, to change its value (never its time of death).
    #[inline]
    #[must_use]
    pub fn at_mut(&mut self, place: Place) -> &mut Entry {
        self.table.at_mut(place)
    }

    /// Changes the access clock of the entry at `place`.
    #[inline]
    pub fn refresh(&mut self, place: Place, clock: impl FnOnce(u32) -> u32) -> &Entry {
        self.table.refresh(place, clock)
    }

    /// Adds an entry whose key is not there.
    pub fn insert(&mut self, hash: u64, entry: Entry) {
        self.table.insert(hash, entry);
    }

    /// Sets the value and time of death of the key at `place`; returns the entry it replaced when
    /// it could not be overwritten where it lies.
    pub fn set(&mut self, place: Place, value: Value<'_>, expiry_ms: Option<u64>) -> Option<Entry> {
        if self.table.overwrite(place, &value, expiry_ms) {
            return None;
        }
        let new = Entry::new(self.table.at(place).key(), value, expiry_ms);
        Some(self.table.replace(place, new))
    }

    /// Changes the time of death of the entry at `place`.
    pub fn set_expiry(&mut self, place: Place, expiry_ms: Option<u64>) {
        self.table.set_expiry(place, expiry_ms);
    }

    /// Removes the entry at `place`.
    pub fn remove(&mut self, place: Place) -> Entry {
        self.table.remove(place)
    }

    /// Notes when fields of the entry at `place` die, after a change of its value.
    #[inline]
    pub fn note_fields(&mut self, place: Place) {
        self.table.note_fields(place);
    }

    /// Removes up to `most` fields of the hash at `place` that are dead at `now_ms`, and the hash
    /// itself when none is left.
    ///
    /// # Panics
    /// When there is no hash.
    #[cold]
    pub fn shed(&mut self, place: Place, now_ms: u64, most: usize) -> Shed {
        let entry = self.table.at_mut(place);
        let key = entry.key().into();
        let hash = entry.object_mut().and_then(Hash::of_mut).expect("only hashes have fields");
        let fields = hash.dead(now_ms, most);
        fields.iter().for_each(|field| _ = hash.remove(field));
        let is_empty = hash.is_empty();
        self.table.note_fields(place);
        Shed { key, fields, empty: is_empty.then(|| self.table.remove(place)) }
    }

    fn check_invariants(&self) {
        self.table.check_invariants();
    }
}
