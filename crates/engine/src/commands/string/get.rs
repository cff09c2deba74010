//! GET, GETSET, GETDEL and GETEX: reading a string, alone or together with a change.

use super::expiry_option::Unit;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::{Ttl, Value};
use crate::parse;
use catalog::events::Classes;
use resp::Args;
use resp::number::Digits;

/// GET.
///
/// # Errors
/// The value is no string.
#[inline]
pub fn get(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply_with(ctx).map(|_| ())
}

/// GETSET.
///
/// # Errors
/// The value is no string.
pub fn getset(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply_with(ctx)?;
    let (key, value) = (ctx.args.at(1), ctx.args.at(2));
    ctx.keys.set(key, Value::string(value), Ttl::Clear);
    ctx.keys.event(Classes::STRING, "set", key);
    ctx.propagate(&[b"SET", key, value]);
    Ok(())
}

/// GETDEL.
///
/// # Errors
/// The value is no string.
pub fn getdel(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    if reply_with(ctx)? {
        let key = ctx.args.at(1);
        ctx.keys.remove(key);
        ctx.keys.event(Classes::GENERIC, "del", key);
        ctx.propagate(&[b"DEL", key]);
    }
    Ok(())
}

/// GETEX.
///
/// # Errors
/// The value is no string; or the options do not go together.
pub fn getex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let now_ms = ctx.keys.moment.now_ms;
    let ttl = match read_life(ctx.args)? {
        Life::Same => Ttl::Keep,
        Life::Endless => Ttl::Clear,
        Life::Until(unit, number) => {
            // Of a key that is not there, no time is read.
            if ctx.keys.text_quietly(key)?.is_none() {
                reply_with(ctx)?;
                return Ok(());
            }
            Ttl::At(unit.death_ms(number, now_ms, "getex")?)
        }
    };
    if !reply_with(ctx)? {
        return Ok(());
    }
    match ttl {
        Ttl::Keep => {}
        Ttl::Clear => {
            if ctx.keys.peek(key).is_some_and(|entry| entry.expiry_ms().is_some()) {
                ctx.keys.set_expiry(key, None);
                ctx.keys.event(Classes::GENERIC, "persist", key);
                ctx.propagate(&[b"PERSIST", key]);
            }
        }
        Ttl::At(at_ms) if at_ms <= now_ms => {
            ctx.keys.remove(key);
            ctx.keys.event(Classes::GENERIC, "del", key);
            ctx.propagate(&[b"DEL", key]);
        }
        Ttl::At(at_ms) => {
            ctx.keys.set_expiry(key, Some(at_ms));
            ctx.keys.event(Classes::GENERIC, "expire", key);
            ctx.propagate(&[b"PEXPIREAT", key, Digits::new().format(at_ms as i64)]);
        }
    }
    Ok(())
}

/// What GETEX makes of a key's time to live.
enum Life<'a> {
    Same,
    Endless,
    Until(Unit, &'a [u8]),
}

/// Options may be said several times, of which the last one counts.
fn read_life(args: Args<'_>) -> Result<Life<'_>, CommandError> {
    let mut life = Life::Same;
    let mut words = args.from(2);
    while let Some(word) = words.next() {
        life = match (life, Unit::of(word)) {
            (Life::Same | Life::Endless, None) if parse::is(word, "PERSIST") => Life::Endless,
            (Life::Until(before, _), Some(unit)) if before != unit => return Err(error::SYNTAX),
            (Life::Same | Life::Until(..), Some(unit)) => {
                Life::Until(unit, words.next().ok_or(error::SYNTAX)?)
            }
            _ => return Err(error::SYNTAX),
        };
    }
    Ok(life)
}

/// Replies with the string at word 1, or null; true when there was one.
#[inline]
fn reply_with(ctx: &mut Ctx<'_>) -> Result<bool, CommandError> {
    let reply = &mut ctx.reply;
    match ctx.keys.text(ctx.args.at(1))? {
        Some(text) => text.reply(reply),
        None => {
            reply.null();
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn reads_with_changes() {
        check(
            r#"
            GET k => nil
            GETSET k v => nil ~ SET k v
            GETSET k w => "v"
            GETDEL k => "w" ~ DEL k
            GETDEL k => nil ~
            GETEX k EX 0 => nil
            GETEX k EXAT zz => nil
            SET k v => +OK
            GETEX k => "v" ~
            GETEX k EX 10 => "v" ~ PEXPIREAT k 1010000
            GETEX k PERSIST => "v" ~ PERSIST k
            GETEX k PERSIST PERSIST => "v" ~
            GETEX k EX 10 EX 20 => "v" ~ PEXPIREAT k 1020000
            GETEX k EX 10 PX 20 => -ERR syntax error
            GETEX k EX 10 PERSIST => -ERR syntax error
            GETEX k EX zz NX => -ERR syntax error
            GETEX k EXAT 1 => "v" ~ DEL k
            EXISTS k => :0
            GETEX k NX => -ERR syntax error
            SET k v => +OK
            GETEX k EX 0 => -ERR invalid expire time in 'getex' command
            "#,
        );
    }
}
