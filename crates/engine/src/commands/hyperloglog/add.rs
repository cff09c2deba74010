//! PFADD key [element ...]: notes elements in a sketch, which is made when there is none; 1 when
//! that changed it.

use super::murmur::Mark;
use super::sketch::{self, Encoding};
use crate::commands::Ctx;
use crate::error::CommandError;
use crate::keyspace::entry::INLINE_BYTES_MAX;
use crate::keyspace::{Keys, Ttl, Value};
use crate::types::Object;
use catalog::events::Classes;

/// Bytes that a few changes may add to a sparse sketch.
const ROOM_BYTES: usize = 32;

/// PFADD.
///
/// # Errors
/// The value is no sketch, or a corrupt one.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let mut marks = ctx.args.from(2).map(Mark::of);
    let text = ctx.keys.text_quietly(key)?;
    let is_new = text.is_none();
    let encoding = text.map(|text| sketch::with(text, |encoding, _| Ok(encoding))).transpose()?;
    let mut updated = u64::from(is_new);
    let in_place = encoding == Some(Encoding::Dense)
        && ctx.keys.edit_long(key, |sketch| {
            updated += marks.by_ref().map(|mark| u64::from(raise(sketch, mark))).sum::<u64>();
            if updated > 0 {
                sketch::invalidate(sketch);
            }
            updated > 0
        });
    if !in_place {
        let mut sketch = copy(&mut ctx.keys, key)?.unwrap_or_else(sketch::empty);
        for mark in marks {
            updated += u64::from(sketch::add(&mut sketch, mark)?);
        }
        if updated > 0 {
            sketch::invalidate(&mut sketch);
            put(&mut ctx.keys, key, sketch);
        }
    }
    if updated > 0 {
        ctx.keys.event(Classes::STRING, "pfadd", key);
        ctx.propagate_verbatim();
        ctx.keys.effects.dirty += updated - 1;
    }
    ctx.reply.int(i64::from(updated > 0));
    Ok(())
}

fn raise(sketch: &mut [u8], mark: Mark) -> bool {
    super::dense::raise(&mut sketch[sketch::HEADER..], mark)
}

/// A copy of the sketch at `key`, to be changed.
///
/// # Errors
/// The value is no sketch.
pub fn copy(keys: &mut Keys<'_>, key: &[u8]) -> Result<Option<Vec<u8>>, CommandError> {
    let Some(text) = keys.text_quietly(key)? else { return Ok(None) };
    sketch::with(text, |_, bytes| {
        let mut copy = Vec::with_capacity(bytes.len() + ROOM_BYTES);
        copy.extend_from_slice(bytes);
        Ok(Some(copy))
    })
}

/// Keeps a sketch under `key`, whose time to live stays.
pub fn put(keys: &mut Keys<'_>, key: &[u8], mut sketch: Vec<u8>) {
    if sketch.len() <= INLINE_BYTES_MAX {
        keys.set(key, Value::bytes(&sketch), Ttl::Keep);
        keys.mark_raw(key);
    } else {
        sketch.shrink_to_fit();
        keys.set(key, Value::Object(Box::new(Object::Bytes(sketch))), Ttl::Keep);
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn counts_elements() {
        check(
            r#"
            PFADD h => :1 ~ PFADD h
            PFADD h => :0 ~
            PFADD h a b c => :1 ~ PFADD h a b c
            PFADD h a => :0 ~
            PFCOUNT h => :3 ~ PFCOUNT h
            PFCOUNT h => :3 ~
            STRLEN h => :27
            OBJECT ENCODING h => "raw"
            EXPIRE h 10 => :1
            PFADD h d => :1
            TTL h => :10
            PFCOUNT h none => :4 ~
            PFCOUNT none => :0
            PFADD i d e => :1
            PFCOUNT h i => :5
            PFMERGE m h i none => +OK ~ PFMERGE m h i none
            PFMERGE m => +OK ~ PFMERGE m
            PFCOUNT m => :5
            PFDEBUG ENCODING m => +sparse
            PFDEBUG TODENSE m => :1 ~ PFDEBUG TODENSE m
            PFDEBUG TODENSE m => :0 ~
            PFDEBUG encoding m => +dense
            STRLEN m => :12304
            PFCOUNT m => :5
            PFADD m a => :0 ~
            PFADD m f => :1
            PFCOUNT m => :6
            PFMERGE i m => +OK
            PFDEBUG ENCODING i => +dense
            PFCOUNT i => :6
            PFSELFTEST => +OK
            "#,
        );
    }

    #[test]
    fn refuses_what_is_no_sketch() {
        let mut bench = Bench::new();
        bench.check(
            r#"
            SET s 1 => +OK
            PFADD s a => -WRONGTYPE Key is not a valid HyperLogLog string value.
            SET s "HYLL\x00" => +OK
            PFCOUNT s => -WRONGTYPE Key is not a valid HyperLogLog string value.
            SET s "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" => +OK
            PFMERGE m s => -WRONGTYPE Key is not a valid HyperLogLog string value.
            RPUSH l a => :1
            PFADD l a => -WRONGTYPE Operation against a key holding the wrong kind of value
            PFCOUNT l => -WRONGTYPE Operation against a key holding the wrong kind of value
            PFADD h a b c => :1
            APPEND h x => :28
            PFCOUNT h => -INVALIDOBJ Corrupted HLL object detected
            PFCOUNT h h => -INVALIDOBJ Corrupted HLL object detected
            PFMERGE m h => -INVALIDOBJ Corrupted HLL object detected
            PFDEBUG GETREG h => -INVALIDOBJ Corrupted HLL object detected
            PFDEBUG GETREG none => -ERR The specified key does not exist
            PFDEBUG FOO m2 => -ERR The specified key does not exist
            PFDEBUG foo h => -ERR Unknown PFDEBUG subcommand 'foo'
            PFADD long a => :1
            SETRANGE long 9000 x => :9001
            PFADD long b => -INVALIDOBJ Corrupted HLL object detected
            "#,
        );
    }
}
