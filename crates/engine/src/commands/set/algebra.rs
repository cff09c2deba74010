//! SINTER, SUNION and SDIFF, their STORE forms and those that count.
//!
//! Keys are visited one after the other, so a result is built from a copy of one set: the smallest
//! of an intersection, the first of a difference.

use crate::commands::Ctx;
use crate::commands::hyperloglog::estimate::Counter;
use crate::error::{self, CommandError};
use crate::keyspace::{Keys, Ttl, Value};
use crate::parse;
use crate::tick::{Tick, at_step};
use crate::types::{Collection, Set};
use catalog::events::Classes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

/// SINTER key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sinter(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, Operation::Intersection)
}

/// SUNION key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sunion(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, Operation::Union)
}

/// SDIFF key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sdiff(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, Operation::Difference)
}

/// SINTERSTORE destination key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sinterstore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    store(ctx, Operation::Intersection, "sinterstore")
}

/// SUNIONSTORE destination key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sunionstore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    store(ctx, Operation::Union, "sunionstore")
}

/// SDIFFSTORE destination key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sdiffstore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    store(ctx, Operation::Difference, "sdiffstore")
}

/// SINTERCARD numkeys key [key ...] [LIMIT limit].
///
/// # Errors
/// Bad numbers or options, or a value is no set.
pub fn sintercard(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    count(ctx, Operation::Intersection)
}

/// SUNIONCARD numkeys key [key ...] [APPROX] [LIMIT limit].
///
/// # Errors
/// As [`sintercard`].
pub fn sunioncard(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    count(ctx, Operation::Union)
}

/// SDIFFCARD numkeys key [key ...] [LIMIT limit].
///
/// # Errors
/// As [`sintercard`].
pub fn sdiffcard(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    count(ctx, Operation::Difference)
}

fn count(ctx: &mut Ctx<'_>, operation: Operation) -> Result<(), CommandError> {
    let keys = parse::positive(ctx.args.at(1)).map_err(|_| error::BAD_KEY_COUNT)?;
    if keys == 0 {
        return Err(error::BAD_KEY_COUNT);
    }
    if keys > ctx.args.len() - 2 {
        return Err(error::TOO_MANY_KEYS);
    }
    let (mut limit, mut approximates) = (0, false);
    let mut options = ctx.args.from(2 + keys);
    while let Some(word) = options.next() {
        if operation == Operation::Union && parse::is(word, "APPROX") {
            approximates = true;
            continue;
        }
        let value = options.next().filter(|_| parse::is(word, "LIMIT")).ok_or(error::SYNTAX)?;
        limit = parse::positive(value).map_err(|_| error::LIMIT_NEGATIVE)?;
    }
    let keys: Vec<&[u8]> = ctx.args.from(2).take(keys).collect();
    let len = if approximates {
        approximate(ctx, &keys)?
    } else {
        evaluate(ctx, &keys, operation)?.len()
    };
    ctx.reply.int(if limit == 0 { len } else { len.min(limit) } as i64);
    Ok(())
}

/// About how many members any set has, without a copy of them.
fn approximate(ctx: &mut Ctx<'_>, names: &[&[u8]]) -> Result<usize, CommandError> {
    let mut counter = Counter::default();
    for name in names {
        let Some(set) = ctx.keys.get::<Set>(name)? else { continue };
        for (number, member) in set.iter().enumerate() {
            at_step(number, ctx.tick)?;
            member.with(|bytes| counter.add(bytes));
        }
    }
    Ok(usize::try_from(counter.cardinality()).unwrap_or(usize::MAX))
}

fn reply(ctx: &mut Ctx<'_>, operation: Operation) -> Result<(), CommandError> {
    let keys: Vec<&[u8]> = ctx.args.from(1).collect();
    let result = evaluate(ctx, &keys, operation)?;
    ctx.reply.set(result.len());
    for (number, member) in result.iter().enumerate() {
        member.with(|bytes| ctx.reply.bulk(bytes));
        // Whoever has come so far goes on to the end.
        let _ = at_step(number, ctx.tick);
    }
    Ok(())
}

fn store(ctx: &mut Ctx<'_>, operation: Operation, event: &'static str) -> Result<(), CommandError> {
    let destination = ctx.args.at(1);
    let keys: Vec<&[u8]> = ctx.args.from(2).collect();
    let mut result = evaluate(ctx, &keys, operation)?;
    result.compact();
    let len = result.len();
    let changed = if len == 0 {
        ctx.keys.remove(destination)
    } else {
        let value = Value::Object(Box::new(result.into_object()));
        ctx.keys.set(destination, value, Ttl::Clear);
        true
    };
    if len > 0 {
        ctx.keys.event(Classes::SET, event, destination);
    } else if changed {
        ctx.keys.event(Classes::GENERIC, "del", destination);
    }
    if changed {
        ctx.propagate_verbatim();
    }
    ctx.reply.int(len as i64);
    Ok(())
}

