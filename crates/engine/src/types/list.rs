//! The value of a list: a deque of chunks of packed elements. Ends are O(1), a place in the middle
//! costs a walk over chunk lengths and one chunk. Knows no command.

use super::chunk::{Chunk, footprint};
use std::collections::VecDeque;

pub use super::chunk::End;

/// Bytes of a full chunk; a longer element has a chunk of its own.
const CHUNK_BYTES: usize = 4096;
/// Bytes of the first chunk of a new list.
const CHUNK_BYTES_MIN: usize = 64;

/// Above this number of removals a list is written anew.
const REMOVED_SINGLY_MAX: usize = 16;

/// Elements in order.
#[derive(Debug, Default, Clone)]
pub struct List {
    chunks: VecDeque<Chunk>,
    len: usize,
}

impl List {
    /// Number of elements.
    #[inline]
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "Collection::is_empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Name as OBJECT ENCODING gives it.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        "quicklist"
    }

    /// Adds an element at an end.
    #[inline]
    pub fn push(&mut self, value: &[u8], end: End) {
        self.len += 1;
        let chunk = match end {
            End::Front => self.chunks.front_mut(),
            End::Back => self.chunks.back_mut(),
        };
        match chunk {
            Some(chunk) if chunk.fits(value.len(), end) => chunk.push(value, end),
            _ => self.push_with_room(value, end),
        }
    }

    /// Adds an element as the last.
    pub fn push_back(&mut self, value: &[u8]) {
        self.push(value, End::Back);
    }

    /// Adds an element as the first.
    pub fn push_front(&mut self, value: &[u8]) {
        self.push(value, End::Front);
    }

    fn push_with_room(&mut self, value: &[u8], end: End) {
        let need = footprint(value.len());
        let chunk = match end {
            End::Front => self.chunks.front_mut(),
            End::Back => self.chunks.back_mut(),
        };
        if let Some(chunk) = chunk {
            // Moving pays only when it gains as much room as it moves.
            let wanted = (chunk.used() + need) * 2;
            let size = chunk.size().max(wanted.min(CHUNK_BYTES));
            if wanted <= size || (size > chunk.size() && chunk.used() + need <= size) {
                chunk.make_room(size, end);
                chunk.push(value, end);
                return;
            }
        }
        let room = if self.chunks.is_empty() { CHUNK_BYTES_MIN } else { CHUNK_BYTES };
        let mut chunk = Chunk::new(room.max(need), end);
        chunk.push(value, end);
        match end {
            End::Front => self.chunks.push_front(chunk),
            End::Back => self.chunks.push_back(chunk),
        }
    }

    /// The element at an end.
    #[inline]
    #[must_use]
    pub fn peek(&self, end: End) -> Option<&[u8]> {
        match end {
            End::Front => self.chunks.front()?.peek(end),
            End::Back => self.chunks.back()?.peek(end),
        }
    }

    /// Removes the element at an end.
    ///
    /// # Panics
    /// When the list is empty.
    #[inline]
    pub fn drop_end(&mut self, end: End) {
        const ANY: &str = "the list is not empty";
        self.len -= 1;
        let chunk = match end {
            End::Front => self.chunks.front_mut().expect(ANY),
            End::Back => self.chunks.back_mut().expect(ANY),
        };
        chunk.pop(end);
        if chunk.len() == 0 {
            match end {
                End::Front => self.chunks.pop_front(),
                End::Back => self.chunks.pop_back(),
            };
        }
    }

    /// Takes out the first element.
    pub fn pop_front(&mut self) -> Option<Vec<u8>> {
        self.pop(End::Front)
    }

    /// Takes out the last element.
    pub fn pop_back(&mut self) -> Option<Vec<u8>> {
        self.pop(End::Back)
    }

    /// Takes out the element at an end.
    pub fn pop(&mut self, end: End) -> Option<Vec<u8>> {
        let value = self.peek(end)?.to_vec();
        self.drop_end(end);
        Some(value)
    }

    /// The element at a place.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let (number, inner) = self.locate(index)?;
        let chunk = &self.chunks[number];
        Some(chunk.get(chunk.offset_of(inner)))
    }

    /// All elements.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        self.chunks.iter().flat_map(Chunk::iter)
    }

    /// Up to `count` elements from a place on.
    pub fn range(&self, start: usize, count: usize) -> impl Iterator<Item = &[u8]> {
        let (number, inner) = self.locate(start).unwrap_or((self.chunks.len(), 0));
        let chunks = self.chunks.range(number..);
        chunks.flat_map(Chunk::iter).skip(inner).take(count)
    }

    /// Replaces the element at a place; false when there is none.
    pub fn set(&mut self, index: usize, value: &[u8]) -> bool {
        let Some((number, inner)) = self.locate(index) else { return false };
        let chunk = &mut self.chunks[number];
        let offset = chunk.offset_of(inner);
        if chunk.get(offset).len() == value.len() {
            chunk.overwrite(offset, value);
        } else {
            self.remove(index);
            self.insert(index, value);
        }
        true
    }

    /// Puts an element before the one at `index`, or at the end.
    ///
    /// # Panics
    /// When `index` is beyond the length.
    pub fn insert(&mut self, index: usize, value: &[u8]) {
        assert!(index <= self.len, "elements have no gaps");
        if index == 0 || index == self.len {
            return self.push(value, if index == 0 { End::Front } else { End::Back });
        }
        let (number, inner) = self.locate(index).expect("the place is below the length");
        self.len += 1;
        let chunk = &mut self.chunks[number];
        if chunk.used() + footprint(value.len()) <= CHUNK_BYTES {
            let offset = chunk.offset_of(inner);
            chunk.insert(offset, value);
            return;
        }
        let mut new = Chunk::new(footprint(value.len()), End::Back);
        new.push(value, End::Back);
        let tail = chunk.split(inner);
        if inner == 0 {
            self.chunks[number] = new;
        } else {
            self.chunks.insert(number + 1, new);
        }
        let at = if inner == 0 { number + 1 } else { number + 2 };
        self.chunks.insert(at, tail);
    }

    /// Removes the element at a place; false when there is none.
    pub fn remove(&mut self, index: usize) -> bool {
        let Some((number, inner)) = self.locate(index) else { return false };
        let chunk = &mut self.chunks[number];
        let offset = chunk.offset_of(inner);
        chunk.remove(offset);
        if chunk.len() == 0 {
            self.chunks.remove(number);
        }
        self.len -= 1;
        true
    }

    /// Removes the elements at `places`, which descend.
    pub fn remove_each(&mut self, places: &[usize]) {
        debug_assert!(places.is_sorted_by(|a, b| a > b), "places descend");
        if places.len() <= REMOVED_SINGLY_MAX {
            for &place in places {
                self.remove(place);
            }
            return;
        }
        let (mut kept, mut gone) = (Self::default(), places.iter().rev().peekable());
        for (place, value) in self.iter().enumerate() {
            if gone.next_if_eq(&&place).is_none() {
                kept.push_back(value);
            }
        }
        *self = kept;
    }

    /// Removes `count` elements at an end, or all.
    pub fn drop_many(&mut self, mut count: usize, end: End) {
        count = count.min(self.len);
        while count > 0 {
            let chunk = match end {
                End::Front => self.chunks.front(),
                End::Back => self.chunks.back(),
            };
            let whole = chunk.map_or(0, Chunk::len);
            if whole > count {
                (0..count).for_each(|_| self.drop_end(end));
                return;
            }
            match end {
                End::Front => self.chunks.pop_front(),
                End::Back => self.chunks.pop_back(),
            };
            self.len -= whole;
            count -= whole;
        }
    }

    /// The chunk of an element and its number in there.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index <= self.len / 2 {
            let mut before = 0;
            for (number, chunk) in self.chunks.iter().enumerate() {
                if index < before + chunk.len() {
                    return Some((number, index - before));
                }
                before += chunk.len();
            }
            return None;
        }
        let mut after = self.len;
        for (number, chunk) in self.chunks.iter().enumerate().rev() {
            after -= chunk.len();
            if index >= after {
                return Some((number, index - after));
            }
        }
        None
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        self.chunks.iter().for_each(Chunk::check_invariants);
        assert!(self.chunks.iter().all(|chunk| chunk.len() > 0), "no chunk is empty");
        let sum: usize = self.chunks.iter().map(Chunk::len).sum();
        assert_eq!(sum, self.len, "len counts the elements");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::Rng;

    fn value(rng: &mut Rng) -> Vec<u8> {
        let len = [3, 20, 254, 255, 300, 5_000][rng.below(6)];
        vec![b'a' + rng.below(26) as u8; rng.below(len)]
    }

    fn step(rng: &mut Rng, list: &mut List, model: &mut VecDeque<Vec<u8>>) {
        let end = if rng.below(2) == 0 { End::Front } else { End::Back };
        let at = rng.below(model.len() + 1);
        match rng.below(if model.len() < 40 { 8 } else { 12 }) {
            0..4 => {
                let value = value(rng);
                list.push(&value, end);
                if end == End::Front { model.push_front(value) } else { model.push_back(value) }
            }
            4 | 5 => {
                let want = if end == End::Front { model.pop_front() } else { model.pop_back() };
                assert_eq!(list.pop(end), want);
            }
            6 | 7 => {
                let value = value(rng);
                list.insert(at, &value);
                model.insert(at, value);
            }
            8 => assert_eq!(list.remove(at), model.remove(at).is_some()),
            9 => {
                let value = value(rng);
                assert_eq!(list.set(at, &value), at < model.len());
                if let Some(place) = model.get_mut(at) {
                    *place = value;
                }
            }
            10 => {
                let odds = 2 + rng.below(8);
                let places: Vec<_> = (0..model.len()).rev().filter(|p| p % odds == 0).collect();
                list.remove_each(&places);
                places.iter().for_each(|&place| drop(model.remove(place)));
            }
            _ => {
                let count = rng.below(4);
                list.drop_many(count, end);
                let count = count.min(model.len());
                let (from, to) = match end {
                    End::Front => (0, count),
                    End::Back => (model.len() - count, model.len()),
                };
                model.drain(from..to);
            }
        }
        assert_eq!(list.get(at), model.get(at).map(Vec::as_slice));
    }

    #[test]
    fn behaves_as_a_deque() {
        for seed in 0..25 {
            println!("seed {seed}");
            let mut rng = Rng::new(seed);
            let (mut list, mut model) = (List::default(), VecDeque::new());
            for _ in 0..500 {
                step(&mut rng, &mut list, &mut model);
                list.check_invariants();
            }
            assert!(list.iter().eq(model.iter().map(Vec::as_slice)));
            assert!(list.iter().rev().eq(model.iter().rev().map(Vec::as_slice)));
            let start = rng.below(model.len() + 1);
            assert!(list.range(start, 7).eq(model.iter().skip(start).take(7).map(Vec::as_slice)));
        }
    }

    #[test]
    fn a_queue_does_not_grow() {
        let mut list = List::default();
        for round in 0..10_000u32 {
            list.push_front(&round.to_le_bytes());
            if list.len() > 100 {
                list.pop_back();
            }
        }
        list.check_invariants();
        assert!(list.chunks.len() <= 2, "{}", list.chunks.len());
    }
}
