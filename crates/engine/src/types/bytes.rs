//! A byte string of 24 bytes that keeps up to 22 bytes in itself: most members and fields need no
//! allocation of their own. Knows no type that is made of it.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;

const INLINE: usize = 22;

/// An owned, immutable byte string.
#[derive(Clone)]
pub struct Bytes(Form);

#[derive(Clone)]
enum Form {
    Inline(u8, [u8; INLINE]),
    Boxed(Box<[u8]>),
}

impl Bytes {
    /// A copy of `bytes`.
    #[inline]
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.len() > INLINE {
            return Self(Form::Boxed(bytes.into()));
        }
        let mut inline = [0; INLINE];
        inline[..bytes.len()].copy_from_slice(bytes);
        Self(Form::Inline(bytes.len() as u8, inline))
    }
}

impl Deref for Bytes {
    type Target = [u8];
    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Form::Boxed(bytes) => bytes,
        }
    }
}

/// The order of two byte strings. Most differ in their first 16 bytes, for which a call would cost
/// more than the comparison.
#[inline]
#[must_use]
pub fn order_of(a: &[u8], b: &[u8]) -> Ordering {
    if let (Some(a), Some(b)) = (a.first_chunk(), b.first_chunk()) {
        let (a, b) = (u128::from_be_bytes(*a), u128::from_be_bytes(*b));
        if a != b {
            return a.cmp(&b);
        }
    }
    a.cmp(b)
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_bytes() {
        let words =
            ["", "a", "ab", "fifteen bytes ..", "sixteen bytes...", "sixteen bytes..", "zz"];
        let long = words.map(|word| format!("sixteen bytes...{word}"));
        let all: Vec<&str> = words.into_iter().chain(long.iter().map(String::as_str)).collect();
        for a in &all {
            for b in &all {
                assert_eq!(order_of(a.as_bytes(), b.as_bytes()), a.cmp(b), "{a} {b}");
            }
        }
    }

    #[test]
    fn keeps_every_length() {
        assert_eq!(size_of::<Bytes>(), 24);
        for len in 0..100 {
            let bytes: Vec<u8> = (0..len).collect();
            assert_eq!(&*Bytes::new(&bytes), bytes);
        }
    }
}
