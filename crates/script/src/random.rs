//! The generator behind `math.random`: 48 bits, linear congruential, the one of `drand48`, so that
//! a seed gives the same numbers as in Redis. Knows no entropy.

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const ADDEND: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;
const LOW: u64 = 0x330E;

/// A sequence.
#[derive(Debug)]
pub struct Sequence(u64);

impl Default for Sequence {
    fn default() -> Self {
        Self(0x1234_ABCD_0000 | LOW)
    }
}

impl Sequence {
    /// Starts over from `seed`.
    pub fn seed(&mut self, seed: i32) {
        self.0 = u64::from(seed as u32) << 16 | LOW;
    }

    /// The next number, 0 ≤ n < 1.
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(ADDEND) & MASK;
        let high = (self.0 >> 17) as i32;
        f64::from(high % i32::MAX) / f64::from(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_sequence() {
        let mut sequence = Sequence::default();
        sequence.seed(0);
        // The first numbers of drand48 after srand48(0) begin so.
        let first: Vec<u32> = (0..3).map(|_| (sequence.next() * 1e5) as u32).collect();
        assert_eq!(first, [17_082, 74_990, 9_637]);
    }
}
