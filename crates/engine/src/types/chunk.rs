//! A run of a list's elements in one buffer with room at both ends.
//!
//! ```text
//! room │ len value len │ len value len │ … │ room        len: u8 below 255; else 255 and a u32,
//!      start                               end               mirrored behind the value
//! ```
//! Knows neither its neighbours nor which elements a list keeps in one.

use super::tree::{Edges, Leaf, Leaves};

/// Bytes of a full chunk; a longer element has a chunk of its own. Few under test, so that small
/// lists are deep trees.
pub const CHUNK_BYTES: usize = if cfg!(test) { 192 } else { 4096 };

/// Length byte that says a u32 holds the length.
const LONG: u8 = 255;

/// Elements in order.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Box<[u8]>,
    start: u32,
    end: u32,
    len: u32,
}

/// A copy has no room.
impl Clone for Chunk {
    fn clone(&self) -> Self {
        Self::of(self.run().into(), self.len())
    }
}

/// Which end of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first element's.
    Front,
    /// The last element's.
    Back,
}

/// Bytes that an element of `len` bytes takes in a chunk.
#[inline]
#[must_use]
pub fn footprint(len: usize) -> usize {
    len + 2 * head_len(len)
}

#[inline]
fn head_len(len: usize) -> usize {
    if len < usize::from(LONG) { 1 } else { 5 }
}

impl Chunk {
    /// An empty one with `room` bytes, all of them on the side of `end`.
    #[must_use]
    pub fn new(room: usize, end: End) -> Self {
        let start = if end == End::Front { room as u32 } else { 0 };
        Self { bytes: vec![0; room].into_boxed_slice(), start, end: start, len: 0 }
    }

    /// One that `bytes` fill.
    fn of(bytes: Box<[u8]>, len: usize) -> Self {
        let end = u32::try_from(bytes.len()).expect("few elements of the longest kind fit");
        Self { bytes, start: 0, end, len: len as u32 }
    }

    /// Number of elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// The elements as they lie.
    #[inline]
    fn run(&self) -> &[u8] {
        &self.bytes[self.start as usize..self.end as usize]
    }

    /// Bytes that the elements take.
    #[inline]
    #[must_use]
    pub fn used(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Bytes that elements can take without another allocation.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// True when an element of `len` bytes fits at an end as things lie.
    #[inline]
    #[must_use]
    pub fn fits(&self, len: usize, end: End) -> bool {
        match end {
            End::Front => footprint(len) <= self.start as usize,
            End::Back => footprint(len) <= self.bytes.len() - self.end as usize,
        }
    }

    /// Moves the elements into `size` bytes with all the room at one end.
    ///
    /// # Panics
    /// When they take more.
    pub fn make_room(&mut self, size: usize, end: End) {
        let used = self.used();
        assert!(used <= size, "the elements fit");
        let start = if end == End::Front { size - used } else { 0 };
        if size == self.bytes.len() {
            self.bytes.copy_within(self.start as usize..self.end as usize, start);
        } else {
            let mut bytes = vec![0; size].into_boxed_slice();
            bytes[start..start + used].copy_from_slice(self.run());
            self.bytes = bytes;
        }
        (self.start, self.end) = (start as u32, (start + used) as u32);
    }

    /// Gives room back when there is much of it.
    #[cold]
    pub fn slim(&mut self) {
        if self.used() * 4 < self.size() * 3 {
            *self = self.clone();
        }
    }

    /// Adds an element at an end.
    ///
    /// # Panics
    /// When it does not fit.
    #[inline]
    pub fn push(&mut self, value: &[u8], end: End) {
        let size = footprint(value.len());
        let at = match end {
            End::Front => {
                self.start -= size as u32;
                self.start as usize
            }
            End::Back => {
                self.end += size as u32;
                self.end as usize - size
            }
        };
        encode(&mut self.bytes[at..at + size], value);
        self.len += 1;
    }

    /// The element at an end.
    #[inline]
    #[must_use]
    pub fn peek(&self, end: End) -> Option<&[u8]> {
        if self.len == 0 {
            return None;
        }
        Some(match end {
            End::Front => self.at(self.start as usize).0,
            End::Back => self.before(self.end as usize).0,
        })
    }

    /// Removes the element at an end.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn pop(&mut self, end: End) {
        let size = footprint(self.peek(end).expect("the chunk is not empty").len()) as u32;
        match end {
            End::Front => self.start += size,
            End::Back => self.end -= size,
        }
        self.len -= 1;
        if self.size() > CHUNK_BYTES {
            self.slim();
        }
    }

