//! A hash some of whose fields die: the fields, and the times of death in an order of their own.
//! Knows no clock: a field is there until it is removed.

use super::hash::Hash;
use super::zset::SortedSet;

/// Fields with values, and when some of them die. At least one does.
#[derive(Debug, Clone, Default)]
pub struct Mortal {
    /// Whose own fields do not die.
    pub fields: Hash,
    /// Milliseconds since 1970, which doubles hold exactly for 285,000 years.
    times: SortedSet,
}

impl Mortal {
    /// Fields of which none dies yet.
    #[must_use]
    pub fn new(fields: Hash) -> Self {
        Self { fields, times: SortedSet::default() }
    }

    /// When a field dies, in Unix milliseconds; `None` when it does not, or is not there.
    #[must_use]
    pub fn death_ms(&self, field: &[u8]) -> Option<u64> {
        self.times.score(field).map(|at_ms| at_ms as u64)
    }

    /// When the first of them dies, in Unix milliseconds.
    #[must_use]
    pub fn first_death_ms(&self) -> Option<u64> {
        self.times.iter().next().map(|(_, at_ms)| at_ms as u64)
    }

    /// Those that are dead at `now_ms`, the first to die first, and so many at most.
    pub fn dead(&self, now_ms: u64, most: usize) -> impl Iterator<Item = &[u8]> {
        let dead = self.times.iter().take_while(move |(_, at_ms)| *at_ms as u64 <= now_ms);
        dead.map(|(field, _)| field).take(most)
    }

    /// Says when a field that is there dies.
    pub fn set_death(&mut self, field: &[u8], at_ms: Option<u64>) {
        debug_assert!(self.fields.get(field).is_some(), "only what is there can die");
        match at_ms {
            Some(at_ms) => _ = self.times.insert(field, at_ms as f64),
            None => _ = self.times.remove(field),
        }
    }

    /// Removes a field; true when it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        self.times.remove(field);
        self.fields.remove(field)
    }

    /// True when none of them dies any more.
    #[must_use]
    pub fn is_immortal(&self) -> bool {
        self.times.len() == 0
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        self.fields.check_invariants();
        self.times.check_invariants();
        assert!(!self.is_immortal(), "a field dies");
        assert!(self.fields.first_death_ms().is_none(), "times are in one place");
        let all_there = self.times.iter().all(|(field, _)| self.fields.get(field).is_some());
        assert!(all_there, "what dies is there");
    }
}
