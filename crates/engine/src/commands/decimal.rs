//! Sums of decimal texts for INCRBYFLOAT and HINCRBYFLOAT, digit by digit those of Redis on x86:
//! extended floats of 64 significant bits, printed with 17 decimals. 0.1 and 0.2 are 0.3, and 1000
//! and 0.1 are 1000.09999999999999998. Numbers with 38 digits and more behind the point are left to
//! doubles.

use super::wide;
use crate::parse;
use std::fmt::Write;

/// Decimals kept.
const SCALE: i32 = 17;
/// Units of a whole.
const UNIT: u128 = 10u128.pow(SCALE as u32);
/// Bits that a sum keeps below the smallest bit of its larger part.
const GUARD_BITS: i32 = 60;

/// The sum of two numbers, without an exponent or needless zeros; `None` when one of them is too
/// large, or has more than 17 decimals.
#[must_use]
pub fn sum(a: &[u8], b: &[u8]) -> Option<String> {
    let read = |text| match scaled(text).or_else(|| whole_double(text)) {
        Some((value, UNIT)) => Some(Extended::of(value)),
        Some((value, unit)) => Some(Extended::of_fine(value, unit)),
        None => Extended::of_large(text),
    };
    Some(read(a)?.add(read(b)?).format())
}

/// A number as so many of a unit, of which so many make a whole: 10¹⁷, or more for more decimals.
fn scaled(text: &[u8]) -> Option<(i128, u128)> {
    let text = std::str::from_utf8(text).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let decimals_len = i32::try_from(decimals.len()).ok()?;
    let power = SCALE + i32::from(exponent) - decimals_len;
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(decimals.bytes()) {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let unit = UNIT.checked_mul(10u128.checked_pow((-power).max(0).unsigned_abs())?)?;
    let value = value.checked_mul(10i128.checked_pow(power.max(0).unsigned_abs())?)?;
    // Twice a rest must fit.
    (unit >> 126 == 0).then_some((if negative { -value } else { value }, unit))
}

/// A whole number as only doubles are written: with a power of two.
fn whole_double(text: &[u8]) -> Option<(i128, u128)> {
    let value =
        parse::double_text(text).filter(|_| text.contains(&b'x') || text.contains(&b'X'))?;
    let whole = value.trunc() == value && value.abs() < 9e15;
    let value = (value as i128).checked_mul(UNIT.cast_signed())?;
    whole.then_some((value, UNIT))
}

/// `mantissa` × 2^`exponent`, the mantissa with its highest bit set unless all is zero.
#[derive(Debug, Clone, Copy)]
struct Extended {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

impl Extended {
    /// The nearest to a number in units of 10⁻¹⁷.
    fn of(value: i128) -> Self {
        let magnitude = value.unsigned_abs();
        let (mut whole, mut exponent) = (magnitude / UNIT, 0);
        let mut rest = (magnitude % UNIT) as u64;
        // One bit more than is kept, and then the question whether anything is left.
        while whole >> 64 == 0 && magnitude != 0 {
            rest *= 2;
            let bit = rest >= UNIT as u64;
            rest -= if bit { UNIT as u64 } else { 0 };
            whole = (whole << 1) | u128::from(bit);
            exponent -= 1;
        }
        Self::rounded(value < 0, (whole << 1) | u128::from(rest != 0), exponent - 1)
    }

    /// As [`Self::of`], in smaller units, of which so many make a whole.
    fn of_fine(value: i128, unit: u128) -> Self {
        let magnitude = value.unsigned_abs();
        let (mut whole, mut rest, mut exponent) = (magnitude / unit, magnitude % unit, 0);
        while whole >> 64 == 0 && magnitude != 0 {
            rest *= 2;
            whole = (whole << 1) | (rest / unit);
            rest %= unit;
            exponent -= 1;
        }
        Self::rounded(value < 0, (whole << 1) | u128::from(rest != 0), exponent - 1)
    }

    /// The nearest to a number of which 17 decimals do not fit into [`Self::of`]: one so large that
    /// decimals only tell on which side of a half it lies.
    fn of_large(text: &[u8]) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix(b"-") {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
        let (whole, decimals) = (&digits[..point], digits.get(point + 1..).unwrap_or(&[]));
        let (bits, exponent, rest) = wide::highest_bits(whole)?;
        let is_number = decimals.iter().all(u8::is_ascii_digit);
        let inexact = rest || decimals.iter().any(|digit| *digit != b'0');
        let rounded = || Self::rounded(negative, (bits << 1) | u128::from(inexact), exponent - 1);
        (is_number && bits >> 64 != 0).then(rounded)
    }

    /// Rounds to 64 bits, halves to even.
    fn rounded(negative: bool, bits: u128, exponent: i32) -> Self {
        let surplus = (128 - bits.leading_zeros() as i32) - 64;
        if surplus <= 0 {
            let shift = if bits == 0 { 0 } else { -surplus };
            return Self { negative, mantissa: (bits << shift) as u64, exponent: exponent - shift };
        }
        match u64::try_from(half_even(bits, surplus as u32)) {
            Ok(mantissa) => Self { negative, mantissa, exponent: exponent + surplus },
            Err(_) => Self { negative, mantissa: 1 << 63, exponent: exponent + surplus + 1 },
        }
    }

    fn add(self, other: Self) -> Self {
        if self.mantissa == 0 || other.mantissa == 0 {
            return if self.mantissa == 0 { other } else { self };
        }
        let (large, small) =
            if self.exponent < other.exponent { (other, self) } else { (self, other) };
        let distance = large.exponent - small.exponent;
        let up = distance.min(GUARD_BITS);
        let down = (distance - up).min(64) as u32;
        let lost = u128::from(small.mantissa) & ((1u128 << down) - 1) != 0;
        let low = ((u128::from(small.mantissa) >> down) | u128::from(lost)).cast_signed();
        let high = (u128::from(large.mantissa) << up).cast_signed();
        let sign = |negative: bool, bits: i128| if negative { -bits } else { bits };
        let total = sign(large.negative, high) + sign(small.negative, low);
        Self::rounded(total < 0, total.unsigned_abs(), large.exponent - up)
    }

    /// As `%.17Lf` prints it, without needless zeros.
    fn format(self) -> String {
        let mantissa = u128::from(self.mantissa);
        if self.exponent > 63 {
            let sign = if self.negative { "-" } else { "" };
            return format!("{sign}{}", wide::text(self.mantissa, self.exponent.unsigned_abs()));
        }
        let (whole, part) = match self.exponent {
            exponent @ 0.. => (mantissa << exponent, 0),
            exponent => {
                let bits = exponent.unsigned_abs();
                let whole = if bits < 64 { mantissa >> bits } else { 0 };
                let part = if bits < 64 { mantissa & ((1 << bits) - 1) } else { mantissa };
                (whole, if bits < 128 { half_even(part * UNIT, bits) } else { 0 })
            }
        };
        let (whole, part) = (whole + part / UNIT, part % UNIT);
        let sign = if self.negative && whole + part > 0 { "-" } else { "" };
        let mut text = format!("{sign}{whole}");
        if part != 0 {
            // Below 10¹⁷, and smaller numbers are printed faster.
            let _ = write!(text, ".{:017}", part as u64);
            text.truncate(text.trim_end_matches('0').len());
        }
        text
    }
}

/// `value` / 2^`bits`, rounded to the nearest, halves to even. `bits` is 1 to 127.
fn half_even(value: u128, bits: u32) -> u128 {
    let (result, rest, half) = (value >> bits, value & ((1 << bits) - 1), 1 << (bits - 1));
    result + u128::from(rest > half || rest == half && result & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_extended_floats() {
        for (a, b, want) in [
            ("0.1", "0.2", Some("0.3")),
            ("10.50", "0.1", Some("10.6")),
            ("1.6", "-2.25", Some("-0.65")),
            ("5.0e3", "2.0e2", Some("5200")),
            ("3", "-3.0", Some("0")),
            ("-0", "-0.00000000000000001", Some("-0.00000000000000001")),
            ("1e-17", "+1E3", Some("1000")),
            ("1000", "0.1", Some("1000.09999999999999998")),
            ("123456.7", "1000.1", Some("124456.80000000000000426")),
            ("5965679187508580825", "1e-7", Some("5965679187508580825")),
            ("-6384128031801250507", "0.1", Some("-6384128031801250507")),
            ("-9223372036854775807", "0.1", Some("-9223372036854775807")),
            ("9223372036854775807", "9223372036854775807", Some("18446744073709551614")),
            ("0", "0.00000000000000001", Some("0.00000000000000001")),
            ("3.25", "0.1", Some("3.35")),
            ("9223372036854775807", "0x1p2", Some("9223372036854775811")),
            (
                "-59185022747432527146509137695893879749",
                "1e-7",
                Some("-59185022747432527145213606679764008960"),
            ),
            ("1000000000000000000000000.5", "0.5", Some("1000000000000000000000000")),
            ("0x1g", "1", None),
            ("1e-18", "1", Some("1")),
            ("3.52059592330880979034", "1", Some("4.52059592330880979")),
            ("1e30", "1", None),
            ("inf", "1", None),
            ("1e999999", "1", None),
        ] {
            assert_eq!(sum(a.as_bytes(), b.as_bytes()).as_deref(), want, "{a} {b}");
        }
    }
}
