//! Places by longitude and latitude, distances between them, and units of length. The order of
//! operations is that of Redis, so that all digits are the same. Knows no geohash.

use crate::error::{self, CommandError};
use crate::parse;
use std::f64::consts::PI;

/// Longitudes lie between this and its negative.
pub const LONGITUDE_MAX: f64 = 180.0;
/// Latitudes lie between this and its negative: the poles are not on the map.
pub const LATITUDE_MAX: f64 = 85.051_128_78;

/// Radius of the earth, its quadratic mean.
pub const EARTH_RADIUS_M: f64 = 6_372_797.560_856;

const DEGREE: f64 = PI / 180.0;

/// A place in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// East is positive.
    pub longitude: f64,
    /// North is positive.
    pub latitude: f64,
}

impl Place {
    /// The place that two words name, the longitude first.
    ///
    /// # Errors
    /// No numbers, or not on the map.
    pub fn parse(longitude: &[u8], latitude: &[u8]) -> Result<Self, CommandError> {
        let (longitude, latitude) = (parse::double(longitude)?, parse::double(latitude)?);
        if longitude.abs() > LONGITUDE_MAX || latitude.abs() > LATITUDE_MAX {
            return Err(error::bad_place(longitude, latitude));
        }
        Ok(Self { longitude, latitude })
    }

    /// Metres to another place along a great circle, by the haversine formula.
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        let (from, to) = (radians(self.longitude), radians(other.longitude));
        let v = ((to - from) / 2.0).sin();
        if v == 0.0 {
            return latitude_distance_m(self.latitude, other.latitude);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let u = ((to - from) / 2.0).sin();
        let a = u * u + from.cos() * to.cos() * v * v;
        2.0 * EARTH_RADIUS_M * a.sqrt().asin()
    }
}

/// Metres between two latitudes.
#[must_use]
pub fn latitude_distance_m(one: f64, other: f64) -> f64 {
    EARTH_RADIUS_M * (radians(other) - radians(one)).abs()
}

/// Degrees to radians.
#[must_use]
pub fn radians(degrees: f64) -> f64 {
    degrees * DEGREE
}

/// Radians to degrees.
#[must_use]
pub fn degrees(radians: f64) -> f64 {
    radians / DEGREE
}

/// Metres of the unit that a word names.
///
/// # Errors
/// It names none.
pub fn unit_m(word: &[u8]) -> Result<f64, CommandError> {
    match word {
        _ if parse::is(word, "m") => Ok(1.0),
        _ if parse::is(word, "km") => Ok(1000.0),
        _ if parse::is(word, "ft") => Ok(0.3048),
        _ if parse::is(word, "mi") => Ok(1609.34),
        _ => Err(error::BAD_UNIT),
    }
}

/// A distance as replies show it: four decimals.
#[must_use]
pub fn show_distance(distance: f64) -> Decimal {
    // Between places opposite each other the formula can leave its domain; Redis shows the least
    // integer then.
    let scaled = (distance * 1e4).round_ties_even();
    let scaled = if scaled.is_nan() { i64::MIN } else { scaled as i64 };
    Decimal::new(scaled < 0, u128::from(scaled.unsigned_abs()), 4)
}

/// Decimals of a coordinate.
const DEGREE_DECIMALS: u32 = 17;

/// A coordinate as replies show it: up to seventeen decimals, rounded from its exact value.
#[must_use]
pub fn show_degrees(degrees: f64) -> Decimal {
    let bits = degrees.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as u32;
    let fraction = bits & ((1 << 52) - 1);
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    // The value is the mantissa divided by two that many times; a coordinate is below 256.
    let halvings = 1075 - exponent.max(1);
    let product = u128::from(mantissa) * 10u128.pow(DEGREE_DECIMALS);
    let mut scaled = product.checked_shr(halvings).unwrap_or(0);
    let rest = product - scaled.checked_shl(halvings).unwrap_or(0);
    let half = 1u128.checked_shl(halvings - 1).unwrap_or(u128::MAX);
    if rest > half || (rest == half && scaled % 2 == 1) {
        scaled += 1;
    }
    let mut decimal = Decimal::new(degrees < 0.0 && scaled > 0, scaled, DEGREE_DECIMALS);
    decimal.trim();
    decimal
}

/// Digits of a number with decimals.
#[derive(Debug, Clone)]
pub struct Decimal {
    digits: [u8; 40],
    start: usize,
    end: usize,
}

impl Decimal {
    /// A number in units of its last decimal.
    fn new(negative: bool, scaled: u128, decimals: u32) -> Self {
        let mut decimal = Self { digits: [b'0'; 40], start: 40, end: 40 };
        let unit = 10u128.pow(decimals);
        let mut rest = (scaled % unit) as u64;
        for _ in 0..decimals {
            decimal.push_front(b'0' + (rest % 10) as u8);
            rest /= 10;
        }
        decimal.push_front(b'.');
        let mut whole = (scaled / unit) as u64;
        loop {
            decimal.push_front(b'0' + (whole % 10) as u8);
            whole /= 10;
            if whole == 0 {
                break;
            }
        }
        if negative {
            decimal.push_front(b'-');
        }
        decimal
    }

    fn push_front(&mut self, byte: u8) {
        self.start -= 1;
        self.digits[self.start] = byte;
    }

    /// Drops zeros at the end.
    fn trim(&mut self) {
        while self.digits[self.end - 1] == b'0' {
            self.end -= 1;
        }
        self.end -= usize::from(self.digits[self.end - 1] == b'.');
    }

    /// The text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..self.end]
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("digits are ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::Rng;

    #[test]
    fn degrees_are_shown_exactly() {
        let slow = |degrees: f64| {
            let text = format!("{degrees:.17}");
            let text = text.trim_end_matches('0').trim_end_matches('.').to_owned();
            if text == "-0" { "0".to_owned() } else { text }
        };
        let mut rng = Rng::new(3);
        for round in 0..100_000 {
            let unit = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            let degrees = match round % 4 {
                0 => unit * 360.0 - 180.0,
                1 => unit * 1e-15,
                2 => (unit * 1000.0).floor() / 8.0 - 60.0,
                _ => f64::from_bits(rng.next_u64() >> 12),
            };
            assert_eq!(show_degrees(degrees).as_str(), slow(degrees), "{degrees:e}");
        }
        for degrees in [0.0, -0.0, 180.0, -180.0, 0.5, f64::MIN_POSITIVE, -1e-300, 5e-18, 1.5e-17] {
            assert_eq!(show_degrees(degrees).as_str(), slow(degrees), "{degrees:e}");
        }
    }

    #[test]
    fn distances_have_four_decimals() {
        for (distance, want) in [
            (0.0, "0.0000"),
            (0.000_05, "0.0000"),
            (0.000_16, "0.0002"),
            (166_274.151_56, "166274.1516"),
            (f64::NAN, "-922337203685477.5808"),
        ] {
            assert_eq!(show_distance(distance).as_str(), want);
        }
    }
}
