//! A block as bytes and back: rows, times, then each column with its id and, where some rows have
//! no number, which have one. Bytes that are no block give an error, never a panic, and never make
//! more room than a block may take.

use crate::block::{Block, CELLS_MAX, ROWS_MAX, Value};
use crate::{bits, column, varint};
use std::collections::BTreeMap;

/// First byte of a block.
const FORMAT: u8 = 1;
/// Flag of a column that lacks numbers.
const SPARSE: u8 = 1;

/// Bytes that are no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Written by a later build.
    #[error("a block of format {0}, this build reads {FORMAT}")]
    Format(u8),
    /// Cut off or damaged.
    #[error("no whole block")]
    Malformed,
}

/// The bytes of a block.
pub fn encode(block: &Block) -> Vec<u8> {
    let mut out = vec![FORMAT];
    varint::put(&mut out, block.len() as u64);
    column::encode(&mut out, block.times_s(), 0);
    let used = || block.columns().iter().filter(|(_, values)| values.iter().any(Option::is_some));
    varint::put(&mut out, used().count() as u64);
    let mut next_id = 0;
    for (&id, values) in used() {
        varint::put(&mut out, u64::from(id - next_id));
        next_id = id.saturating_add(1);
        let present: Vec<i64> = values.iter().flatten().copied().collect();
        let is_sparse = present.len() < values.len();
        column_of(&mut out, values, &present, is_sparse);
    }
    out
}

fn column_of(out: &mut Vec<u8>, values: &[Value], present: &[i64], is_sparse: bool) {
    if !is_sparse {
        column::encode(out, present, 0);
        return;
    }
    let mut body = Vec::new();
    column::encode(&mut body, present, SPARSE);
    out.push(body[0]);
    bits::pack(out, values.iter().map(|value| u64::from(value.is_some())), 1);
    out.extend(&body[1..]);
}

/// The block of these bytes.
///
/// # Errors
/// See [`CodecError`].
pub fn decode(bytes: &[u8]) -> Result<Block, CodecError> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => decode_body(rest).ok_or(CodecError::Malformed),
        Some((&other, _)) => Err(CodecError::Format(other)),
        None => Err(CodecError::Malformed),
    }
}

/// First and last time of a block, without reading its columns; `None` without rows, and for bytes
/// that are no block.
pub fn span(bytes: &[u8]) -> Option<(i64, i64)> {
    let (&format, mut rest) = bytes.split_first()?;
    let input = &mut rest;
    let rows = usize::try_from(varint::take(input)?).ok()?;
    if format != FORMAT || !(1..=ROWS_MAX).contains(&rows) {
        return None;
    }
    let (mode, _) = column::take_mode(input)?;
    let times_s = column::decode(input, mode, rows)?;
    Some((*times_s.first()?, *times_s.last()?))
}

fn decode_body(mut input: &[u8]) -> Option<Block> {
    let input = &mut input;
    let rows = usize::try_from(varint::take(input)?).ok().filter(|&rows| rows <= ROWS_MAX)?;
    let times_s = match rows {
        0 => Vec::new(),
        _ => {
            let (mode, _) = column::take_mode(input)?;
            column::decode(input, mode, rows)?
        }
    };
    let count = usize::try_from(varint::take(input)?).ok()?;
    if CELLS_MAX < count.checked_mul(rows.max(1))? {
        return None;
    }
    let mut columns = BTreeMap::new();
    let mut next_id = 0u64;
    for _ in 0..count {
        let id = u16::try_from(next_id.checked_add(varint::take(input)?)?).ok()?;
        next_id = u64::from(id) + 1;
        columns.insert(id, take_column(input, rows)?);
    }
    if !input.is_empty() {
        return None;
    }
    Block::of(times_s, columns)
}

fn take_column(input: &mut &[u8], rows: usize) -> Option<Vec<Value>> {
    let (mode, flags) = column::take_mode(input)?;
    if flags & SPARSE == 0 {
        let values = column::decode(input, mode, rows)?;
        return Some(values.into_iter().map(Some).collect());
    }
    let has: Vec<u64> = bits::unpack(input, rows, 1)?;
    let present = has.iter().filter(|&&bit| bit == 1).count();
    let mut values = column::decode(input, mode, present)?.into_iter();
    has.into_iter().map(|bit| if bit == 1 { values.next().map(Some) } else { Some(None) }).collect()
}

#[cfg(test)]
mod tests;
