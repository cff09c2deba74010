//! LMOVE source destination LEFT|RIGHT LEFT|RIGHT and RPOPLPUSH: from one list to another.

use super::pop::{self, end_named};
use super::push;
use crate::commands::Ctx;
use crate::error::CommandError;
use crate::keyspace::Keys;
use crate::types::List;
use crate::types::list::End;
use catalog::events::Classes;

/// LMOVE.
///
/// # Errors
/// An end that is neither LEFT nor RIGHT, or a value that is no list.
pub fn lmove(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let from = end_named(ctx.args.at(3))?;
    let to = end_named(ctx.args.at(4))?;
    shift_now(ctx, from, to)
}

/// RPOPLPUSH.
///
/// # Errors
/// A value is no list.
pub fn rpoplpush(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    shift_now(ctx, End::Back, End::Front)
}

fn shift_now(ctx: &mut Ctx<'_>, from: End, to: End) -> Result<(), CommandError> {
    if shift(ctx, from, to)? {
        ctx.propagate_verbatim();
    } else {
        ctx.reply.null();
    }
    Ok(())
}

/// Moves an element between the lists at words 1 and 2 and replies with it; false, without a
/// reply, when the first is not there.
///
/// # Errors
/// A value is no list.
pub fn shift(ctx: &mut Ctx<'_>, from: End, to: End) -> Result<bool, CommandError> {
    let (source, destination) = (ctx.args.at(1), ctx.args.at(2));
    if !holds_list(&mut ctx.keys, source)? {
        return Ok(false);
    }
    holds_list(&mut ctx.keys, destination)?;
    let value = if source == destination {
        let mut list = ctx.keys.edit_or_new::<List>(source)?;
        let value = list.pop(from).expect(NEVER_EMPTY);
        list.push(&value, to);
        value
    } else {
        let value = ctx.keys.edit_or_new::<List>(source)?.pop(from).expect(NEVER_EMPTY);
        ctx.keys.edit_or_new::<List>(destination)?.push(&value, to);
        value
    };
    ctx.keys.event(Classes::LIST, push::event_of(to), destination);
    ctx.keys.event_or_del(Classes::LIST, pop::event_of(from), source);
    ctx.reply.bulk(&value);
    Ok(true)
}

const NEVER_EMPTY: &str = "the list was found, and lists are never empty";

/// True when there is a list at `key`.
///
/// # Errors
/// There is something else.
pub fn holds_list(keys: &mut Keys<'_>, key: &[u8]) -> Result<bool, CommandError> {
    let edit = keys.edit::<List>(key)?;
    Ok(edit.map(|mut edit| edit.unchanged()).is_some())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn moves_elements() {
        check(
            r#"
            RPUSH a 1 2 3 => :3
            RPOPLPUSH a b => "3" ~ RPOPLPUSH a b
            LMOVE a b LEFT RIGHT => "1" ~ LMOVE a b LEFT RIGHT
            LRANGE b 0 -1 => ["3", "1"]
            LMOVE a b LEFT left => "2"
            EXISTS a => :0
            LRANGE b 0 -1 => ["2", "3", "1"]
            RPOPLPUSH b b => "1" ~ RPOPLPUSH b b
            LRANGE b 0 -1 => ["1", "2", "3"]
            RPOPLPUSH none b => nil ~
            LMOVE none b UP DOWN => -ERR syntax error
            SET s v => +OK
            RPOPLPUSH b s => -WRONGTYPE Operation against a key holding the wrong kind of value
            RPOPLPUSH none s => nil
            LLEN b => :3
            "#,
        );
    }
}
