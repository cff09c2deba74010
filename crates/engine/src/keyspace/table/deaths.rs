//! When the entries of a table die. There is no index of single entries, which would cost a third
//! of what a small key costs: each run of buckets knows a time before which none of its entries
//! dies. Dead ones are found by looking through the runs whose time has come, so the later a look
//! comes, the more it finds.

use super::{Place, SEGMENT, Table};
use crate::keyspace::Entry;

/// None of a run's entries dies.
const NEVER: u64 = u64::MAX;

/// Lower bounds of the times of death, in Unix milliseconds.
#[derive(Debug, Default)]
pub(super) struct Deaths {
    /// Of each run of buckets that has one; a missing one means never.
    runs: Vec<u64>,
    /// Of the table; only ever too early.
    first: Option<u64>,
    /// Entries that have a time of death.
    pub(super) mortal: usize,
    /// Entries some of whose fields die.
    pub(super) with_mortal_fields: usize,
}

impl Deaths {
    /// An entry in bucket `number` dies at `at_ms`.
    #[inline]
    pub(super) fn note(&mut self, number: usize, at_ms: u64) {
        let run = number / SEGMENT;
        if self.runs.len() <= run {
            self.runs.resize(run + 1, NEVER);
        }
        self.runs[run] = self.runs[run].min(at_ms);
        self.first = Some(self.first.map_or(at_ms, |first| first.min(at_ms)));
    }

    /// An entry's time of death changes; it stays in bucket `number`.
    #[inline]
    pub(super) fn moved(&mut self, number: usize, old: Option<u64>, new: Option<u64>) {
        self.mortal = self.mortal + usize::from(new.is_some()) - usize::from(old.is_some());
        if let Some(at_ms) = new {
            self.note(number, at_ms);
        }
    }

    /// The first time at which a field of an entry dies changes; the entry stays in bucket
    /// `number`.
    #[inline]
    pub(super) fn moved_fields(&mut self, number: usize, did: bool, first: Option<u64>) {
        let fields = &mut self.with_mortal_fields;
        *fields = *fields + usize::from(first.is_some()) - usize::from(did);
        if let Some(at_ms) = first {
            self.note(number, at_ms);
        }
    }

    /// Forgets runs that no longer exist.
    pub(super) fn truncate(&mut self, runs: usize) {
        self.runs.truncate(runs);
    }
}

impl Table {
    /// Number of entries that have a time of death.
    #[must_use]
    pub fn mortal_len(&self) -> usize {
        self.deaths.mortal
    }

    /// No entry dies before this, and no field of one, in Unix milliseconds; `None` when none ever
    /// does.
    #[must_use]
    pub fn first_death_ms(&self) -> Option<u64> {
        self.deaths.first.filter(|_| self.deaths.mortal + self.deaths.with_mortal_fields > 0)
    }

    /// The entry that dies first in the run whose bound is the earliest, and so one of the first.
    #[must_use]
    pub fn soon_to_die(&self) -> Option<&Entry> {
        if self.deaths.mortal == 0 {
            return None;
        }
        let mut last = None;
        loop {
            // A bound may have outlived the entry it was for: then the next one decides.
            let bounds = self.deaths.runs.iter().zip(0..).filter(|(at_ms, _)| **at_ms < NEVER);
            let next = bounds.filter(|bound| last.is_none_or(|last| *bound > last)).min()?;
            let mortal = self.run(next.1).filter(|entry| entry.expiry_ms().is_some());
            if let Some(entry) = mortal.min_by_key(|entry| entry.expiry_ms()) {
                return Some(entry);
            }
            last = Some(next);
        }
    }

    /// Time of death and hash of entries that are dead at `now_ms`, or a field of which is: about
    /// `limit`, or all.
    pub fn dead(&mut self, now_ms: u64, limit: usize) -> Vec<(u64, u64)> {
        let mut dead = Vec::new();
        if self.deaths.first.is_none_or(|first| first > now_ms) {
            return dead;
        }
        let mut first = NEVER;
        for run in 0..self.deaths.runs.len() {
            if self.deaths.runs[run] <= now_ms && dead.len() < limit {
                let next = self.look_through(run, now_ms, &mut dead);
                self.deaths.runs[run] = next;
            }
            first = first.min(self.deaths.runs[run]);
        }
        self.deaths.first = (first < NEVER).then_some(first);
        dead
    }

    /// Collects the dead of a run; returns the first time at which one of the others dies.
    fn look_through(&self, run: usize, now_ms: u64, dead: &mut Vec<(u64, u64)>) -> u64 {
        self.run(run).for_each(Entry::prefetch);
        let mut next = NEVER;
        for entry in self.run(run) {
            match first_of(entry) {
                Some(at_ms) if at_ms <= now_ms => dead.push((at_ms, self.seed.hash(entry.key()))),
                Some(at_ms) => next = next.min(at_ms),
                None => {}
            }
        }
        next
    }