    /// The elements in order.
    #[inline]
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { chunk: self, front: self.start as usize, back: self.end as usize }
    }

    /// Where the element number `index` starts, or the end of all.
    fn offset_of(&self, index: usize) -> usize {
        if index * 2 < self.len() {
            return (0..index).fold(self.start as usize, |offset, _| self.at(offset).1);
        }
        (index..self.len()).fold(self.end as usize, |offset, _| self.before(offset).1)
    }

    /// The element number `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> &[u8] {
        self.at(self.offset_of(index)).0
    }

    /// Replaces the element number `index`.
    pub fn set(&mut self, index: usize, value: &[u8]) {
        let offset = self.offset_of(index);
        let (old, next) = self.at(offset);
        if old.len() == value.len() {
            encode(&mut self.bytes[offset..next], value);
        } else {
            self.splice(offset, next, value);
        }
    }

    /// Puts an element before the one number `index`, or at the end.
    pub fn insert(&mut self, index: usize, value: &[u8]) {
        let offset = self.offset_of(index);
        self.splice(offset, offset, value);
        self.len += 1;
    }

    /// Puts an element in the place of the bytes from `offset` to `next`.
    fn splice(&mut self, offset: usize, next: usize, value: &[u8]) {
        let (start, end) = (self.start as usize, self.end as usize);
        let size = footprint(value.len());
        let mut bytes = Vec::with_capacity(self.used() - (next - offset) + size);
        bytes.extend_from_slice(&self.bytes[start..offset]);
        let at = bytes.len();
        bytes.resize(at + size, 0);
        encode(&mut bytes[at..], value);
        bytes.extend_from_slice(&self.bytes[next..end]);
        *self = Self::of(bytes.into_boxed_slice(), self.len());
    }

    /// Removes the element number `index`.
    pub fn remove(&mut self, index: usize) {
        let (start, end) = (self.start as usize, self.end as usize);
        let offset = self.offset_of(index);
        let next = self.at(offset).1;
        let size = next - offset;
        if offset - start < end - next {
            self.bytes.copy_within(start..offset, start + size);
            self.start += size as u32;
        } else {
            self.bytes.copy_within(next..end, offset);
            self.end -= size as u32;
        }
        self.len -= 1;
        self.slim();
    }

    /// Divides where about half of the bytes are on either side; returns the right part.
    fn halve(&mut self) -> Self {
        let (middle, mut index) = (self.start as usize + self.used() / 2, 1);
        let mut offset = self.at(self.start as usize).1;
        while index + 1 < self.len() {
            let next = self.at(offset).1;
            if next > middle {
                break;
            }
            (offset, index) = (next, index + 1);
        }
        let right = &self.bytes[offset..self.end as usize];
        let right = Self::of(right.into(), self.len() - index);
        let left = &self.bytes[self.start as usize..offset];
        *self = Self::of(left.into(), index);
        right
    }

    /// The element that starts at `offset`, and where the next one does.
    #[inline]
    fn at(&self, offset: usize) -> (&[u8], usize) {
        let (len, head) = match self.bytes[offset] {
            LONG => (long_len(&self.bytes[offset + 1..]), 5),
            short => (usize::from(short), 1),
        };
        let value = offset + head;
        (&self.bytes[value..value + len], value + len + head)
    }

    /// The element that ends at `offset`, and where it starts.
    #[inline]
    fn before(&self, offset: usize) -> (&[u8], usize) {
        let (len, head) = match self.bytes[offset - 1] {
            LONG => (long_len(&self.bytes[offset - 5..]), 5),
            short => (usize::from(short), 1),
        };
        let end = offset - head;
        (&self.bytes[end - len..end], end - len - head)
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        let inside = self.start <= self.end && self.end as usize <= self.bytes.len();
        assert!(inside, "the elements are inside");
        assert_eq!(self.iter().count(), self.len(), "len counts the elements");
        assert_eq!(self.iter().rev().count(), self.len(), "both directions agree");
    }
}

impl Leaf for Chunk {
    type Key = ();
    const SIZE_MAX: usize = CHUNK_BYTES;

    fn len(&self) -> usize {
        self.len()
    }

    fn key(&self) {}

    fn size(&self) -> usize {
        self.used()
    }

    fn split(&mut self, _: Edges) -> Leaves<Self> {
        // From the left to the right: what is still too large waits behind.
        let (mut leaves, mut at) = (Leaves::new(), 0);
        loop {
            let chunk = if at == 0 { &mut *self } else { &mut leaves[at - 1] };
            if chunk.used() > CHUNK_BYTES && chunk.len > 1 {
                let right = chunk.halve();
                leaves.insert(at, right);
            } else if at == leaves.len() {
                return leaves;
            } else {
                at += 1;
            }
        }
    }

    fn join(&mut self, right: &Self) {
        let len = self.len() + right.len();
        *self = Self::of([self.run(), right.run()].concat().into_boxed_slice(), len);
    }
}

fn long_len(bytes: &[u8]) -> usize {
    let len = bytes.first_chunk::<4>().expect("a long element has its length");
    u32::from_le_bytes(*len) as usize
}

#[inline]
fn encode(place: &mut [u8], value: &[u8]) {
    let len = value.len();
    if len < usize::from(LONG) {
        place[0] = len as u8;
        place[1..=len].copy_from_slice(value);
        place[len + 1] = len as u8;
        return;
    }
    let head = (len as u32).to_le_bytes();
    place[0] = LONG;
    place[1..5].copy_from_slice(&head);
    place[5..5 + len].copy_from_slice(value);
    place[5 + len..9 + len].copy_from_slice(&head);
    place[9 + len] = LONG;
}

/// Iterator of [`Chunk::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'c> {
    chunk: &'c Chunk,
    front: usize,
    back: usize,
}

impl<'c> Iterator for Iter<'c> {
    type Item = &'c [u8];

    #[inline]
    fn next(&mut self) -> Option<&'c [u8]> {
        if self.front == self.back {
            return None;
        }
        let (value, next) = self.chunk.at(self.front);
        self.front = next;
        Some(value)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front == self.back {
            return None;
        }
        let (value, start) = self.chunk.before(self.back);
        self.back = start;
        Some(value)
    }
}
