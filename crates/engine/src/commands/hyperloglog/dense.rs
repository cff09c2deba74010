//! Registers of 6 bits each, the first in the lowest bits of the first byte: four in three bytes.
//! Knows nothing in front of them.

use super::murmur::Mark;
use super::sketch::{REGISTERS, Registers};

const BITS: usize = 6;
/// Bytes of all registers.
pub const BYTES: usize = REGISTERS * BITS / 8;

/// Number of values that a register can have.
pub const VALUES: usize = 1 << BITS;

const MASK: u16 = (1 << BITS) - 1;

/// The registers in order.
pub fn values(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let (groups, _) = bytes.as_chunks::<3>();
    groups.iter().flat_map(|&[a, b, c]| {
        let group = u32::from_le_bytes([a, b, c, 0]);
        [group, group >> 6, group >> 12, group >> 18].map(|value| value as u8 & MASK as u8)
    })
}

/// Raises each register to what is there.
pub fn merge(registers: &mut Registers, bytes: &[u8]) {
    let (places, _) = registers.as_chunks_mut::<4>();
    let (groups, _) = bytes.as_chunks::<3>();
    for (place, &[a, b, c]) in places.iter_mut().zip(groups) {
        let group = u32::from_le_bytes([a, b, c, 0]);
        for (number, register) in place.iter_mut().enumerate() {
            let value = (group >> (BITS * number)) as u8 & MASK as u8;
            *register = value.max(*register);
        }
    }
}

/// Appends registers.
pub fn push(out: &mut Vec<u8>, registers: &Registers) {
    let (groups, _) = registers.as_chunks::<4>();
    for group in groups {
        let [a, b, c, d] = group.map(u32::from);
        let [a, b, c, _] = (a | b << 6 | c << 12 | d << 18).to_le_bytes();
        out.extend_from_slice(&[a, b, c]);
    }
}

/// Raises a register to the mark; true when it was lower.
pub fn raise(bytes: &mut [u8], mark: Mark) -> bool {
    let bit = mark.register * BITS;
    let (at, shift) = (bit / 8, bit % 8);
    // The last register ends with the last byte.
    let high = bytes.get(at + 1).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([bytes[at], high]);
    if u16::from(mark.value) <= pair >> shift & MASK {
        return false;
    }
    let pair = pair & !(MASK << shift) | u16::from(mark.value) << shift;
    let [low, high] = pair.to_le_bytes();
    bytes[at] = low;
    if let Some(place) = bytes.get_mut(at + 1) {
        *place = high;
    }
    true
}
