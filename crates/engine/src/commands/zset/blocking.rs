//! BZPOPMIN key [key ...] timeout, BZPOPMAX and BZMPOP timeout numkeys key [key ...] MIN|MAX
//! [COUNT count]: taking out the lowest or highest members, and waiting where there are none.
//! Propagated as their forms that do not wait.

use super::interval::Direction;
use super::pop::{event_of, pop_first, side, take};
use crate::commands::Ctx;
use crate::commands::blocking::{self, sources, timeout_ms};
use crate::commands::walk::FirstOf;
use crate::error::CommandError;
use crate::keyspace::{Wait, Wanted};
use crate::types::SortedSet;
use catalog::events::Classes;

/// BZPOPMIN.
///
/// # Errors
/// A bad timeout, or the first value found is no sorted set.
pub fn bzpopmin(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    pop(ctx, Direction::Up)
}

/// BZPOPMAX.
///
/// # Errors
/// As [`bzpopmin`].
pub fn bzpopmax(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    pop(ctx, Direction::Down)
}

/// BZMPOP.
///
/// # Errors
/// Bad numbers or options, or the first value found is no sorted set.
pub fn bzmpop(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let request = FirstOf::parse(ctx.args, 2, side)?;
    let timeout_ms = timeout_ms(ctx.args.at(1))?;
    if pop_first(ctx, &request)? {
        return Ok(());
    }
    blocking::wait(ctx, request.wait(timeout_ms, Wanted::SortedSet))
}

fn pop(ctx: &mut Ctx<'_>, from: Direction) -> Result<(), CommandError> {
    let last = ctx.args.len() - 1;
    let timeout_ms = timeout_ms(ctx.args.at(last))?;
    let wait = Wait {
        timeout_ms,
        first: 1,
        keys: last as u32 - 1,
        wanted: Wanted::SortedSet,
        ids: Box::default(),
        again: None,
    };
    for key in sources(ctx, &wait) {
        let Some(mut edit) = ctx.keys.edit::<SortedSet>(key)? else { continue };
        let (member, score) = take(&mut edit, from);
        drop(edit);
        ctx.reply.array(3);
        ctx.reply.bulk(key);
        ctx.reply.bulk(&member);
        ctx.reply.double(score);
        let name: &[u8] = if from == Direction::Up { b"ZPOPMIN" } else { b"ZPOPMAX" };
        ctx.keys.event_or_del(Classes::SORTED_SET, event_of(from), key);
        ctx.propagate(&[name, key]);
        return Ok(());
    }
    blocking::wait(ctx, wait)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn takes_at_once_or_waits() {
        check(
            r#"
            ZADD b 1 x 2 y 3 z 4 w => :4
            BZPOPMIN a b 0 => ["b", "x", "1"] ~ ZPOPMIN b
            BZPOPMAX b a 0 => ["b", "w", "4"] ~ ZPOPMAX b
            BZMPOP 0 2 a b MAX COUNT 9 => ["b", [["z", "3"], ["y", "2"]]] ~ ZPOPMAX b 2
            EXISTS b => :0
            BZPOPMIN a b 0.5 => ?waits 500 ms ~
            BZMPOP 0 1 a MIN => ?waits 0 ms ~
            BZPOPMIN a -1 => -ERR timeout is negative
            BZMPOP x 1 k UP => -ERR syntax error
            BZMPOP x 1 k MIN COUNT 0 => -ERR count should be greater than 0
            SET s v => +OK
            BZPOPMAX s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
