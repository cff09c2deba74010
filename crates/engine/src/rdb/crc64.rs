//! The checksum at the end of RDB files and DUMP payloads: CRC-64 with the polynomial of Jones.

use crc::{Algorithm, Crc, Digest, Table};

const JONES: Algorithm<u64> = Algorithm {
    width: 64,
    poly: 0xad93_d235_94c9_35a9,
    init: 0,
    refin: true,
    refout: true,
    xorout: 0,
    check: 0xe9c6_d914_c4b8_d9ca,
    residue: 0,
};

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&JONES);

/// A checksum being taken over parts.
pub type Running = Digest<'static, u64, Table<16>>;

/// A checksum over nothing so far.
#[must_use]
pub fn start() -> Running {
    CRC.digest()
}

/// The checksum of `bytes`.
#[must_use]
pub fn of(bytes: &[u8]) -> u64 {
    CRC.checksum(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn known_value() {
        assert_eq!(super::of(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(super::of(b""), 0);
    }
}
