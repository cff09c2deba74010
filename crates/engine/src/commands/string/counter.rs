//! INCR, DECR, INCRBY, DECRBY and INCRBYFLOAT: numbers kept as strings.

use crate::commands::{Ctx, decimal};
use crate::error::{self, CommandError};
use crate::keyspace::{Text, Ttl, Value};
use crate::parse;
use catalog::events::Classes;

/// INCR.
///
/// # Errors
/// The value is no integer, or would overflow.
pub fn incr(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    add(ctx, 1)
}

/// DECR.
///
/// # Errors
/// As [`incr`].
pub fn decr(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    add(ctx, -1)
}

/// INCRBY.
///
/// # Errors
/// As [`incr`].
pub fn incrby(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let by = parse::integer(ctx.args.at(2))?;
    add(ctx, by)
}

/// DECRBY.
///
/// # Errors
/// As [`incr`].
pub fn decrby(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let by = parse::integer(ctx.args.at(2))?;
    let by = by.checked_neg().ok_or_else(|| error::other("ERR decrement would overflow"))?;
    add(ctx, by)
}

/// INCRBYFLOAT.
///
/// # Errors
/// The value or the increment is no number, or the sum is not finite.
pub fn incrbyfloat(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let old = match ctx.keys.text_quietly(key)? {
        Some(Text::Pages(_)) => return Err(error::NOT_FLOAT),
        Some(text) => text.into_vec(),
        None => b"0".to_vec(),
    };
    let by = ctx.args.at(2);
    let sum = parse::double(&old)? + parse::double(by)?;
    if !sum.is_finite() {
        return Err(error::NAN_OR_INFINITY);
    }
    let text = decimal::sum(&old, by).unwrap_or_else(|| human_double(sum));
    ctx.keys.set(key, Value::bytes(text.as_bytes()), Ttl::Keep);
    ctx.keys.event(Classes::STRING, "incrbyfloat", key);
    ctx.propagate(&[b"SET", key, text.as_bytes(), b"KEEPTTL"]);
    ctx.reply.bulk(text.as_bytes());
    Ok(())
}

fn add(ctx: &mut Ctx<'_>, by: i64) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let old = match ctx.keys.text_quietly(key)? {
        Some(Text::Pages(_)) => return Err(error::NOT_INTEGER),
        Some(text) => text.with(parse::integer)?,
        None => 0,
    };
    let sum = old.checked_add(by).ok_or(error::OVERFLOW)?;
    ctx.keys.set(key, Value::Integer(sum), Ttl::Keep);
    ctx.keys.event(Classes::STRING, "incrby", key);
    ctx.propagate_verbatim();
    ctx.reply.int(sum);
    Ok(())
}

/// A double with as few digits as tell it from its neighbours, without an exponent.
#[must_use]
pub fn human_double(value: f64) -> String {
    if value == 0.0 { "0".into() } else { format!("{value}") }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn counts() {
        check(
            r#"
            INCR k => :1 ~ INCR k
            INCRBY k 41 => :42
            DECR k => :41
            DECRBY k 50 => :-9
            SET k 9223372036854775807 => +OK
            INCR k => -ERR increment or decrement would overflow
            DECRBY k -9223372036854775808 => -ERR decrement would overflow
            GET k => "9223372036854775807"
            SET k x => +OK
            INCR k => -ERR value is not an integer or out of range
            INCRBY k y => -ERR value is not an integer or out of range
            SET t 1 EX 10 => +OK
            INCR t => :2
            TTL t => :10
            "#,
        );
    }

    #[test]
    fn adds_floats() {
        check(
            r#"
            INCRBYFLOAT k 1.5 => "1.5" ~ SET k 1.5 KEEPTTL
            INCRBYFLOAT k -0.5 => "1"
            INCRBYFLOAT k 3.0e3 => "3001"
            INCRBYFLOAT tenths 0.1 => "0.1"
            INCRBYFLOAT tenths 0.2 => "0.3" ~ SET tenths 0.3 KEEPTTL
            INCRBYFLOAT k inf => -ERR increment would produce NaN or Infinity
            INCRBYFLOAT k x => -ERR value is not a valid float
            GET k => "3001"
            "#,
        );
    }
}
