//! The value of a list: one chunk of packed elements; or more, those between the first and the
//! last in a tree by position. Ends are O(1), a place in the middle is O(log n). Knows no command.

use super::chunk::{CHUNK_BYTES, Chunk, footprint};
use super::tree::{At, Edges, Leaf, Tree, Walk};

pub use super::chunk::End;

/// Bytes of the first chunk of a new list.
const CHUNK_BYTES_MIN: usize = 64;
/// A list is written anew to remove more than this number of elements, if it has few others.
const REMOVED_SINGLY_MAX: usize = 16;
/// Elements that are written anew in the time of removing one.
const REMOVAL_COST: usize = 16;

/// Elements in order.
#[derive(Debug, Clone)]
pub struct List(Form);

#[derive(Debug, Clone)]
enum Form {
    Small(Chunk),
    Large(Box<Large>),
}

/// The chunks at the ends, neither of them empty, are out of the tree: nobody shares them, and no
/// push or pop has to find them.
#[derive(Debug, Clone)]
struct Large {
    head: Chunk,
    middle: Tree<Chunk>,
    tail: Chunk,
}

/// Where an element is.
enum Spot {
    Head(usize),
    Middle(usize),
    Tail(usize),
}

impl Default for List {
    fn default() -> Self {
        Self(Form::Small(Chunk::default()))
    }
}

