//! A sketch as a string, byte for byte as Redis keeps it:
//!
//! ```text
//! "HYLL" encoding·u8 0·u24 cardinality·u64-le registers
//! ```
//! The highest bit of the cardinality says that it is out of date. Encoding 0 is dense, see
//! [`dense`], 1 is sparse, see [`sparse`]. Whatever else a client may have written there is an
//! error, never more. Knows no key.

use super::{dense, murmur::Mark, sparse};
use crate::error::{self, CommandError};
use crate::keyspace::Text;

/// Number of registers.
pub const REGISTERS: usize = 1 << 14;
/// Bytes in front of the registers.
pub const HEADER: usize = 16;
/// Bytes of a dense sketch.
pub const DENSE_BYTES: usize = HEADER + dense::BYTES;

const MAGIC: &[u8] = b"HYLL";
const CARDINALITY: usize = 8;
const OUT_OF_DATE: u8 = 0x80;

/// All registers, a byte each.
pub type Registers = [u8; REGISTERS];

/// How the registers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 6 bits each.
    Dense,
    /// Runs of equal ones.
    Sparse,
}

/// A sketch of no element.
#[must_use]
pub fn empty() -> Vec<u8> {
    let mut sketch = vec![0; HEADER];
    sketch[..MAGIC.len()].copy_from_slice(MAGIC);
    sketch[MAGIC.len()] = 1;
    sparse::push_zeros(&mut sketch, REGISTERS);
    sketch
}

/// How the registers of a string are kept, by its header and length alone.
///
/// # Errors
/// It is no sketch.
pub fn encoding(sketch: &[u8]) -> Result<Encoding, CommandError> {
    if sketch.len() < HEADER || !sketch.starts_with(MAGIC) {
        return Err(error::NO_SKETCH);
    }
    match sketch[MAGIC.len()] {
        0 if sketch.len() == DENSE_BYTES => Ok(Encoding::Dense),
        1 => Ok(Encoding::Sparse),
        _ => Err(error::NO_SKETCH),
    }
}

/// Runs `f` on the bytes of a string that is a sketch by its header.
///
/// # Errors
/// It is no sketch, or too long for one; or what `f` says.
pub fn with<R>(
    text: Text<'_>,
    f: impl FnOnce(Encoding, &[u8]) -> Result<R, CommandError>,
) -> Result<R, CommandError> {
    match text {
        Text::Bytes(bytes) => f(encoding(bytes)?, bytes),
        Text::Integer(..) => Err(error::NO_SKETCH),
        Text::Pages(pages) => {
            let head = pages.range(0, HEADER).next().unwrap_or_default();
            if head.starts_with(MAGIC) && head.get(MAGIC.len()) == Some(&1) {
                return Err(error::CORRUPT_SKETCH);
            }
            if pages.len() != DENSE_BYTES {
                return Err(error::NO_SKETCH);
            }
            let bytes = pages.to_vec();
            f(encoding(&bytes)?, &bytes)
        }
    }
}

/// The cardinality, if it is up to date.
#[must_use]
pub fn cardinality(sketch: &[u8]) -> Option<u64> {
    let bytes: &[u8; 8] = sketch[CARDINALITY..].first_chunk().expect("a sketch has a header");
    (bytes[7] & OUT_OF_DATE == 0).then(|| u64::from_le_bytes(*bytes))
}

/// Place and bytes of a cardinality that is up to date.
#[must_use]
pub fn cardinality_patch(cardinality: u64) -> (usize, [u8; 8]) {
    (CARDINALITY, cardinality.to_le_bytes())
}

/// Notes that the cardinality is out of date.
pub fn invalidate(sketch: &mut [u8]) {
    sketch[HEADER - 1] |= OUT_OF_DATE;
}

/// Notes an element; true when that changed a register.
///
/// # Errors
/// The sketch is corrupt.
pub fn add(sketch: &mut Vec<u8>, mark: Mark) -> Result<bool, CommandError> {
    match encoding(sketch)? {
        Encoding::Dense => Ok(dense::raise(&mut sketch[HEADER..], mark)),
        Encoding::Sparse => sparse::raise(sketch, mark),
    }
}

/// Raises each register to what a sketch has there.
///
/// # Errors
/// The sketch is corrupt.
pub fn merge(registers: &mut Registers, sketch: &[u8]) -> Result<(), CommandError> {
    match encoding(sketch)? {
        Encoding::Dense => dense::merge(registers, &sketch[HEADER..]),
        Encoding::Sparse => sparse::each_run(sketch, |places, value| {
            registers[places].iter_mut().for_each(|register| *register = value.max(*register));
        })?,
    }
    Ok(())
}

