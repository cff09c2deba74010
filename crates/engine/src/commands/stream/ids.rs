//! Ids as clients write them: `ms`, `ms-seq`, `ms-*`, and in ranges `-`, `+` and `(id`. Numbers
//! are read as Redis reads them, which takes signs, spaces and leading zeros in places.

use crate::error::{self, CommandError};
use crate::types::stream::Id;
use resp::number::parse_i64;

/// Longest text that may be an id.
const TEXT_BYTES_MAX: usize = 127;

/// An id of its own, `missing` being its number when it has none.
///
/// # Errors
/// [`error::BAD_ID`].
pub fn parse(text: &[u8], missing: u64) -> Result<Id, CommandError> {
    let (id, _) = parse_partial(text, missing)?.filter_complete()?;
    Ok(id)
}

/// An id, or `ms-*`, the number of which is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// Its number is 0 when that is to be found.
    pub id: Id,
    /// It has a number.
    pub has_seq: bool,
}

impl Partial {
    fn filter_complete(self) -> Result<(Id, bool), CommandError> {
        if self.has_seq { Ok((self.id, true)) } else { Err(error::BAD_ID) }
    }
}

/// As [`parse`], with `ms-*`.
///
/// # Errors
/// [`error::BAD_ID`].
pub fn parse_partial(text: &[u8], missing: u64) -> Result<Partial, CommandError> {
    if text.len() > TEXT_BYTES_MAX || text == b"-" || text == b"+" {
        return Err(error::BAD_ID);
    }
    // Redis takes it for a string of C.
    let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut parts = text.splitn(2, |&byte| byte == b'-');
    let ms = number(parts.next().unwrap_or_default()).ok_or(error::BAD_ID)?;
    let (seq, has_seq) = match parts.next() {
        None => (missing, true),
        Some(b"*") => (0, false),
        Some(seq) => (number(seq).ok_or(error::BAD_ID)?, true),
    };
    Ok(Partial { id: Id { ms, seq }, has_seq })
}

/// As [`parse`], where `-` and `+` are the ends of the order.
///
/// # Errors
/// [`error::BAD_ID`].
pub fn parse_end(text: &[u8], missing: u64) -> Result<Id, CommandError> {
    match text {
        b"-" => Ok(Id::MIN),
        b"+" => Ok(Id::MAX),
        _ => parse(text, missing),
    }
}

/// Where a range begins.
///
/// # Errors
/// It is no id, or behind the last.
pub fn range_start(text: &[u8]) -> Result<Id, CommandError> {
    match text {
        [b'(', id @ ..] if !id.is_empty() => parse(id, 0)?.next().ok_or(error::BAD_RANGE_START),
        _ => parse_end(text, 0),
    }
}

/// Where a range ends.
///
/// # Errors
/// It is no id, or before the first.
pub fn range_end(text: &[u8]) -> Result<Id, CommandError> {
    match text {
        [b'(', id @ ..] if !id.is_empty() => {
            parse(id, u64::MAX)?.previous().ok_or(error::BAD_RANGE_END)
        }
        _ => parse_end(text, u64::MAX),
    }
}

fn number(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_i64(text) {
        return u64::try_from(number).ok();
    }
    // What `strtoull` takes.
    let spaces = text.iter().take_while(|byte| b" \t\n\x0b\x0c\r".contains(byte)).count();
    let (negative, digits) = match &text[spaces..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let id = |ms, seq| Ok(Id { ms, seq });
        for (text, want) in [
            ("5", id(5, 7)),
            ("5-3", id(5, 3)),
            ("0-0", id(0, 0)),
            ("18446744073709551615-18446744073709551615", id(u64::MAX, u64::MAX)),
            ("18446744073709551616", Err(error::BAD_ID)),
            ("007-+1", id(7, 1)),
            ("5--05", id(5, 5u64.wrapping_neg())),
            ("5--5", Err(error::BAD_ID)),
            ("-5", Err(error::BAD_ID)),
            ("5-", Err(error::BAD_ID)),
            ("5-x", Err(error::BAD_ID)),
            ("5-*", Err(error::BAD_ID)),
            ("", Err(error::BAD_ID)),
            ("-", Err(error::BAD_ID)),
            ("+", Err(error::BAD_ID)),
            ("5\0x", id(5, 7)),
        ] {
            assert_eq!(parse(text.as_bytes(), 7), want, "{text:?}");
        }
        assert!(parse(&[b'1'; 128], 0).is_err());
        let partial = Partial { id: Id { ms: 5, seq: 0 }, has_seq: false };
        assert_eq!(parse_partial(b"5-*", 7), Ok(partial));
    }

    #[test]
    fn ranges() {
        let id = |ms, seq| Ok(Id { ms, seq });
        for (text, start, end) in [
            ("-", id(0, 0), id(0, 0)),
            ("+", Ok(Id::MAX), Ok(Id::MAX)),
            ("5", id(5, 0), id(5, u64::MAX)),
            ("(5", id(5, 1), id(5, u64::MAX - 1)),
            ("(5-0", id(5, 1), id(4, u64::MAX)),
            ("(0-0", id(0, 1), Err(error::BAD_RANGE_END)),
            ("(-", Err(error::BAD_ID), Err(error::BAD_ID)),
            ("(", Err(error::BAD_ID), Err(error::BAD_ID)),
        ] {
            assert_eq!(range_start(text.as_bytes()), start, "{text}");
            assert_eq!(range_end(text.as_bytes()), end, "{text}");
        }
        let last = b"(18446744073709551615-18446744073709551615";
        assert_eq!(range_start(last), Err(error::BAD_RANGE_START));
    }
}
