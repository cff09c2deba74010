//! The keyspace as a command sees it: keys by name in one database, with expiry applied, access
//! times kept, watchers told and empty collections removed. Which shards are locked, and how, is
//! behind [`Keyspace`].

mod dying;
#[allow(unsafe_code)]
pub mod entry;
pub mod evict;
pub mod interest;
pub mod shard;
pub mod table;
pub mod waiters;

#[cfg(test)]
mod cut_tests;

pub use entry::{Entry, Value, ValueRef};
pub use evict::{Access, Candidate, Order, Policy};
pub use interest::{Reader, WatchFlag};
pub use shard::cut::Taken;
pub use shard::{Dead, SHARDS, Shard, shard_of};
pub use table::cut::{Budget, Cut, Saved};
pub use waiters::{Again, Fate, Home, Wait, Waiter, Wanted};

use crate::effects::Effects;
use crate::error::{self, CommandError};
use crate::tick::{STEPS, Tick, at_step};
use crate::types::{Collection, Object, Pages};
use catalog::events::Classes;
use dying::is_alive;
use resp::Reply;
use resp::number::Digits;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use stdx::hash::HashSeed;
use table::Place;

/// The shard after which a walk guesses from those before how long it will be.
const SAMPLE: u8 = 7;

/// Reaches shards. The caller of a command has locked what its row says.
pub trait Keyspace {
    /// A shard; `None` when another loop holds it, which happens only to commands that walk.
    fn shard(&mut self, id: u8) -> Option<&mut Shard>;
    /// A shard that the caller has reached before and still holds.
    fn held(&self, id: u8) -> Option<&Shard>;
    /// The instance's hash seed.
    fn seed(&self) -> HashSeed;
}

/// Counters of lookups, one set per loop.
#[derive(Debug, Default, Clone, Copy)]
pub struct KeyStats {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys removed because their time had come.
    pub expired: u64,
    /// Reads that found their key since the start, whatever was taken out of `hits`: each use has a
    /// number of its own.
    pub uses: u64,
}

impl KeyStats {
    /// Takes the counts out.
    #[must_use]
    pub fn take(&mut self) -> KeyStats {
        std::mem::replace(self, KeyStats { uses: self.uses, ..KeyStats::default() })
    }
}

/// Everything fixed for the run of one command.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Selected database.
    pub db: u16,
    /// Number of databases.
    pub dbs: u16,
    /// Unix milliseconds, read once per outermost command.
    pub now_ms: u64,
    /// Keys whose time of death is not later are dead: now, or 0 while a replica applies its
    /// primary's stream or a log is read back, in which a key lives until it is deleted.
    pub dead_ms: u64,
    /// True when a dead key may be deleted here: the node is a primary and not paused.
    pub may_expire: bool,
    /// True when keys that are given a time of death are this node's own to remove: a client of a
    /// replica writes, and no primary will ever delete them.
    pub owns_mortals: bool,
    /// True when access times stay as they are.
    pub no_touch: bool,
    /// Longest string in bytes.
    pub bulk_bytes_max: u64,
    /// What access clocks mean.
    pub clocks: Access,
    /// Key events that somebody wants.
    pub events: Classes,
}

impl Moment {
    /// Access clock of a key made at this moment.
    #[must_use]
    pub fn access(&self) -> u32 {
        self.clocks.fresh(self.now_ms)
    }

    /// Access clock of a key used at this moment; no two uses have the same `use_id`.
    #[inline]
    #[must_use]
    pub fn access_after(&self, clock: u32, use_id: u64) -> u32 {
        self.clocks.used(clock, self.now_ms, use_id)
    }
}

/// The keys of one database, for the time of one command.
pub struct Keys<'a> {
    space: &'a mut dyn Keyspace,
    /// What the command did; commands state it here.
    pub effects: &'a mut Effects,
    /// Counters of the loop.
    pub stats: &'a mut KeyStats,
    /// Fixed facts.
    pub moment: Moment,
    memo: (*const u8, usize, u64),
    /// A hash without its dead fields, where they may not be removed; none when all are dead.
    veiled: Option<Entry>,
}

