//! INCREX key [BYINT n | BYFLOAT n] [LBOUND n] [UBOUND n] [SATURATE] [EX s | PX ms | EXAT unix-s |
//! PXAT unix-ms | PERSIST] [ENX]: adds to a number within bounds, and sets its time to live in the
//! same step; with ENX only when it has none.
//!
//! The reply is the new number and what was added. Beyond the bounds nothing is changed and nothing
//! was added; with SATURATE the bound is reached. Propagated as a SET of the result.

use super::counter::human_double;
use super::expiry_option::Unit;
use crate::commands::{Ctx, decimal};
use crate::error::{self, CommandError};
use crate::keyspace::{Keys, Text, Ttl, Value};
use crate::parse;
use catalog::events::Classes;
use resp::Args;
use resp::number::Digits;

/// What becomes of the time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Keep,
    Persist,
    Until(u64),
}

struct Request<'a> {
    by_float: bool,
    by: &'a [u8],
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    saturates: bool,
    life: Life,
    only_mortal: bool,
}

impl<'a> Request<'a> {
    fn parse(args: Args<'a>, now_ms: u64) -> Result<Self, CommandError> {
        let (mut by, mut life, mut only_mortal) = (None, None, false);
        let (mut lower, mut upper, mut saturates) = (None, None, false);
        let mut words = args.from(2);
        while let Some(word) = words.next() {
            let mut next = || words.next().ok_or(error::SYNTAX);
            if parse::is(word, "BYINT") && by.is_none() {
                by = Some((false, next()?));
            } else if parse::is(word, "BYFLOAT") && by.is_none() {
                by = Some((true, next()?));
            } else if parse::is(word, "LBOUND") && lower.is_none() {
                lower = Some(next()?);
            } else if parse::is(word, "UBOUND") && upper.is_none() {
                upper = Some(next()?);
            } else if parse::is(word, "SATURATE") {
                saturates = true;
            } else if parse::is(word, "ENX") {
                only_mortal = true;
            } else if parse::is(word, "PERSIST") && life.is_none() {
                life = Some(Life::Persist);
            } else if let Some(unit) = Unit::of(word)
                && life.is_none()
            {
                life = Some(Life::Until(unit.death_ms(next()?, now_ms, "increx")?));
            } else {
                return Err(error::SYNTAX);
            }
        }
        let life = life.unwrap_or(Life::Keep);
        if only_mortal && !matches!(life, Life::Until(_)) {
            return Err(error::SYNTAX);
        }
        let (by_float, by) = by.unwrap_or((false, b"1"));
        Ok(Self { by_float, by, lower, upper, saturates, life, only_mortal })
    }
}

/// A number and what was added to it, as texts; `None` when it is as before.
type Outcome = (Option<String>, [String; 2]);

/// INCREX.
///
/// # Errors
/// Bad numbers or options, or the value is no number.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let request = Request::parse(ctx.args, ctx.keys.moment.now_ms)?;
    let key = ctx.args.at(1);
    let old = match ctx.keys.text_quietly(key)? {
        Some(Text::Pages(_)) if request.by_float => return Err(error::NOT_FLOAT),
        Some(Text::Pages(_)) => return Err(error::NOT_INTEGER),
        Some(text) => text.into_vec(),
        None => b"0".to_vec(),
    };
    let (new, reply) =
        if request.by_float { add_float(&request, &old)? } else { add_integer(&request, &old)? };
    if let Some(new) = new {
        keep(ctx, &request, key, new.as_bytes());
    }
    ctx.reply.array(2);
    for text in reply {
        match parse::integer(text.as_bytes()) {
            Ok(number) if !request.by_float => ctx.reply.int(number),
            _ => ctx.reply.double_text(&text),
        }
    }
    Ok(())
}

fn add_integer(request: &Request<'_>, old: &[u8]) -> Result<Outcome, CommandError> {
    let (old, by) = (parse::integer(old)?, parse::integer(request.by)?);
    let lower = request.lower.map_or(Ok(i64::MIN), parse::integer)?;
    let upper = request.upper.map_or(Ok(i64::MAX), parse::integer)?;
    if lower > upper {
        return Err(error::BOUNDS_CROSSED);
    }
    let sum = i128::from(old) + i128::from(by);
    let bounded = sum.clamp(i128::from(lower), i128::from(upper));
    if bounded != sum && !request.saturates {
        return Ok((None, [old.to_string(), "0".into()]));
    }
    let added = bounded - i128::from(old);
    Ok((Some(bounded.to_string()), [bounded.to_string(), added.to_string()]))
}

fn add_float(request: &Request<'_>, old: &[u8]) -> Result<Outcome, CommandError> {
    let (old_number, by) = (parse::double(old)?, parse::double(request.by)?);
    let lower = request.lower.map_or(Ok(f64::MIN), parse::double)?;
    let upper = request.upper.map_or(Ok(f64::MAX), parse::double)?;
    if lower > upper {
        return Err(error::BOUNDS_CROSSED);
    }
    let sum = old_number + by;
    if !by.is_finite() || (!sum.is_finite() && !request.saturates) {
        return Err(error::NAN_OR_INFINITY);
    }
    let bounded = sum.clamp(lower, upper);
    if bounded == sum {
        let new = decimal::sum(old, request.by).unwrap_or_else(|| human_double(sum));
        return Ok((Some(new.clone()), [new, human_double(by)]));
    }
    if !request.saturates {
        return Ok((None, [human_double(old_number), "0".into()]));
    }
    let new = human_double(bounded);
    Ok((Some(new.clone()), [new, human_double(bounded - old_number)]))
}

