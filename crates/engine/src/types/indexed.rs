//! Elements in one vector, found by key, chosen at random in O(1). Few elements are simply
//! searched; more get an [`Index`]. Removal fills the hole with the last element.
//!
//! A scan goes from the end to the front. Elements only ever move towards the front, so one that
//! stays in the collection is never overtaken by the scan's position.

use super::bytes::Bytes;
use super::index::{Index, hash_of};

/// Elements up to this number are searched one by one.
const SEARCHED_MAX: usize = 8;

/// An element that is found by a key.
pub trait Keyed {
    /// The key.
    fn key(&self) -> &[u8];
}

impl Keyed for Bytes {
    #[inline]
    fn key(&self) -> &[u8] {
        self
    }
}

/// Elements with distinct keys.
#[derive(Debug, Clone)]
pub struct Indexed<T> {
    items: Vec<T>,
    index: Index,
}

impl<T> Default for Indexed<T> {
    fn default() -> Self {
        Self { items: Vec::new(), index: Index::default() }
    }
}

/// Witness that a key is not there, with its hash when that was computed.
#[derive(Debug)]
pub struct Missing(Option<u32>);

impl<T: Keyed> Indexed<T> {
    /// Number of elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// The elements in the order of their places.
    #[inline]
    #[must_use]
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The element at a place, to change all but its key.
    #[inline]
    #[must_use]
    pub fn at_mut(&mut self, place: usize) -> &mut T {
        &mut self.items[place]
    }

    /// Where the element with this key is.
    ///
    /// # Errors
    /// It is not there; the witness lets it be added without another search.
    #[inline]
    pub fn locate(&self, key: &[u8]) -> Result<usize, Missing> {
        if self.index.is_empty() {
            return self.items.iter().position(|item| item.key() == key).ok_or(Missing(None));
        }
        let hash = hash_of(key);
        let found = self.index.find(hash, |place| self.items[place].key() == key);
        found.ok_or(Missing(Some(hash)))
    }

    /// Adds an element whose key was found missing.
    #[inline]
    pub fn push(&mut self, missing: &Missing, item: T) {
        let place = self.items.len();
        self.items.push(item);
        if let Some(hash) = missing.0 {
            self.index.insert(hash, place);
        } else if self.items.len() > SEARCHED_MAX {
            for (place, item) in self.items.iter().enumerate() {
                self.index.insert(hash_of(item.key()), place);
            }
        }
    }

    /// Removes the element with this key.
    #[inline]
    pub fn remove(&mut self, key: &[u8]) -> Option<T> {
        if self.index.is_empty() {
            let place = self.items.iter().position(|item| item.key() == key)?;
            return Some(self.items.swap_remove(place));
        }
        let items = &self.items;
        let place = self.index.remove(hash_of(key), |place| items[place].key() == key)?;
        Some(self.close(place))
    }

    /// Removes the element at a place.
    ///
    /// # Panics
    /// When there is none.
    pub fn remove_at(&mut self, place: usize) -> T {
        if self.index.is_empty() {
            return self.items.swap_remove(place);
        }
        let hash = hash_of(self.items[place].key());
        self.index.remove(hash, |other| other == place).expect("every element is in the index");
        self.close(place)
    }

    /// Visits about `count` elements from a scan position, 0 being the start; returns the next
    /// position, 0 at the end.
    pub fn scan(&self, position: u64, count: usize, mut visit: impl FnMut(&T)) -> u64 {
        let above = match position {
            0 => self.items.len(),
            _ => usize::try_from(position).unwrap_or(usize::MAX).min(self.items.len()),
        };
        let next = above.saturating_sub(count.max(1));
        self.items[next..above].iter().rev().for_each(&mut visit);
        next as u64
    }

    /// Takes the element at `place`, already out of the index, out of the vector.
    fn close(&mut self, place: usize) -> T {
        let last = self.items.len() - 1;
        if place != last {
            self.index.moved(hash_of(self.items[last].key()), last, place);
        }
        let item = self.items.swap_remove(place);
        if self.items.capacity() > 64 && self.items.len() < self.items.capacity() / 8 {
            self.items.shrink_to(self.items.len() * 2);
        }
        item
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        assert!(self.items.len() <= SEARCHED_MAX || !self.index.is_empty(), "many are indexed");
        assert!(self.index.is_empty() || self.index.len() == self.items.len(), "all are indexed");
        for (place, item) in self.items.iter().enumerate() {
            assert_eq!(self.locate(item.key()).ok(), Some(place), "keys are unique and found");
        }
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
            let mut set = Indexed::<Bytes>::default();
            let add = |set: &mut Indexed<Bytes>, name: String| {
                if let Err(missing) = set.locate(name.as_bytes()) {
                    set.push(&missing, Bytes::new(name.as_bytes()));
                }
            };
            (0..100).for_each(|i| add(&mut set, format!("stay {i}")));
            (0..100).for_each(|i| add(&mut set, format!("go {i}")));
            let (mut position, mut seen) = (0, BTreeSet::new());
            loop {
                position = set.scan(position, 10, |item| {
                    seen.insert(item.to_vec());
                });
                for _ in 0..rng.below(20) {
                    set.remove(format!("go {}", rng.below(100)).as_bytes());
                    add(&mut set, format!("new {}", rng.below(30)));
                }
                set.check_invariants();
                if position == 0 {
                    break;
                }
            }
            let stayed = (0..100).filter(|i| seen.contains(format!("stay {i}").as_bytes()));
            assert_eq!(stayed.count(), 100, "seed {seed}");
        }
    }
}