fn evaluate(ctx: &mut Ctx<'_>, names: &[&[u8]], operation: Operation) -> Result<Set, CommandError> {
    let Ctx { keys, tick, .. } = ctx;
    let tick = &mut **tick;
    let mut lens = Vec::with_capacity(names.len());
    for name in names {
        lens.push(keys.get::<Set>(name)?.map_or(0, Set::len));
    }
    match operation {
        Operation::Union => {
            let mut result = Set::default();
            for name in names {
                let Some(set) = keys.get_quietly::<Set>(name)? else { continue };
                for (number, member) in set.iter().enumerate() {
                    at_step(number, tick)?;
                    member.with(|bytes| result.insert(bytes));
                }
            }
            Ok(result)
        }
        Operation::Difference => keep(keys, tick, names[0], (&names[1..], false)),
        Operation::Intersection => {
            let mut order: Vec<usize> = (0..names.len()).collect();
            order.sort_by_key(|&at| lens[at]);
            let ordered: Vec<&[u8]> = order.iter().map(|&at| names[at]).collect();
            keep(keys, tick, ordered[0], (&ordered[1..], true))
        }
    }
}

/// The members of `first` that each of the others has (`present`), or that none has.
fn keep(
    keys: &mut Keys<'_>,
    tick: &mut dyn Tick,
    first: &[u8],
    (others, present): (&[&[u8]], bool),
) -> Result<Set, CommandError> {
    let mut result = keys.get_quietly::<Set>(first)?.cloned().unwrap_or_default();
    for other in others {
        if result.len() == 0 {
            break;
        }
        match keys.get_quietly::<Set>(other)? {
            Some(set) => {
                let (mut number, mut ticked) = (0, Ok(()));
                result.retain(|member| {
                    if ticked.is_ok() {
                        ticked = at_step(number, tick);
                    }
                    number += 1;
                    set.contains(member) == present
                });
                ticked?;
            }
            None if present => result = Set::default(),
            None => {}
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn combines() {
        check(
            r#"
            SADD a 1 2 3 4 => :4
            SADD b 3 4 5 x => :4
            SADD c 4 => :1
            SINTER a b => ["3", "4"]
            SINTER a b c => ["4"]
            SINTER a none => []
            SUNION a c none => ["1", "2", "3", "4"]
            SDIFF a b => ["1", "2"]
            SDIFF a b none c => ["1", "2"]
            SDIFF none a => []
            SDIFF a a => []
            SINTERSTORE d a b => :2 ~ SINTERSTORE d a b
            SMEMBERS d => ["3", "4"]
            SUNIONSTORE d a c => :4 ~ SUNIONSTORE d a c
            SDIFFSTORE d a b => :2 ~ SDIFFSTORE d a b
            SMEMBERS d => ["1", "2"]
            SINTERSTORE d a none => :0 ~ SINTERSTORE d a none
            SINTERSTORE d a none => :0 ~
            EXISTS d => :0
            SET k v => +OK
            SINTER none k => -WRONGTYPE Operation against a key holding the wrong kind of value
            SUNIONSTORE k a => :4
            TYPE k => +set
            "#,
        );
    }

    #[test]
    fn counts() {
        check(
            r#"
            SADD a 1 2 3 4 => :4
            SADD b 2 3 4 x => :4
            SINTERCARD 2 a b => :3
            SINTERCARD 2 a b LIMIT 2 => :2
            SINTERCARD 2 a b LIMIT 0 => :3
            SINTERCARD 2 a none => :0
            SUNIONCARD 3 a b none => :5
            SUNIONCARD 2 a b LIMIT 3 => :3
            SUNIONCARD 2 a b LIMIT 9 approx => :5
            SUNIONCARD 1 none => :0
            SDIFFCARD 2 a b => :1
            SDIFFCARD 1 a LIMIT 2 => :2
            SDIFFCARD 2 none a => :0
            SDIFFCARD 1 a APPROX => -ERR syntax error
            SINTERCARD 1 a APPROX => -ERR syntax error
            SUNIONCARD 0 a => -ERR numkeys should be greater than 0
            SINTERCARD 0 a b => -ERR numkeys should be greater than 0
            SINTERCARD x a b => -ERR numkeys should be greater than 0
            SINTERCARD 3 a b => -ERR Number of keys can't be greater than number of args
            SINTERCARD 1 a b => -ERR syntax error
            SINTERCARD 1 a LIMIT => -ERR syntax error
            SINTERCARD 1 a LIMIT -1 => -ERR LIMIT can't be negative
            "#,
        );
    }
}
