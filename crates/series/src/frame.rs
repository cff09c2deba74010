//! Frames: length, checksum, block. What was torn off in the middle of a write, or damaged, is
//! noticed; everything before it counts. Must not know files.

use crate::block::Block;
use crate::codec;
use crc::{CRC_32_ISCSI, Crc, Table};

const CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);
const HEAD_BYTES: usize = 8;
/// The largest block that is believed, in bytes.
const BODY_BYTES_MAX: usize = 16 << 20;

/// A block as one frame.
pub fn frame(block: &Block) -> Vec<u8> {
    let body = codec::encode(block);
    let mut out = Vec::with_capacity(HEAD_BYTES + body.len());
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(CRC.checksum(&body).to_le_bytes());
    out.extend(body);
    out
}

/// What a file of frames holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// Whole blocks, in order.
    pub blocks: Vec<Block>,
    /// Bytes up to the end of the last frame that could be skipped by its length.
    pub valid_bytes: usize,
    /// Frames whose content was not what it should be; those after them count all the same.
    pub damaged: usize,
}

/// Reads all frames. A frame that is longer than the rest is a torn tail, after which nothing
/// counts; one whose checksum does not match is left out.
pub fn scan(bytes: &[u8]) -> Scanned {
    scan_range(bytes, (i64::MIN, i64::MAX))
}

/// As [`scan`], but blocks without a row of `from_s..=to_s` are left out unread.
pub fn scan_range(bytes: &[u8], (from_s, to_s): (i64, i64)) -> Scanned {
    let mut found = Scanned { blocks: Vec::new(), valid_bytes: 0, damaged: 0 };
    while let Some((body, sum)) = next(&bytes[found.valid_bytes..]) {
        found.valid_bytes += HEAD_BYTES + body.len();
        if codec::span(body).is_some_and(|(first_s, last_s)| last_s < from_s || to_s < first_s) {
            continue;
        }
        match codec::decode(body) {
            Ok(block) if CRC.checksum(body) == sum => found.blocks.push(block),
            _ => found.damaged += 1,
        }
    }
    found
}

fn next(bytes: &[u8]) -> Option<(&[u8], u32)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    // A hole of zeros, as a crash of the machine can leave it, is no frame either.
    if length == 0 || BODY_BYTES_MAX < length {
        return None;
    }
    Some((rest.get(..length)?, u32::from_le_bytes(*sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(at_s: i64) -> Block {
        let mut block = Block::default();
        (0..12).for_each(|row| assert!(block.push(at_s + row, [(1, row), (9, row * row)])));
        block
    }

    #[test]
    fn torn_tails_are_cut_and_damage_is_left_out() {
        let frames: Vec<Vec<u8>> = (0..3).map(|n| frame(&block(n * 100))).collect();
        let whole = frames.concat();
        let ends: Vec<usize> = (0..=3).map(|n| frames[..n].iter().map(Vec::len).sum()).collect();
        for cut in 0..=whole.len() {
            let found = scan(&whole[..cut]);
            let frames = ends.iter().filter(|&&end| 0 < end && end <= cut).count();
            assert_eq!((found.blocks.len(), found.valid_bytes), (frames, ends[frames]), "{cut}");
            assert_eq!(found.damaged, 0);
        }
        for at in 0..whole.len() {
            let mut bad = whole.clone();
            bad[at] ^= 0x10;
            let found = scan(&bad);
            let hit = ends.iter().filter(|&&end| end <= at).count() - 1;
            assert!(found.blocks.iter().all(|block| block != &self::block(hit as i64 * 100)));
            assert!(hit <= found.blocks.len() && found.blocks.len() < 3, "{at}");
        }
        let found = scan_range(&whole, (111, 250));
        assert_eq!((found.blocks, found.valid_bytes), (vec![block(100), block(200)], whole.len()));
        let holed = [whole.as_slice(), &[0; 64]].concat();
        assert_eq!(scan(&holed).valid_bytes, whole.len());
    }
}
