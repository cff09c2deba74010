//! The hash table of one database in one shard: linear hashing over buckets of one cache line.
//!
//! It grows and shrinks by one bucket at a time, so no insert pays for all. Buckets below `split`
//! have already been divided by the next bit of the hash; the rest have not:
//!
//! ```text
//! level = 2, split = 1:   bucket 0   1 2 3   4        hash & 7 if hash & 3 < split, else hash & 3
//!                         divided │ not yet │ the other half of 0
//! ```
//! A SCAN position is a bucket number counted with its bits reversed, as in Redis, which keeps
//! "every key that stayed is returned" through growth and shrinking.

pub mod cut;
mod deaths;

use super::entry::{Entry, Value, prefetch};
use cut::Debt;
use deaths::Deaths;
use stdx::hash::HashSeed;

/// Entries in a bucket before it needs an overflow bucket.
const WIDTH: usize = 6;
/// Buckets are allocated in runs of this many.
const SEGMENT: usize = 16;
const MIN_LEVEL: u32 = SEGMENT.trailing_zeros();
/// A bucket is added above this many entries per 10 buckets, and removed below the second.
const GROW_ABOVE: usize = 45;
const SHRINK_BELOW: usize = 15;

/// Entries of one database in one shard.
#[derive(Debug)]
pub struct Table {
    seed: HashSeed,
    #[expect(clippy::vec_box, reason = "growing must not move the buckets")]
    segments: Vec<Box<[Bucket; SEGMENT]>>,
    level: u32,
    split: usize,
    len: usize,
    deaths: Deaths,
    /// What a cut in progress still needs.
    debt: Option<Box<Debt>>,
}

#[derive(Debug, Default)]
#[repr(align(64))]
struct Bucket {
    tags: [u8; WIDTH],
    /// The last cut that visited this chain (in its first bucket only).
    epoch: u16,
    slots: [Option<Entry>; WIDTH],
    overflow: Option<Box<Bucket>>,
}

/// Where an entry lies; valid until the table is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    bucket: usize,
    depth: u16,
    slot: u8,
}

#[inline]
fn tag_of(hash: u64) -> u8 {
    (hash >> 56) as u8
}