/// How many registers hold each value.
///
/// # Errors
/// The sketch is corrupt.
pub fn histogram(sketch: &[u8]) -> Result<[u32; 64], CommandError> {
    let mut counts = [0; 64];
    match encoding(sketch)? {
        Encoding::Dense => {
            let mut registers = Box::new([0; REGISTERS]);
            dense::merge(&mut registers, &sketch[HEADER..]);
            counts = histogram_of(&registers);
        }
        Encoding::Sparse => sparse::each_run(sketch, |places, value| {
            counts[usize::from(value)] += places.len() as u32;
        })?,
    }
    Ok(counts)
}

/// How many registers hold each value.
#[must_use]
pub fn histogram_of(registers: &Registers) -> [u32; 64] {
    // Four counts at a time: one alone would wait for itself, as most registers hold the same.
    let mut counts = [[0; 64]; 4];
    for group in registers.as_chunks::<4>().0 {
        for (counts, value) in counts.iter_mut().zip(group) {
            counts[usize::from(*value & 63)] += 1;
        }
    }
    std::array::from_fn(|value| counts.iter().map(|counts| counts[value]).sum())
}

/// Makes a sketch dense; the cardinality stays as it is.
///
/// # Errors
/// The sketch is corrupt.
pub fn make_dense(sketch: &mut Vec<u8>) -> Result<(), CommandError> {
    if encoding(sketch)? == Encoding::Dense {
        return Ok(());
    }
    let mut registers = Box::new([0; REGISTERS]);
    merge(&mut registers, sketch)?;
    let mut dense = Vec::with_capacity(DENSE_BYTES);
    dense.extend_from_slice(&sketch[..HEADER]);
    dense[MAGIC.len()] = 0;
    dense::push(&mut dense, &registers);
    *sketch = dense;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::Rng;

    #[test]
    fn both_forms_hold_the_same_registers() {
        for (seed, elements) in [(1, 10), (2, 300), (3, 5_000), (4, 200_000)] {
            println!("seed {seed}");
            let mut rng = Rng::new(seed);
            let mut model = Box::new([0u8; REGISTERS]);
            let (mut sketch, mut dense) = (empty(), empty());
            make_dense(&mut dense).expect("an empty sketch is sound");
            for _ in 0..elements {
                let mark = Mark::of(&rng.next_u64().to_le_bytes());
                let grows = model[mark.register] < mark.value;
                model[mark.register] = model[mark.register].max(mark.value);
                assert_eq!(add(&mut sketch, mark), Ok(grows));
                assert_eq!(add(&mut dense, mark), Ok(grows));
            }
            for sketch in [&sketch, &dense] {
                let mut registers = Box::new([0; REGISTERS]);
                merge(&mut registers, sketch).expect("it is sound");
                assert_eq!(registers, model);
            }
            assert_eq!(histogram(&sketch), histogram(&dense));
            let limit = crate::types::limits::SKETCH_SPARSE_BYTES.get();
            assert!(encoding(&sketch) == Ok(Encoding::Dense) || sketch.len() <= limit);
        }
    }

    #[test]
    fn corrupt_sketches_are_errors() {
        let mut rng = Rng::new(5);
        let mut refused = 0;
        for round in 0..3_000 {
            let mut sketch = empty();
            for _ in 0..rng.below(600) {
                add(&mut sketch, Mark::of(&rng.next_u64().to_le_bytes())).expect("it is sound");
            }
            if round % 5 == 0 {
                make_dense(&mut sketch).expect("it is sound");
            }
            for _ in 0..=rng.below(5) {
                let at = rng.below(sketch.len());
                sketch[at] = rng.next_u64() as u8;
            }
            if rng.below(4) == 0 {
                sketch.truncate(rng.below(sketch.len()));
            }
            refused += usize::from(histogram(&sketch).is_err());
            let mut registers = Box::new([0; REGISTERS]);
            assert_eq!(merge(&mut registers, &sketch).is_err(), histogram(&sketch).is_err());
            for _ in 0..20 {
                let mark = Mark::of(&rng.next_u64().to_le_bytes());
                if add(&mut sketch, mark).is_err() {
                    break;
                }
            }
            let _ = make_dense(&mut sketch);
        }
        assert!((500..3_000).contains(&refused), "{refused}");
    }
}
