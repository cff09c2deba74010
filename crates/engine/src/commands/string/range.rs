//! STRLEN, GETRANGE (SUBSTR) and SETRANGE: parts of a string.

use super::append::change;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;

/// STRLEN.
///
/// # Errors
/// The value is no string.
pub fn strlen(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let len = match ctx.keys.text(ctx.args.at(1))? {
        Some(text) => text.with(<[u8]>::len),
        None => 0,
    };
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
        Some(text) => text.with(|bytes| match parse::range(start, end, bytes.len()) {
            // Redis: two negative places in the wrong order are empty even after clamping.
            Some((first, last)) if !(start < 0 && end < 0 && start > end) => {
                reply.bulk(&bytes[first..=last]);
            }
            _ => reply.bulk(b""),
        }),
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
    let len = match ctx.keys.text(key)? {
        Some(text) => text.with(<[u8]>::len),
        None => 0,
    };
    if patch.is_empty() {
        ctx.reply.int(len as i64);
        return Ok(());
    }
    let end = offset.saturating_add(patch.len());
    if end as u64 > ctx.keys.moment.bulk_bytes_max {
        return Err(error::TOO_LONG);
    }
    change(&mut ctx.keys, key, |bytes| {
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset..end].copy_from_slice(patch);
    });
    ctx.propagate_verbatim();
    ctx.reply.int(len.max(end) as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

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
