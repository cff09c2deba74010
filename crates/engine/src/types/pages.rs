//! A string too long for one piece, as pages in a tree by position. An edit touches the pages it
//! writes to; bytes that were never written take no memory. Knows no command.

use super::tree::{At, Edges, Leaf, Leaves, Tree, Walk};

/// Bytes of a page; all but the last are full. Few under test.
const PAGE_BYTES: usize = if cfg!(test) { 64 } else { 16 << 10 };

static ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

/// A long string.
#[derive(Debug, Default, Clone)]
pub struct Pages(Tree<Page>);

#[derive(Debug, Clone)]
enum Page {
    /// So many bytes that are zero.
    Zeros(usize),
    Bytes(Vec<u8>),
}

impl Default for Page {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Page {
    /// A copy of `bytes`.
    fn new(bytes: &[u8]) -> Self {
        if is_zero(bytes) { Self::Zeros(bytes.len()) } else { Self::Bytes(bytes.to_vec()) }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Zeros(len) => &ZEROS[..*len],
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The bytes, to change them or to add some.
    fn bytes_mut(&mut self) -> &mut Vec<u8> {
        if let Self::Zeros(len) = self {
            *self = Self::Bytes(vec![0; *len]);
        }
        let Self::Bytes(bytes) = self else { unreachable!("written out above") };
        bytes
    }

    /// Overwrites bytes that are there.
    fn write(&mut self, at: usize, part: &[u8]) {
        if matches!(self, Self::Bytes(_)) || !is_zero(part) {
            self.bytes_mut()[at..at + part.len()].copy_from_slice(part);
        }
    }

    /// Adds zeros.
    fn extend_zeros(&mut self, more: usize) {
        match self {
            Self::Zeros(len) => *len += more,
            Self::Bytes(bytes) if bytes.is_empty() => *self = Self::Zeros(more),
            Self::Bytes(bytes) => bytes.resize(bytes.len() + more, 0),
        }
    }
}

/// True when all of a page or less are zero.
fn is_zero(bytes: &[u8]) -> bool {
    *bytes == ZEROS[..bytes.len()]
}

impl Leaf for Page {
    type Key = ();
    const SIZE_MAX: usize = PAGE_BYTES;

    fn len(&self) -> usize {
        self.bytes().len()
    }

    fn key(&self) {}

    fn size(&self) -> usize {
        self.len()
    }

    fn split(&mut self, _: Edges) -> Leaves<Self> {
        unreachable!("no page is written beyond its end")
    }

    fn join(&mut self, right: &Self) {
        self.bytes_mut().extend_from_slice(right.bytes());
    }
}

impl Pages {
    /// A copy of `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut pages = Self::default();
        for page in bytes.chunks(PAGE_BYTES) {
            pages.0.push_last(Page::new(page));
        }
        pages
    }

    /// Number of bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is always long")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Up to `count` bytes from `start` on, in pieces.
    pub fn range(&self, start: usize, count: usize) -> Pieces<'_> {
        let (walk, skipped) = self.0.walk(At(start));
        Pieces { walk, skipped, remaining: count }
    }

