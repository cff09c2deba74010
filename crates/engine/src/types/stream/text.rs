//! Texts and numbers one after the other in bytes. A text that is the canonical form of an integer
//! is kept as such when that is shorter.
//!
//! ```text
//! number: 7 bits a byte, the lowest first, the highest bit says that more follow
//! text:   number 2·len, bytes       integer: number 2·width + 1, `width` bytes, the lowest first
//! ```
//! Knows no entry.

use resp::number::{Digits, parse_i64};

/// Longest text that may be an integer.
const INTEGER_TEXT_BYTES_MAX: usize = 20;

/// A text as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'b> {
    /// Its bytes.
    Bytes(&'b [u8]),
    /// The integer that it is the decimal form of.
    Integer(i64),
}

impl Text<'_> {
    /// Runs `f` on the bytes.
    #[inline]
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Bytes(bytes) => f(bytes),
            Self::Integer(value) => f(Digits::new().format(value)),
        }
    }

    /// True when it reads so.
    #[inline]
    #[must_use]
    pub fn is(self, bytes: &[u8]) -> bool {
        match self {
            Self::Bytes(own) => own == bytes,
            Self::Integer(_) => self.with(|own| own == bytes),
        }
    }
}

/// Appends a number.
#[inline]
pub fn put_number(out: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a text.
pub fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    if (2..=INTEGER_TEXT_BYTES_MAX).contains(&text.len())
        && let Some(value) = parse_i64(text)
    {
        let width = width_of(value);
        if width < text.len() {
            put_number(out, 2 * width as u128 + 1);
            out.extend_from_slice(&value.to_le_bytes()[..width]);
            return;
        }
    }
    put_number(out, 2 * text.len() as u128);
    out.extend_from_slice(text);
}

/// Bytes that hold an integer with its sign.
fn width_of(value: i64) -> usize {
    let magnitude = if value < 0 { !value } else { value };
    (64 - magnitude.leading_zeros() as usize) / 8 + 1
}

/// A place in bytes that were written by the functions above.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'b> {
    /// All of the bytes.
    pub bytes: &'b [u8],
    /// Where the next thing begins.
    pub at: usize,
}

impl<'b> Cursor<'b> {
    /// Reads a number.
    #[inline]
    pub fn number(&mut self) -> u128 {
        let first = self.bytes[self.at];
        self.at += 1;
        if first < 0x80 {
            return u128::from(first);
        }
        self.long_number(u128::from(first & 0x7f))
    }

    fn long_number(&mut self, mut number: u128) -> u128 {
        let mut shift = 7;
        loop {
            let byte = self.bytes[self.at];
            self.at += 1;
            number |= u128::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    /// Reads a text.
    #[inline]
    pub fn text(&mut self) -> Text<'b> {
        let head = self.number() as usize;
        let start = self.at;
        self.at += head / 2;
        let bytes = &self.bytes[start..self.at];
        if head & 1 == 0 {
            return Text::Bytes(bytes);
        }
        let bits = bytes.iter().rev().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
        let unused = 64 - 8 * bytes.len() as u32;
        Text::Integer((bits << unused).cast_signed() >> unused)
    }

    /// Passes over texts.
    #[inline]
    pub fn skip_texts(&mut self, count: usize) {
        for _ in 0..count {
            let head = self.number() as usize;
            self.at += head / 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_read() {
        let mut texts: Vec<String> = ["", "0", "7", "-1", "00", "-0", "+1", "x", "127", "128"]
            .iter()
            .chain(&["-128", "-129", "9223372036854775807", "-9223372036854775808"])
            .map(|text| (*text).to_owned())
            .collect();
        texts.extend([63, 64, 127, 128, 20_000].map(|len| "y".repeat(len)));
        let mut bytes = Vec::new();
        for (i, text) in texts.iter().enumerate() {
            put_text(&mut bytes, text.as_bytes());
            put_number(&mut bytes, (1 << i) - 1);
        }
        put_number(&mut bytes, u128::from(u64::MAX) << 1);
        let mut cursor = Cursor { bytes: &bytes, at: 0 };
        for (i, text) in texts.iter().enumerate() {
            assert!(cursor.text().is(text.as_bytes()), "{text}");
            assert_eq!(cursor.number(), (1 << i) - 1);
        }
        assert_eq!(cursor.number(), u128::from(u64::MAX) << 1);
        assert_eq!(cursor.at, bytes.len());
    }
}
