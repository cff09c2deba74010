//! LLEN, LINDEX and LRANGE: looking without changing.

use crate::commands::Ctx;
use crate::error::CommandError;
use crate::parse;
use crate::types::List;

/// LLEN key.
///
/// # Errors
/// The value is no list.
pub fn llen(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let len = ctx.keys.get::<List>(ctx.args.at(1))?.map_or(0, List::len);
    ctx.reply.int(len as i64);
    Ok(())
}

/// LINDEX key index.
///
/// # Errors
/// The value is no list, or the index no number; not looked at when the key is missing.
pub fn lindex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let Some(list) = ctx.keys.get::<List>(ctx.args.at(1))? else {
        ctx.reply.null();
        return Ok(());
    };
    let index = parse::integer(ctx.args.at(2))?;
    ctx.reply.bulk_or_null(place(index, list.len()).and_then(|index| list.get(index)));
    Ok(())
}

/// LRANGE key start stop.
///
/// # Errors
/// The places are no numbers, or the value is no list.
pub fn lrange(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let start = parse::integer(ctx.args.at(2))?;
    let end = parse::integer(ctx.args.at(3))?;
    let list = ctx.keys.get::<List>(ctx.args.at(1))?;
    let found = list.and_then(|list| Some((list, parse::range(start, end, list.len())?)));
    let Some((list, (first, last))) = found else {
        ctx.reply.array(0);
        return Ok(());
    };
    let (reply, count) = (&mut ctx.reply, last - first + 1);
    reply.array(count);
    list.range(first, count).for_each(|value| reply.bulk(value));
    Ok(())
}

/// The place that an index, negative from the end, means in a list of `len` elements; it may still
/// be beyond the end.
pub fn place(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.saturating_add(len as i64) } else { index };
    usize::try_from(index).ok()
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn reads_by_place() {
        check(
            r#"
            RPUSH l a b c d => :4
            LLEN l => :4
            LLEN none => :0
            LINDEX l 0 => "a"
            LINDEX l -1 => "d"
            LINDEX l 4 => nil
            LINDEX l -5 => nil
            LINDEX none x => nil
            LINDEX l x => -ERR value is not an integer or out of range
            LRANGE l 1 2 => ["b", "c"]
            LRANGE l -100 100 => ["a", "b", "c", "d"]
            LRANGE l 3 2 => []
            LRANGE l 4 9 => []
            LRANGE none 0 -1 => []
            LRANGE none a -1 => -ERR value is not an integer or out of range
            SET s v => +OK
            LLEN s => -WRONGTYPE Operation against a key holding the wrong kind of value
            LINDEX s x => -WRONGTYPE Operation against a key holding the wrong kind of value
            LRANGE s 0 -1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
