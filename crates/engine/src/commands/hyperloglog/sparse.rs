//! Registers as runs of equal ones, in the words of Redis:
//!
//! ```text
//! 00llllll            zero      l + 1 registers of 0
//! 01llllll llllllll   zeros     l + 1 registers of 0, up to all of them
//! 1vvvvvll            value     l + 1 registers of v + 1
//! ```
//! A change splits one run, and then joins values that have become equal among the few behind the
//! run before it, exactly as Redis does, so that the same commands make the same bytes.

use super::murmur::Mark;
use super::sketch::{HEADER, REGISTERS, invalidate, make_dense};
use super::{dense, sketch};
use crate::error::{self, CommandError};
use crate::types::limits::SKETCH_SPARSE_BYTES;
use smallvec::SmallVec;
use std::ops::Range;

const ZERO_LEN_MAX: usize = 64;
const VALUE_LEN_MAX: usize = 4;
const VALUE_MAX: u8 = 32;

/// Runs that are looked at for values to join.
const JOIN_RUNS: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Zero,
    Zeros,
    Value,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    kind: Kind,
    /// Number of registers.
    len: usize,
    /// What they hold.
    value: u8,
}

impl Run {
    /// The run at a place. A run that is cut off ends in a zero byte, as for Redis.
    fn at(sketch: &[u8], at: usize) -> Option<Self> {
        let first = *sketch.get(at)?;
        let low = usize::from(first & 0x3f);
        Some(match first >> 6 {
            0 => Self { kind: Kind::Zero, len: low + 1, value: 0 },
            1 => {
                let second = sketch.get(at + 1).copied().unwrap_or(0);
                let len = (low << 8 | usize::from(second)) + 1;
                Self { kind: Kind::Zeros, len, value: 0 }
            }
            _ => {
                let value = (first >> 2 & 0x1f) + 1;
                Self { kind: Kind::Value, len: usize::from(first & 3) + 1, value }
            }
        })
    }

    fn bytes(self) -> usize {
        if self.kind == Kind::Zeros { 2 } else { 1 }
    }
}

fn value_byte(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len as u8 - 1)
}

/// Appends a run of zeros, which may be empty.
pub fn push_zeros(out: &mut impl Extend<u8>, len: usize) {
    if len > ZERO_LEN_MAX {
        let [high, low] = (len as u16 - 1).to_be_bytes();
        out.extend([0x40 | high, low]);
    } else if len > 0 {
        out.extend([len as u8 - 1]);
    }
}

fn push_values(out: &mut impl Extend<u8>, value: u8, len: usize) {
    if len > 0 {
        out.extend([value_byte(value, len)]);
    }
}

/// Visits the registers of each run and what they hold.
///
/// # Errors
/// The runs do not make up all registers.
pub fn each_run(
    sketch: &[u8],
    mut visit: impl FnMut(Range<usize>, u8),
) -> Result<(), CommandError> {
    let (mut at, mut register) = (HEADER, 0);
    while let Some(run) = Run::at(sketch, at) {
        let end = register + run.len;
        if end > REGISTERS {
            return Err(error::CORRUPT_SKETCH);
        }
        visit(register..end, run.value);
        (at, register) = (at + run.bytes(), end);
    }
    if register == REGISTERS { Ok(()) } else { Err(error::CORRUPT_SKETCH) }
}

/// Appends what PFDEBUG DECODE shows of the runs.
pub fn decode(sketch: &[u8]) -> String {
    let mut words = Vec::new();
    let mut at = HEADER;
    while let Some(run) = Run::at(sketch, at) {
        words.push(match run.kind {
            Kind::Zero => format!("z:{}", run.len),
            Kind::Zeros => format!("Z:{}", run.len),
            Kind::Value => format!("v:{},{}", run.value, run.len),
        });
        at += run.bytes();
    }
    words.join(" ")
}

/// Raises a register to the mark; true when it was lower. The sketch becomes dense when the mark
/// or the runs would be too large.
///
/// # Errors
/// The sketch is corrupt.
pub fn raise(sketch: &mut Vec<u8>, mark: Mark) -> Result<bool, CommandError> {
    if mark.value > VALUE_MAX {
        return raise_dense(sketch, mark);
    }
    let place = Place::find(sketch, mark.register).ok_or(error::CORRUPT_SKETCH)?;
    let run = place.run;
    if run.value >= mark.value {
        return Ok(false);
    }
    let split = place.split(mark);
    let len = sketch.len() + split.len() - run.bytes();
    if split.len() > run.bytes() && len > SKETCH_SPARSE_BYTES.get() {
        return raise_dense(sketch, mark);
    }
    sketch.splice(place.at..place.at + run.bytes(), split);
    join_values(sketch, place.before);
    invalidate(sketch);
    Ok(true)
}

fn raise_dense(sketch: &mut Vec<u8>, mark: Mark) -> Result<bool, CommandError> {
    make_dense(sketch)?;
    dense::raise(&mut sketch[sketch::HEADER..], mark);
    invalidate(sketch);
    Ok(true)
}

/// Where a register is.
struct Place {
    /// The run before its run, or its run when that is the first one.
    before: usize,
    /// Its run.
    at: usize,
    run: Run,
    /// The first register of that run.
    first: usize,
}

impl Place {
    fn find(sketch: &[u8], register: usize) -> Option<Self> {
        let (mut before, mut at, mut first) = (HEADER, HEADER, 0);
        loop {
            let run = Run::at(sketch, at)?;
            if at + run.bytes() > sketch.len() {
                return None;
            }
            if register < first + run.len {
                return Some(Self { before, at, run, first });
            }
            (before, at, first) = (at, at + run.bytes(), first + run.len);
        }
    }

    /// The bytes that take the place of the run.
    fn split(&self, mark: Mark) -> SmallVec<[u8; 5]> {
        let before = mark.register - self.first;
        let behind = self.run.len - before - 1;
        let mut bytes = SmallVec::new();
        match self.run.kind {
            Kind::Zero | Kind::Zeros => {
                push_zeros(&mut bytes, before);
                push_values(&mut bytes, mark.value, 1);
                push_zeros(&mut bytes, behind);
            }
            Kind::Value => {
                push_values(&mut bytes, self.run.value, before);
                push_values(&mut bytes, mark.value, 1);
                push_values(&mut bytes, self.run.value, behind);
            }
        }
        bytes
    }
}

fn join_values(sketch: &mut Vec<u8>, mut at: usize) {
    for _ in 0..JOIN_RUNS {
        let Some(run) = Run::at(sketch, at) else { return };
        let next = Run::at(sketch, at + run.bytes());
        let same = next.filter(|next| {
            let values = run.kind == Kind::Value && next.kind == Kind::Value;
            values && run.value == next.value && run.len + next.len <= VALUE_LEN_MAX
        });
        match same {
            Some(next) => {
                sketch[at + 1] = value_byte(run.value, run.len + next.len);
                sketch.remove(at);
            }
            None => at += run.bytes(),
        }
    }
}
