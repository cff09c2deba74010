//! SET key value [NX | XX | IFEQ value | IFNE value | IFDEQ digest | IFDNE digest] [GET] [EX s | PX
//! ms | EXAT unix-s | PXAT unix-ms | KEEPTTL]
//!
//! Sets a string, whatever type was there before; SETNX, SETEX and PSETEX are its older forms.
//! A relative time to live is propagated as the absolute one, so that a replica and a replayed
//! journal agree with the primary; and nothing is of a comparison, which older servers do not know.

use super::compare::Compare;
use super::expiry_option::Unit;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::{Keys, Ttl, Value, text_of};
use crate::parse;
use catalog::events::Classes;
use resp::Args;
use resp::number::Digits;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition<'a> {
    Always,
    Missing,
    Present,
    /// What is there compares like this.
    If(Compare<'a>),
}

struct Set<'a> {
    key: &'a [u8],
    value: &'a [u8],
    condition: Condition<'a>,
    get: bool,
    ttl: Ttl,
}

impl<'a> Set<'a> {
    fn parse(args: Args<'a>, now_ms: u64) -> Result<Self, CommandError> {
        let mut set = Self {
            key: args.at(1),
            value: args.at(2),
            condition: Condition::Always,
            get: false,
            ttl: Ttl::Clear,
        };
        let mut life: Option<(Unit, &[u8])> = None;
        let mut words = args.from(3);
        while let Some(word) = words.next() {
            let (free, before) = (set.condition == Condition::Always, set.condition);
            if parse::is(word, "NX") && (free || before == Condition::Missing) {
                set.condition = Condition::Missing;
            } else if parse::is(word, "XX") && (free || before == Condition::Present) {
                set.condition = Condition::Present;
            } else if free && let Some(by) = Compare::named(word) {
                set.condition = Condition::If(by(words.next().ok_or(error::SYNTAX)?));
            } else if parse::is(word, "GET") {
                set.get = true;
            } else if parse::is(word, "KEEPTTL") && life.is_none() {
                set.ttl = Ttl::Keep;
            } else if let Some(unit) = Unit::of(word)
                && set.ttl == Ttl::Clear
                && life.is_none_or(|(before, _)| before == unit)
            {
                life = Some((unit, words.next().ok_or(error::SYNTAX)?));
            } else {
                return Err(error::SYNTAX);
            }
        }
        // As in Redis, a number is read when all words have made sense.
        if let Some((unit, number)) = life {
            set.ttl = Ttl::At(unit.death_ms(number, now_ms, "set")?);
        }
        Ok(set)
    }
}

/// SET.
///
/// # Errors
/// Options that do not go together, a bad time to live, or GET on a value that is no string.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    if ctx.args.len() == 3 {
        set_value(&mut ctx.keys, ctx.args.at(1), ctx.args.at(2), Ttl::Clear)?;
        ctx.propagate_verbatim();
        ctx.reply.ok();
        return Ok(());
    }
    let set = Set::parse(ctx.args, ctx.keys.moment.now_ms)?;
    let start = ctx.reply.position();
    let wanted = match (ctx.keys.peek(set.key), set.condition) {
        (None, condition) => {
            if set.get {
                ctx.reply.null();
            }
            match condition {
                Condition::Always | Condition::Missing => true,
                Condition::Present => false,
                Condition::If(compare) => compare.holds_without_key(),
            }
        }
        (Some(entry), condition) => {
            let wanted = match condition {
                Condition::Always | Condition::Present => true,
                Condition::Missing => false,
                Condition::If(compare) => compare.holds(text_of(entry)?)?,
            };
            if set.get {
                let reply = &mut ctx.reply;
                text_of(entry)?.reply(reply);
            }
            wanted
        }
    };
    if wanted {
        set_value(&mut ctx.keys, set.key, set.value, set.ttl)?;
        state_effect(ctx, &set);
    }
    if ctx.reply.position() == start {
        if wanted { ctx.reply.ok() } else { ctx.reply.null() }
    }
    Ok(())
}

/// SETNX.
///
/// # Errors
/// None of its own.
pub fn setnx(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    if ctx.keys.peek(ctx.args.at(1)).is_some() {
        ctx.reply.int(0);
        return Ok(());
    }
    set_value(&mut ctx.keys, ctx.args.at(1), ctx.args.at(2), Ttl::Clear)?;
    ctx.propagate_verbatim();
    ctx.reply.int(1);
    Ok(())
}

/// SETEX.
///
/// # Errors
/// A bad time to live.
pub fn setex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    set_with_ttl(ctx, Unit::Seconds, "setex")
}

/// PSETEX.
///
/// # Errors
/// A bad time to live.
pub fn psetex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    set_with_ttl(ctx, Unit::Millis, "psetex")
}

fn set_with_ttl(ctx: &mut Ctx<'_>, unit: Unit, name: &str) -> Result<(), CommandError> {
    let at_ms = unit.death_ms(ctx.args.at(2), ctx.keys.moment.now_ms, name)?;
    let set = Set {
        key: ctx.args.at(1),
        value: ctx.args.at(3),
        condition: Condition::Always,
        get: false,
        ttl: Ttl::At(at_ms),
    };
    set_value(&mut ctx.keys, set.key, set.value, set.ttl)?;
    state_effect(ctx, &set);
    ctx.reply.ok();
    Ok(())
}

