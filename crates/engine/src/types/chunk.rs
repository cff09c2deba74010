//! A run of a list's elements in one buffer with room at both ends.
//!
//! ```text
//! room │ len value len │ len value len │ … │ room        len: u8 below 255; else 255 and a u32,
//!      start                               end               mirrored behind the value
//! ```
//! Knows neither its neighbours nor how many elements a list may keep in one.

/// Length byte that says a u32 holds the length.
const LONG: u8 = 255;

/// Elements in order.
#[derive(Debug, Clone)]
pub struct Chunk {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    len: usize,
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
        let start = if end == End::Front { room } else { 0 };
        Self { bytes: vec![0; room], start, end: start, len: 0 }
    }

    /// Number of elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes that the elements take.
    #[inline]
    #[must_use]
    pub fn used(&self) -> usize {
        self.end - self.start
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
            End::Front => footprint(len) <= self.start,
            End::Back => footprint(len) <= self.bytes.len() - self.end,
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
            self.bytes.copy_within(self.start..self.end, start);
        } else {
            let mut bytes = vec![0; size];
            bytes[start..start + used].copy_from_slice(&self.bytes[self.start..self.end]);
            self.bytes = bytes;
        }
        (self.start, self.end) = (start, start + used);
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
                self.start -= size;
                self.start
            }
            End::Back => {
                self.end += size;
                self.end - size
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
            End::Front => self.at(self.start).0,
            End::Back => self.before(self.end).0,
        })
    }

    /// Removes the element at an end.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn pop(&mut self, end: End) {
        let size = footprint(self.peek(end).expect("the chunk is not empty").len());
        match end {
            End::Front => self.start += size,
            End::Back => self.end -= size,
        }
        self.len -= 1;
    }

    /// The elements in order.
    #[inline]
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { chunk: self, front: self.start, back: self.end }
    }

    /// Where the element number `index` starts, or the end of all.
    #[must_use]
    pub fn offset_of(&self, index: usize) -> usize {
        if index * 2 < self.len {
            return (0..index).fold(self.start, |offset, _| self.at(offset).1);
        }
        (index..self.len).fold(self.end, |offset, _| self.before(offset).1)
    }

    /// The element that starts at `offset`.
    #[must_use]
    pub fn get(&self, offset: usize) -> &[u8] {
        self.at(offset).0
    }

    /// Overwrites the element at `offset` with one of the same length.
    pub fn overwrite(&mut self, offset: usize, value: &[u8]) {
        encode(&mut self.bytes[offset..offset + footprint(value.len())], value);
    }

    /// Puts an element before the one at `offset`.
    pub fn insert(&mut self, offset: usize, value: &[u8]) {
        let size = footprint(value.len());
        let mut bytes = Vec::with_capacity(self.used() + size);
        bytes.extend_from_slice(&self.bytes[self.start..offset]);
        let at = bytes.len();
        bytes.resize(at + size, 0);
        encode(&mut bytes[at..], value);
        bytes.extend_from_slice(&self.bytes[offset..self.end]);
        (self.start, self.end, self.len) = (0, bytes.len(), self.len + 1);
        self.bytes = bytes;
    }

    /// Removes the element at `offset`.
    pub fn remove(&mut self, offset: usize) {
        let next = self.at(offset).1;
        if offset - self.start < self.end - next {
            let start = self.start + (next - offset);
            self.bytes.copy_within(self.start..offset, start);
            self.start = start;
        } else {
            self.bytes.copy_within(next..self.end, offset);
            self.end -= next - offset;
        }
        self.len -= 1;
    }

    /// Divides at the element number `index`, which becomes the first of the chunk returned.
    #[must_use]
    pub fn split(&mut self, index: usize) -> Self {
        let offset = self.offset_of(index);
        let bytes = self.bytes[offset..self.end].to_vec();
        let tail = Self { start: 0, end: bytes.len(), len: self.len - index, bytes };
        (self.end, self.len) = (offset, index);
        tail
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
        assert!(self.start <= self.end && self.end <= self.bytes.len(), "the elements are inside");
        assert_eq!(self.iter().count(), self.len, "len counts the elements");
        assert_eq!(self.iter().rev().count(), self.len, "both directions agree");
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
