//! HINCRBY key field increment and HINCRBYFLOAT: numbers in fields.

use crate::commands::string::counter::human_double;
use crate::commands::{Ctx, decimal};
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Hash;
use catalog::events::Classes;
use resp::number::Digits;

/// HINCRBY.
///
/// # Errors
/// The increment or the value is no integer, the sum overflows, or the value is no hash.
pub fn hincrby(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, field) = (ctx.args.at(1), ctx.args.at(2));
    let by = parse::integer(ctx.args.at(3))?;
    let old = match ctx.keys.get_quietly::<Hash>(key)?.and_then(|hash| hash.get(field)) {
        Some(text) => parse::integer(text).map_err(|_| error::HASH_NOT_INTEGER)?,
        None => 0,
    };
    let sum = old.checked_add(by).ok_or(error::OVERFLOW)?;
    ctx.keys.edit_or_new::<Hash>(key)?.insert_keeping(field, Digits::new().format(sum));
    ctx.keys.event(Classes::HASH, "hincrby", key);
    ctx.propagate_verbatim();
    ctx.reply.int(sum);
    Ok(())
}

/// HINCRBYFLOAT. The sum is propagated, so that no other float arithmetic is asked to agree.
///
/// # Errors
/// The increment or the value is no number, the sum is not finite, or the value is no hash.
pub fn hincrbyfloat(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, field) = (ctx.args.at(1), ctx.args.at(2));
    let by = parse::double(ctx.args.at(3))?;
    if !by.is_finite() {
        return Err(error::INCREMENT_NOT_FINITE);
    }
    let old = ctx.keys.get_quietly::<Hash>(key)?.and_then(|hash| hash.get(field)).unwrap_or(b"0");
    let sum = parse::double(old).map_err(|_| error::HASH_NOT_FLOAT)? + by;
    if !sum.is_finite() {
        return Err(error::NAN_OR_INFINITY);
    }
    let text = decimal::sum(old, ctx.args.at(3)).unwrap_or_else(|| human_double(sum));
    let mut edit = ctx.keys.edit_or_new::<Hash>(key)?;
    edit.insert_keeping(field, text.as_bytes());
    let dies = edit.death_ms(field).is_some();
    drop(edit);
    ctx.keys.event(Classes::HASH, "hincrbyfloat", key);
    if dies {
        // HSET would take the time of death away.
        ctx.propagate(&[b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", field, text.as_bytes()]);
    } else {
        ctx.propagate(&[b"HSET", key, field, text.as_bytes()]);
    }
    ctx.reply.bulk(text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn counts() {
        check(
            r#"
            HINCRBY h a 5 => :5 ~ HINCRBY h a 5
            HINCRBY h a -7 => :-2
            HSET h b x c 9223372036854775807 => :2
            HINCRBY h b 1 => -ERR hash value is not an integer
            HINCRBY h c 1 => -ERR increment or decrement would overflow
            HINCRBY h a x => -ERR value is not an integer or out of range
            HINCRBY none a x => -ERR value is not an integer or out of range
            EXISTS none => :0
            HINCRBYFLOAT h a 0.5 => "-1.5" ~ HSET h a -1.5
            HINCRBYFLOAT h new 3.0e3 => "3000"
            HINCRBYFLOAT h tenths 0.1 => "0.1"
            HINCRBYFLOAT h tenths 0.2 => "0.3" ~ HSET h tenths 0.3
            HINCRBYFLOAT h b 1 => -ERR hash value is not a float
            HINCRBYFLOAT h a x => -ERR value is not a valid float
            HINCRBYFLOAT h a inf => -ERR value is NaN or Infinity
            SET k v => +OK
            HINCRBY k a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            HINCRBYFLOAT k a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
