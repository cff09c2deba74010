//! The cells of a grid that cover a shape, so that a search visits no more of a sorted set than
//! their scores. Knows no sorted set.

use super::geohash::{Cell, MAP, Rectangle, STEP_MAX};
use super::place::Place;
use super::shape::{Outline, Shape};
use smallvec::SmallVec;

/// Half the length of the equator on the map in metres.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

/// Cells that cover a polygon, at most.
const POLYGON_CELLS_MAX: u64 = 16;

/// A shape's cells, in the order in which they are searched.
pub type Cells = SmallVec<[Cell; 9]>;

/// The cells that cover a shape. Those of a circle or a box, and their order, are those of Redis.
#[must_use]
pub fn cells(shape: &Shape) -> Cells {
    match shape.outline {
        Outline::Polygon(_) => covering(shape.bounds()),
        _ => around(shape),
    }
}

/// The cell of the centre and those of its eight neighbours that the shape reaches.
fn around(shape: &Shape) -> Cells {
    let bounds = shape.bounds();
    let mut step = step_for(shape.radius_m(), shape.centre.latitude);
    let mut centre = Cell::at(shape.centre, step);
    if step > 1 && !reaches(centre, bounds) {
        step -= 1;
        centre = Cell::at(shape.centre, step);
    }
    // In the coarsest grid the edges of the map tell nothing.
    let (inner, all) = (centre.rectangle(), step < 2);
    let south = all || inner.latitude.min >= bounds.latitude.min;
    let north = all || inner.latitude.max <= bounds.latitude.max;
    let west = all || inner.longitude.min >= bounds.longitude.min;
    let east = all || inner.longitude.max <= bounds.longitude.max;
    let mut cells = Cells::from_slice(&[centre]);
    for (wanted, x, y) in [
        (north, 0, 1),
        (south, 0, -1),
        (east, 1, 0),
        (west, -1, 0),
        (north && east, 1, 1),
        (north && west, -1, 1),
        (south && east, 1, -1),
        (south && west, -1, -1),
    ] {
        let cell = centre.neighbour(x, y);
        // Around a very large shape, neighbours on both sides are the same.
        if wanted && (cells.len() == 1 || cells.last() != Some(&cell)) {
            cells.push(cell);
        }
    }
    cells
}

/// True when the neighbours of a cell reach as far as the bounds.
fn reaches(centre: Cell, bounds: Rectangle) -> bool {
    let at = |x, y| centre.neighbour(x, y).rectangle();
    let short = at(0, 1).latitude.max < bounds.latitude.max
        || at(0, -1).latitude.min > bounds.latitude.min
        || at(1, 0).longitude.max < bounds.longitude.max
        || at(-1, 0).longitude.min > bounds.longitude.min;
    !short
}

/// The grid whose cells are about as large as a radius.
fn step_for(mut radius_m: f64, latitude: f64) -> u32 {
    if radius_m == 0.0 {
        return STEP_MAX;
    }
    let mut step = 1i32;
    while radius_m < MERCATOR_MAX_M {
        radius_m *= 2.0;
        step += 1;
    }
    step -= 2;
    // Towards the poles a cell is narrower than it looks.
    if latitude.abs() > 66.0 {
        step -= if latitude.abs() > 80.0 { 2 } else { 1 };
    }
    step.clamp(1, STEP_MAX as i32) as u32
}

/// All cells that a piece of the map touches, of the finest grid in which they are few.
fn covering(bounds: Rectangle) -> Cells {
    let corner = |longitude: f64, latitude: f64, step| {
        let place = Place { longitude, latitude };
        let (x, y) = Cell::at(place, step).numbers();
        // The edge of the map belongs to its last cells.
        let last = (1u32 << step) - 1;
        (x.min(last), y.min(last))
    };
    let Rectangle { longitude, latitude } = bounds;
    debug_assert!(MAP.longitude.min <= longitude.min && longitude.max <= MAP.longitude.max);
    for step in (1..=STEP_MAX).rev() {
        let (west, south) = corner(longitude.min, latitude.min, step);
        let (east, north) = corner(longitude.max, latitude.max, step);
        let count = u64::from(east - west + 1) * u64::from(north - south + 1);
        if count <= POLYGON_CELLS_MAX {
            let columns = west..=east;
            let cells = columns.flat_map(|x| (south..=north).map(move |y| (x, y)));
            return cells.map(|(x, y)| Cell::numbered(x, y, step)).collect();
        }
    }
    unreachable!("the coarsest grid has four cells")
}
