//! PFMERGE destination [source ...]: one sketch of what several have seen, the destination's own
//! included. It is dense when one of them is.

use super::add::{copy, put};
use super::count::merge_all;
use super::dense;
use super::murmur::Mark;
use super::sketch;
use crate::commands::Ctx;
use crate::error::CommandError;
use catalog::events::Classes;

/// PFMERGE.
///
/// # Errors
/// A value is no sketch, or a corrupt one.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let (registers, is_dense) = merge_all(ctx)?;
    let mut target = copy(&mut ctx.keys, key)?.unwrap_or_else(sketch::empty);
    if is_dense {
        sketch::make_dense(&mut target)?;
        target.truncate(sketch::HEADER);
        dense::push(&mut target, &registers);
    } else {
        for (register, &value) in registers.iter().enumerate().filter(|(_, value)| **value > 0) {
            sketch::add(&mut target, Mark { register, value })?;
        }
    }
    sketch::invalidate(&mut target);
    put(&mut ctx.keys, key, target);
    ctx.keys.event(Classes::STRING, "pfadd", key);
    ctx.propagate_verbatim();
    ctx.reply.ok();
    Ok(())
}
