//! PFDEBUG GETREG | DECODE | ENCODING | TODENSE key: the inside of a sketch. GETREG makes it dense,
//! too, as Redis does.

use super::add::{copy, put};
use super::sketch::{self, Encoding, HEADER, REGISTERS};
use super::{dense, sparse};
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;

/// PFDEBUG.
///
/// # Errors
/// There is no key, the value is no sketch or a corrupt one, or the subcommand is none.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (word, key) = (ctx.args.at(1), ctx.args.at(2));
    let mut bytes = copy(&mut ctx.keys, key)?.ok_or(error::SPECIFIED_KEY_MISSING)?;
    let encoding = sketch::encoding(&bytes)?;
    let densifies = parse::is(word, "GETREG") || parse::is(word, "TODENSE");
    if densifies && encoding == Encoding::Sparse {
        sketch::make_dense(&mut bytes)?;
        put(&mut ctx.keys, key, bytes.clone());
        ctx.propagate_verbatim();
    }
    match word {
        _ if parse::is(word, "GETREG") => {
            ctx.reply.array(REGISTERS);
            dense::values(&bytes[HEADER..]).for_each(|value| ctx.reply.int(i64::from(value)));
        }
        _ if parse::is(word, "TODENSE") => {
            ctx.reply.int(i64::from(encoding == Encoding::Sparse));
        }
        _ if parse::is(word, "DECODE") => {
            if encoding != Encoding::Sparse {
                return Err(error::SKETCH_NOT_SPARSE);
            }
            ctx.reply.bulk(sparse::decode(&bytes).as_bytes());
        }
        _ if parse::is(word, "ENCODING") => ctx.reply.simple(match encoding {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        }),
        _ => return Err(error::unknown_pfdebug(word)),
    }
    Ok(())
}
