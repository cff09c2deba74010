//! Byte strings, alone or with values, in a tree in the order of their hashes. The hash is keyed
//! with a secret of this process, so a client cannot choose strings that collide.
//!
//! A scan's position is the hash that it has come to. No element ever changes its hash, so none
//! that stays can be missed.

use super::bytes::Bytes;
use super::slots::{Ascend, Slot, Slots, guess, search};
use super::tree::{At, Leaf, Place, Tree};
use std::sync::OnceLock;
use stdx::hash::HashSeed;
use stdx::random::entropy;

/// 32 bits of the keyed hash of `key`.
#[inline]
#[must_use]
pub fn hash_of(key: &[u8]) -> u32 {
    static SEED: OnceLock<HashSeed> = OnceLock::new();
    let hash = SEED.get_or_init(|| HashSeed::from_bytes(entropy())).hash(key) as u32;
    // Under test many are alike.
    if cfg!(test) { hash % 499 } else { hash }
}

/// A hash and where the element's bytes end: the key, behind its length when there is a value.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(2))]
struct HashSlot {
    hash: u32,
    end: u16,
}

impl Slot for HashSlot {
    type Key = u32;

    fn key(&self, _: &[u8]) -> u32 {
        self.hash
    }

    #[inline]
    fn end(&self) -> usize {
        usize::from(self.end)
    }

    #[inline]
    fn set_end(&mut self, end: usize) {
        self.end = end as u16;
    }

    fn are_one(&self, next: &Self) -> bool {
        self.hash == next.hash
    }
}

type Run = Slots<HashSlot>;

/// The leaf for a hash. What remains is a guess for [`search`]: hashes are spread evenly.
#[derive(Debug)]
pub struct ByHash {
    hash: u32,
    low: u32,
    high: u32,
}

impl ByHash {
    /// The leaf for `hash`.
    #[inline]
    #[must_use]
    pub fn new(hash: u32) -> Self {
        Self { hash, low: 0, high: u32::MAX }
    }
}

impl<L: Leaf<Key = u32>> Place<L> for ByHash {
    #[inline]
    fn branch(&mut self, keys: &[u32], _: &[usize]) -> usize {
        // Counting all is faster than a search: it takes no branches.
        let at = keys[1..].iter().filter(|first| **first <= self.hash).count();
        if at > 0 {
            self.low = keys[at];
        }
        if let Some(high) = keys.get(at + 1) {
            self.high = *high;
        }
        at
    }

    #[inline]
    fn rest(&self) -> usize {
        let (part, whole) = (self.hash.saturating_sub(self.low), self.high - self.low);
        guess(f64::from(part), f64::from(whole))
    }
}

/// Distinct keys; with values if `VALUED`.
#[derive(Debug, Clone, Default)]
pub struct Hashed<const VALUED: bool>(Tree<Run>);

/// Length byte that says a u32 holds the length of the key.
const LONG: u8 = 255;

fn prefix_of(key: &[u8], room: &mut [u8; 5], valued: bool) -> usize {
    let len = key.len() as u32;
    match u8::try_from(len) {
        _ if !valued => 0,
        Ok(len) if len < LONG => {
            room[0] = len;
            1
        }
        _ => {
            room[0] = LONG;
            room[1..].copy_from_slice(&len.to_le_bytes());
            5
        }
    }
}

