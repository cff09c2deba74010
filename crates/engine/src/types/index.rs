//! Where elements lie, by the hash of their key. Flood-resistant: the hash is keyed with a secret
//! of this process. Knows places, never the elements: callers compare.

use hashbrown::HashTable;
use std::sync::OnceLock;
use stdx::hash::HashSeed;
use stdx::random::entropy;

/// 32 bits of the keyed hash of `key`.
#[inline]
#[must_use]
pub fn hash_of(key: &[u8]) -> u32 {
    static SEED: OnceLock<HashSeed> = OnceLock::new();
    SEED.get_or_init(|| HashSeed::from_bytes(entropy())).hash(key) as u32
}

/// A multiset of places with hashes; each place is in it at most once.
#[derive(Debug, Default, Clone)]
pub struct Index(HashTable<Slot>);

#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u32,
    place: u32,
}

/// The table takes buckets from the low bits and tags from the high ones.
#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash) | (u64::from(hash) << 32)
}

impl Index {
    /// Number of places.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when it holds no place.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The place with this hash that `wanted` accepts.
    #[inline]
    pub fn find(&self, hash: u32, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        let is_it = |slot: &Slot| slot.hash == hash && wanted(slot.place as usize);
        self.0.find(spread(hash), is_it).map(|slot| slot.place as usize)
    }

    /// Adds a place.
    #[inline]
    pub fn insert(&mut self, hash: u32, place: usize) {
        let place = u32::try_from(place).expect("a collection has fewer than 2^32 elements");
        self.0.insert_unique(spread(hash), Slot { hash, place }, |slot| spread(slot.hash));
    }

    /// Takes out the place with this hash that `wanted` accepts.
    #[inline]
    pub fn remove(&mut self, hash: u32, wanted: impl Fn(usize) -> bool) -> Option<usize> {
        let is_it = |slot: &Slot| slot.hash == hash && wanted(slot.place as usize);
        let found = self.0.find_entry(spread(hash), is_it).ok()?;
        let (slot, _) = found.remove();
        self.shrink();
        Some(slot.place as usize)
    }

    /// Says that what was at `from` is now at `to`.
    ///
    /// # Panics
    /// When nothing was at `from`.
    #[inline]
    pub fn moved(&mut self, hash: u32, from: usize, to: usize) {
        let slot = self.0.find_mut(spread(hash), |slot| slot.place as usize == from);
        slot.expect("every element is in the index").place = to as u32;
    }

    fn shrink(&mut self) {
        if self.0.capacity() > 64 && self.0.len() < self.0.capacity() / 8 {
            self.0.shrink_to(self.0.len() * 2, |slot| spread(slot.hash));
        }
    }
}
