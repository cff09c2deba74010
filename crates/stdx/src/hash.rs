//! Keyed 64-bit hashing of keys. The seed belongs to the instance: SCAN cursors stay valid on
//! every node that shares it, and a client cannot choose colliding keys without knowing it.

use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// A secret hash seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashSeed {
    k0: u64,
    k1: u64,
}

impl HashSeed {
    /// A seed from 16 bytes of entropy.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let (a, b) = bytes.split_at(8);
        let word = |half: &[u8]| half.iter().fold(0u64, |w, byte| (w << 8) | u64::from(*byte));
        Self { k0: word(a), k1: word(b) }
    }

    /// SipHash-1-3 of `key`.
    #[inline]
    #[must_use]
    pub fn hash(self, key: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.k0, self.k1);
        hasher.write(key);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_decides_the_hash() {
        let one = HashSeed::from_bytes([1; 16]);
        let two = HashSeed::from_bytes([2; 16]);
        assert_eq!(one.hash(b"key"), one.hash(b"key"));
        assert_ne!(one.hash(b"key"), two.hash(b"key"));
        assert_ne!(one.hash(b"key"), one.hash(b"kez"));
    }
}
