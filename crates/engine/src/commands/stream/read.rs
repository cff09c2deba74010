//! XLEN key, XRANGE key start end [COUNT count] and XREVRANGE key end start [COUNT count]: entries
//! by their ids. `-` and `+` are the ends, `(` leaves an id out.

use super::emit::{limited, write_entry, write_range};
use super::ids;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Stream;

/// XLEN.
///
/// # Errors
/// The value is no stream.
pub fn xlen(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let stream = ctx.keys.get::<Stream>(ctx.args.at(1))?;
    ctx.reply.int(stream.map_or(0, Stream::len) as i64);
    Ok(())
}

/// XRANGE.
///
/// # Errors
/// Ids or a count that are none, or the value is no stream.
pub fn xrange(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    range(ctx, false)
}

/// XREVRANGE.
///
/// # Errors
/// As [`xrange`].
pub fn xrevrange(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    range(ctx, true)
}

fn range(ctx: &mut Ctx<'_>, back: bool) -> Result<(), CommandError> {
    let args = ctx.args;
    let (start, end) = if back { (3, 2) } else { (2, 3) };
    let (start, end) = (ids::range_start(args.at(start))?, ids::range_end(args.at(end))?);
    let mut count = None;
    let mut words = args.from(4);
    while let Some(word) = words.next() {
        if !parse::is(word, "COUNT") {
            return Err(error::SYNTAX);
        }
        let number = parse::integer(words.next().ok_or(error::SYNTAX)?)?;
        // None at all where others have no limit.
        count = Some(usize::try_from(number).unwrap_or(0));
    }
    let Some(stream) = ctx.keys.get::<Stream>(args.at(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    match count {
        Some(0) => ctx.reply.null_array(),
        _ if back => {
            let len = limited(stream.count(start, end), count.unwrap_or(0));
            ctx.reply.array(len);
            let entries = stream.range_back(start, end).take(len);
            entries.for_each(|entry| write_entry(&mut ctx.reply, &entry));
        }
        _ => write_range(&mut ctx.reply, stream, (start, end), count.unwrap_or(0)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn ranges() {
        check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 1-2 b x => "1-2"
            XADD s 2-1 a 3 => "2-1"
            XRANGE s 1 1 => [["1-1", ["a", "1"]], ["1-2", ["b", "x"]]]
            XRANGE s (1-1 + COUNT 1 => [["1-2", ["b", "x"]]]
            XREVRANGE s + - COUNT 2 => [["2-1", ["a", "3"]], ["1-2", ["b", "x"]]]
            XREVRANGE s (2-1 (1-1 => [["1-2", ["b", "x"]]]
            XRANGE s + - => []
            XRANGE s - + COUNT 0 => nil
            XRANGE s - + COUNT -7 => nil
            XRANGE none - + => []
            XRANGE s - + COUNT => -ERR syntax error
            XRANGE s - + COUNT x => -ERR value is not an integer or out of range
            XRANGE s x + => -ERR Invalid stream ID specified as stream command argument
            XRANGE s (18446744073709551615-18446744073709551615 + => -ERR invalid start ID for the interval
            XRANGE s - (0-0 => -ERR invalid end ID for the interval
            SET k v => +OK
            XRANGE k - + => -WRONGTYPE Operation against a key holding the wrong kind of value
            XLEN k => -WRONGTYPE Operation against a key holding the wrong kind of value
            XLEN none => :0
            "#,
        );
    }
}