impl List {
    /// Number of elements.
    #[inline]
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "Collection::is_empty")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Small(chunk) => chunk.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Name as OBJECT ENCODING gives it.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        "quicklist"
    }

    #[inline]
    fn chunk(&self, end: End) -> &Chunk {
        match &self.0 {
            Form::Small(chunk) => chunk,
            Form::Large(large) => match end {
                End::Front => &large.head,
                End::Back => &large.tail,
            },
        }
    }

    #[inline]
    fn chunk_mut(&mut self, end: End) -> &mut Chunk {
        match &mut self.0 {
            Form::Small(chunk) => chunk,
            Form::Large(large) => match end {
                End::Front => &mut large.head,
                End::Back => &mut large.tail,
            },
        }
    }

    /// Adds an element at an end.
    #[inline]
    pub fn push(&mut self, value: &[u8], end: End) {
        let chunk = self.chunk_mut(end);
        if chunk.fits(value.len(), end) {
            chunk.push(value, end);
        } else {
            self.push_with_room(value, end);
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
        let chunk = self.chunk_mut(end);
        // Moving pays only when it gains as much room as it moves.
        let wanted = (chunk.used() + need) * 2;
        let size = chunk.size().max(wanted.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES));
        if wanted <= size || (size > chunk.size() && chunk.used() + need <= size) {
            chunk.make_room(size, end);
            chunk.push(value, end);
            return;
        }
        if chunk.len() == 0 {
            *chunk = Chunk::new(need, end);
            chunk.push(value, end);
            return;
        }
        let mut new = Chunk::new(CHUNK_BYTES.max(need), end);
        new.push(value, end);
        self.put(new, end);
    }

    /// Makes a chunk the one at an end.
    fn put(&mut self, new: Chunk, end: End) {
        let mut old = std::mem::replace(self.chunk_mut(end), new);
        old.slim();
        match &mut self.0 {
            Form::Large(large) if end == End::Front => large.middle.push_first(old),
            Form::Large(large) => large.middle.push_last(old),
            Form::Small(new) => {
                let new = std::mem::take(new);
                let (head, tail) = if end == End::Front { (new, old) } else { (old, new) };
                self.0 = Form::Large(Box::new(Large { head, middle: Tree::default(), tail }));
            }
        }
    }

    /// The element at an end.
    #[inline]
    #[must_use]
    pub fn peek(&self, end: End) -> Option<&[u8]> {
        self.chunk(end).peek(end)
    }

    /// Removes the element at an end.
    ///
    /// # Panics
    /// When the list is empty.
    #[inline]
    pub fn drop_end(&mut self, end: End) {
        let chunk = self.chunk_mut(end);
        chunk.pop(end);
        if chunk.len() == 0 {
            self.refill(end);
        }
    }

    /// Makes up for the chunk at an end, which has become empty.
    #[cold]
    fn refill(&mut self, end: End) {
        let Form::Large(large) = &mut self.0 else { return };
        let (chunk, other, next) = match end {
            End::Front => (&mut large.head, &mut large.tail, large.middle.pop_first()),
            End::Back => (&mut large.tail, &mut large.head, large.middle.pop_last()),
        };
        match next {
            Some(next) => *chunk = next,
            None => self.0 = Form::Small(std::mem::take(other)),
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
        if index >= self.len() {
            return None;
        }
        match (&self.0, self.spot(index)) {
            (Form::Small(chunk), _) => Some(chunk.get(index)),
            (Form::Large(large), Spot::Head(at)) => Some(large.head.get(at)),
            (Form::Large(large), Spot::Tail(at)) => Some(large.tail.get(at)),
            (Form::Large(large), Spot::Middle(at)) => {
                large.middle.find(At(at)).map(|(chunk, at)| chunk.get(at))
            }
        }
    }

    /// All elements.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone {
        let (head, middle, tail) = self.parts();
        let middle = middle.into_iter().flat_map(Tree::leaves);
        std::iter::once(head).chain(middle).chain(tail).flat_map(Chunk::iter)
    }

    fn parts(&self) -> (&Chunk, Option<&Tree<Chunk>>, Option<&Chunk>) {
        match &self.0 {
            Form::Small(chunk) => (chunk, None, None),
            Form::Large(large) => (&large.head, Some(&large.middle), Some(&large.tail)),
        }
    }

    /// Up to `count` elements from a place on.
    pub fn range(&self, start: usize, count: usize) -> impl Iterator<Item = &[u8]> {
        let (head, middle, tail) = self.parts();
        let between = middle.map_or(0, Tree::len);
        let mut run = Run { head: Some(head), middle: None, tail };
        let mut skipped = start;
        if start >= head.len() {
            (run.head, skipped) = (None, start - head.len());
        }
        if run.head.is_none() && skipped >= between {
            skipped -= between;
        } else if let Some(middle) = middle {
            let at = if run.head.is_none() { skipped } else { 0 };
            let (walk, rest) = middle.walk(At(at));
            if run.head.is_none() {
                skipped = rest;
            }
            run.middle = Some(walk);
        }
        run.flat_map(Chunk::iter).skip(skipped).take(count)
    }

    /// Replaces the element at a place; false when there is none.
    pub fn set(&mut self, index: usize, value: &[u8]) -> bool {
        if index >= self.len() {
            return false;
        }
        self.edit(index, |chunk, at| chunk.set(at, value));
        true
    }

    /// Puts an element before the one at `index`, or at the end.
    ///
    /// # Panics
    /// When `index` is beyond the length.
    pub fn insert(&mut self, index: usize, value: &[u8]) {
        assert!(index <= self.len(), "elements have no gaps");
        match index {
            0 => self.push(value, End::Front),
            _ if index == self.len() => self.push(value, End::Back),
            _ => self.edit(index, |chunk, at| chunk.insert(at, value)),
        }
    }

    /// Removes the element at a place; false when there is none.
    pub fn remove(&mut self, index: usize) -> bool {
        if index >= self.len() {
            return false;
        }
        self.edit(index, Chunk::remove);
        true
    }

    /// Removes the elements at `places`, which descend.
    pub fn remove_each(&mut self, places: &[usize]) {
        debug_assert!(places.is_sorted_by(|a, b| a > b), "places descend");
        let few = places.len() <= REMOVED_SINGLY_MAX;
        if few || places.len() * REMOVAL_COST < self.len() {
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
    pub fn drop_many(&mut self, count: usize, end: End) {
        let mut count = count.min(self.len());
        while count > 0 {
            let whole = self.chunk(end).len();
            if whole > count {
                (0..count).for_each(|_| self.drop_end(end));
                return;
            }
            *self.chunk_mut(end) = Chunk::default();
            self.refill(end);
            count -= whole;
        }
    }

    /// Where the element at `index` is; in a list of one chunk, at the head.
    fn spot(&self, index: usize) -> Spot {
        let (head, middle, _) = self.parts();
        let between = middle.map_or(0, Tree::len);
        match index.checked_sub(head.len()) {
            None => Spot::Head(index),
            Some(at) if at < between => Spot::Middle(at),
            Some(at) => Spot::Tail(at - between),
        }
    }

    /// Changes the chunk of the element at `index`, which it gets with its number in there.
    fn edit(&mut self, index: usize, change: impl FnOnce(&mut Chunk, usize)) {
        match self.spot(index) {
            Spot::Head(at) => {
                change(self.chunk_mut(End::Front), at);
                self.mend(End::Front);
            }
            Spot::Tail(at) => {
                change(self.chunk_mut(End::Back), at);
                self.mend(End::Back);
            }
            Spot::Middle(at) => {
                if let Form::Large(large) = &mut self.0 {
                    large.middle.edit(At(at), change);
                }
            }
        }
    }

    /// Divides the chunk at an end when it is too large; fills it up when it is empty.
    fn mend(&mut self, end: End) {
        if self.chunk(end).len() == 0 {
            return self.refill(end);
        }
        let chunk = self.chunk_mut(end);
        let mut parts = chunk.split(Edges { first: false, last: false });
        if parts.is_empty() {
            return;
        }
        parts.insert(0, std::mem::take(chunk));
        if end == End::Front {
            parts.reverse();
        }
        let mut parts = parts.into_iter();
        if let Some(inmost) = parts.next() {
            *self.chunk_mut(end) = inmost;
        }
        parts.for_each(|part| self.put(part, end));
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        match &self.0 {
            Form::Small(chunk) => chunk.check_invariants(),
            Form::Large(large) => {
                let Large { head, middle, tail } = &**large;
                assert!(head.len() > 0 && tail.len() > 0, "no end is empty");
                middle.check_invariants();
                let chunks = [head, tail].into_iter().chain(middle.leaves());
                chunks.for_each(|chunk| {
                    chunk.check_invariants();
                    assert!(chunk.used() <= CHUNK_BYTES || chunk.len() == 1, "chunks are small");
                });
            }
        }
    }
}

impl Large {
    fn len(&self) -> usize {
        self.head.len() + self.middle.len() + self.tail.len()
    }
}

/// Chunks one after the other.
struct Run<'l> {
    head: Option<&'l Chunk>,
    middle: Option<Walk<'l, Chunk>>,
    tail: Option<&'l Chunk>,
}

impl<'l> Iterator for Run<'l> {
    type Item = &'l Chunk;

    fn next(&mut self) -> Option<&'l Chunk> {
        if let Some(head) = self.head.take() {
            return Some(head);
        }
        if let Some(walk) = &mut self.middle
            && let Some(chunk) = walk.leaf()
        {
            walk.forward();
            return Some(chunk);
        }
        self.tail.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
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
        let chunks = list.parts().1.map_or(0, |middle| middle.leaves().count());
        assert!(chunks < 700 / CHUNK_BYTES + 2, "{chunks}");
    }
}