/// What becomes of the time of death when a value is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ttl {
    /// None from now on.
    Clear,
    /// As before.
    Keep,
    /// Unix milliseconds.
    At(u64),
}

/// A string value as bytes.
#[derive(Debug)]
pub enum Text<'e> {
    /// Kept as bytes.
    Bytes(&'e [u8]),
    /// Kept as an integer.
    Integer(Digits, i64),
    /// Kept in pages.
    Pages(&'e Pages),
}

impl Text<'_> {
    /// Runs `f` on the bytes, which are copied into one piece when they are in pages.
    #[inline]
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Bytes(bytes) => f(bytes),
            Self::Integer(mut digits, value) => f(digits.format(value)),
            Self::Pages(pages) => f(&pages.to_vec()),
        }
    }

    /// Number of bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Integer(_, value) => Digits::new().format(*value).len(),
            Self::Pages(pages) => pages.len(),
        }
    }

    /// Writes `count` bytes from `start` on as a bulk string.
    ///
    /// # Panics
    /// When there are fewer.
    #[inline]
    pub fn reply_part(self, reply: &mut Reply<'_>, start: usize, count: usize) {
        match self {
            Self::Bytes(bytes) => reply.bulk(&bytes[start..start + count]),
            Self::Integer(mut digits, value) => {
                reply.bulk(&digits.format(value)[start..start + count]);
            }
            Self::Pages(pages) => reply.bulk_of(count, pages.range(start, count)),
        }
    }

    /// Writes it as a bulk string.
    #[inline]
    pub fn reply(self, reply: &mut Reply<'_>) {
        match self {
            Self::Pages(pages) => reply.bulk_of(pages.len(), pages.range(0, pages.len())),
            text => text.with(|bytes| reply.bulk(bytes)),
        }
    }

    /// The bytes, copied.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }
}

/// The string in an entry.
///
/// # Errors
/// [`error::WRONG_TYPE`].
#[inline]
pub fn text_of(entry: &Entry) -> Result<Text<'_>, CommandError> {
    match entry.value() {
        ValueRef::Bytes(bytes) => Ok(Text::Bytes(bytes)),
        ValueRef::Integer(value) => Ok(Text::Integer(Digits::new(), value)),
        ValueRef::Object(Object::Bytes(bytes)) => Ok(Text::Bytes(bytes)),
        ValueRef::Object(Object::Pages(pages)) => Ok(Text::Pages(pages)),
        ValueRef::Object(_) => Err(error::WRONG_TYPE),
    }
}

impl<'a> Keys<'a> {
    /// The keys of `moment.db` in `space`.
    #[inline]
    pub fn new(
        space: &'a mut dyn Keyspace,
        effects: &'a mut Effects,
        stats: &'a mut KeyStats,
        moment: Moment,
    ) -> Self {
        Self { space, effects, stats, moment, memo: (std::ptr::null(), 0, 0), veiled: None }
    }

    /// Tells the hash of a key that the caller has computed already.
    #[inline]
    pub fn remember(&mut self, key: &[u8], hash: u64) {
        self.memo = (key.as_ptr(), key.len(), hash);
    }

    /// Forgets the last key's address. Needed before a key that is no argument of the command: its
    /// memory may have held another key a moment ago.
    #[inline]
    pub fn forget(&mut self) {
        self.memo = (std::ptr::null(), 0, 0);
    }

    /// Notes that the short string at `key` was changed in place.
    pub fn mark_raw(&mut self, key: &[u8]) {
        if let Some((hash, place)) = self.locate(self.moment.db, key) {
            self.db_mut(hash).at_mut(place).mark_raw();
        }
    }

