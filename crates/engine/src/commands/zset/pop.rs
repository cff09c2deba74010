//! ZPOPMIN key [count], ZPOPMAX and ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]: taking out
//! the lowest or highest members.

use super::emit::write_pair;
use super::interval::Direction;
use crate::commands::Ctx;
use crate::commands::blocking::sources;
use crate::commands::walk::FirstOf;
use crate::error::{self, CommandError};
use crate::keyspace::Wanted;
use crate::parse;
use crate::types::{Bytes, SortedSet};
use catalog::events::Classes;
use resp::Protocol;
use resp::number::Digits;

/// ZPOPMIN.
///
/// # Errors
/// The count is no count, or the value is no sorted set.
pub fn zpopmin(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    pop(ctx, Direction::Up)
}

/// ZPOPMAX.
///
/// # Errors
/// As [`zpopmin`].
pub fn zpopmax(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    pop(ctx, Direction::Down)
}

/// ZMPOP: from the first of several sorted sets that is there.
///
/// # Errors
/// Bad numbers or options, or the first value found is no sorted set.
pub fn zmpop(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let request = FirstOf::parse(ctx.args, 1, side)?;
    if !pop_first(ctx, &request)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// Takes from the first of several sorted sets that is there; false when there is none.
///
/// # Errors
/// The first value found is no sorted set.
pub fn pop_first(ctx: &mut Ctx<'_>, request: &FirstOf<Direction>) -> Result<bool, CommandError> {
    for key in sources(ctx, &request.wait(0, Wanted::SortedSet)) {
        let Some(mut edit) = ctx.keys.edit::<SortedSet>(key)? else { continue };
        let zset: &mut SortedSet = &mut edit;
        let taken = request.count.min(zset.len());
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        ctx.reply.array(taken);
        for _ in 0..taken {
            let (member, score) = take(zset, request.side);
            write_pair(&mut ctx.reply, (&member, score));
        }
        drop(edit);
        let up = request.side == Direction::Up;
        let name: &[u8] = if up { b"ZPOPMIN" } else { b"ZPOPMAX" };
        ctx.keys.event_or_del(Classes::SORTED_SET, event_of(request.side), key);
        ctx.propagate(&[name, key, Digits::new().format(taken as i64)]);
        return Ok(true);
    }
    Ok(false)
}

/// MIN or MAX.
///
/// # Errors
/// Neither of the two.
pub fn side(word: &[u8]) -> Result<Direction, CommandError> {
    match word {
        _ if parse::is(word, "MIN") => Ok(Direction::Up),
        _ if parse::is(word, "MAX") => Ok(Direction::Down),
        _ => Err(error::SYNTAX),
    }
}

/// Name of the key event of taking from an end.
#[must_use]
pub fn event_of(from: Direction) -> &'static str {
    if from == Direction::Up { "zpopmin" } else { "zpopmax" }
}

fn pop(ctx: &mut Ctx<'_>, from: Direction) -> Result<(), CommandError> {
    let count = match ctx.args.len() {
        2 => None,
        3 => Some(parse::positive(ctx.args.at(2))?),
        _ => return Err(error::SYNTAX),
    };
    let Some(mut edit) = ctx.keys.edit::<SortedSet>(ctx.args.at(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let zset: &mut SortedSet = &mut edit;
    let reply = &mut ctx.reply;
    let taken = count.unwrap_or(1).min(zset.len());
    let nested = count.is_some() && reply.protocol() == Protocol::Three;
    reply.array(if nested { taken } else { 2 * taken });
    for _ in 0..taken {
        let (member, score) = take(zset, from);
        if nested {
            write_pair(reply, (&member, score));
        } else {
            reply.bulk(&member);
            reply.double(score);
        }
    }
    if taken == 0 {
        edit.unchanged();
    }
    drop(edit);
    if taken > 0 {
        ctx.keys.event_or_del(Classes::SORTED_SET, event_of(from), ctx.args.at(1));
        ctx.propagate_verbatim();
    }
    Ok(())
}

/// Takes the lowest or the highest member out of a set that has one.
pub fn take(zset: &mut SortedSet, from: Direction) -> (Bytes, f64) {
    let rank = if from == Direction::Up { 0 } else { zset.len() - 1 };
    zset.take(rank)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn pops() {
        check(
            r#"
            ZADD z 1 a 2 b 3 c 4 d 5 e => :5
            ZPOPMIN z => ["a", "1"] ~ ZPOPMIN z
            ZPOPMAX z => ["e", "5"] ~ ZPOPMAX z
            ZPOPMIN z 0 => [] ~
            ZPOPMAX z 2 => ["d", "4", "c", "3"] ~ ZPOPMAX z 2
            ZPOPMIN z 9 => ["b", "2"] ~ ZPOPMIN z 9
            EXISTS z => :0
            ZPOPMIN z => [] ~
            ZPOPMIN z 1 => [] ~
            ZPOPMIN z -1 => -ERR value is out of range, must be positive
            ZPOPMIN z 1 2 => -ERR syntax error
            SET k v => +OK
            ZPOPMIN k => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn pops_from_the_first_sorted_set() {
        check(
            r#"
            ZADD b 1 x 2 y 3 z => :3
            ZMPOP 2 a b MIN => ["b", [["x", "1"]]] ~ ZPOPMIN b 1
            ZMPOP 2 a b MAX COUNT 5 => ["b", [["z", "3"], ["y", "2"]]] ~ ZPOPMAX b 2
            ZMPOP 2 a b MIN => nil ~
            ZMPOP 1 a LEFT => -ERR syntax error
            ZMPOP 1 a MIN COUNT x => -ERR count should be greater than 0
            ZMPOP x a MIN => -ERR numkeys should be greater than 0
            "#,
        );
    }
}
