//! What producers have sent, by ids of their own, so that what is sent twice is added once. Each
//! producer's ids are kept for a while, and no more than a few. Knows no entry.

use super::group::Name;
use super::id::Id;
use super::sorted::{Record, Sorted};
use crate::types::limits::{STREAM_PRODUCER_IDS, STREAM_PRODUCER_S};
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Producers and what is remembered of them. A clone shares it.
#[derive(Debug, Clone)]
pub struct Producers {
    /// For how many seconds an id is remembered.
    pub duration_s: u32,
    /// How many ids of one producer are remembered.
    pub ids_max: u32,
    /// Number of ids there ever were.
    pub added: u64,
    /// Number of entries that were not added since they had been sent before.
    pub duplicates: u64,
    producers: Sorted<Producer>,
    /// The producer that was looked at last for what is too old.
    swept: Name,
}

#[derive(Debug, Clone)]
struct Producer {
    name: Name,
    sent: Arc<Sent>,
}

/// What one producer has sent, the oldest first.
#[derive(Debug, Clone, Default)]
struct Sent {
    in_order: VecDeque<(Name, Id)>,
    by_id: BTreeMap<Name, Id>,
}

impl Record for Producer {
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

impl Default for Producers {
    fn default() -> Self {
        Self {
            duration_s: STREAM_PRODUCER_S.get() as u32,
            ids_max: STREAM_PRODUCER_IDS.get() as u32,
            added: 0,
            duplicates: 0,
            producers: Sorted::default(),
            swept: Name::default(),
        }
    }
}

impl Sent {
    fn forget_first(&mut self) {
        if let Some((id, _)) = self.in_order.pop_front() {
            self.by_id.remove(&id);
        }
    }

    /// Number of leading ids that are too old.
    fn old(&self, oldest_ms: u64) -> usize {
        self.in_order.partition_point(|(_, entry)| entry.ms <= oldest_ms)
    }
}

impl Producers {
    /// Ids of entries up to this moment are too old; `None` before there is such a moment.
    fn oldest_ms(&self, now_ms: u64) -> Option<u64> {
        now_ms.checked_sub(u64::from(self.duration_s) * 1000)
    }

    /// The entry that a producer added under an id, as far as that is remembered.
    #[must_use]
    pub fn find(&self, producer: &[u8], id: &[u8], now_ms: u64) -> Option<Id> {
        let entry = *self.producers.find(producer)?.sent.by_id.get(id)?;
        Some(entry).filter(|entry| self.oldest_ms(now_ms).is_none_or(|ms| entry.ms > ms))
    }

    /// Remembers that a producer has added an entry under an id.
    pub fn note(&mut self, producer: &[u8], id: &[u8], entry: Id, now_ms: u64) {
        let (oldest_ms, ids_max) = (self.oldest_ms(now_ms), self.ids_max.max(1) as usize);
        if self.producers.find(producer).is_none() {
            let new = Producer { name: producer.into(), sent: Arc::default() };
            self.producers.insert(producer, new);
        }
        self.producers.edit(producer, |producer| {
            let sent = Arc::make_mut(&mut producer.sent);
            let old = oldest_ms.map_or(0, |ms| sent.old(ms));
            (0..old).for_each(|_| sent.forget_first());
            if sent.by_id.contains_key(id) {
                sent.in_order.retain(|(other, _)| **other != *id);
            }
            while sent.in_order.len() >= ids_max {
                sent.forget_first();
            }
            let id = Name::from(id);
            sent.by_id.insert(Arc::clone(&id), entry);
            sent.in_order.push_back((id, entry));
        });
        self.added += 1;
        // Two looks for each id that is added: there are never many more producers than have sent
        // of late.
        (0..2).for_each(|_| self.sweep(oldest_ms));
    }

