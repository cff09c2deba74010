//! PFCOUNT key [key ...]: about how many distinct elements the sketches have seen together. The
//! number of a single sketch is kept in it until the next change.

use super::estimate::cardinality;
use super::sketch::{self, REGISTERS};
use crate::commands::Ctx;
use crate::commands::string::append::write;
use crate::error::CommandError;

/// Sketches between two ticks.
const PACE: usize = 8;

/// PFCOUNT.
///
/// # Errors
/// A value is no sketch, or a corrupt one.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    if ctx.args.len() > 2 {
        let (registers, _) = merge_all(ctx)?;
        ctx.reply.int(cardinality(&sketch::histogram_of(&registers)) as i64);
        return Ok(());
    }
    let key = ctx.args.at(1);
    let Some(text) = ctx.keys.text(key)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let (count, is_kept) = sketch::with(text, |_, bytes| match sketch::cardinality(bytes) {
        Some(count) => Ok((count, true)),
        None => Ok((cardinality(&sketch::histogram(bytes)?), false)),
    })?;
    if !is_kept {
        let (at, patch) = sketch::cardinality_patch(count);
        write(&mut ctx.keys, key, at, &patch);
        ctx.propagate_verbatim();
    }
    ctx.reply.int(count as i64);
    Ok(())
}

/// The registers of all sketches from word 1 on, and whether one of these is dense.
///
/// # Errors
/// A value is no sketch, or a corrupt one.
pub fn merge_all(ctx: &mut Ctx<'_>) -> Result<(Box<sketch::Registers>, bool), CommandError> {
    let (mut registers, mut is_dense) = (Box::new([0; REGISTERS]), false);
    for (number, key) in ctx.args.from(1).enumerate() {
        if number % PACE == PACE - 1 {
            ctx.tick.tick()?;
        }
        let Some(text) = ctx.keys.text(key)? else { continue };
        sketch::with(text, |encoding, bytes| {
            is_dense |= encoding == sketch::Encoding::Dense;
            sketch::merge(&mut registers, bytes)
        })?;
    }
    Ok((registers, is_dense))
}