    /// The bytes in one piece.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.range(0, self.len()).for_each(|piece| bytes.extend_from_slice(piece));
        bytes
    }

    /// Overwrites the bytes from `offset` on; those missing before that become zeros.
    pub fn write(&mut self, offset: usize, patch: &[u8]) {
        if offset > self.len() {
            self.extend_zeros(offset - self.len());
        }
        let (inside, behind) = patch.split_at(patch.len().min(self.len() - offset));
        let (mut offset, mut rest) = (offset, inside);
        while !rest.is_empty() {
            let written = self.0.edit(At(offset), |page, at| {
                let len = rest.len().min(page.len() - at);
                page.write(at, &rest[..len]);
                len
            });
            (offset, rest) = (offset + written, &rest[written..]);
        }
        self.append(behind);
    }

    fn append(&mut self, tail: &[u8]) {
        let (head, tail) = tail.split_at(tail.len().min(self.room()));
        if !head.is_empty() {
            self.0.edit(At(usize::MAX), |page, _| {
                if matches!(page, Page::Zeros(_)) && is_zero(head) {
                    return page.extend_zeros(head.len());
                }
                let bytes = page.bytes_mut();
                bytes.reserve_exact(PAGE_BYTES - bytes.len());
                bytes.extend_from_slice(head);
            });
        }
        for page in tail.chunks(PAGE_BYTES) {
            self.0.push_last(Page::new(page));
        }
    }

    fn extend_zeros(&mut self, mut more: usize) {
        let room = more.min(self.room());
        if room > 0 {
            self.0.edit(At(usize::MAX), |page, _| page.extend_zeros(room));
            more -= room;
        }
        while more > 0 {
            let len = more.min(PAGE_BYTES);
            self.0.push_last(Page::Zeros(len));
            more -= len;
        }
    }

    /// Bytes that the last page has room for.
    fn room(&self) -> usize {
        self.len().next_multiple_of(PAGE_BYTES) - self.len()
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        self.0.check_invariants();
        let full = self.0.leaves().filter(|page| page.len() == PAGE_BYTES).count();
        assert_eq!(full, self.len() / PAGE_BYTES, "all pages but the last are full");
    }
}

/// Iterator of [`Pages::range`].
#[derive(Debug, Clone)]
pub struct Pieces<'p> {
    walk: Walk<'p, Page>,
    skipped: usize,
    remaining: usize,
}

impl<'p> Iterator for Pieces<'p> {
    type Item = &'p [u8];

    fn next(&mut self) -> Option<&'p [u8]> {
        if self.remaining == 0 {
            return None;
        }
        let piece = self.walk.leaf()?.bytes().get(std::mem::take(&mut self.skipped)..)?;
        let piece = &piece[..piece.len().min(self.remaining)];
        self.remaining -= piece.len();
        self.walk.forward();
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwritten_bytes_take_no_memory() {
        let mut pages = Pages::new(b"head");
        pages.write(10 * PAGE_BYTES + 5, b"tail");
        pages.check_invariants();
        let written = pages.0.leaves().filter(|page| matches!(page, Page::Bytes(_))).count();
        assert_eq!((written, pages.len()), (2, 10 * PAGE_BYTES + 9));
        assert_eq!(pages.range(10 * PAGE_BYTES + 4, 99).collect::<Vec<_>>(), [b"\0tail"]);
        assert_eq!(pages.to_vec()[..6], *b"head\0\0");
    }

    #[test]
    fn zeros_take_no_memory_however_they_come() {
        let mut pages = Pages::new(&[0; 3 * PAGE_BYTES]);
        pages.write(PAGE_BYTES / 2, &[0; PAGE_BYTES]);
        pages.write(5 * PAGE_BYTES + 7, &[0]);
        pages.write(5 * PAGE_BYTES + 8, &[0; 2 * PAGE_BYTES]);
        pages.check_invariants();
        assert!(pages.0.leaves().all(|page| matches!(page, Page::Zeros(_))));
        assert_eq!(pages.to_vec(), vec![0; 7 * PAGE_BYTES + 8]);
        pages.write(6, b"x");
        let written = pages.0.leaves().filter(|page| matches!(page, Page::Bytes(_))).count();
        assert_eq!(written, 1);
    }

    #[test]
    fn a_page_is_copied_only_while_it_is_shared() {
        let mut pages = Pages::new(&vec![b'x'; 9 * PAGE_BYTES]);
        let before = pages.clone();
        pages.write(3 * PAGE_BYTES, b"y");
        let shared = pages.0.leaves().zip(before.0.leaves());
        let copied = shared.filter(|(new, old)| !std::ptr::eq(*new, *old)).count();
        assert_eq!(copied, 1);
        let first: *const Page = pages.0.leaves().next().expect("there are pages");
        drop(before);
        pages.write(0, b"z");
        assert!(std::ptr::eq(first, pages.0.leaves().next().expect("there are pages")));
        pages.check_invariants();
    }
}
