//! Geohashes: the map is halved in longitude and latitude in turn, and each half that a place lies
//! in gives a bit. Cells of the same number of bits make a grid. Knows no sorted set.

use super::place::{LATITUDE_MAX, LONGITUDE_MAX, Place};

/// Halvings in each direction of the finest grid; a score has twice as many bits.
pub const STEP_MAX: u32 = 26;

const EVEN: u64 = 0x5555_5555_5555_5555;
const ODD: u64 = EVEN << 1;

/// A span of degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// The lower end.
    pub min: f64,
    /// The upper end.
    pub max: f64,
}

impl Span {
    const fn around_zero(max: f64) -> Self {
        Self { min: -max, max }
    }

    /// How far into the span a number lies, in cells of a grid.
    fn cell(self, degrees: f64, step: u32) -> u32 {
        let share = (degrees - self.min) / (self.max - self.min);
        (share * (1u64 << step) as f64) as u32
    }

    /// The part of the span that a cell of a grid covers.
    fn of_cell(self, cell: u32, step: u32) -> Self {
        let (size, cells) = (self.max - self.min, (1u64 << step) as f64);
        let edge = |cell: u32| self.min + (f64::from(cell) / cells) * size;
        Self { min: edge(cell), max: edge(cell.wrapping_add(1)) }
    }

    fn middle(self) -> f64 {
        (self.min + self.max) / 2.0
    }
}

/// The longitudes and latitudes of a piece of the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rectangle {
    /// From west to east.
    pub longitude: Span,
    /// From south to north.
    pub latitude: Span,
}

/// The map of scores.
pub const MAP: Rectangle = Rectangle {
    longitude: Span::around_zero(LONGITUDE_MAX),
    latitude: Span::around_zero(LATITUDE_MAX),
};

/// The map of geohash texts.
const STANDARD_MAP: Rectangle =
    Rectangle { longitude: Span::around_zero(180.0), latitude: Span::around_zero(90.0) };

/// A cell of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    bits: u64,
    step: u32,
}

impl Cell {
    /// The cell of the grid of `step` halvings that a place lies in.
    #[must_use]
    pub fn at(place: Place, step: u32) -> Self {
        Self::on(MAP, place, step)
    }

    fn on(map: Rectangle, place: Place, step: u32) -> Self {
        let x = map.longitude.cell(place.longitude, step);
        let y = map.latitude.cell(place.latitude, step);
        Self::numbered(x, y, step)
    }

    /// The cell with these numbers, counted from the west and from the south.
    #[must_use]
    pub fn numbered(x: u32, y: u32, step: u32) -> Self {
        Self { bits: spread(y) | spread(x) << 1, step }
    }

    /// Its numbers, counted from the west and from the south.
    #[must_use]
    pub fn numbers(self) -> (u32, u32) {
        (gather(self.bits >> 1), gather(self.bits))
    }

    /// The piece of the map that it covers.
    #[must_use]
    pub fn rectangle(self) -> Rectangle {
        let (x, y) = self.numbers();
        Rectangle {
            longitude: MAP.longitude.of_cell(x, self.step),
            latitude: MAP.latitude.of_cell(y, self.step),
        }
    }

    /// The cell that lies so many cells to the east and to the north, -1, 0 or 1 each. Behind the
    /// edge of the map comes the opposite one. In a direction in which it does not move, a cell
    /// beyond the edge stays there, as in Redis.
    #[must_use]
    pub fn neighbour(self, east: i8, north: i8) -> Self {
        let used = u64::MAX >> (u64::BITS - 2 * self.step);
        let x = moved(self.bits & ODD, used, EVEN & used, east);
        let y = moved(self.bits & EVEN, used, ODD & used, north);
        Self { bits: x & ODD | y & EVEN, step: self.step }
    }

    /// The scores of the places in it: from the first one to before the last one.
    #[must_use]
    pub fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEP_MAX - self.step);
        ((self.bits << shift) as f64, ((self.bits + 1) << shift) as f64)
    }
}

/// Adds `by` to the bits of one direction within the `used` ones; `gaps` are those of the other.
fn moved(bits: u64, used: u64, gaps: u64, by: i8) -> u64 {
    match by {
        0 => bits,
        1.. => bits.wrapping_add(gaps + 1) & used,
        _ => (bits | gaps).wrapping_sub(gaps + 1) & used,
    }
}

/// The score of a place.
#[must_use]
pub fn score(place: Place) -> u64 {
    Cell::at(place, STEP_MAX).bits
}

/// The middle of the cell that a score means. Any number is taken for one, with those bits that the
/// processor makes of it in C.
#[must_use]
pub fn place(score: f64) -> Place {
    let bits = match score {
        _ if score < 9_223_372_036_854_775_808.0 => score as i64 as u64,
        _ if score < 18_446_744_073_709_551_616.0 => score as u64,
        _ => 0,
    };
    let Rectangle { longitude, latitude } = Cell { bits, step: STEP_MAX }.rectangle();
    Place {
        longitude: longitude.middle().clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
        latitude: latitude.middle().clamp(-LATITUDE_MAX, LATITUDE_MAX),
    }
}

/// The standard geohash text of a place: ten characters of five bits, and a zero.
#[must_use]
pub fn text(place: Place) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let bits = Cell::on(STANDARD_MAP, place, STEP_MAX).bits;
    let character = |number: usize| ALPHABET[(bits >> (47 - 5 * number)) as usize & 31];
    std::array::from_fn(|number| if number < 10 { character(number) } else { b'0' })
}

/// The bits of a number, a gap before each.
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, EVEN),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Every other bit, the lowest one first.
fn gather(bits: u64) -> u32 {
    let mut bits = bits & EVEN;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0f0f_0f0f_0f0f_0f0f),
        (4, 0x00ff_00ff_00ff_00ff),
        (8, 0x0000_ffff_0000_ffff),
        (16, 0x0000_0000_ffff_ffff),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::Rng;

    #[test]
    fn cells_have_numbers_and_neighbours() {
        let mut rng = Rng::new(1);
        for _ in 0..10_000 {
            let step = 1 + rng.below(26) as u32;
            let side = 1u32 << step;
            let (x, y) = (rng.below(side as usize) as u32, rng.below(side as usize) as u32);
            let cell = Cell::numbered(x, y, step);
            assert_eq!(cell.numbers(), (x, y));
            for (east, north) in [(1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1), (0, 0)] {
                let near = |at: u32, by: i8| at.wrapping_add_signed(i32::from(by)) % side;
                let want = (near(x, east), near(y, north));
                assert_eq!(cell.neighbour(east, north).numbers(), want);
            }
        }
    }

    #[test]
    fn a_score_leads_back_near_its_place() {
        let mut rng = Rng::new(2);
        for _ in 0..10_000 {
            let share = |rng: &mut Rng| rng.below(1 << 30) as f64 / (1 << 30) as f64 * 2.0 - 1.0;
            let there = Place {
                longitude: share(&mut rng) * LONGITUDE_MAX,
                latitude: share(&mut rng) * LATITUDE_MAX,
            };
            let score = score(there);
            assert!(place(score as f64).distance_m(there) < 0.5);
            assert_eq!(super::score(place(score as f64)), score);
        }
    }
}