    /// Hash of `key`. The last key asked for is remembered by its address, since a command names
    /// the same argument several times.
    #[inline]
    pub fn hash(&mut self, key: &[u8]) -> u64 {
        if self.memo.0 == key.as_ptr() && self.memo.1 == key.len() {
            return self.memo.2;
        }
        let hash = self.space.seed().hash(key);
        self.memo = (key.as_ptr(), key.len(), hash);
        hash
    }

    /// Looks for reading: counted as a hit or miss, the access time is refreshed.
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Option<&Entry> {
        let Some((hash, place)) = self.locate(self.moment.db, key) else {
            self.stats.misses += 1;
            self.event(Classes::MISS, "keymiss", key);
            return None;
        };
        self.stats.hits += 1;
        self.stats.uses = self.stats.uses.wrapping_add(1);
        let moment = self.moment;
        if !moment.may_expire && self.veil(moment.db, hash, place) {
            return self.veiled.as_ref();
        }
        let use_id = hash ^ self.stats.uses;
        let database = self.shard(hash).db_mut(moment.db)?;
        if moment.no_touch {
            return Some(database.at(place));
        }
        Some(database.refresh(place, |clock| moment.access_after(clock, use_id)))
    }

    /// As [`Keys::read`], but the access time stays as it is.
    pub fn look(&mut self, key: &[u8]) -> Option<&Entry> {
        let no_touch = std::mem::replace(&mut self.moment.no_touch, true);
        // The entry that `read` returns would keep `moment` borrowed, so it is found again.
        let found = self.read(key).is_some();
        self.moment.no_touch = no_touch;
        if found { self.peek(key) } else { None }
    }

    /// As [`Keys::look`], and nobody is told that the key is not there.
    pub fn look_quietly(&mut self, key: &[u8]) -> Option<&Entry> {
        let events = std::mem::take(&mut self.moment.events);
        let found = self.look(key).is_some();
        self.moment.events = events;
        if found { self.peek(key) } else { None }
    }

    /// Looks without leaving a trace, except that a dead key is removed.
    pub fn peek(&mut self, key: &[u8]) -> Option<&Entry> {
        self.peek_in(self.moment.db, key)
    }

    /// As [`Keys::peek`], in another database.
    pub fn peek_in(&mut self, db: u16, key: &[u8]) -> Option<&Entry> {
        let (hash, place) = self.locate(db, key)?;
        if !self.moment.may_expire && self.veil(db, hash, place) {
            return self.veiled.as_ref();
        }
        Some(self.shard(hash).db(db)?.at(place))
    }

    /// A collection among keys that the command has looked at, without a trace: several can be
    /// seen side by side. For types whose elements do not die.
    pub fn beside<T: Collection>(&self, key: &[u8]) -> Option<&T> {
        debug_assert!(!T::PARTS_DIE, "dead elements would be seen");
        match self.beside_any(key)?.value() {
            ValueRef::Object(object) => T::of(object),
            _ => None,
        }
    }

    /// As [`Keys::beside`], of any type but hashes.
    pub fn beside_any(&self, key: &[u8]) -> Option<&Entry> {
        let hash = self.space.seed().hash(key);
        let database = self.space.held(shard_of(hash))?.db(self.moment.db)?;
        let entry = database.at(database.find(hash, key)?);
        is_alive(entry, self.moment.dead_ms).then_some(entry)
    }

