//! Unpacking of LZF, which Redis packs long strings with.
//!
//! ```text
//! 000lllll                     l + 1 bytes as they are
//! lllooooo oooooooo            l + 2 bytes from o + 1 bytes back, l in 1..=6
//! 111ooooo llllllll oooooooo   l + 9 bytes from o + 1 bytes back
//! ```

use super::DecodeError;

const BAD: DecodeError = DecodeError::Corrupt("a packed string does not unpack");

/// Most bytes that one packed byte can stand for: 3 bytes make at most 264.
pub const RATIO_MAX: u64 = 88;

/// Unpacks `packed` into `out`, replacing what is there. It must give exactly `len` bytes.
///
/// # Errors
/// When it does not.
pub fn unpack(packed: &[u8], len: u64, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    out.clear();
    let len = usize::try_from(len).map_err(|_| BAD)?;
    let mut rest = packed;
    while let Some((&control, tail)) = rest.split_first() {
        if control < 32 {
            let (literal, tail) = tail.split_at_checked(usize::from(control) + 1).ok_or(BAD)?;
            out.extend_from_slice(literal);
            rest = tail;
        } else {
            rest = repeat(control, tail, out)?;
        }
        if out.len() > len {
            return Err(BAD);
        }
    }
    if out.len() == len { Ok(()) } else { Err(BAD) }
}

fn repeat<'p>(control: u8, tail: &'p [u8], out: &mut Vec<u8>) -> Result<&'p [u8], DecodeError> {
    let mut count = usize::from(control >> 5) + 2;
    let mut bytes = tail.iter();
    if control >> 5 == 7 {
        count += usize::from(*bytes.next().ok_or(BAD)?);
    }
    let low = usize::from(*bytes.next().ok_or(BAD)?);
    let back = (usize::from(control & 31) << 8) + low + 1;
    let from = out.len().checked_sub(back).ok_or(BAD)?;
    if back >= count {
        out.extend_from_within(from..from + count);
    } else {
        // The copy reads what it has just written.
        (from..from + count).for_each(|at| out.push(out[at]));
    }
    Ok(bytes.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacks() {
        for (packed, want) in [
            (&b""[..], Some(&b""[..])),
            (b"\x02abc", Some(b"abc")),
            (b"\x00a\x20\x00", Some(b"aaaa")),
            (b"\x02abc\x20\x02", Some(b"abcabc")),
            (b"\x00a\xe0\x00\x00", Some(b"aaaaaaaaaa")),
            (b"\x02ab", None),
            (b"\x20\x00", None),
            (b"\x00a\x20\x01", None),
            (b"\x00a\xe0\x00", None),
            (b"\x00a\xe0", None),
        ] {
            let mut out = vec![1, 2, 3];
            let len = want.map_or(10, <[u8]>::len) as u64;
            let got = unpack(packed, len, &mut out);
            assert_eq!(got.is_ok(), want.is_some(), "{packed:?}");
            if let Some(want) = want {
                assert_eq!(out, want);
                assert!(unpack(packed, len + 1, &mut out).is_err());
                assert!(len == 0 || unpack(packed, len - 1, &mut out).is_err());
            }
        }
    }
}
