//! Few short pairs in one allocation, in an order that the caller chooses. Searched from the start.
//!
//! ```text
//! key_len value_len key value │ key_len value_len key value │ …     len: u8 below 255; else 255
//!                                                                   and a u32
//! ```

use stdx::alloc::class_bytes;

/// Length byte that says a u32 holds the length.
const LONG: u8 = 255;

/// Pairs of byte strings. An offset is where a pair starts.
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
        let heads = head_len(self.key.len()) + head_len(self.value.len());
        self.offset + heads + self.key.len() + self.value.len()
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
        let (key_len, rest) = split_len(self.bytes.get(offset..)?)?;
        let (value_len, rest) = split_len(rest)?;
        let (key, rest) = rest.split_at(key_len);
        Some(Pair { offset, key, value: &rest[..value_len] })
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
    /// When a part is longer than 4 GiB.
    pub fn insert(&mut self, offset: usize, key: &[u8], value: &[u8]) {
        let (mut key_head, mut value_head) = ([0; 5], [0; 5]);
        let heads = [head(key.len(), &mut key_head), head(value.len(), &mut value_head)];
        self.len += 1;
        self.make_room(heads[0].len() + heads[1].len() + key.len() + value.len());
        let parts = [heads[0], heads[1], key, value];
        if offset == self.bytes.len() {
            parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
            return;
        }
        self.bytes.splice(offset..offset, parts.into_iter().flatten().copied());
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
    /// When there is none, or the part is longer than 4 GiB.
    pub fn set_value(&mut self, offset: usize, value: &[u8]) {
        let pair = self.at(offset).expect("a pair starts here");
        let (old_len, end, key_len) = (pair.value.len(), pair.end(), pair.key.len());
        if old_len == value.len() {
            self.bytes[end - old_len..end].copy_from_slice(value);
            return;
        }
        let mut room = [0; 5];
        let head = head(value.len(), &mut room);
        let (old_head, head_at) = (head_len(old_len), offset + head_len(key_len));
        self.make_room((head.len() + value.len()).saturating_sub(old_head + old_len));
        self.bytes.splice(end - old_len..end, value.iter().copied());
        self.bytes.splice(head_at..head_at + old_head, head.iter().copied());
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

#[inline]
fn head_len(len: usize) -> usize {
    if len < usize::from(LONG) { 1 } else { 5 }
}

fn head(len: usize, room: &mut [u8; 5]) -> &[u8] {
    match u8::try_from(len) {
        Ok(short) if short < LONG => {
            room[0] = short;
            &room[..1]
        }
        _ => {
            let len = u32::try_from(len).expect("parts are below 4 GiB");
            room[0] = LONG;
            room[1..].copy_from_slice(&len.to_le_bytes());
            room
        }
    }
}

/// The length at the start of `bytes`, and what follows it.
#[inline]
fn split_len(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [LONG, a, b, c, d, rest @ ..] => {
            Some((u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest))
        }
        [short, rest @ ..] => Some((usize::from(*short), rest)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_any_length() {
        let lens = [0, 1, 254, 255, 256, 70_000];
        let mut packed = Packed::default();
        for (at, len) in lens.iter().enumerate() {
            packed.insert(0, &vec![at as u8; *len], b"short");
        }
        for (at, key_len) in lens.iter().enumerate() {
            for value_len in lens {
                let key = vec![at as u8; *key_len];
                let offset = packed.find(&key).expect("it was put in").offset;
                packed.set_value(offset, &vec![b'v'; value_len]);
                packed.check_invariants();
                assert_eq!(packed.find(&key).expect("still there").value.len(), value_len);
            }
        }
        while packed.len() > 0 {
            packed.remove(packed.offset_of(packed.len() / 2));
            packed.check_invariants();
        }
    }
}