/// Sets a string and tells of it.
///
/// # Errors
/// The string is too long.
pub fn set_value(
    keys: &mut Keys<'_>,
    key: &[u8],
    value: &[u8],
    ttl: Ttl,
) -> Result<(), CommandError> {
    if value.len() as u64 > keys.moment.bulk_bytes_max {
        return Err(error::TOO_LONG);
    }
    keys.set(key, Value::string(value), ttl);
    keys.event(Classes::STRING, "set", key);
    if matches!(ttl, Ttl::At(_)) {
        keys.event(Classes::GENERIC, "expire", key);
    }
    Ok(())
}

/// States a set with a time to live by its moment, and any other one as it was said, without GET.
fn state_effect(ctx: &mut Ctx<'_>, set: &Set<'_>) {
    let (args, keys) = (ctx.args, &mut ctx.keys);
    let db = keys.moment.db;
    if let Ttl::At(at_ms) = set.ttl {
        let mut digits = Digits::new();
        let at = digits.format(at_ms as i64);
        keys.effects.command(db, &[b"SET", set.key, set.value, b"PXAT", at]);
    } else if matches!(set.condition, Condition::If(_)) {
        let tail: &[&[u8]] = if set.ttl == Ttl::Keep { &[b"KEEPTTL"] } else { &[] };
        keys.effects.command_with(db, &[b"SET", set.key, set.value], tail.iter().copied());
    } else if set.get {
        let options: Vec<&[u8]> = args.from(3).filter(|word| !parse::is(word, "GET")).collect();
        keys.effects.command_with(db, &[b"SET", set.key, set.value], options.into_iter());
    } else {
        keys.effects.verbatim(db, args);
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn sets_and_replaces() {
        check(
            r#"
            SET k v => +OK ~ SET k v
            GET k => "v"
            SET k 12 => +OK
            GET k => "12"
            SET k v2 XX GET => "12" ~ SET k v2 XX
            SET new v XX => nil ~
            SET new v NX => +OK ~ SET new v NX
            SET new w NX => nil
            SET new w NX GET => "v"
            GET new => "v"
            SETNX new x => :0 ~
            SETNX newer x => :1 ~ SETNX newer x
            "#,
        );
    }

    #[test]
    fn times_to_live_become_absolute() {
        check(
            r#"
            SET k v EX 10 => +OK ~ SET k v PXAT 1010000
            PTTL k => :10000
            SET k w KEEPTTL => +OK ~ SET k w KEEPTTL
            PTTL k => :10000
            SET k w => +OK
            PTTL k => :-1
            SETEX k 5 v => +OK ~ SET k v PXAT 1005000
            PSETEX k 5 v => +OK ~ SET k v PXAT 1000005
            "#,
        );
    }

    #[test]
    fn bad_options_change_nothing() {
        check(
            r#"
            SET k v NX XX => -ERR syntax error
            SET k v EX => -ERR syntax error
            SET k v EX 0 => -ERR invalid expire time in 'set' command
            SET k v EX 9223372036854775807 => -ERR invalid expire time in 'set' command
            SET k v EX 1 PX 1 => -ERR syntax error
            SET k v KEEPTTL EX 1 => -ERR syntax error
            SET k v EX x => -ERR value is not an integer or out of range
            SETEX k -1 v => -ERR invalid expire time in 'setex' command
            GET k => nil
            "#,
        );
    }

    #[test]
    fn sets_if_what_is_there_compares() {
        check(
            r#"
            SET k v IFEQ x => nil ~
            EXISTS k => :0
            SET k v IFNE x => +OK ~ SET k v
            SET k w IFEQ x => nil ~
            SET k w IFEQ v EX 10 => +OK ~ SET k w PXAT 1010000
            SET k x ifne v KEEPTTL => +OK ~ SET k x KEEPTTL
            TTL k => :10
            SET k y IFNE x GET => "x" ~
            SET k y GET IFEQ x => "x" ~ SET k y
            SET none y GET IFEQ x => nil
            SET n 12 => +OK
            SET n 13 IFEQ 12 => +OK
            SET k hello => +OK
            SET k z IFDEQ 9555e8555c62dcfe => nil
            SET k z IFDEQ 9555E8555c62dcfd => +OK ~ SET k z
            SET k z IFDNE 9555e8555c62dcfd => +OK
            SET none y IFDEQ 12 => nil
            SET k y IFDEQ 12 => -ERR must be exactly 16 hexadecimal characters
            SET k y IFEQ => -ERR syntax error
            SET k y IFEQ z NX => -ERR syntax error
            SET k y XX IFEQ z => -ERR syntax error
            SET k y IFEQ z IFNE z => -ERR syntax error
            RPUSH l a => :1
            SET l y IFEQ z => -WRONGTYPE Operation against a key holding the wrong kind of value
            SET l y IFNE z => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn a_dead_key_is_missing() {
        let mut bench = Bench::new();
        bench.check("SET k v PX 10 => +OK");
        bench.now_ms += 10;
        bench.check("SET k w NX => +OK ~ DEL k; SET k w NX");
    }
}
