//! What becomes of keys, and of fields of hashes, whose time has come: whoever meets them removes
//! them if this node may, and sees them no more in any case. Knows no command.

use super::table::Place;
use super::{Entry, Keys, Moment};
use crate::types::{Collection, Hash};
use catalog::events::Classes;

#[inline]
pub(super) fn is_alive(entry: &Entry, dead_ms: u64) -> bool {
    entry.expiry_ms().is_none_or(|at_ms| at_ms > dead_ms)
}

impl Keys<'_> {
    #[cold]
    pub(super) fn expire(&mut self, db: u16, key: &[u8], hash: u64, place: Place) {
        if !self.moment.may_expire {
            return;
        }
        let entry = self.shard(hash).db_mut(db).map(|database| database.remove(place));
        self.touched(hash, db, key);
        self.discard(entry);
        self.stats.expired += 1;
        self.event_in(db, Classes::EXPIRED, "expired", key);
        self.effects.command(db, &[b"DEL", key]);
        // Redis does not count an expiry among the changes since the last save.
        self.effects.dirty -= 1;
    }

    /// Removes a dead key that a walk has met in shard `id`, if this node may.
    pub fn expire_in(&mut self, id: u8, key: &[u8]) {
        let (db, hash) = (self.moment.db, self.space.seed().hash(key));
        let place = self.space.shard(id).and_then(|shard| shard.db(db)?.find(hash, key));
        if let Some(place) = place {
            self.expire(db, key, hash, place);
        }
    }

    /// Removes a key that is dead, if this node may; true when it did.
    #[inline]
    pub(super) fn expire_if_dead(&mut self, db: u16, key: &[u8], hash: u64, place: Place) -> bool {
        let Moment { dead_ms, may_expire, .. } = self.moment;
        let database = self.shard(hash).db(db);
        let is_dead = database.is_some_and(|database| !is_alive(database.at(place), dead_ms));
        if is_dead {
            self.expire(db, key, hash, place);
        }
        is_dead && may_expire
    }

    /// Takes away what is left of a dead key, before a new key of that name comes.
    pub(super) fn bury(&mut self, db: u16, hash: u64, key: &[u8]) {
        let place = self.shard(hash).db(db).and_then(|database| database.find(hash, key));
        if place.is_some_and(|place| self.expire_if_dead(db, key, hash, place)) {
            return;
        }
        let entry = self.shard(hash).db_mut(db).and_then(|database| {
            let place = database.find(hash, key)?;
            Some(database.remove(place))
        });
        self.discard(entry);
    }

    /// Notes a key that gets a time of death, if no primary looks after it.
    #[inline]
    pub(super) fn note_mortal(&mut self, hash: u64, db: u16, key: &[u8], at_ms: u64) {
        if self.moment.owns_mortals {
            self.shard(hash).own_mortal(db, key, at_ms);
        }
    }

    /// Removes dead fields of a hash, if this node may; false when nothing is left.
    #[cold]
    pub(super) fn shed(&mut self, db: u16, hash: u64, place: Place) -> bool {
        let Moment { dead_ms, may_expire, events, .. } = self.moment;
        if !may_expire {
            return true;
        }
        let shed = self.shard(hash).db_or_new(db).shed(place, dead_ms, usize::MAX);
        self.touched(hash, db, &shed.key);
        shed.tell(db, events, self.effects);
        let is_left = shed.empty.is_none();
        self.discard(shed.empty);
        is_left
    }

    /// Keeps a copy without dead fields of the hash at `place`, if it has any. The copy shares what
    /// is large, and it is short-lived: the primary removes them, too.
    pub(super) fn veil(&mut self, db: u16, hash: u64, place: Place) -> bool {
        let dead_ms = self.moment.dead_ms;
        let Some(entry) = self.shard(hash).db(db).map(|database| database.at(place)) else {
            return false;
        };
        if entry.fields_death_ms().is_none_or(|at_ms| at_ms > dead_ms) {
            return false;
        }
        let mut copy = entry.duplicate(entry.key());
        let living = copy.object_mut().and_then(Hash::of_mut).expect("only hashes have fields");
        living.dead(dead_ms, usize::MAX).iter().for_each(|field| _ = living.remove(field));
        let is_empty = living.is_empty();
        self.veiled = (!is_empty).then_some(copy);
        true
    }
}
