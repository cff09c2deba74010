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
pub fn show_distance(distance: f64) -> String {
    // Between places opposite each other the formula can leave its domain; Redis shows the least
    // integer then.
    let scaled = (distance * 1e4).round_ties_even();
    let scaled = if scaled.is_nan() { i64::MIN } else { scaled as i64 };
    let sign = if scaled < 0 { "-" } else { "" };
    let scaled = scaled.unsigned_abs();
    format!("{sign}{}.{:04}", scaled / 10_000, scaled % 10_000)
}

/// A coordinate as replies show it: up to seventeen decimals.
#[must_use]
pub fn show_degrees(degrees: f64) -> String {
    let text = format!("{degrees:.17}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}
