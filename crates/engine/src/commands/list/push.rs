//! LPUSH key element [element ...], RPUSH, LPUSHX and RPUSHX: adding at an end.

use crate::commands::Ctx;
use crate::error::CommandError;
use crate::types::List;
use crate::types::list::End;
use catalog::events::Classes;

/// LPUSH.
///
/// # Errors
/// The value is no list.
pub fn lpush(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    push(ctx, End::Front)
}

/// RPUSH.
///
/// # Errors
/// The value is no list.
pub fn rpush(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    push(ctx, End::Back)
}

/// LPUSHX.
///
/// # Errors
/// The value is no list.
pub fn lpushx(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    push_to_existing(ctx, End::Front)
}

/// RPUSHX.
///
/// # Errors
/// The value is no list.
pub fn rpushx(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    push_to_existing(ctx, End::Back)
}

/// Name of the key event of adding at an end.
#[must_use]
pub fn event_of(end: End) -> &'static str {
    if end == End::Front { "lpush" } else { "rpush" }
}

fn push(ctx: &mut Ctx<'_>, end: End) -> Result<(), CommandError> {
    let mut edit = ctx.keys.edit_or_new::<List>(ctx.args.at(1))?;
    let list: &mut List = &mut edit;
    ctx.args.from(2).for_each(|value| list.push(value, end));
    let len = list.len();
    drop(edit);
    ctx.keys.event(Classes::LIST, event_of(end), ctx.args.at(1));
    ctx.propagate_verbatim();
    ctx.reply.int(len as i64);
    Ok(())
}

fn push_to_existing(ctx: &mut Ctx<'_>, end: End) -> Result<(), CommandError> {
    if ctx.keys.edit::<List>(ctx.args.at(1))?.is_none() {
        ctx.reply.int(0);
        return Ok(());
    }
    push(ctx, end)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn pushes_at_both_ends() {
        check(
            r#"
            LPUSH l a b => :2 ~ LPUSH l a b
            RPUSH l c => :3 ~ RPUSH l c
            LRANGE l 0 -1 => ["b", "a", "c"]
            LPUSHX l x => :4 ~ LPUSHX l x
            RPUSHX l y z => :6 ~ RPUSHX l y z
            LRANGE l 0 -1 => ["x", "b", "a", "c", "y", "z"]
            RPUSHX none y => :0 ~
            LPUSHX none y => :0 ~
            EXISTS none => :0
            SET s v => +OK
            LPUSH s a => -WRONGTYPE Operation against a key holding the wrong kind of value
            LPUSHX s a => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
