//! Numbers of a fixed width behind each other, without gaps.

/// Appends each value's lowest `width` bits, 0 to 64; the last byte is filled up with zeros.
pub(crate) fn pack(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, width: u32) {
    let mut held = 0u128;
    let mut bits = 0;
    for value in values {
        held |= u128::from(value) << bits;
        bits += width;
        while bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(held as u8);
    }
}

/// Bytes that `count` values of `width` bits take.
pub(crate) fn packed_bytes(count: usize, width: u32) -> usize {
    (count * width as usize).div_ceil(8)
}

/// Takes `count` values of `width` bits off the front; `None` when they are cut off.
pub(crate) fn unpack(input: &mut &[u8], count: usize, width: u32) -> Option<Vec<u64>> {
    if width > 64 {
        return None;
    }
    let (mut bytes, rest) = input.split_at_checked(packed_bytes(count, width))?;
    *input = rest;
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let (mut held, mut bits) = (0u128, 0);
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        while bits < width {
            let (&byte, after) = bytes.split_first()?;
            bytes = after;
            held |= u128::from(byte) << bits;
            bits += 8;
        }
        values.push(held as u64 & mask);
        held >>= width;
        bits -= width;
    }
    Some(values)
}

/// Bits that hold every number up to `largest`.
pub(crate) fn width_of(largest: u64) -> u32 {
    64 - largest.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_width_comes_back() {
        for width in 0..=64 {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let values: Vec<u64> =
                (0..37u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask).collect();
            let mut out = Vec::new();
            pack(&mut out, values.iter().copied(), width);
            assert_eq!(out.len(), packed_bytes(37, width), "{width}");
            let mut input = out.as_slice();
            assert_eq!(unpack(&mut input, 37, width), Some(values), "{width}");
            assert!(input.is_empty());
            assert!(width == 0 || unpack(&mut &out[1..], 37, width).is_none());
        }
        assert_eq!(unpack(&mut [0; 99].as_slice(), 1, 65), None);
        assert_eq!((width_of(0), width_of(1), width_of(255), width_of(u64::MAX)), (0, 1, 8, 64));
    }
}