    /// Where an entry with this hash lies that dies at `at_ms`, or whose first field does.
    pub(in crate::keyspace) fn find_mortal(&self, hash: u64, at_ms: u64) -> Option<Place> {
        self.find_by(hash, |entry| first_of(entry) == Some(at_ms))
    }

    fn run(&self, run: usize) -> impl Iterator<Item = &Entry> {
        let numbers = run * SEGMENT..((run + 1) * SEGMENT).min(self.buckets());
        numbers.flat_map(|number| self.chain(number))
    }

    pub(super) fn check_deaths(&self) {
        let mortal = self.iter().filter_map(Entry::expiry_ms).count();
        assert_eq!(mortal, self.deaths.mortal, "every time of death is counted");
        let with_fields = self.iter().filter_map(Entry::fields_death_ms).count();
        assert_eq!(with_fields, self.deaths.with_mortal_fields, "those with fields are counted");
        for number in 0..self.buckets() {
            for at_ms in self.chain(number).filter_map(first_of) {
                let bound = self.deaths.runs.get(number / SEGMENT).copied().unwrap_or(NEVER);
                assert!(bound <= at_ms, "no entry dies before the bound of its run");
                assert!(self.deaths.first.is_some_and(|first| first <= at_ms), "nor of its table");
            }
        }
    }
}

/// When something of an entry dies first.
fn first_of(entry: &Entry) -> Option<u64> {
    let fields = entry.fields_death_ms();
    entry.expiry_ms().map_or(fields, |at_ms| Some(fields.map_or(at_ms, |fields| fields.min(at_ms))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Value;
    use std::collections::BTreeMap;
    use stdx::Rng;
    use stdx::hash::HashSeed;

    /// Inserts, overwrites, moves and removes times of death at random, lets time pass now and
    /// then, and wants exactly the dead to be found each time, while the table grows and shrinks.
    #[test]
    fn exactly_the_dead_are_found() {
        let seed = HashSeed::from_bytes([5; 16]);
        let mut rng = Rng::new(11);
        let mut table = Table::new(seed);
        let mut model: BTreeMap<String, Option<u64>> = BTreeMap::new();
        let mut now_ms = 0;
        for step in 0..40_000 {
            let key = format!("k{}", rng.below(if step / 8_000 % 2 == 0 { 4_000 } else { 300 }));
            let at_ms = (rng.below(3) > 0).then(|| now_ms + 1 + rng.below(900) as u64);
            let hash = seed.hash(key.as_bytes());
            let place = table.find(hash, key.as_bytes());
            assert_eq!(place.is_some(), model.contains_key(&key));
            match (place, rng.below(4)) {
                (None, _) => {
                    table.insert(hash, Entry::new(key.as_bytes(), Value::Bytes(b"v"), at_ms))
                }
                (Some(place), 0) => drop(table.remove(place)),
                (Some(place), 1) if table.overwrite(place, &Value::Bytes(b"w"), at_ms) => {}
                (Some(place), _) => table.set_expiry(place, at_ms),
            }
            if place.is_some() && table.find(hash, key.as_bytes()).is_none() {
                model.remove(&key);
            } else {
                model.insert(key, at_ms);
            }
            if rng.below(50) == 0 {
                now_ms += rng.below(60) as u64;
                let mut found = Vec::new();
                for (at_ms, hash) in table.dead(now_ms, usize::MAX) {
                    let place = table.find_mortal(hash, at_ms).expect("it was there");
                    found.push(String::from_utf8_lossy(table.remove(place).key()).into_owned());
                }
                found.sort();
                let dead = |at: &Option<u64>| at.is_some_and(|at_ms| at_ms <= now_ms);
                let want: Vec<_> =
                    model.iter().filter(|(_, at)| dead(at)).map(|(key, _)| key.clone()).collect();
                assert_eq!(found, want, "step {step}");
                model.retain(|_, at| !dead(at));
            }
            if step % 1_000 == 0 {
                table.check_invariants();
                assert_eq!(table.soon_to_die().is_some(), table.mortal_len() > 0);
            }
        }
    }

    #[test]
    fn a_limited_look_goes_on_where_it_stopped() {
        let seed = HashSeed::from_bytes([5; 16]);
        let mut table = Table::new(seed);
        for i in 0..2_000u32 {
            let key = i.to_string();
            let entry = Entry::new(key.as_bytes(), Value::Bytes(b""), Some(10 + u64::from(i % 2)));
            table.insert(seed.hash(key.as_bytes()), entry);
        }
        assert!(table.dead(9, 10).is_empty());
        let mut gone = 0;
        while gone < 1_000 {
            let dead = table.dead(10, 10);
            assert!((10..200).contains(&dead.len()) || gone + dead.len() == 1_000);
            gone += dead.len();
            for (at_ms, hash) in dead {
                let place = table.find_mortal(hash, at_ms).expect("it was there");
                drop(table.remove(place));
            }
        }
        assert_eq!((table.dead(10, 10).len(), table.first_death_ms()), (0, Some(11)));
        table.check_invariants();
    }
}
