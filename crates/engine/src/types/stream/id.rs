//! Ids of stream entries: a moment and a number within it. Knows no stream.

use std::fmt;
use std::ops::Deref;

/// The id of an entry, in the order in which entries were added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// Unix milliseconds, mostly.
    pub ms: u64,
    /// Number within the millisecond.
    pub seq: u64,
}

/// The longest text of an id: two numbers of 20 digits and what is between them.
const TEXT_BYTES_MAX: usize = 41;

impl Id {
    /// The id before all others; no entry has it.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// The last id there is.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// The id behind this one; `None` behind the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The id before this one; `None` before the first.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// `ms-seq`.
    #[must_use]
    pub fn text(self) -> IdText {
        self.text_with(b'-')
    }

    /// `ms.seq`, as signatures have it.
    #[must_use]
    pub fn dotted(self) -> IdText {
        self.text_with(b'.')
    }

    fn text_with(self, between: u8) -> IdText {
        let mut text = IdText { bytes: [0; TEXT_BYTES_MAX], start: TEXT_BYTES_MAX as u8 };
        text.put_number(self.seq);
        text.put(between);
        text.put_number(self.ms);
        text
    }

    /// As 16 bytes whose order is that of ids.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The reverse of [`Id::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self { ms: (both >> 64) as u64, seq: both as u64 }
    }
}

/// An id as text.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; TEXT_BYTES_MAX],
    start: u8,
}

impl IdText {
    fn put(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[usize::from(self.start)] = byte;
    }

    fn put_number(&mut self, mut number: u64) {
        loop {
            self.put(b'0' + (number % 10) as u8);
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }
}

impl Deref for IdText {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[usize::from(self.start)..]
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_and_texts() {
        let id = |ms, seq| Id { ms, seq };
        for (id, next, text) in [
            (Id::MIN, Some(id(0, 1)), "0-0"),
            (id(5, u64::MAX), Some(id(6, 0)), "5-18446744073709551615"),
            (id(1_700_000_000_000, 7), Some(id(1_700_000_000_000, 8)), "1700000000000-7"),
            (Id::MAX, None, "18446744073709551615-18446744073709551615"),
        ] {
            assert_eq!(id.next(), next);
            assert_eq!(next.and_then(Id::previous), next.map(|_| id));
            assert_eq!(&*id.text(), text.as_bytes());
            assert_eq!(&*id.dotted(), text.replace('-', ".").as_bytes());
            assert_eq!(Id::from_bytes(id.to_bytes()), id);
        }
        assert_eq!(Id::MIN.previous(), None);
    }
}
