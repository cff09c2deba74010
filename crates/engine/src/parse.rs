//! Arguments to values, with the errors that Redis gives.

use crate::error::{self, CommandError};
use resp::number::parse_i64;

/// A 64-bit integer.
///
/// # Errors
/// [`error::NOT_INTEGER`].
#[inline]
pub fn integer(text: &[u8]) -> Result<i64, CommandError> {
    parse_i64(text).ok_or(error::NOT_INTEGER)
}

/// A count that must not be negative.
///
/// # Errors
/// [`error::MUST_BE_POSITIVE`] also when it is no number, as Redis has it.
pub fn positive(text: &[u8]) -> Result<usize, CommandError> {
    let value = parse_i64(text).ok_or(error::MUST_BE_POSITIVE)?;
    usize::try_from(value).map_err(|_| error::MUST_BE_POSITIVE)
}

/// A cursor as `strtoul` reads it: nothing is 0, and negative numbers count from the end.
///
/// # Errors
/// [`error::BAD_CURSOR`].
pub fn cursor(text: &[u8]) -> Result<u64, CommandError> {
    let (negative, digits) = match text {
        [] => return Ok(0),
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| plain);
    let number: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or(error::BAD_CURSOR)?;
    Ok(if negative { number.wrapping_neg() } else { number })
}

/// A double as `strtod` reads it, never NaN, without surrounding space.
///
/// # Errors
/// [`error::NOT_FLOAT`].
pub fn double(text: &[u8]) -> Result<f64, CommandError> {
    double_text(text).filter(|value| in_range(text, *value)).ok_or(error::NOT_FLOAT)
}

/// False when `text` was too large or too small for the double it became, as `strtod` reports.
#[must_use]
pub fn in_range(text: &[u8], value: f64) -> bool {
    let mut mantissa = text.split(|byte| matches!(byte, b'e' | b'E' | b'p' | b'P'));
    let mut digits = mantissa.next().unwrap_or_default().iter();
    if value.is_infinite() {
        return !digits.any(u8::is_ascii_digit);
    }
    value != 0.0 || !digits.any(|byte| (b'1'..=b'9').contains(byte))
}

/// As [`double`], without an opinion about the error or about numbers beyond the range.
#[must_use]
pub fn double_text(text: &[u8]) -> Option<f64> {
    let (sign, magnitude) = match text {
        [b'-', rest @ ..] => (-1.0, rest),
        [b'+', rest @ ..] => (1.0, rest),
        _ => (1.0, text),
    };
    if magnitude.eq_ignore_ascii_case(b"inf") || magnitude.eq_ignore_ascii_case(b"infinity") {
        return Some(sign * f64::INFINITY);
    }
    if let [b'0', b'x' | b'X', rest @ ..] = magnitude {
        return hexadecimal(rest).map(|value| sign * value);
    }
    let plain = magnitude.iter().all(|b| b.is_ascii_digit() || b".eE+-".contains(b));
    let starts = magnitude.first().is_some_and(|b| b.is_ascii_digit() || *b == b'.');
    if !plain || !starts {
        return None;
    }
    fast_float2::parse::<f64, _>(magnitude).ok().map(|value| sign * value)
}

/// Hexadecimal digits with a point and a power of two, as `strtod` has them behind `0x`.
fn hexadecimal(text: &[u8]) -> Option<f64> {
    let power = text.iter().position(|byte| matches!(byte, b'p' | b'P'));
    let (digits, power) = match power {
        None => (text, 0),
        Some(at) => {
            let power = text[at + 1..].strip_prefix(b"+").unwrap_or(&text[at + 1..]);
            (&text[..at], std::str::from_utf8(power).ok()?.parse::<i32>().ok()?)
        }
    };
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    let (whole, part) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let (mut value, mut scale) = (0u128, power);
    for (at, byte) in whole.iter().chain(part).enumerate() {
        let digit = char::from(*byte).to_digit(16)?;
        let behind_point = at >= whole.len();
        if value >> 120 == 0 {
            value = (value << 4) | u128::from(digit);
            scale = scale.checked_sub(if behind_point { 4 } else { 0 })?;
        } else {
            scale = scale.checked_add(if behind_point { 0 } else { 4 })?;
        }
    }
    Some(value as f64 * 2f64.powi(scale))
}

