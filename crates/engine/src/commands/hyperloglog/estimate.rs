//! The number of elements that registers tell of, as Otmar Ertl estimates it ("New cardinality
//! estimation algorithms for HyperLogLog sketches", 2017). The order of operations is that of
//! Redis, so the numbers are the same.

use super::murmur::Mark;
use super::sketch::{REGISTERS, Registers, histogram_of};

/// Values that registers can have, without 0 and the highest.
const VALUES: usize = 64 - REGISTERS.trailing_zeros() as usize;

/// 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// Counts distinct elements as a sketch does, without making one.
#[derive(Debug)]
pub struct Counter(Box<Registers>);

impl Default for Counter {
    fn default() -> Self {
        Self(Box::new([0; REGISTERS]))
    }
}

impl Counter {
    /// Notes an element.
    pub fn add(&mut self, element: &[u8]) {
        let mark = Mark::of(element);
        self.0[mark.register] = self.0[mark.register].max(mark.value);
    }

    /// About how many elements were noted.
    #[must_use]
    pub fn cardinality(&self) -> u64 {
        cardinality(&histogram_of(&self.0))
    }
}

/// The estimate, from how many registers hold each value.
#[must_use]
pub fn cardinality(histogram: &[u32; 64]) -> u64 {
    let registers = REGISTERS as f64;
    let count = |value: usize| f64::from(histogram[value]);
    let mut z = registers * tau((registers - count(VALUES + 1)) / registers);
    for value in (1..=VALUES).rev() {
        z += count(value);
        z *= 0.5;
    }
    z += registers * sigma(count(0) / registers);
    (ALPHA * registers * registers / z).round() as i64 as u64
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
