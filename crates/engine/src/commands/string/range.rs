//! STRLEN, GETRANGE (SUBSTR) and SETRANGE: parts of a string.

use super::append::write;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use catalog::events::Classes;

/// STRLEN.
///
/// # Errors
/// The value is no string.
pub fn strlen(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let len = ctx.keys.text(ctx.args.at(1))?.map_or(0, |text| text.len());
    ctx.reply.int(len as i64);
    Ok(())
}

/// GETRANGE, SUBSTR.
///
/// # Errors
/// The value is no string, or the places are no numbers.
pub fn getrange(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let start = parse::integer(ctx.args.at(2))?;
    let end = parse::integer(ctx.args.at(3))?;
    let reply = &mut ctx.reply;
    match ctx.keys.text(ctx.args.at(1))? {
        None => reply.bulk(b""),
        // Redis: a last place before the first byte means that byte.
        Some(text) => match parse::range(start, end.max(-(text.len() as i64)), text.len()) {
            // Redis: two negative places in the wrong order are empty even after clamping.
            Some((first, last)) if !(start < 0 && end < 0 && start > end) => {
                text.reply_part(reply, first, last + 1 - first);
            }
            _ => reply.bulk(b""),
        },
    }
    Ok(())
}

/// SETRANGE.
///
/// # Errors
/// The value is no string, the offset is negative, or the result would be too long.
pub fn setrange(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let offset = parse::integer(ctx.args.at(2))?;
    let offset = usize::try_from(offset).map_err(|_| error::BAD_OFFSET)?;
    let patch = ctx.args.at(3);
    let len = ctx.keys.text_quietly(key)?.map_or(0, |text| text.len());
    if patch.is_empty() {
        ctx.reply.int(len as i64);
        return Ok(());
    }
    let end = offset.saturating_add(patch.len());
    if end as u64 > ctx.keys.moment.bulk_bytes_max {
        return Err(error::TOO_LONG);
    }
    write(&mut ctx.keys, key, offset, patch);
    ctx.keys.event(Classes::STRING, "setrange", key);
    ctx.propagate_verbatim();
    ctx.reply.int(len.max(end) as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn pages_read_as_one_string() {
        let part = "0123456789".repeat(100);
        let mut bench = crate::commands::testing::Bench::new();
        for i in 1..=5 {
            bench.check(&format!("APPEND k {part} => :{}", i * 1000));
        }
        bench.check("STRLEN k => :5000");
        bench.check("OBJECT ENCODING k => \"raw\"");
        bench.check("SETRANGE k 3998 abcd => :5000");
        bench.check("GETRANGE k 3995 4004 => \"567abcd234\"");
        bench.check("SETRANGE k 9999 x => :10000");
        bench.check("GETRANGE k -2 -1 => \"\\0x\"");
        bench.check("COPY k other => :1");
        bench.check("SETRANGE k 0 x => :10000");
        bench.check("GETRANGE other 0 2 => \"012\"");
        assert_eq!(bench.run("GET k").0.len(), bench.run("GET other").0.len());
        bench.check("SETRANGE new 5000 x => :5001");
        bench.check("GETRANGE new 4998 -1 => \"\\0\\0x\"");
    }

    #[test]
    fn reads_and_writes_parts() {
        check(
            r#"
            SET k "Hello World" => +OK
            GETRANGE k 0 4 => "Hello"
            GETRANGE k -5 -1 => "World"
            GETRANGE k 5 3 => ""
            GETRANGE k -1 -5 => ""
            SUBSTR k 0 -1 => "Hello World"
            GETRANGE nokey 0 -1 => ""
            SETRANGE k 6 Redis => :11 ~ SETRANGE k 6 Redis
            GET k => "Hello Redis"
            STRLEN k => :11
            SETRANGE new 3 x => :4
            GET new => "\0\0\0x"
            SETRANGE new -1 x => -ERR offset is out of range
            SETRANGE other 5 "" => :0 ~
            EXISTS other => :0
            SETRANGE k 536870912 x => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
            SETRANGE k 9223372036854775807 x => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
            "#,
        );
    }
}