/// Keeps the result, and tells of it.
fn keep(ctx: &mut Ctx<'_>, request: &Request<'_>, key: &[u8], new: &[u8]) {
    let now_ms = ctx.keys.moment.now_ms;
    let ttl = match request.life {
        Life::Keep => Ttl::Keep,
        Life::Persist => Ttl::Clear,
        Life::Until(_) if request.only_mortal && is_mortal(&mut ctx.keys, key) => Ttl::Keep,
        Life::Until(at_ms) if at_ms <= now_ms => {
            if ctx.keys.remove(key) {
                ctx.keys.event(Classes::GENERIC, "del", key);
                ctx.propagate(&[b"DEL", key]);
            }
            return;
        }
        Life::Until(at_ms) => Ttl::At(at_ms),
    };
    let event = if request.by_float { "incrbyfloat" } else { "incrby" };
    let value = if request.by_float { Value::bytes(new) } else { Value::string(new) };
    ctx.keys.set(key, value, ttl);
    ctx.keys.event(Classes::STRING, event, key);
    match ttl {
        Ttl::Clear => ctx.propagate(&[b"SET", key, new]),
        Ttl::Keep => ctx.propagate(&[b"SET", key, new, b"KEEPTTL"]),
        Ttl::At(at_ms) => {
            ctx.keys.event(Classes::GENERIC, "expire", key);
            let mut digits = Digits::new();
            ctx.propagate(&[b"SET", key, new, b"PXAT", digits.format(at_ms as i64)]);
        }
    }
}

fn is_mortal(keys: &mut Keys<'_>, key: &[u8]) -> bool {
    keys.peek(key).is_some_and(|entry| entry.expiry_ms().is_some())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn adds_within_bounds() {
        check(
            r#"
            INCREX k => [:1, :1] ~ SET k 1 KEEPTTL
            INCREX k BYINT 99 => [:100, :99]
            INCREX k BYINT -5 UBOUND 100 => [:95, :-5]
            INCREX k BYINT 10 UBOUND 100 => [:95, :0] ~
            INCREX k BYINT 10 UBOUND 100 SATURATE => [:100, :5] ~ SET k 100 KEEPTTL
            INCREX k BYINT -1000 LBOUND 0 SATURATE => [:0, :-100]
            INCREX new BYINT 5 UBOUND 1 => [:0, :0] ~
            EXISTS new => :0
            SET k 9223372036854775800 => +OK
            INCREX k BYINT 8 => [:9223372036854775800, :0] ~
            INCREX k BYINT 8 SATURATE => [:9223372036854775807, :7]
            INCREX f BYFLOAT 1.5 => ["1.5", "1.5"] ~ SET f 1.5 KEEPTTL
            INCREX f BYFLOAT 0.25 UBOUND 1.6 => ["1.5", "0"] ~
            INCREX f BYFLOAT 100 UBOUND 42.5 SATURATE => ["42.5", "41"]
            INCREX f BYFLOAT inf => -ERR increment would produce NaN or Infinity
            "#,
        );
    }

    #[test]
    fn sets_the_time_to_live() {
        check(
            r#"
            INCREX k EX 10 => [:1, :1] ~ SET k 1 PXAT 1010000
            INCREX k => [:2, :1] ~ SET k 2 KEEPTTL
            TTL k => :10
            INCREX k EX 99 ENX => [:3, :1] ~ SET k 3 KEEPTTL
            INCREX k EXAT 1 ENX => [:4, :1] ~ SET k 4 KEEPTTL
            INCREX k UBOUND 4 EX 99 => [:4, :0] ~
            TTL k => :10
            INCREX k PERSIST => [:5, :1] ~ SET k 5
            TTL k => :-1
            INCREX k PX 5000 ENX => [:6, :1] ~ SET k 6 PXAT 1005000
            INCREX k EXAT 1 => [:7, :1] ~ DEL k
            EXISTS k => :0
            "#,
        );
    }

    #[test]
    fn refuses_bad_requests() {
        check(
            r#"
            INCREX k FOO => -ERR syntax error
            INCREX k BYINT => -ERR syntax error
            INCREX k BYINT 1 BYFLOAT 1 => -ERR syntax error
            INCREX k EX 10 PERSIST => -ERR syntax error
            INCREX k ENX => -ERR syntax error
            INCREX k PERSIST ENX => -ERR syntax error
            INCREX k BYINT 1.5 => -ERR value is not an integer or out of range
            INCREX k BYFLOAT x => -ERR value is not a valid float
            INCREX k LBOUND 5 UBOUND 1 => -ERR LBOUND can't be greater than UBOUND
            INCREX k EX 0 => -ERR invalid expire time in 'increx' command
            SET s x => +OK
            INCREX s => -ERR value is not an integer or out of range
            INCREX s BYFLOAT 1 => -ERR value is not a valid float
            RPUSH l x => :1
            INCREX l => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