/// A database number below `count`.
///
/// # Errors
/// [`error::DB_OUT_OF_RANGE`], [`error::NOT_INT`] or [`error::NOT_INTEGER`].
pub fn database(text: &[u8], count: u16) -> Result<u16, CommandError> {
    let value = i32::try_from(integer(text)?).map_err(|_| error::NOT_INT)?;
    u16::try_from(value).ok().filter(|&db| db < count).ok_or(error::DB_OUT_OF_RANGE)
}

/// True when `word` is `option` in any case.
#[inline]
#[must_use]
pub fn is(word: &[u8], option: &str) -> bool {
    word.eq_ignore_ascii_case(option.as_bytes())
}

/// Turns a relative `[start, end]` with negative numbers counting from the end into a range of
/// places below `len`; `None` when it is empty.
#[must_use]
pub fn range(start: i64, end: i64, len: usize) -> Option<(usize, usize)> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let place = |at: i64| if at < 0 { at.saturating_add(len) } else { at };
    let start = place(start).max(0);
    let end = place(end).min(len - 1);
    (start <= end && start < len).then_some((start as usize, end as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles() {
        for (text, want) in [
            ("1", Some(1.0)),
            ("-1.5e3", Some(-1500.0)),
            ("+inf", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            (".5", Some(0.5)),
            ("nan", None),
            (" 1", None),
            ("1 ", None),
            ("", None),
            ("0x10", Some(16.0)),
            ("-0X.8p+1", Some(-1.0)),
            ("0x1.8p1", Some(3.0)),
            ("0x", None),
            ("0x1g", None),
            ("0x1p", None),
            ("1e400", Some(f64::INFINITY)),
        ] {
            assert_eq!(double_text(text.as_bytes()), want, "{text:?}");
        }
    }

    #[test]
    fn numbers_beyond_the_range_are_none() {
        for (text, want) in [
            ("1e400", false),
            ("-1e400", false),
            ("1e-400", false),
            ("0e5", true),
            ("0.00", true),
            ("-inf", true),
            ("1e308", true),
        ] {
            assert_eq!(double(text.as_bytes()).is_ok(), want, "{text}");
        }
    }

    #[test]
    fn cursors() {
        for (text, want) in [
            ("", Ok(0)),
            ("7", Ok(7)),
            ("+7", Ok(7)),
            ("-1", Ok(u64::MAX)),
            ("18446744073709551615", Ok(u64::MAX)),
            ("18446744073709551616", Err(error::BAD_CURSOR)),
            ("-", Err(error::BAD_CURSOR)),
            (" 1", Err(error::BAD_CURSOR)),
            ("1 ", Err(error::BAD_CURSOR)),
            ("+-1", Err(error::BAD_CURSOR)),
        ] {
            assert_eq!(cursor(text.as_bytes()), want, "{text:?}");
        }
    }

    #[test]
    fn databases() {
        for (text, want) in [
            ("0", Ok(0)),
            ("15", Ok(15)),
            ("16", Err(error::DB_OUT_OF_RANGE)),
            ("-1", Err(error::DB_OUT_OF_RANGE)),
            ("65536", Err(error::DB_OUT_OF_RANGE)),
            ("2147483648", Err(error::NOT_INT)),
            ("x", Err(error::NOT_INTEGER)),
        ] {
            assert_eq!(database(text.as_bytes(), 16), want, "{text}");
        }
    }

    #[test]
    fn ranges() {
        for (start, end, len, want) in [
            (0, -1, 3, Some((0, 2))),
            (-2, -1, 3, Some((1, 2))),
            (-100, 100, 3, Some((0, 2))),
            (3, 5, 3, None),
            (2, 1, 3, None),
            (0, 0, 0, None),
            (i64::MIN, i64::MAX, 2, Some((0, 1))),
        ] {
            assert_eq!(range(start, end, len), want, "{start} {end} {len}");
        }
    }
}