impl Table {
    /// An empty table that has allocated nothing.
    #[must_use]
    pub fn new(seed: HashSeed) -> Self {
        Self {
            seed,
            segments: Vec::new(),
            level: MIN_LEVEL,
            split: 0,
            len: 0,
            deaths: Deaths::default(),
            debt: None,
        }
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Finds the entry of `key`, whose hash is `hash`.
    #[inline]
    #[must_use]
    pub fn find(&self, hash: u64, key: &[u8]) -> Option<Place> {
        self.find_by(hash, |entry| entry.key() == key)
    }

    /// Asks the processor to fetch the bucket of `hash`.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if !self.segments.is_empty() {
            prefetch(std::ptr::from_ref(self.bucket(self.number_of(hash))).cast());
        }
    }

    /// Asks the processor to fetch the entry that most likely has this hash.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        if self.segments.is_empty() {
            return;
        }
        let bucket = self.bucket(self.number_of(hash));
        let tag = tag_of(hash);
        if let Some(slot) = bucket.tags.iter().position(|found| *found == tag)
            && let Some(entry) = &bucket.slots[slot]
        {
            entry.prefetch();
        }
    }

    /// Finds an entry with this hash that `wanted` accepts.
    #[inline]
    pub fn find_by(&self, hash: u64, wanted: impl Fn(&Entry) -> bool) -> Option<Place> {
        if self.segments.is_empty() {
            return None;
        }
        let number = self.number_of(hash);
        let tag = tag_of(hash);
        let mut depth = 0;
        let mut bucket = Some(self.bucket(number));
        while let Some(here) = bucket {
            for slot in 0..WIDTH {
                if here.tags[slot] == tag
                    && let Some(entry) = &here.slots[slot]
                    && wanted(entry)
                {
                    return Some(Place { bucket: number, depth, slot: slot as u8 });
                }
            }
            depth += 1;
            bucket = here.overflow.as_deref();
        }
        None
    }

    /// The entry at `place`.
    ///
    /// # Panics
    /// When the table has changed since `place` was found and nothing is there now.
    #[inline]
    #[must_use]
    pub fn at(&self, place: Place) -> &Entry {
        let mut bucket = self.bucket(place.bucket);
        for _ in 0..place.depth {
            bucket = bucket.overflow.as_deref().expect("a place outlives no change");
        }
        bucket.slots[usize::from(place.slot)].as_ref().expect("a place outlives no change")
    }

    /// The entry at `place`, to change its value (never its time of death).
    ///
    /// # Panics
    /// As [`Table::at`].
    #[inline]
    #[must_use]
    pub fn at_mut(&mut self, place: Place) -> &mut Entry {
        self.touch(place.bucket);
        self.slot_mut(place).as_mut().expect("a place outlives no change")
    }

    /// Changes the access clock of the entry at `place`, which is no change to a cut.
    ///
    /// # Panics
    /// As [`Table::at`].
    #[inline]
    pub fn refresh(&mut self, place: Place, clock: impl FnOnce(u32) -> u32) -> &Entry {
        let entry = self.slot_mut(place).as_mut().expect("a place outlives no change");
        entry.set_access(clock(entry.access()));
        entry
    }

    /// Puts another entry of the same key at `place`; returns the one that was there.
    ///
    /// # Panics
    /// As [`Table::at`], and when the keys differ.
    pub fn replace(&mut self, place: Place, entry: Entry) -> Entry {
        self.touch(place.bucket);
        let (new, fields) = (entry.expiry_ms(), entry.fields_death_ms());
        let slot = self.slot_mut(place);
        let old = slot.replace(entry).expect("a place outlives no change");
        self.deaths.moved(place.bucket, old.expiry_ms(), new);
        self.deaths.moved_fields(place.bucket, old.has_mortal_fields(), fields);
        assert!(self.at(place).key() == old.key(), "a replacement keeps the key");
        old
    }

    /// Overwrites the value of the entry at `place` where it lies, with its time of death. False,
    /// and nothing done, when it does not fit.
    ///
    /// # Panics
    /// As [`Table::at`].
    pub fn overwrite(&mut self, place: Place, value: &Value<'_>, expiry_ms: Option<u64>) -> bool {
        let entry = self.at_mut(place);
        let old = entry.expiry_ms();
        let done = entry.overwrite(value, expiry_ms);
        if done && old != expiry_ms {
            self.deaths.moved(place.bucket, old, expiry_ms);
        }
        done
    }

    /// Changes the time of death of the entry at `place`.
    ///
    /// # Panics
    /// As [`Table::at`].
    pub fn set_expiry(&mut self, place: Place, expiry_ms: Option<u64>) {
        self.touch(place.bucket);
        let slot = self.slot_mut(place);
        let entry = slot.take().expect("a place outlives no change");
        let old = entry.expiry_ms();
        *slot = Some(entry.with_expiry(expiry_ms));
        self.deaths.moved(place.bucket, old, expiry_ms);
    }

    /// Notes when fields of the entry at `place` die, after a change of its value.
    ///
    /// # Panics
    /// As [`Table::at`].
    pub fn note_fields(&mut self, place: Place) {
        let entry = self.slot_mut(place).as_mut().expect("a place outlives no change");
        let did = entry.has_mortal_fields();
        entry.note_fields();
        let first = entry.fields_death_ms();
        if did || first.is_some() {
            self.deaths.moved_fields(place.bucket, did, first);
        }
    }

    /// Adds an entry whose key is not in the table.
    pub fn insert(&mut self, hash: u64, entry: Entry) {
        debug_assert!(self.find(hash, entry.key()).is_none(), "keys are unique");
        if self.segments.is_empty() {
            self.segments.push(Box::default());
        }
        let number = self.number_of(hash);
        self.touch(number);
        self.deaths.moved(number, None, entry.expiry_ms());
        self.deaths.moved_fields(number, false, entry.fields_death_ms());
        push(self.bucket_mut(number), tag_of(hash), entry);
        self.len += 1;
        if self.len * 10 > self.buckets() * GROW_ABOVE {
            self.grow();
        }
    }

    /// Removes the entry at `place`.
    ///
    /// # Panics
    /// As [`Table::at`].
    pub fn remove(&mut self, place: Place) -> Entry {
        self.touch(place.bucket);
        let entry = self.slot_mut(place).take().expect("a place outlives no change");
        self.deaths.moved(place.bucket, entry.expiry_ms(), None);
        self.deaths.moved_fields(place.bucket, entry.has_mortal_fields(), None);
        self.len -= 1;
        self.tidy_chain(place.bucket);
        if self.buckets() > SEGMENT && self.len * 10 < self.buckets() * SHRINK_BELOW {
            self.shrink();
        }
        entry
    }

    /// Takes a table that nobody uses any more apart by one run of buckets, whose entries `each`
    /// gets; true when that was the last. After the first call nothing else may be done with it.
    pub fn dismantle(&mut self, each: &mut impl FnMut(Entry)) -> bool {
        let Some(mut run) = self.segments.pop() else { return true };
        run.iter().for_each(|bucket| bucket.slots.iter().flatten().for_each(Entry::prefetch));
        for bucket in run.iter_mut() {
            bucket.slots.iter_mut().filter_map(Option::take).for_each(&mut *each);
            let mut next = bucket.overflow.take();
            while let Some(mut bucket) = next {
                bucket.slots.iter_mut().filter_map(Option::take).for_each(&mut *each);
                next = bucket.overflow.take();
            }
        }
        self.segments.is_empty()
    }

    /// Visits the entries of the bucket at SCAN position `position` (and of the bucket it was
    /// divided into); returns the next position, 0 at the end.
    pub fn scan(&self, position: u64, mut visit: impl FnMut(&Entry)) -> u64 {
        if self.segments.is_empty() {
            return 0;
        }
        let mask = (1u64 << self.level) - 1;
        let number = (position & mask) as usize;
        self.visit_chain(number, &mut visit);
        if number < self.split {
            self.visit_chain(number | (1 << self.level), &mut visit);
        }
        (((position | !mask).reverse_bits()).wrapping_add(1)).reverse_bits() & mask
    }

    /// An entry chosen at random by `below(n)`, which returns a number below `n`.
    pub fn random(&self, mut below: impl FnMut(usize) -> usize) -> Option<&Entry> {
        if self.len == 0 {
            return None;
        }
        // The average bucket is at least a seventh full, so this ends after a few rounds; the
        // bucket is weighed by its number of entries against the longest chain met so far.
        let mut longest = WIDTH;
        loop {
            let number = below(self.buckets());
            let mut found = Vec::new();
            let mut bucket = Some(self.bucket(number));
            while let Some(here) = bucket {
                found.extend(here.slots.iter().flatten());
                bucket = here.overflow.as_deref();
            }
            longest = longest.max(found.len());
            let ticket = below(longest);
            if ticket < found.len() {
                return Some(found[ticket]);
            }
        }
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        (0..self.buckets()).flat_map(|number| self.chain(number))
    }

    /// All entries, as [`Table::iter`]; those that follow are fetched meanwhile.
    ///
    /// # Errors
    /// The first of `see`.
    pub fn visit<E>(&self, mut see: impl FnMut(&Entry) -> Result<(), E>) -> Result<(), E> {
        /// Buckets between the one that is visited and those whose entries, and which themselves,
        /// are fetched.
        const NEAR: usize = 2;
        const FAR: usize = 8;
        let buckets = if self.segments.is_empty() { 0 } else { self.buckets() };
        let fetch = |number: usize| {
            if number < buckets {
                prefetch(std::ptr::from_ref(self.bucket(number)).cast());
            }
        };
        (0..FAR).for_each(fetch);
        for number in 0..buckets {
            fetch(number + FAR);
            if number + NEAR < buckets {
                self.bucket(number + NEAR).slots.iter().flatten().for_each(Entry::prefetch);
            }
            self.chain(number).try_for_each(&mut see)?;
        }
        Ok(())
    }

    fn chain(&self, number: usize) -> impl Iterator<Item = &Entry> {
        let first = (!self.segments.is_empty()).then(|| self.bucket(number));
        let chain = std::iter::successors(first, |bucket| bucket.overflow.as_deref());
        chain.flat_map(|bucket| bucket.slots.iter().flatten())
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        assert_eq!(self.iter().count(), self.len, "len counts the entries");
        assert!(self.split < (1 << self.level), "split stays within its round");
        for entry in self.iter() {
            let hash = self.seed.hash(entry.key());
            let place = self.find(hash, entry.key()).expect("every entry is found by its key");
            assert!(std::ptr::eq(self.at(place), entry), "keys are unique");
        }
        self.check_cut();
        self.check_deaths();
    }

    fn buckets(&self) -> usize {
        (1 << self.level) + self.split
    }

    #[inline]
    fn number_of(&self, hash: u64) -> usize {
        let number = hash as usize & ((1 << self.level) - 1);
        if number < self.split { hash as usize & ((2 << self.level) - 1) } else { number }
    }

    #[inline]
    fn bucket(&self, number: usize) -> &Bucket {
        &self.segments[number / SEGMENT][number % SEGMENT]
    }

    #[inline]
    fn bucket_mut(&mut self, number: usize) -> &mut Bucket {
        &mut self.segments[number / SEGMENT][number % SEGMENT]
    }

    #[inline]
    fn slot_mut(&mut self, place: Place) -> &mut Option<Entry> {
        let mut bucket = self.bucket_mut(place.bucket);
        for _ in 0..place.depth {
            bucket = bucket.overflow.as_deref_mut().expect("a place outlives no change");
        }
        &mut bucket.slots[usize::from(place.slot)]
    }

    fn visit_chain(&self, number: usize, visit: &mut impl FnMut(&Entry)) {
        let mut bucket = Some(self.bucket(number));
        while let Some(here) = bucket {
            here.slots.iter().flatten().for_each(&mut *visit);
            bucket = here.overflow.as_deref();
        }
    }

    fn grow(&mut self) {
        let new = self.buckets();
        if new / SEGMENT == self.segments.len() {
            self.segments.push(Box::default());
        }
        let old = self.split;
        self.split += 1;
        if self.split == 1 << self.level {
            self.level += 1;
            self.split = 0;
        }
        let chain = std::mem::take(self.bucket_mut(old));
        // Both halves count as visited if the whole did; no walker has passed the new one yet.
        self.bucket_mut(old).epoch = chain.epoch;
        self.bucket_mut(new).epoch = chain.epoch;
        self.redistribute(chain);
    }

    fn shrink(&mut self) {
        if self.split == 0 {
            self.level -= 1;
            self.split = 1 << self.level;
        }
        self.split -= 1;
        let removed = self.buckets();
        // What becomes one bucket must have been visited alike.
        self.touch(removed);
        self.touch(self.split);
        let chain = std::mem::take(self.bucket_mut(removed));
        self.redistribute(chain);
        // One spare segment stays, so that a size that goes up and down does not allocate.
        self.segments.truncate(self.buckets().div_ceil(SEGMENT) + 1);
        self.deaths.truncate(self.buckets().div_ceil(SEGMENT));
    }

    fn redistribute(&mut self, chain: Bucket) {
        // Hashing a key waits for its entry: let the waits overlap.
        chain.slots.iter().flatten().for_each(Entry::prefetch);
        let mut next = Some(Box::new(chain));
        while let Some(mut bucket) = next {
            for slot in 0..WIDTH {
                if let Some(entry) = bucket.slots[slot].take() {
                    let number = self.number_of(self.seed.hash(entry.key()));
                    for at_ms in entry.expiry_ms().into_iter().chain(entry.fields_death_ms()) {
                        self.deaths.note(number, at_ms);
                    }
                    push(self.bucket_mut(number), bucket.tags[slot], entry);
                }
            }
            next = bucket.overflow.take();
        }
    }

    /// Gives back overflow buckets at the end of a chain that have become empty.
    fn tidy_chain(&mut self, number: usize) {
        fn trim(bucket: &mut Bucket) {
            if let Some(next) = &mut bucket.overflow {
                trim(next);
                if next.overflow.is_none() && next.slots.iter().all(Option::is_none) {
                    bucket.overflow = None;
                }
            }
        }
        trim(self.bucket_mut(number));
    }
}

