//! The part of a string that BITCOUNT and BITPOS look at: `start end [BYTE | BIT]`, where negative
//! places count from the end. Knows no key.

use crate::error::{self, CommandError};
use crate::parse;

/// What the places of a range count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes, eight bits each.
    Byte,
    /// Single bits.
    Bit,
}

impl Unit {
    /// The unit at a word; bytes when there is none.
    ///
    /// # Errors
    /// The word names no unit.
    pub fn parse(word: Option<&[u8]>) -> Result<Self, CommandError> {
        match word {
            None => Ok(Self::Byte),
            Some(word) if parse::is(word, "BYTE") => Ok(Self::Byte),
            Some(word) if parse::is(word, "BIT") => Ok(Self::Bit),
            Some(_) => Err(error::SYNTAX),
        }
    }
}

/// Bits of a string, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bits {
    /// Place of the first one.
    pub first: u64,
    /// Place of the last one.
    pub last: u64,
}

impl Bits {
    /// The bits of a string of `len` bytes from `start` to `end`; `None` when there are none.
    #[must_use]
    pub fn between(start: i64, end: i64, unit: Unit, len: usize) -> Option<Self> {
        let places = len as i64 * if unit == Unit::Bit { 8 } else { 1 };
        let place = |at: i64| if at < 0 { (at + places).max(0) } else { at };
        let (start, end) = (place(start), place(end).min(places - 1));
        if start > end {
            return None;
        }
        let (start, end) = (start as u64, end as u64);
        Some(match unit {
            Unit::Bit => Self { first: start, last: end },
            Unit::Byte => Self { first: start * 8, last: end * 8 + 7 },
        })
    }

    /// Place of the first byte that holds one of the bits.
    #[must_use]
    pub fn first_byte(self) -> usize {
        (self.first / 8) as usize
    }

    /// Place of the last byte that holds one of the bits.
    #[must_use]
    pub fn last_byte(self) -> usize {
        (self.last / 8) as usize
    }

    /// Which bits of the byte at a place are among them.
    #[must_use]
    pub fn mask(self, byte: usize) -> u8 {
        let mut mask = 0xff;
        if byte == self.first_byte() {
            mask &= 0xff >> (self.first % 8);
        }
        if byte == self.last_byte() {
            mask &= 0xff << (7 - self.last % 8);
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_the_bytes_at_both_ends() {
        let bits = |start, end, unit| Bits::between(start, end, unit, 4);
        assert_eq!(bits(0, -1, Unit::Byte), Some(Bits { first: 0, last: 31 }));
        assert_eq!(bits(1, 1, Unit::Byte), Some(Bits { first: 8, last: 15 }));
        assert_eq!(bits(-100, 100, Unit::Bit), Some(Bits { first: 0, last: 31 }));
        assert_eq!(bits(4, 9, Unit::Byte), None);
        assert_eq!(bits(3, 2, Unit::Bit), None);
        assert_eq!(Bits::between(0, -1, Unit::Byte, 0), None);
        let inside = Bits { first: 3, last: 5 };
        assert_eq!(inside.mask(0), 0b0001_1100);
        let across = Bits { first: 7, last: 16 };
        assert_eq!([0, 1, 2].map(|byte| across.mask(byte)), [1, 0xff, 0x80]);
    }
}
