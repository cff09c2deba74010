//! RENAME key newkey, RENAMENX key newkey
//!
//! Gives a value another key, with its time of death. RENAME replaces what was there, RENAMENX
//! leaves it and replies 0.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use catalog::events::Classes;

/// RENAME.
///
/// # Errors
/// [`error::NO_SUCH_KEY`].
pub fn rename(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (from, to) = (ctx.args.at(1), ctx.args.at(2));
    if ctx.keys.peek(from).is_none() {
        return Err(error::NO_SUCH_KEY);
    }
    if from != to {
        give(ctx, from, to);
    }
    ctx.reply.ok();
    Ok(())
}

/// RENAMENX.
///
/// # Errors
/// [`error::NO_SUCH_KEY`].
pub fn renamenx(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (from, to) = (ctx.args.at(1), ctx.args.at(2));
    if ctx.keys.peek(from).is_none() {
        return Err(error::NO_SUCH_KEY);
    }
    let free = from != to && ctx.keys.peek(to).is_none();
    if free {
        give(ctx, from, to);
    }
    ctx.reply.int(i64::from(free));
    Ok(())
}

fn give(ctx: &mut Ctx<'_>, from: &[u8], to: &[u8]) {
    ctx.keys.remove(to);
    if let Some(entry) = ctx.keys.take(from) {
        ctx.keys.put(ctx.keys.moment.db, entry.with_key(to));
        ctx.keys.event(Classes::GENERIC, "rename_from", from);
        ctx.keys.event(Classes::GENERIC, "rename_to", to);
        ctx.propagate_verbatim();
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn renames() {
        check(
            r#"
            SET a 1 EX 10 => +OK
            SET b 2 => +OK
            RENAME a b => +OK ~ RENAME a b
            GET b => "1"
            TTL b => :10
            EXISTS a => :0
            RENAME b b => +OK ~
            RENAME nokey b => -ERR no such key
            RENAME nokey nokey => -ERR no such key
            SET c 3 => +OK
            RENAMENX b c => :0 ~
            RENAMENX c c => :0 ~
            RENAMENX b new => :1 ~ RENAMENX b new
            MGET b c new => [nil, "3", "1"]
            RENAMENX nokey c => -ERR no such key
            "#,
        );
    }

    #[test]
    fn the_target_loses_its_time_of_death() {
        check(
            r#"
            SET a 1 => +OK
            SET b 2 EX 10 => +OK
            RENAME a b => +OK
            TTL b => :-1
            "#,
        );
    }

    #[test]
    fn a_dead_target_is_free() {
        let mut bench = Bench::new();
        bench.check("SET a 1 => +OK");
        bench.check("SET b 2 PX 5 => +OK");
        bench.now_ms += 5;
        bench.check("RENAMENX a b => :1 ~ DEL b; RENAMENX a b");
    }
}
