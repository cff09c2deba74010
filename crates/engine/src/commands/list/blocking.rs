//! BLPOP key [key ...] timeout, BRPOP, BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT
//! count], BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout and BRPOPLPUSH: taking off
//! lists, and waiting where there is nothing. Propagated as their forms that do not wait.

use super::pop::{end_named, event_of, pop_first};
use super::shift::shift;
use crate::commands::blocking::{self, sources, timeout_ms};
use crate::commands::walk::FirstOf;
use crate::commands::{Blocking, Ctx};
use crate::error::CommandError;
use crate::keyspace::{Wait, Wanted};
use crate::types::List;
use crate::types::list::End;
use catalog::events::Classes;

/// BLPOP.
///
/// # Errors
/// A bad timeout, or the first value found is no list.
pub fn blpop(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    pop(ctx, End::Front)
}

/// BRPOP.
///
/// # Errors
/// As [`blpop`].
pub fn brpop(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    pop(ctx, End::Back)
}

/// BLMPOP.
///
/// # Errors
/// Bad numbers or options, or the first value found is no list.
pub fn blmpop(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let request = FirstOf::parse(ctx.args, 2, end_named)?;
    let timeout_ms = timeout_ms(ctx.args.at(1))?;
    if pop_first(ctx, &request)? {
        return Ok(());
    }
    blocking::wait(ctx, request.wait(timeout_ms, Wanted::List))
}

/// BLMOVE.
///
/// # Errors
/// An end that is neither LEFT nor RIGHT, a bad timeout, or a value that is no list.
pub fn blmove(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let from = end_named(ctx.args.at(3))?;
    let to = end_named(ctx.args.at(4))?;
    shift_or_wait(ctx, from, to, 5)
}

/// BRPOPLPUSH.
///
/// # Errors
/// A bad timeout, or a value is no list.
pub fn brpoplpush(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    shift_or_wait(ctx, End::Back, End::Front, 3)
}

fn pop(ctx: &mut Ctx<'_>, end: End) -> Result<(), CommandError> {
    let last = ctx.args.len() - 1;
    let timeout_ms = timeout_ms(ctx.args.at(last))?;
    let wait = Wait {
        timeout_ms,
        first: 1,
        keys: last as u32 - 1,
        wanted: Wanted::List,
        ids: Box::default(),
        again: None,
    };
    for key in sources(ctx, &wait) {
        let Some(mut edit) = ctx.keys.edit::<List>(key)? else { continue };
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        ctx.reply.bulk_or_null(edit.peek(end));
        edit.drop_end(end);
        drop(edit);
        let name: &[u8] = if end == End::Front { b"LPOP" } else { b"RPOP" };
        ctx.keys.event_or_del(Classes::LIST, event_of(end), key);
        ctx.propagate(&[name, key]);
        return Ok(());
    }
    blocking::wait(ctx, wait)
}

fn shift_or_wait(
    ctx: &mut Ctx<'_>,
    from: End,
    to: End,
    timeout_at: usize,
) -> Result<(), CommandError> {
    let timeout_ms = timeout_ms(ctx.args.at(timeout_at))?;
    if !shift(ctx, from, to)? {
        // Where it may not wait, it is LMOVE: the null of that, not of a list of replies.
        if ctx.blocking == Blocking::Denied {
            ctx.reply.null();
            return Ok(());
        }
        return blocking::wait(
            ctx,
            Wait {
                timeout_ms,
                first: 1,
                keys: 1,
                wanted: Wanted::List,
                ids: Box::default(),
                again: None,
            },
        );
    }
    let (source, destination) = (ctx.args.at(1), ctx.args.at(2));
    if timeout_at == 3 {
        ctx.propagate(&[b"RPOPLPUSH", source, destination]);
    } else if matches!(ctx.blocking, Blocking::Served(..)) {
        ctx.propagate(&[b"LMOVE", source, destination, name_of(from), name_of(to)]);
    } else {
        ctx.propagate(&[b"LMOVE", source, destination, ctx.args.at(3), ctx.args.at(4)]);
    }
    Ok(())
}

/// The word that Redis propagates when it serves a blocked command.
fn name_of(end: End) -> &'static [u8] {
    match end {
        End::Front => b"left",
        End::Back => b"right",
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn what_is_there_is_taken_at_once() {
        check(
            r#"
            RPUSH b 1 2 3 4 5 6 => :6
            BLPOP a b 0 => ["b", "1"] ~ LPOP b
            BRPOP b a 1.5 => ["b", "6"] ~ RPOP b
            BLMPOP 0 2 a b LEFT COUNT 2 => ["b", ["2", "3"]] ~ LPOP b 2
            BLMOVE b c RIGHT LEFT 0 => "5" ~ LMOVE b c RIGHT LEFT
            BRPOPLPUSH b c 0 => "4" ~ RPOPLPUSH b c
            LRANGE c 0 -1 => ["4", "5"]
            SET s v => +OK
            BLPOP s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
            BLMOVE c s LEFT LEFT 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
            LLEN c => :2
            "#,
        );
    }

    #[test]
    fn what_is_not_there_is_waited_for() {
        check(
            r#"
            BLPOP a b 0 => ?waits 0 ms ~
            BRPOP a 0.25 => ?waits 250 ms ~
            BLMPOP 1 1 a LEFT => ?waits 1000 ms ~
            BLMOVE a b LEFT LEFT 2 => ?waits 2000 ms ~
            BRPOPLPUSH a a 3 => ?waits 3000 ms ~
            EXISTS a b => :0
            BLPOP a x => -ERR timeout is not a float or out of range
            BLPOP a -1 => -ERR timeout is negative
            BLMPOP x 0 a LEFT => -ERR numkeys should be greater than 0
            BLMPOP x 1 a UP => -ERR syntax error
            BLMPOP x 1 a LEFT => -ERR timeout is not a float or out of range
            BLMOVE a b LEFT UP x => -ERR syntax error
            BLMOVE a b LEFT LEFT x => -ERR timeout is not a float or out of range
            BRPOPLPUSH a b -1 => -ERR timeout is negative
            "#,
        );
    }
}
