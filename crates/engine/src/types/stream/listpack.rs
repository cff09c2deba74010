//! What entries would take in Redis' own form, a listpack for each node of its tree. Nodes are
//! visible: they decide what an approximate trim leaves. Counts bytes, writes none.

use resp::number::parse_i64;

/// Header, and the mark of the end.
pub const FRAME_BYTES: u64 = 7;

/// Bytes of an item that holds a text.
pub fn text_bytes(text: &[u8]) -> u64 {
    if let Some(number) = parse_i64(text) {
        return integer_bytes(number);
    }
    let len = text.len() as u64;
    let head = match len {
        0..64 => 1,
        64..4096 => 2,
        _ => 5,
    };
    with_length(head + len)
}

/// Bytes of an item that holds an integer.
pub fn integer_bytes(number: i64) -> u64 {
    with_length(match number {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32_768..=32_767 => 3,
        -8_388_608..=8_388_607 => 4,
        -2_147_483_648..=2_147_483_647 => 5,
        _ => 9,
    })
}

/// An item ends with its length, for those who come from behind.
fn with_length(item: u64) -> u64 {
    item + match item {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}
