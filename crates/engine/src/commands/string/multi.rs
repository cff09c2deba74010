//! MGET, MSET and MSETNX: several strings at once.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::{Ttl, Value};
use catalog::events::Classes;

/// MGET. A value that is no string reads as null.
///
/// # Errors
/// None of its own.
pub fn mget(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    ctx.reply.array(ctx.args.len() - 1);
    for key in ctx.args.from(1) {
        let reply = &mut ctx.reply;
        match ctx.keys.text(key) {
            Ok(Some(text)) => text.reply(reply),
            Ok(None) | Err(_) => reply.null(),
        }
    }
    Ok(())
}

/// MSET.
///
/// # Errors
/// A key without a value.
pub fn mset(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    check_pairs(ctx, "mset")?;
    set_all(ctx);
    ctx.reply.ok();
    Ok(())
}

/// MSETNX.
///
/// # Errors
/// A key without a value.
pub fn msetnx(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    check_pairs(ctx, "msetnx")?;
    let mut keys = ctx.args.from(1).step_by(2);
    if keys.any(|key| ctx.keys.peek(key).is_some()) {
        ctx.reply.int(0);
        return Ok(());
    }
    set_all(ctx);
    ctx.reply.int(1);
    Ok(())
}

fn check_pairs(ctx: &Ctx<'_>, name: &str) -> Result<(), CommandError> {
    if ctx.args.len() % 2 == 1 { Ok(()) } else { Err(error::wrong_arity(name)) }
}

fn set_all(ctx: &mut Ctx<'_>) {
    for at in (1..ctx.args.len()).step_by(2) {
        ctx.keys.set(ctx.args.at(at), Value::string(ctx.args.at(at + 1)), Ttl::Clear);
        ctx.keys.event(Classes::STRING, "set", ctx.args.at(at));
    }
    ctx.propagate_verbatim();
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn several_at_once() {
        check(
            r#"
            MSET a 1 b 2 a 3 => +OK ~ MSET a 1 b 2 a 3
            MGET a b c => ["3", "2", nil]
            MSETNX c 1 a 2 => :0 ~
            MSETNX c 1 d 2 => :1 ~ MSETNX c 1 d 2
            MGET c d => ["1", "2"]
            MSET a 1 b => -ERR wrong number of arguments for 'mset' command
            "#,
        );
    }
}