    /// The string at `key`, for reading.
    ///
    /// # Errors
    /// [`error::WRONG_TYPE`].
    #[inline]
    pub fn text(&mut self, key: &[u8]) -> Result<Option<Text<'_>>, CommandError> {
        self.read(key).map(text_of).transpose()
    }

    /// The collection at `key`, for reading.
    ///
    /// # Errors
    /// [`error::WRONG_TYPE`].
    pub fn get<T: Collection>(&mut self, key: &[u8]) -> Result<Option<&T>, CommandError> {
        let Some(entry) = self.read(key) else { return Ok(None) };
        match entry.value() {
            ValueRef::Object(object) => T::of(object).map(Some).ok_or(error::WRONG_TYPE),
            _ => Err(error::WRONG_TYPE),
        }
    }

    /// As [`Keys::text`], without counting it as a read: it was counted, or is about to be changed.
    ///
    /// # Errors
    /// [`error::WRONG_TYPE`].
    pub fn text_quietly(&mut self, key: &[u8]) -> Result<Option<Text<'_>>, CommandError> {
        self.peek(key).map(text_of).transpose()
    }

    /// As [`Keys::get`], without counting it as a read: it was counted, or is about to be changed.
    ///
    /// # Errors
    /// [`error::WRONG_TYPE`].
    pub fn get_quietly<T: Collection>(&mut self, key: &[u8]) -> Result<Option<&T>, CommandError> {
        match self.peek(key).map(Entry::value) {
            None => Ok(None),
            Some(ValueRef::Object(object)) => T::of(object).map(Some).ok_or(error::WRONG_TYPE),
            Some(_) => Err(error::WRONG_TYPE),
        }
    }

    /// States what happened to a key of the selected database, for those who listen.
    #[inline]
    pub fn event(&mut self, class: Classes, name: &'static str, key: &[u8]) {
        self.event_in(self.moment.db, class, name, key);
    }

    /// As [`Keys::event`], in another database.
    #[inline]
    pub fn event_in(&mut self, db: u16, class: Classes, name: &'static str, key: &[u8]) {
        self.effects.event(self.moment.events, class, name, db, key);
    }

    /// As [`Keys::event`], for a command that takes elements away: the key may have gone with the
    /// last one.
    #[inline]
    pub fn event_or_del(&mut self, class: Classes, name: &'static str, key: &[u8]) {
        if self.moment.events == Classes::default() {
            return;
        }
        self.event(class, name, key);
        if self.peek(key).is_none() {
            self.event(Classes::GENERIC, "del", key);
        }
    }

    /// The collection at `key`, to change it.
    ///
    /// # Errors
    /// [`error::WRONG_TYPE`].
    pub fn edit<T: Collection>(&mut self, key: &[u8]) -> Result<Option<Edit<'_, T>>, CommandError> {
        let Some((hash, place)) = self.locate(self.moment.db, key) else { return Ok(None) };
        self.edit_at(hash, place).map(Some)
    }

    /// As [`Keys::edit`], making an empty collection when there is none.
    ///
    /// # Errors
    /// [`error::WRONG_TYPE`].
    pub fn edit_or_new<T: Collection>(&mut self, key: &[u8]) -> Result<Edit<'_, T>, CommandError> {
        let db = self.moment.db;
        if let Some((hash, place)) = self.locate(db, key) {
            return self.edit_at(hash, place);
        }
        let hash = self.hash(key);
        self.bury(db, hash, key);
        let value = Value::Object(Box::new(T::new().into_object()));
        self.db_mut(hash).insert(hash, Entry::new(key, value, None));
        let place = self.db_mut(hash).find(hash, key).expect("the key was just made");
        self.event(Classes::NEW, "new", key);
        self.edit_at(hash, place)
    }

    fn edit_at<T: Collection>(
        &mut self,
        hash: u64,
        place: Place,
    ) -> Result<Edit<'_, T>, CommandError> {
        let moment = self.moment;
        let db = moment.db;
        let shard = self.space.shard(shard_of(hash)).expect(HELD);
        let entry = shard.db_or_new(db).at_mut(place);
        if entry.object_mut().and_then(|object| T::of_mut(object)).is_none() {
            return Err(error::WRONG_TYPE);
        }
        entry.set_access(moment.access_after(entry.access(), hash >> 32));
        let effects = &mut *self.effects;
        Ok(Edit { shard, effects, db, place, changed: true, of: PhantomData })
    }

    /// Lets those go on who wait for `key`, though its data are as they were.
    pub fn wake(&mut self, key: &[u8]) {
        let (db, hash) = (self.moment.db, self.hash(key));
        let shard = self.space.shard(shard_of(hash)).expect(HELD);
        shard.wake(db, key, self.effects);
    }

    /// Overwrites part of a long string where it lies, see [`Object::write`]. False, and nothing
    /// done, for anything else.
    pub fn write_long(&mut self, key: &[u8], offset: usize, patch: &[u8]) -> bool {
        let db = self.moment.db;
        let Some((hash, place)) = self.locate(db, key) else { return false };
        let object = self.shard(hash).db_or_new(db).at_mut(place).object_mut();
        let written = object.is_some_and(|object| object.write(offset, patch));
        self.touched(hash, db, key);
        written
    }

    /// Lets `change` work on a long string where it lies; it says whether it changed anything.
    /// False, and nothing done, when the string is not in one piece of its own.
    pub fn edit_long(&mut self, key: &[u8], change: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let moment = self.moment;
        let Some((hash, place)) = self.locate(moment.db, key) else { return false };
        let entry = self.db_mut(hash).at_mut(place);
        entry.set_access(moment.access_after(entry.access(), hash >> 32));
        let Some(Object::Bytes(bytes)) = entry.object_mut() else { return false };
        if change(bytes) {
            self.touched(hash, moment.db, key);
        }
        true
    }

    /// Sets a value, whatever was there.
    #[inline]
    pub fn set(&mut self, key: &[u8], value: Value<'_>, ttl: Ttl) {
        let hash = self.hash(key);
        let moment = self.moment;
        let db = moment.db;
        if let Ttl::At(at_ms) = ttl {
            self.note_mortal(hash, db, key, at_ms);
        }
        let database = self.shard(hash).db_or_new(db);
        let mut place = database.find(hash, key);
        if let Some(found) = place
            && moment.may_expire
            && !is_alive(database.at(found), moment.now_ms)
        {
            self.expire(db, key, hash, found);
            place = None;
        }
        let Some(place) = place else {
            let expiry_ms = if let Ttl::At(at_ms) = ttl { Some(at_ms) } else { None };
            let mut entry = Entry::new(key, value, expiry_ms);
            entry.set_access(moment.access());
            self.shard(hash).db_or_new(db).insert(hash, entry);
            self.touched(hash, db, key);
            self.event(Classes::NEW, "new", key);
            return;
        };
        let database = self.db_mut(hash);
        let expiry_ms = match ttl {
            Ttl::Clear => None,
            Ttl::At(at_ms) => Some(at_ms),
            Ttl::Keep => database.at(place).expiry_ms().filter(|&at_ms| at_ms > moment.dead_ms),
        };
        let access = moment.access_after(database.at(place).access(), hash >> 32);
        let old = database.set(place, value, expiry_ms);
        database.refresh(place, |_| access);
        self.touched(hash, db, key);
        self.discard(old);
    }

    /// Puts an entry under its own key into a database where that key is free.
    pub fn put(&mut self, db: u16, entry: Entry) {
        let hash = self.space.seed().hash(entry.key());
        self.bury(db, hash, entry.key());
        self.event_in(db, Classes::NEW, "new", entry.key());
        if let Some(at_ms) = entry.expiry_ms() {
            self.note_mortal(hash, db, entry.key(), at_ms);
        }
        let shard = self.shard(hash);
        let key = shard.has_interest().then(|| entry.key().to_vec());
        shard.db_or_new(db).insert(hash, entry);
        if let Some(key) = key {
            self.touched(hash, db, &key);
        }
    }

    /// Takes a key out.
    pub fn take(&mut self, key: &[u8]) -> Option<Entry> {
        self.take_from(self.moment.db, key)
    }

    /// As [`Keys::take`], from another database.
    pub fn take_from(&mut self, db: u16, key: &[u8]) -> Option<Entry> {
        let (hash, place) = self.locate(db, key)?;
        let entry = self.shard(hash).db_mut(db)?.remove(place);
        self.touched(hash, db, key);
        Some(entry)
    }

    /// Removes a key; true when there was one.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let entry = self.take(key);
        let existed = entry.is_some();
        self.discard(entry);
        existed
    }

    /// Changes the time of death of an existing key.
    pub fn set_expiry(&mut self, key: &[u8], expiry_ms: Option<u64>) {
        let db = self.moment.db;
        if let Some((hash, place)) = self.locate(db, key) {
            if let Some(database) = self.shard(hash).db_mut(db) {
                database.set_expiry(place, expiry_ms);
            }
            if let Some(at_ms) = expiry_ms {
                self.note_mortal(hash, db, key, at_ms);
            }
            self.touched(hash, db, key);
        }
    }

    /// A shard for a command that walks over all of them.
    ///
    /// # Errors
    /// [`CommandError::Busy`] when another loop holds it.
    pub fn walk(&mut self, id: u8) -> Result<&mut Shard, CommandError> {
        self.space.shard(id).ok_or(CommandError::Busy)
    }

    /// Number of keys of the selected database in a shard, dead ones included.
    ///
    /// # Errors
    /// As [`Keys::walk`].
    pub fn shard_len(&mut self, id: u8) -> Result<usize, CommandError> {
        let db = self.moment.db;
        Ok(self.walk(id)?.db(db).map_or(0, |database| database.table().len()))
    }

    /// Visits the living entries at a SCAN position of a shard, as [`table::Table::scan`] does,
    /// and removes the dead ones if this node may.
    ///
    /// # Errors
    /// As [`Keys::walk`].
    pub fn scan(
        &mut self,
        id: u8,
        position: u64,
        mut visit: impl FnMut(&Entry),
    ) -> Result<u64, CommandError> {
        let Moment { db, dead_ms, .. } = self.moment;
        let mut dead = Vec::new();
        let Some(database) = self.walk(id)?.db(db) else { return Ok(0) };
        let next = database.table().scan(position, |entry| {
            if is_alive(entry, dead_ms) {
                visit(entry);
            } else {
                dead.push(entry.key().to_vec());
            }
        });
        dead.iter().for_each(|key| self.expire_in(id, key));
        Ok(next)
    }

    /// A key chosen at random in a shard, and whether it lives. `None` when the selected database
    /// has no key there.
    ///
    /// # Errors
    /// As [`Keys::walk`].
    pub fn random_in(
        &mut self,
        id: u8,
        below: impl FnMut(usize) -> usize,
    ) -> Result<Option<(Vec<u8>, bool)>, CommandError> {
        let Moment { db, dead_ms, .. } = self.moment;
        let entry = self.walk(id)?.db(db).and_then(|database| database.table().random(below));
        Ok(entry.map(|entry| (entry.key().to_vec(), is_alive(entry, dead_ms))))
    }

    /// Some living key of the selected database in a shard.
    ///
    /// # Errors
    /// As [`Keys::walk`].
    pub fn living_in(&mut self, id: u8) -> Result<Option<Vec<u8>>, CommandError> {
        let Moment { db, dead_ms, .. } = self.moment;
        let Some(database) = self.walk(id)?.db(db) else { return Ok(None) };
        let living = database.table().iter().find(|entry| is_alive(entry, dead_ms));
        Ok(living.map(|entry| entry.key().to_vec()))
    }

    /// Visits every living entry of the selected database, shard by shard.
    ///
    /// # Errors
    /// What `tick` says: it is also asked when a shard is held by somebody else.
    pub fn each(
        &mut self,
        tick: &mut dyn Tick,
        mut visit: impl FnMut(&Entry),
    ) -> Result<(), CommandError> {
        let Moment { db, dead_ms, .. } = self.moment;
        let mut step = 0;
        for id in 0..=u8::MAX {
            while self.space.shard(id).is_none() {
                tick.tick()?;
            }
            let Some(database) = self.walk(id)?.db(db) else { continue };
            if database.table().is_empty() {
                continue;
            }
            database.table().visit(|entry| {
                at_step(step, tick)?;
                step += 1;
                if is_alive(entry, dead_ms) {
                    visit(entry);
                }
                Ok(())
            })?;
            if id == SAMPLE && step * SHARDS / (usize::from(SAMPLE) + 1) > STEPS {
                // It will be long, and had better know before it has come far.
                tick.tick()?;
            }
        }
        Ok(())
    }

    /// Hands a value over to be dropped, elsewhere when that is long work.
    pub fn discard(&mut self, entry: Option<Entry>) {
        if let Some(entry) = entry
            && entry.is_large()
        {
            self.effects.trash.push(entry);
        }
    }

    /// Where a living key lies. A dead one is removed if this node may, and never found.
    #[inline]
    fn locate(&mut self, db: u16, key: &[u8]) -> Option<(u64, Place)> {
        let hash = self.hash(key);
        let dead_ms = self.moment.dead_ms;
        let database = self.shard(hash).db(db)?;
        let place = database.find(hash, key)?;
        let entry = database.at(place);
        if entry.is_immortal() {
            return Some((hash, place));
        }
        if !is_alive(entry, dead_ms) {
            self.expire(db, key, hash, place);
            return None;
        }
        let has_dead = entry.fields_death_ms().is_some_and(|at_ms| at_ms <= dead_ms);
        if has_dead && !self.shed(db, hash, place) {
            return None;
        }
        Some((hash, place))
    }

    /// Tells those who are interested that `key` was changed.
    #[inline]
    fn touched(&mut self, hash: u64, db: u16, key: &[u8]) {
        let shard = self.space.shard(shard_of(hash)).expect(HELD);
        shard.touched(db, key, self.effects);
    }

    #[inline]
    fn shard(&mut self, hash: u64) -> &mut Shard {
        self.space.shard(shard_of(hash)).expect(HELD)
    }

    #[inline]
    fn db_mut(&mut self, hash: u64) -> &mut shard::Db {
        let db = self.moment.db;
        self.shard(hash).db_or_new(db)
    }
}

