//! What a search looks in: a circle, a box or a polygon. Knows no geohash.

use super::geohash::{Rectangle, Span};
use super::place::{EARTH_RADIUS_M, Place, degrees, latitude_distance_m, radians};

/// The outline of a search.
#[derive(Debug, Clone, PartialEq)]
pub enum Outline {
    /// So many metres around the centre.
    Circle(f64),
    /// So many metres wide and high.
    Box(f64, f64),
    /// Within these corners, on the map.
    Polygon(Vec<Place>),
}

/// A piece of the earth.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its centre, from which distances are told.
    pub centre: Place,
    /// Its outline.
    pub outline: Outline,
}

impl Shape {
    /// A polygon. Its centre is that of its corners in space.
    #[must_use]
    pub fn polygon(corners: Vec<Place>) -> Self {
        let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
        for corner in &corners {
            let (longitude, latitude) = (radians(corner.longitude), radians(corner.latitude));
            x += latitude.cos() * longitude.cos();
            y += latitude.cos() * longitude.sin();
            z += latitude.sin();
        }
        let (longitude, latitude) = (y.atan2(x), z.atan2((x * x + y * y).sqrt()));
        let centre = Place { longitude: degrees(longitude), latitude: degrees(latitude) };
        Self { centre, outline: Outline::Polygon(corners) }
    }

    /// The distance of a place from the centre in metres, if the place lies inside.
    #[must_use]
    pub fn distance_m(&self, place: Place) -> Option<f64> {
        let distance_m = self.centre.distance_m(place);
        let is_outside = match &self.outline {
            Outline::Circle(radius_m) => distance_m > *radius_m,
            Outline::Box(width_m, height_m) => {
                let beside = Place { longitude: self.centre.longitude, ..place };
                latitude_distance_m(place.latitude, self.centre.latitude) > height_m / 2.0
                    || place.distance_m(beside) > width_m / 2.0
            }
            Outline::Polygon(corners) => !contains(corners, place),
        };
        (!is_outside).then_some(distance_m)
    }

    /// The longitudes and latitudes that it reaches. Those of a circle or a box may lie beyond the
    /// map.
    #[must_use]
    pub fn bounds(&self) -> Rectangle {
        let (width_m, height_m) = match &self.outline {
            Outline::Circle(radius_m) => (*radius_m, *radius_m),
            Outline::Box(width_m, height_m) => (width_m / 2.0, height_m / 2.0),
            Outline::Polygon(corners) => return bounds_of(corners),
        };
        let Place { longitude, latitude } = self.centre;
        let up = degrees(height_m / EARTH_RADIUS_M);
        // Meridians lie closer together towards the poles.
        let widest = if latitude < 0.0 { latitude - up } else { latitude + up };
        let aside = degrees(width_m / EARTH_RADIUS_M / radians(widest).cos());
        Rectangle {
            longitude: Span { min: longitude - aside, max: longitude + aside },
            latitude: Span { min: latitude - up, max: latitude + up },
        }
    }

    /// Metres from the centre to where it reaches farthest; not of polygons.
    #[must_use]
    pub fn radius_m(&self) -> f64 {
        match &self.outline {
            Outline::Circle(radius_m) => *radius_m,
            Outline::Box(width_m, height_m) => {
                let (half_width, half_height) = (width_m / 2.0, height_m / 2.0);
                (half_width * half_width + half_height * half_height).sqrt()
            }
            Outline::Polygon(_) => unreachable!("a polygon is covered by its bounds"),
        }
    }
}

fn bounds_of(corners: &[Place]) -> Rectangle {
    let span = |coordinate: fn(&Place) -> f64| Span {
        min: corners.iter().map(coordinate).fold(f64::INFINITY, f64::min),
        max: corners.iter().map(coordinate).fold(f64::NEG_INFINITY, f64::max),
    };
    Rectangle { longitude: span(|place| place.longitude), latitude: span(|place| place.latitude) }
}

/// True when a line from the place to the east crosses an odd number of edges.
fn contains(corners: &[Place], place: Place) -> bool {
    let mut inside = false;
    let mut from = corners[corners.len() - 1];
    for &to in corners {
        if (from.latitude > place.latitude) != (to.latitude > place.latitude) {
            let share = (place.latitude - from.latitude) / (to.latitude - from.latitude);
            let edge = from.longitude + (to.longitude - from.longitude) * share;
            inside ^= place.longitude < edge;
        }
        from = to;
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polygon_contains_what_lies_between_its_edges() {
        let at = |longitude: i32, latitude: i32| Place {
            longitude: f64::from(longitude),
            latitude: f64::from(latitude),
        };
        // The letter L.
        let corners =
            [(0, 0), (4, 0), (4, 2), (2, 2), (2, 6), (0, 6)].map(|(x, y)| at(2 * x, 2 * y));
        let shape = Shape::polygon(corners.to_vec());
        for (x, y, want) in [
            (1, 1, true),
            (7, 1, true),
            (7, 5, false),
            (3, 11, true),
            (5, 11, false),
            (9, 1, false),
            (-1, 3, false),
            (3, 13, false),
        ] {
            assert_eq!(shape.distance_m(at(x, y)).is_some(), want, "{x} {y}");
        }
        assert_eq!(shape.bounds().longitude, Span { min: 0.0, max: 8.0 });
    }
}