fn push(mut bucket: &mut Bucket, tag: u8, entry: Entry) {
    loop {
        if let Some(free) = bucket.slots.iter().position(Option::is_none) {
            bucket.tags[free] = tag;
            bucket.slots[free] = Some(entry);
            return;
        }
        bucket = bucket.overflow.get_or_insert_default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Value;
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};
    use stdx::Rng;

    fn seed() -> HashSeed {
        HashSeed::from_bytes(*b"sixteen bytes ok")
    }

    fn put(table: &mut Table, key: &str) {
        let hash = seed().hash(key.as_bytes());
        table.insert(hash, Entry::new(key.as_bytes(), Value::string(key.as_bytes()), None));
    }

    fn take(table: &mut Table, key: &str) -> bool {
        let place = table.find(seed().hash(key.as_bytes()), key.as_bytes());
        place.map(|place| table.remove(place)).is_some()
    }

    #[test]
    fn a_bucket_is_one_cache_line() {
        assert_eq!(std::mem::size_of::<Bucket>(), 64);
    }

    #[test]
    fn random_operations_match_a_model() {
        let mut rng = Rng::new(42);
        let mut table = Table::new(seed());
        let mut model: BTreeMap<String, ()> = BTreeMap::new();
        for step in 0..60_000 {
            // The share of inserts swings, so that the table grows and shrinks several times.
            let inserts = if (step / 10_000) % 2 == 0 { 80 } else { 20 };
            let key = format!("key:{}", rng.below(8_000));
            if rng.below(100) < inserts {
                if model.insert(key.clone(), ()).is_none() {
                    put(&mut table, &key);
                }
            } else {
                assert_eq!(take(&mut table, &key), model.remove(&key).is_some());
            }
            assert_eq!(table.len(), model.len());
            if step % 2_000 == 0 {
                table.check_invariants();
            }
        }
        let keys: BTreeSet<_> = table.iter().map(|e| e.key().to_vec()).collect();
        assert!(keys.iter().map(Vec::as_slice).eq(model.keys().map(String::as_bytes)));
    }

    #[test]
    fn scan_returns_every_key_that_stayed_through_growth_and_shrinking() {
        for (before, change) in [(3_000, 30_000i64), (30_000, -29_000)] {
            let mut table = Table::new(seed());
            (0..before).for_each(|i| put(&mut table, &format!("stay:{i}")));
            let stay = if change < 0 { before + change } else { before };
            let mut seen = BTreeSet::new();
            let (mut position, mut moved) = (0, 0i64);
            loop {
                position = table.scan(position, |entry| {
                    seen.insert(String::from_utf8_lossy(entry.key()).into_owned());
                });
                for _ in 0..40 {
                    if moved < change {
                        put(&mut table, &format!("new:{moved}"));
                        moved += 1;
                    } else if moved > change {
                        moved -= 1;
                        assert!(take(&mut table, &format!("stay:{}", before + moved)));
                    }
                }
                if position == 0 {
                    break;
                }
            }
            for i in 0..stay {
                assert!(seen.contains(&format!("stay:{i}")), "{before} {change}: {i}");
            }
            table.check_invariants();
        }
    }

    #[test]
    fn a_table_is_taken_apart_entry_by_entry() {
        let mut table = Table::new(seed());
        (0..1_000).for_each(|i| put(&mut table, &i.to_string()));
        let mut seen = BTreeSet::new();
        while !table.dismantle(&mut |entry| assert!(seen.insert(entry.key().to_vec()))) {}
        assert_eq!(seen.len(), 1_000);
    }

    #[test]
    fn random_reaches_every_entry() {
        let mut table = Table::new(seed());
        (0..50).for_each(|i| put(&mut table, &i.to_string()));
        let mut rng = Rng::new(3);
        let mut seen = BTreeSet::new();
        for _ in 0..5_000 {
            let entry = table.random(|n| rng.below(n)).expect("the table is not empty");
            seen.insert(entry.key().to_vec());
        }
        assert_eq!(seen.len(), 50);
    }
}