const HELD: &str = "the executor holds the shards of all keys that a command names";

/// A collection being changed. When it goes, an empty collection's key is removed and those who are
/// interested in the key are told, unless [`Edit::unchanged`] was called.
pub struct Edit<'k, T: Collection> {
    shard: &'k mut Shard,
    effects: &'k mut Effects,
    db: u16,
    place: Place,
    changed: bool,
    of: PhantomData<T>,
}

impl<T: Collection> Edit<'_, T> {
    /// Says that nothing was changed after all.
    pub fn unchanged(&mut self) {
        self.changed = false;
    }
}

impl<T: Collection> Deref for Edit<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        let db = self.shard.db(self.db).expect("the edited key is there");
        match db.at(self.place).value() {
            ValueRef::Object(object) => T::of(object).expect("the type was checked"),
            _ => unreachable!("the type was checked"),
        }
    }
}

impl<T: Collection> DerefMut for Edit<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        let db = self.shard.db_mut(self.db).expect("the edited key is there");
        let object = db.at_mut(self.place).object_mut();
        object.and_then(|object| T::of_mut(object)).expect("the type was checked")
    }
}

impl<T: Collection> Drop for Edit<'_, T> {
    fn drop(&mut self) {
        let told = self.changed && self.shard.has_interest();
        let key = told.then(|| self.shard.db(self.db).map(|db| db.at(self.place).key().to_vec()));
        if T::PARTS_DIE
            && let Some(db) = self.shard.db_mut(self.db)
        {
            db.note_fields(self.place);
        }
        if self.is_empty()
            && let Some(db) = self.shard.db_mut(self.db)
        {
            let gone = db.remove(self.place);
            if gone.is_large() {
                self.effects.trash.push(gone);
            }
        }
        if let Some(key) = key.flatten() {
            self.shard.touched(self.db, &key, self.effects);
        }
    }
}
