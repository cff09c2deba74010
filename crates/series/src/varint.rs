//! Whole numbers in as few bytes as they need: seven bits a byte, the lowest first; signed ones
//! with the sign in the lowest bit.

/// Appends an unsigned number, 1 to 10 bytes.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Takes an unsigned number off the front; `None` when it is cut off or too large.
pub(crate) fn take(input: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for at in 0..10 {
        let (&byte, rest) = input.split_first()?;
        *input = rest;
        if at == 9 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Takes a signed number off the front.
pub(crate) fn take_signed(input: &mut &[u8]) -> Option<i64> {
    let raw = take(input)?;
    Some((raw >> 1) as i64 ^ -((raw & 1) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let rows = [(0, 1), (-1, 1), (63, 1), (64, 2), (-65, 2), (i64::MAX, 10), (i64::MIN, 10)];
        for (value, bytes) in rows {
            let mut out = Vec::new();
            put_signed(&mut out, value);
            assert_eq!(out.len(), bytes, "{value}");
            let mut input = out.as_slice();
            assert_eq!(take_signed(&mut input), Some(value));
            assert!(input.is_empty());
            assert_eq!(take_signed(&mut &out[..bytes - 1]), None, "cut off");
        }
        let mut too_large: &[u8] = &[0xff; 10];
        assert_eq!(take(&mut too_large), None);
    }
}
