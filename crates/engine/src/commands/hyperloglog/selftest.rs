//! PFSELFTEST: whether registers keep what they are given, and estimates are as good as they should
//! be.

use super::dense;
use super::estimate::cardinality;
use super::murmur::Mark;
use super::sketch::{self, Encoding, HEADER, REGISTERS};
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::tick::at_step;
use crate::types::limits::SKETCH_SPARSE_BYTES;

/// Elements of the test; the estimate is looked at for each power of ten on the way.
const ELEMENTS: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

/// PFSELFTEST.
///
/// # Errors
/// What is wrong.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let given: Box<sketch::Registers> =
        Box::new(std::array::from_fn(|_| ctx.rng.below(dense::VALUES) as u8));
    let mut bytes = Vec::new();
    dense::push(&mut bytes, &given);
    if !dense::values(&bytes).eq(given.iter().copied()) {
        return Err(error::other("TESTFAILED registers do not keep their values"));
    }
    let (mut sketch, mut dense) = (sketch::empty(), sketch::empty());
    sketch::make_dense(&mut dense)?;
    let salt = ctx.rng.next_u64();
    let mut checkpoint = 1;
    for number in 1..=ELEMENTS {
        at_step(number as usize, ctx.tick)?;
        let mark = Mark::of(&(number ^ salt).to_le_bytes());
        sketch::add(&mut sketch, mark)?;
        dense::raise(&mut dense[HEADER..], mark);
        if number == checkpoint {
            check(&sketch, &dense, number)?;
            checkpoint *= 10;
        }
    }
    ctx.reply.ok();
    Ok(())
}

fn check(sketch: &[u8], dense: &[u8], elements: u64) -> Result<(), CommandError> {
    let is_sparse = sketch::encoding(sketch)? == Encoding::Sparse;
    if elements < SKETCH_SPARSE_BYTES.get() as u64 / 2 && !is_sparse {
        return Err(error::other("TESTFAILED sparse encoding not used"));
    }
    let estimate = cardinality(&sketch::histogram(dense)?);
    if cardinality(&sketch::histogram(sketch)?) != estimate {
        return Err(error::other("TESTFAILED dense/sparse disagree"));
    }
    let off = estimate.abs_diff(elements);
    // Six times the standard error; of ten elements two may share a register.
    let most = 1.04 / (REGISTERS as f64).sqrt() * 6.0 * elements as f64;
    let most = if elements == 10 { 1.0 } else { most.ceil() };
    if off as f64 > most {
        let text = format!("TESTFAILED Too big error. card:{elements} abserr:{off}");
        return Err(error::other(text));
    }
    Ok(())
}
