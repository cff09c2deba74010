//! One column of a block: of five ways to write its numbers the shortest is taken. Must not know
//! times or which rows have a number.

use crate::bits;
use crate::varint;

/// How a column is written; the numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// One number for all rows.
    Constant = 0,
    /// Distances from the smallest.
    Values = 1,
    /// The first, then distances from the smallest step.
    Steps = 2,
    /// The first and the first step, then distances from the smallest change of the step.
    Curves = 3,
    /// Steps with how often the number then comes.
    Runs = 4,
}

const MODES: [Mode; 5] = [Mode::Constant, Mode::Values, Mode::Steps, Mode::Curves, Mode::Runs];

/// Appends mode and numbers; `flags` ride in the mode's byte above its three bits.
pub(crate) fn encode(out: &mut Vec<u8>, values: &[i64], flags: u8) {
    let shortest = MODES
        .iter()
        .filter_map(|&mode| written(values, mode).map(|bytes| (mode, bytes)))
        .min_by_key(|(_, bytes)| bytes.len());
    // A column of no number does not exist; one of some can be written as `Values`.
    let Some((mode, bytes)) = shortest else { return };
    out.push(mode as u8 | flags << 3);
    out.extend(bytes);
}

/// Takes the mode's byte off the front; gives mode and flags.
pub(crate) fn take_mode(input: &mut &[u8]) -> Option<(u8, u8)> {
    let (&byte, rest) = input.split_first()?;
    *input = rest;
    Some((byte & 7, byte >> 3))
}

fn written(values: &[i64], mode: Mode) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (&first, rest) = values.split_first()?;
    match mode {
        Mode::Constant => {
            if rest.iter().any(|&value| value != first) {
                return None;
            }
            varint::put_signed(&mut out, first);
        }
        Mode::Values => put_packed(&mut out, values),
        Mode::Steps => {
            varint::put_signed(&mut out, first);
            put_packed(&mut out, &steps(values));
        }
        Mode::Curves => {
            let steps = steps(values);
            let first_step = *steps.first()?;
            varint::put_signed(&mut out, first);
            varint::put_signed(&mut out, first_step);
            put_packed(&mut out, &self::steps(&steps));
        }
        Mode::Runs => put_runs(&mut out, values),
    }
    Some(out)
}

fn steps(values: &[i64]) -> Vec<i64> {
    values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect()
}

fn put_packed(out: &mut Vec<u8>, values: &[i64]) {
    let Some(&low) = values.iter().min() else { return };
    let above = values.iter().map(|&value| value.wrapping_sub(low) as u64);
    let width = bits::width_of(above.clone().max().unwrap_or(0));
    varint::put_signed(out, low);
    out.push(width as u8);
    bits::pack(out, above, width);
}

fn put_runs(out: &mut Vec<u8>, values: &[i64]) {
    let mut before = 0;
    for run in values.chunk_by(|a, b| a == b) {
        varint::put_signed(out, run[0].wrapping_sub(before));
        varint::put(out, run.len() as u64);
        before = run[0];
    }
}

/// Takes `count` numbers, at least one, off the front; `None` when the bytes are no such column.
pub(crate) fn decode(input: &mut &[u8], mode: u8, count: usize) -> Option<Vec<i64>> {
    let mode = *MODES.get(usize::from(mode))?;
    match mode {
        Mode::Constant => Some(vec![varint::take_signed(input)?; count]),
        Mode::Values => take_packed(input, count),
        Mode::Steps => {
            let first = varint::take_signed(input)?;
            Some(sums(first, &take_packed(input, count.checked_sub(1)?)?))
        }
        Mode::Curves => {
            let first = varint::take_signed(input)?;
            let first_step = varint::take_signed(input)?;
            let curves = take_packed(input, count.checked_sub(2)?)?;
            Some(sums(first, &sums(first_step, &curves)))
        }
        Mode::Runs => take_runs(input, count),
    }
}

fn sums(first: i64, steps: &[i64]) -> Vec<i64> {
    let add = |sum: &mut i64, step: &i64| {
        *sum = sum.wrapping_add(*step);
        Some(*sum)
    };
    std::iter::once(first).chain(steps.iter().scan(first, add)).collect()
}

fn take_packed(input: &mut &[u8], count: usize) -> Option<Vec<i64>> {
    if count == 0 {
        return Some(Vec::new());
    }
    let low = varint::take_signed(input)?;
    let (&width, rest) = input.split_first()?;
    *input = rest;
    let above = bits::unpack(input, count, u32::from(width))?;
    Some(above.into_iter().map(|above| low.wrapping_add(above as i64)).collect())
}

fn take_runs(input: &mut &[u8], count: usize) -> Option<Vec<i64>> {
    let mut values = Vec::with_capacity(count);
    let mut last = 0i64;
    while values.len() < count {
        last = last.wrapping_add(varint::take_signed(input)?);
        let length = usize::try_from(varint::take(input)?).ok()?;
        if length == 0 || count - values.len() < length {
            return None;
        }
        values.resize(values.len() + length, last);
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[i64], mode: Mode, bytes: usize) {
        let mut out = Vec::new();
        encode(&mut out, values, 0b10110);
        let mut input = out.as_slice();
        let (found, flags) = take_mode(&mut input).expect("there");
        assert_eq!((found, flags), (mode as u8, 0b10110), "{values:?}");
        assert_eq!(decode(&mut input, found, values.len()).as_deref(), Some(values));
        assert!(input.is_empty());
        assert_eq!(out.len(), bytes, "{values:?}");
        for way in MODES {
            let Some(bytes) = written(values, way) else { continue };
            let mut input = bytes.as_slice();
            let back = decode(&mut input, way as u8, values.len());
            assert_eq!(back.as_deref(), Some(values), "{way:?}");
        }
    }

    #[test]
    fn the_shortest_way_is_taken() {
        check(&[7], Mode::Constant, 2);
        check(&[7; 100], Mode::Constant, 2);
        check(&[5, 6, 5, 4, 7, 5, 6, 5], Mode::Values, 5);
        let ramp: Vec<i64> = (0..60).map(|n| 1_000_000 + 5 * n).collect();
        check(&ramp, Mode::Steps, 6);
        let curve: Vec<i64> = (0..60).map(|n| n * n).collect();
        check(&curve, Mode::Curves, 5);
        let mut spike = vec![0; 200];
        spike[77] = 1_000_000_000;
        check(&spike, Mode::Runs, 15);
        check(&[i64::MIN, i64::MAX, -1, 0, i64::MIN], Mode::Runs, 38);
    }
}
