//! MurmurHash64A, and the register of an element that follows from it. Knows no sketch.

use super::sketch::REGISTERS;

const SEED: u64 = 0xadc8_3b19;
const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;

/// Bits of a hash that choose the register.
const INDEX_BITS: u32 = REGISTERS.trailing_zeros();

/// What an element does to a sketch: this register holds at least this much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Number of the register.
    pub register: usize,
    /// Length of the run of zeros behind the bits that chose it, and one: at most 51.
    pub value: u8,
}

impl Mark {
    /// The mark of an element.
    #[must_use]
    pub fn of(element: &[u8]) -> Self {
        let hash = murmur64(element);
        let register = hash as usize % REGISTERS;
        let rest = (hash >> INDEX_BITS) | 1 << (u64::BITS - INDEX_BITS);
        Self { register, value: rest.trailing_zeros() as u8 + 1 }
    }
}

fn murmur64(bytes: &[u8]) -> u64 {
    let mix = |hash: u64| hash ^ (hash >> 47);
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = mix(u64::from_le_bytes(*word).wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
        hash = (hash ^ word).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    mix(mix(hash).wrapping_mul(FACTOR))
}
