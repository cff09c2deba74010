//! A byte string of 24 bytes that keeps up to 22 bytes in itself: most members and fields need no
//! allocation of their own. Knows no type that is made of it.

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

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_length() {
        assert_eq!(size_of::<Bytes>(), 24);
        for len in 0..100 {
            let bytes: Vec<u8> = (0..len).collect();
            assert_eq!(&*Bytes::new(&bytes), bytes);
        }
    }
}