/// The key and the value of an element.
#[inline]
fn pair_of<const VALUED: bool>(bytes: &[u8]) -> (&[u8], &[u8]) {
    if !VALUED {
        return (bytes, b"");
    }
    match bytes {
        [LONG, a, b, c, d, rest @ ..] => {
            rest.split_at(u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        [len, rest @ ..] => rest.split_at(usize::from(*len)),
        [] => (b"", b""),
    }
}

impl<const VALUED: bool> Hashed<VALUED> {
    /// Number of elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of a key.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.get_hashed(key, hash_of(key))
    }

    /// As [`Hashed::get`], by a hash that is known.
    #[inline]
    #[must_use]
    pub fn get_hashed(&self, key: &[u8], hash: u32) -> Option<&[u8]> {
        let (run, guess) = self.0.find(ByHash::new(hash))?;
        let at = Self::locate(run, guess, hash, key).ok()?;
        Some(pair_of::<VALUED>(run.bytes(at)).1)
    }

    /// Sets the value of a key; true when it is new.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.insert_hashed(key, hash_of(key), value)
    }

    /// As [`Hashed::insert`], by a hash that is known.
    pub fn insert_hashed(&mut self, key: &[u8], hash: u32, value: &[u8]) -> bool {
        let mut room = [0; 5];
        let prefix = prefix_of(key, &mut room, VALUED);
        let parts = [&room[..prefix], key, value];
        self.0.edit(ByHash::new(hash), |run, guess| match Self::locate(run, guess, hash, key) {
            Ok(at) => {
                if VALUED {
                    run.replace(at, &parts);
                }
                false
            }
            Err(at) => {
                run.insert(at, HashSlot { hash, end: 0 }, &parts);
                true
            }
        })
    }

    /// Removes a key; true when it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let hash = hash_of(key);
        self.0.edit(ByHash::new(hash), |run, guess| {
            Self::locate(run, guess, hash, key).map(|at| run.remove(at)).is_ok()
        })
    }

    /// The element number `place`; numbers are stable until something is changed.
    #[must_use]
    pub fn nth(&self, place: usize) -> Option<(&[u8], &[u8])> {
        let (run, at) = self.0.find(At(place))?;
        (at < run.slots().len()).then(|| pair_of::<VALUED>(run.bytes(at)))
    }

    /// Takes out the key number `place`.
    ///
    /// # Panics
    /// When there is none.
    pub fn take(&mut self, place: usize) -> Bytes {
        self.0.edit(At(place), |run, at| {
            let key = Bytes::new(pair_of::<VALUED>(run.bytes(at)).0);
            run.remove(at);
            key
        })
    }

    /// The keys in order with their hashes.
    #[must_use]
    pub fn hashes(&self) -> Hashes<'_, VALUED> {
        Hashes(Ascend::new(self.0.walk(At(0)).0, 0))
    }

    /// The elements in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, VALUED> {
        Iter(Ascend::new(self.0.walk(At(0)).0, 0))
    }

    /// Visits at least `count` elements from a scan position, 0 being the start; returns the next
    /// position, 0 at the end.
    pub fn scan(&self, position: u64, count: usize, mut visit: impl FnMut(&[u8], &[u8])) -> u64 {
        let Ok(from) = u32::try_from(position) else { return 0 };
        let (walk, guess) = self.0.walk(ByHash::new(from));
        let at = walk.leaf().map_or(0, |run| search(run.slots(), guess, |slot| slot.hash < from));
        let (mut seen, mut last) = (0, from);
        for (slot, bytes) in Ascend::new(walk, at) {
            if seen >= count && slot.hash != last {
                return u64::from(slot.hash);
            }
            let (key, value) = pair_of::<VALUED>(bytes);
            visit(key, value);
            (seen, last) = (seen + 1, slot.hash);
        }
        0
    }

    /// Where a key is, or would be.
    #[inline]
    fn locate(run: &Run, guess: usize, hash: u32, key: &[u8]) -> Result<usize, usize> {
        let slots = run.slots();
        let mut at = search(slots, guess, |slot| slot.hash < hash);
        while slots.get(at).is_some_and(|slot| slot.hash == hash) {
            if pair_of::<VALUED>(run.bytes(at)).0 == key {
                return Ok(at);
            }
            at += 1;
        }
        Err(at)
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        self.0.check_invariants();
        self.0.leaves().for_each(Slots::check_invariants);
        let mut last = 0;
        for (slot, bytes) in Ascend::new(self.0.walk(At(0)).0, 0) {
            let (key, value) = pair_of::<VALUED>(bytes);
            assert!(slot.hash == hash_of(key) && slot.hash >= last, "hashes are in order");
            assert_eq!(self.get(key), Some(value), "keys are unique and found");
            last = slot.hash;
        }
    }
}

/// Iterator of [`Hashed::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'h, const VALUED: bool>(Ascend<'h, HashSlot>);

impl<'h, const VALUED: bool> Iterator for Iter<'h, VALUED> {
    type Item = (&'h [u8], &'h [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(_, bytes)| pair_of::<VALUED>(bytes))
    }
}

/// Iterator of [`Hashed::hashes`].
#[derive(Debug, Clone)]
pub struct Hashes<'h, const VALUED: bool>(Ascend<'h, HashSlot>);

impl<'h, const VALUED: bool> Iterator for Hashes<'h, VALUED> {
    type Item = (&'h [u8], u32);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(slot, bytes)| (pair_of::<VALUED>(bytes).0, slot.hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use stdx::Rng;

    #[test]
    fn a_scan_returns_all_that_stay() {
        for seed in 0..15 {
            let mut rng = Rng::new(seed);
            let mut set = Hashed::<false>::default();
            let add = |set: &mut Hashed<false>, name: String| set.insert(name.as_bytes(), b"");
            for i in 0..200 {
                add(&mut set, format!("stay {i}"));
                add(&mut set, format!("go {i}"));
            }
            let (mut position, mut seen) = (0, BTreeSet::new());
            loop {
                position = set.scan(position, 1 + rng.below(10), |key, _| {
                    seen.insert(key.to_vec());
                });
                for _ in 0..rng.below(20) {
                    set.remove(format!("go {}", rng.below(200)).as_bytes());
                    add(&mut set, format!("new {}", rng.below(300)));
                }
                set.check_invariants();
                if position == 0 {
                    break;
                }
            }
            let stayed = (0..200).filter(|i| seen.contains(format!("stay {i}").as_bytes()));
            assert_eq!(stayed.count(), 200, "seed {seed}");
        }
    }

    #[test]
    fn keys_and_values_of_any_length() {
        let lens = [0, 1, 63, 64, 254, 255, 256, 5_000];
        let mut map = Hashed::<true>::default();
        for (a, b) in lens.iter().flat_map(|a| lens.iter().map(move |b| (*a, *b))) {
            let (key, value) = (vec![b'k'; a], vec![b'v'; b]);
            map.insert(&key, &value);
            map.check_invariants();
            assert_eq!(map.get(&key), Some(&*value));
        }
        assert_eq!(map.len(), lens.len());
    }
}
