//! Doubles as text: what C prints for `%.17g`. Pure.

use crate::number::Digits;
use std::fmt::Write;

/// Longest text: sign, 17 digits, point, and three zeros before them or an exponent.
const BYTES_MAX: usize = 28;
/// Significant digits.
const DIGITS: i32 = 17;

/// Room for the text of one double.
#[derive(Debug)]
pub struct Decimal {
    bytes: [u8; BYTES_MAX],
    len: usize,
}

impl Decimal {
    /// Empty room.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; BYTES_MAX], len: 0 }
    }

    /// A double as Redis prints scores: integers without a fraction, else `%.17g` of the value,
    /// with exponents as C writes them; `inf`, `-inf`, `nan`.
    pub fn format(&mut self, value: f64) -> &str {
        self.len = 0;
        self.print(value);
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }

    fn print(&mut self, value: f64) {
        if value.is_nan() {
            return self.push(b"nan");
        }
        if value.is_sign_negative() {
            self.push(b"-");
        }
        let value = value.abs();
        if value.is_infinite() {
            self.push(b"inf");
        } else if value.fract() == 0.0 && value < 1e17 {
            self.push(Digits::new().format(value as i64));
        } else if !self.print_short(value) {
            self.print_g17(value);
        }
    }

    /// Halves, quarters and so on, whose few digits are exact: faster than asking for 17.
    fn print_short(&mut self, value: f64) -> bool {
        const PLACES_MAX: u32 = 8;
        if !(1e-4..1e8).contains(&value) {
            return false;
        }
        let scaled = value * f64::from(1 << PLACES_MAX);
        if scaled.fract() != 0.0 {
            return false;
        }
        let places = PLACES_MAX - (scaled as u64).trailing_zeros();
        let whole = value as u64;
        let power = 10u64.pow(places);
        // Exact: the fraction has at most 8 binary places.
        let fraction = ((value - whole as f64) * power as f64) as u64;
        self.push(Digits::new().format(whole as i64));
        self.push(b".");
        let mut room = Digits::new();
        let digits = room.format(fraction as i64);
        (digits.len()..places as usize).for_each(|_| self.push(b"0"));
        self.push(digits);
        true
    }

    fn print_g17(&mut self, value: f64) {
        let mut scientific = Self::new();
        // The room is long enough for 17 digits and any exponent.
        let _ = write!(scientific, "{value:.16e}");
        let text = &scientific.bytes[..scientific.len];
        let at = text.iter().position(|byte| *byte == b'e').unwrap_or(text.len());
        let exponent = std::str::from_utf8(text.get(at + 1..).unwrap_or_default());
        let exponent: i32 = exponent.ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let mut digits = [b'0'; DIGITS as usize];
        digits[0] = text[0];
        digits[1..at - 1].copy_from_slice(&text[2..at]);
        let used = digits.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
        match exponent {
            -4..0 => {
                self.push(b"0.");
                (exponent..-1).for_each(|_| self.push(b"0"));
                self.push(&digits[..used]);
            }
            0..DIGITS => self.push_parts(&digits, exponent as usize + 1, used),
            _ => {
                self.push_parts(&digits, 1, used);
                let sign = if exponent < 0 { '-' } else { '+' };
                let _ = write!(self, "e{sign}{:02}", exponent.abs());
            }
        }
    }

    /// The digits before the point, and those behind it when there are any.
    fn push_parts(&mut self, digits: &[u8], whole: usize, used: usize) {
        self.push(&digits[..whole]);
        if used > whole {
            self.push(b".");
            self.push(&digits[whole..used]);
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

impl Write for Decimal {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

impl Default for Decimal {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f64, want: &str) {
        assert_eq!(Decimal::new().format(value), want);
    }

    #[test]
    fn doubles_as_redis_prints_them() {
        check(0.0, "0");
        check(-0.0, "-0");
        check(1.0, "1");
        check(3.3, "3.2999999999999998");
        check(1e20, "1e+20");
        check(1.5e-7, "1.4999999999999999e-07");
        check(f64::INFINITY, "inf");
        check(f64::NEG_INFINITY, "-inf");
        check(f64::NAN, "nan");
        check(123_456_789.25, "123456789.25");
        check(-2.5, "-2.5");
        check(0.0001, "0.0001");
        check(0.000_976_562_5, "0.0009765625");
        check(f64::MIN_POSITIVE, "2.2250738585072014e-308");
        check(-5e-324, "-4.9406564584124654e-324");
        check(-f64::MAX, "-1.7976931348623157e+308");
        check(99_999_999_999_999_990.0, "99999999999999984");
        check(1e17, "1e+17");
        check(-0.05, "-0.050000000000000003");
    }

    /// The short way gives what the long way gives, and all of it means the value.
    #[test]
    fn every_way_agrees() {
        let mut rng = stdx::Rng::new(7);
        for round in 0..100_000u32 {
            let bits = f64::from_bits(rng.next_u64());
            let short = rng.below(1 << 24) as f64 / f64::from(1 << (round % 12));
            for value in [bits, short, -short] {
                if !value.is_finite() || value == 0.0 {
                    continue;
                }
                let text = Decimal::new().format(value).to_owned();
                assert_eq!(text.parse(), Ok(value), "{value:e}");
                let mut long = Decimal::new();
                long.print_g17(value.abs());
                let long = std::str::from_utf8(&long.bytes[..long.len]).expect("digits");
                assert_eq!(text.trim_start_matches('-'), long);
            }
        }
    }
}
