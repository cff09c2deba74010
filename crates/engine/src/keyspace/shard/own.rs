//! Keys of a replica that its own clients gave a time of death: its primary does not know of them,
//! so the replica removes them itself. Knows no role and no clock.

use super::{Dead, Shard};
use crate::effects::Effects;
use std::collections::HashMap;

/// Keys remembered per shard. Those beyond stay until they are overwritten: a reader does not see
/// them when they are dead, and a replica that clients flood must not pay for each key twice.
const OWN_MAX: usize = 1024;

/// Keys of one shard that this node looks after.
#[derive(Debug)]
pub(super) struct OwnMortals {
    keys: HashMap<(u16, Box<[u8]>), u64>,
    /// None of them dies before, in Unix milliseconds.
    first_ms: u64,
}

impl Default for OwnMortals {
    fn default() -> Self {
        Self { keys: HashMap::new(), first_ms: u64::MAX }
    }
}

impl OwnMortals {
    fn add(&mut self, db: u16, key: Box<[u8]>, at_ms: u64) {
        self.first_ms = self.first_ms.min(at_ms);
        self.keys.insert((db, key), at_ms);
    }
}

impl Shard {
    /// Notes that `key`, which dies at `at_ms` in Unix milliseconds, is this node's own to remove.
    #[cold]
    pub fn own_mortal(&mut self, db: u16, key: &[u8], at_ms: u64) {
        let own = self.own.get_or_insert_default();
        let key = (db, Box::from(key));
        if own.keys.len() < OWN_MAX || own.keys.contains_key(&key) {
            own.add(db, key.1, at_ms);
        }
    }

    /// Forgets which keys are this node's own: another rule holds for all of them.
    pub fn disown(&mut self) {
        self.own = None;
    }

    /// Removes up to `limit` of the node's own keys that are dead at `now_ms`.
    pub fn remove_own_dead(
        &mut self,
        now_ms: u64,
        limit: usize,
        effects: &mut Effects,
    ) -> Vec<Dead> {
        let mut dead = Vec::new();
        let Some(mut own) = self.own.take_if(|own| own.first_ms <= now_ms) else { return dead };
        let due = own.keys.iter().filter(|(_, at_ms)| **at_ms <= now_ms).take(limit);
        let due: Vec<_> = due.map(|(key, _)| key.clone()).collect();
        for (db, key) in due {
            own.keys.remove(&(db, key.clone()));
            let hash = self.seed.hash(&key);
            let found = self.db(db).and_then(|database| {
                let place = database.find(hash, &key)?;
                Some((place, database.at(place).expiry_ms()?))
            });
            match found {
                // It lives longer by now, or for ever, or is gone.
                Some((_, at_ms)) if at_ms > now_ms => own.add(db, key, at_ms),
                None => {}
                Some((place, _)) => {
                    dead.extend(
                        self.db_mut(db).map(|database| Dead::Key(db, database.remove(place))),
                    );
                    self.touched(db, &key, effects);
                }
            }
        }
        own.first_ms = own.keys.values().copied().min().unwrap_or(u64::MAX);
        if !own.keys.is_empty() {
            self.own = Some(own);
        }
        dead
    }

    /// A database is emptied.
    pub(super) fn disown_db(&mut self, db: u16) {
        if let Some(own) = &mut self.own {
            own.keys.retain(|(of, _), _| *of != db);
        }
    }

    /// Two databases change places.
    pub(super) fn swap_own(&mut self, a: u16, b: u16) {
        let Some(own) = &mut self.own else { return };
        for ((db, key), at_ms) in std::mem::take(&mut own.keys) {
            let db = if db == a { b } else { if db == b { a } else { db } };
            own.keys.insert((db, key), at_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Entry;
    use crate::keyspace::Value;
    use stdx::hash::HashSeed;

    fn put(shard: &mut Shard, db: u16, key: &[u8], expiry_ms: Option<u64>) {
        let hash = shard.seed.hash(key);
        let entry = Entry::new(key, Value::Bytes(b"v"), expiry_ms);
        shard.db_or_new(db).insert(hash, entry);
    }

    fn own(shard: &mut Shard, db: u16, key: &[u8], at_ms: u64) {
        put(shard, db, key, Some(at_ms));
        shard.own_mortal(db, key, at_ms);
    }

    fn check(shard: &mut Shard, now_ms: u64, want: &[(u16, &[u8])]) {
        let dead = shard.remove_own_dead(now_ms, usize::MAX, &mut Effects::default());
        let keys = dead.iter().map(|one| match one {
            Dead::Key(db, entry) => (*db, entry.key()),
            Dead::Fields(..) => unreachable!("a replica looks after keys alone"),
        });
        let mut dead: Vec<_> = keys.collect();
        dead.sort_unstable();
        assert_eq!(dead, want);
        shard.check_invariants();
    }

    #[test]
    fn removes_only_its_own_when_they_are_dead() {
        let mut shard = Shard::new(HashSeed::from_bytes([3; 16]));
        put(&mut shard, 0, b"of the primary", Some(10));
        own(&mut shard, 0, b"soon", 10);
        own(&mut shard, 2, b"late", 20);
        check(&mut shard, 9, &[]);
        check(&mut shard, 10, &[(0, b"soon")]);
        check(&mut shard, 10, &[]);
        shard.swap_dbs(2, 1);
        check(&mut shard, 20, &[(1, b"late")]);
        assert!(shard.own.is_none(), "nothing is left to remember");
        assert_eq!(shard.first_death_ms(), Some(10), "the primary deletes what it knows of");
    }

    #[test]
    fn looks_at_the_key_again_when_its_time_has_come() {
        let mut shard = Shard::new(HashSeed::from_bytes([3; 16]));
        own(&mut shard, 0, b"k", 10);
        let place = shard.db(0).and_then(|db| db.find(shard.seed.hash(b"k"), b"k"));
        let place = place.expect("it is there");
        shard.db_or_new(0).set_expiry(place, Some(30));
        shard.own_mortal(0, b"gone", 10);
        check(&mut shard, 10, &[]);
        check(&mut shard, 30, &[(0, b"k")]);
        own(&mut shard, 0, b"k", 40);
        shard.clear_db(0);
        put(&mut shard, 0, b"k", Some(40));
        check(&mut shard, 50, &[]);
    }

    #[test]
    fn remembers_no_more_than_its_bound_and_takes_no_more_than_asked() {
        let mut shard = Shard::new(HashSeed::from_bytes([3; 16]));
        for number in 0..OWN_MAX + 5 {
            own(&mut shard, 0, format!("k{number}").as_bytes(), 10);
        }
        let some = shard.remove_own_dead(10, 3, &mut Effects::default());
        assert_eq!(some.len(), 3);
        let rest = shard.remove_own_dead(10, usize::MAX, &mut Effects::default());
        assert_eq!(rest.len(), OWN_MAX - 3);
    }
}