    /// Looks at one more producer, and forgets it when all it sent is too old.
    fn sweep(&mut self, oldest_ms: Option<u64>) {
        let Some(oldest_ms) = oldest_ms else { return };
        let is_next = |producer: &&Producer| *producer.name > *self.swept;
        let next = self.producers.from(&self.swept).find(is_next);
        let Some(next) = next.or_else(|| self.producers.iter().next()) else { return };
        let is_old = next.sent.old(oldest_ms) == next.sent.in_order.len();
        self.swept = Arc::clone(&next.name);
        if is_old {
            self.producers.remove(&self.swept);
        }
    }

    /// Sets how long and how many ids are remembered; all are forgotten when that changes.
    pub fn configure(&mut self, duration_s: u32, ids_max: u32) {
        if (self.duration_s, self.ids_max) != (duration_s, ids_max) {
            (self.duration_s, self.ids_max) = (duration_s, ids_max);
            self.producers = Sorted::default();
        }
    }

    /// Number of producers and of ids that are remembered.
    #[must_use]
    pub fn counts(&self, now_ms: u64) -> (usize, usize) {
        let oldest_ms = self.oldest_ms(now_ms);
        let lens = self.producers.iter().map(|producer| {
            let old = oldest_ms.map_or(0, |ms| producer.sent.old(ms));
            producer.sent.in_order.len() - old
        });
        lens.filter(|len| *len > 0).fold((0, 0), |(all, ids), len| (all + 1, ids + len))
    }

    /// Number of producers, among them those who have sent nothing of late.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.producers.len()
    }

    /// The producers in the order of their names, with the ids and entries of each.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &VecDeque<(Name, Id)>)> {
        self.producers.iter().map(|producer| (&*producer.name, &producer.sent.in_order))
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        self.producers.check_invariants();
        for (name, ids) in self.iter() {
            let sent = &self.producers.find(name).expect("it is found").sent;
            assert!(ids.len() <= self.ids_max as usize, "no more than are kept");
            assert_eq!(ids.len(), sent.by_id.len(), "each is found");
            assert!(ids.iter().all(|(id, entry)| sent.by_id.get(id) == Some(entry)), "as it is");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::Rng;

    /// Against a list of everything that was ever noted.
    #[test]
    fn behaves_as_a_list() {
        for seed in 0..10 {
            println!("seed {seed}");
            let mut rng = Rng::new(seed);
            let mut producers = Producers { duration_s: 1, ids_max: 3, ..Producers::default() };
            let mut model: Vec<(String, String, Id)> = Vec::new();
            let mut now_ms = 5_000;
            for round in 0..600 {
                now_ms += rng.below(120) as u64;
                let (name, id) = (format!("p{}", rng.below(8)), format!("i{}", rng.below(6)));
                let own = model.iter().rev().filter(|(other, _, _)| *other == name).take(3);
                let alive = own.filter(|(_, _, entry)| entry.ms + 1000 > now_ms);
                let want = alive.clone().find(|(_, other, _)| *other == id).map(|known| known.2);
                assert_eq!(producers.find(name.as_bytes(), id.as_bytes(), now_ms), want);
                if want.is_none() {
                    let entry = Id { ms: now_ms, seq: round };
                    producers.note(name.as_bytes(), id.as_bytes(), entry, now_ms);
                    model.push((name, id, entry));
                }
                producers.check_invariants();
                let (all, ids) = producers.counts(now_ms);
                assert!(all <= producers.len() && all <= ids && ids <= 3 * all);
                if rng.below(100) == 0 {
                    producers.configure(1, 3);
                }
            }
            assert_eq!(producers.added, model.len() as u64);
            producers.configure(2, 3);
            assert_eq!((producers.counts(now_ms), producers.len()), ((0, 0), 0));
        }
    }

    #[test]
    fn those_who_fall_silent_are_forgotten() {
        let mut producers = Producers { duration_s: 1, ids_max: 3, ..Producers::default() };
        for ms in 0..20_000 {
            let name = format!("p{ms}");
            producers.note(name.as_bytes(), b"id", Id { ms, seq: 0 }, ms);
        }
        assert!(producers.len() < 3_000, "{}", producers.len());
    }
}
