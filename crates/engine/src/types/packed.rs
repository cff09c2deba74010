//! Few short pairs in one allocation, in an order that the caller chooses. Searched from the start.
//!
//! ```text
//! key_len·u8 value_len·u8 key value │ key_len·u8 value_len·u8 key value │ …
//! ```

use stdx::alloc::class_bytes;

/// Pairs of byte strings of at most 255 bytes each. An offset is where a pair starts.
#[derive(Debug, Default, Clone)]
pub struct Packed {
    bytes: Vec<u8>,
    len: u32,
}

/// A pair and where it is.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'p> {
    /// Where it starts.
    pub offset: usize,
    /// First part.
    pub key: &'p [u8],
    /// Second part.
    pub value: &'p [u8],
}

impl Pair<'_> {
    /// Where it ends, and the next one starts.
    #[inline]
    #[must_use]
    pub fn end(&self) -> usize {
        self.offset + 2 + self.key.len() + self.value.len()
    }
}

impl Packed {
    /// Number of pairs.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Where the next pair would be appended.
    #[must_use]
    pub fn end(&self) -> usize {
        self.bytes.len()
    }

    /// Where the pair number `place` starts, or the end.
    #[must_use]
    pub fn offset_of(&self, place: usize) -> usize {
        self.iter().nth(place).map_or(self.end(), |pair| pair.offset)
    }

    /// The pair at an offset; `None` at the end.
    #[inline]
    #[must_use]
    pub fn at(&self, offset: usize) -> Option<Pair<'_>> {
        let [key_len, value_len, rest @ ..] = self.bytes.get(offset..)? else { return None };
        let (key, rest) = rest.split_at(usize::from(*key_len));
        Some(Pair { offset, key, value: &rest[..usize::from(*value_len)] })
    }

    /// The pairs in order.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Pair<'_>> + Clone + use<'_> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let pair = self.at(next)?;
            next = pair.end();
            Some(pair)
        })
    }

    /// The pair with this key.
    #[inline]
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<Pair<'_>> {
        self.iter().find(|pair| pair.key == key)
    }

    /// Puts a pair before the one at `offset`.
    ///
    /// # Panics
    /// When a part is longer than 255 bytes.
    pub fn insert(&mut self, offset: usize, key: &[u8], value: &[u8]) {
        let lens = [key.len(), value.len()].map(|len| u8::try_from(len).expect("parts are short"));
        self.len += 1;
        self.make_room(2 + key.len() + value.len());
        if offset == self.bytes.len() {
            self.bytes.extend_from_slice(&lens);
            self.bytes.extend_from_slice(key);
            self.bytes.extend_from_slice(value);
            return;
        }
        let pair = lens.into_iter().chain(key.iter().copied()).chain(value.iter().copied());
        self.bytes.splice(offset..offset, pair);
    }

    /// Makes room for `more` and for what fits into the same allocation: there are many small
    /// collections, and few of them grow.
    fn make_room(&mut self, more: usize) {
        let len = self.bytes.len();
        if self.bytes.capacity() - len < more {
            self.bytes.reserve_exact(class_bytes(len + more) - len);
        }
    }

    /// Removes the pair at `offset`.
    ///
    /// # Panics
    /// When there is none.
    pub fn remove(&mut self, offset: usize) {
        let end = self.at(offset).expect("a pair starts here").end();
        self.bytes.drain(offset..end);
        self.len -= 1;
    }

    /// Replaces the second part of the pair at `offset`.
    ///
    /// # Panics
    /// When there is none, or the part is longer than 255 bytes.
    pub fn set_value(&mut self, offset: usize, value: &[u8]) {
        let pair = self.at(offset).expect("a pair starts here");
        let (old_len, end) = (pair.value.len(), pair.end());
        let place = end - old_len..end;
        if old_len == value.len() {
            self.bytes[place].copy_from_slice(value);
            return;
        }
        self.make_room(value.len().saturating_sub(old_len));
        self.bytes.splice(place, value.iter().copied());
        self.bytes[offset + 1] = u8::try_from(value.len()).expect("parts are short");
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        assert_eq!(self.iter().count(), self.len(), "len counts the pairs");
        let end = self.iter().last().map_or(0, |pair| pair.end());
        assert_eq!(end, self.bytes.len(), "pairs fill the bytes");
    }
}
