//! COPY source destination [DB n] [REPLACE], MOVE key db
//!
//! COPY duplicates a value with its time of death; MOVE takes a key into another database. Both
//! reply 0, having done nothing, when the source is missing or the target is taken.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::Moment;
use crate::parse;
use catalog::events::Classes;
use resp::Args;

struct Copy {
    db: u16,
    replace: bool,
}

impl Copy {
    fn parse(args: Args<'_>, moment: &Moment) -> Result<Self, CommandError> {
        let mut copy = Self { db: moment.db, replace: false };
        let mut words = args.from(3);
        while let Some(word) = words.next() {
            if parse::is(word, "REPLACE") {
                copy.replace = true;
            } else if parse::is(word, "DB") {
                let number = words.next().ok_or(error::SYNTAX)?;
                copy.db = parse::database(number, moment.dbs)?;
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(copy)
    }
}

/// COPY.
///
/// # Errors
/// Bad options, a database out of range, or source and destination are the same.
pub fn copy(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (from, to) = (ctx.args.at(1), ctx.args.at(2));
    let moment = ctx.keys.moment;
    let copy = Copy::parse(ctx.args, &moment)?;
    if copy.db == moment.db && from == to {
        return Err(error::SAME_OBJECT);
    }
    if ctx.keys.read(from).is_none() {
        ctx.reply.int(0);
        return Ok(());
    }
    if ctx.keys.peek_in(copy.db, to).is_some() {
        if !copy.replace {
            ctx.reply.int(0);
            return Ok(());
        }
        let old = ctx.keys.take_from(copy.db, to);
        ctx.keys.discard(old);
    }
    if let Some(mut entry) = ctx.keys.peek(from).map(|entry| entry.duplicate(to)) {
        entry.set_access(moment.access());
        ctx.keys.put(copy.db, entry);
        ctx.keys.event_in(copy.db, Classes::GENERIC, "copy_to", to);
        ctx.propagate_verbatim();
    }
    ctx.reply.int(1);
    Ok(())
}

/// MOVE.
///
/// # Errors
/// A database that is out of range, or the selected one.
pub fn move_to(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, moment) = (ctx.args.at(1), ctx.keys.moment);
    let db = parse::database(ctx.args.at(2), moment.dbs)?;
    if db == moment.db {
        return Err(error::SAME_OBJECT);
    }
    let movable = ctx.keys.peek(key).is_some() && ctx.keys.peek_in(db, key).is_none();
    if movable && let Some(entry) = ctx.keys.take(key) {
        ctx.keys.put(db, entry);
        ctx.keys.event(Classes::GENERIC, "move_from", key);
        ctx.keys.event_in(db, Classes::GENERIC, "move_to", key);
        ctx.propagate_verbatim();
    }
    ctx.reply.int(i64::from(movable));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn copies() {
        check(
            r#"
            SET a 1 EX 10 => +OK
            COPY a b => :1 ~ COPY a b
            TTL b => :10
            SET a 2 => +OK
            GET b => "1"
            COPY a b => :0 ~
            COPY a b REPLACE => :1 ~ COPY a b REPLACE
            GET b => "2"
            TTL b => :-1
            COPY nokey b => :0 ~
            COPY a a => -ERR source and destination objects are the same
            COPY nokey nokey => -ERR source and destination objects are the same
            COPY a b DB => -ERR syntax error
            COPY a b FOO => -ERR syntax error
            COPY a b DB 16 => -ERR DB index is out of range
            COPY a b DB -1 => -ERR DB index is out of range
            COPY a b DB x => -ERR value is not an integer or out of range
            "#,
        );
    }

    #[test]
    fn between_databases() {
        let mut bench = Bench::new();
        bench.check("SET a 1 EX 10 => +OK");
        bench.check("COPY a a DB 3 => :1 ~ COPY a a DB 3");
        bench.check("MOVE a 3 => :0 ~");
        bench.check("MOVE a 0 => -ERR source and destination objects are the same");
        bench.check("MOVE a 16 => -ERR DB index is out of range");
        bench.check("MOVE a 4 => :1 ~ MOVE a 4");
        bench.check("MOVE a 4 => :0 ~");
        bench.check("EXISTS a => :0");
        for db in [3, 4] {
            bench.db = db;
            bench.check("TTL a => :10");
        }
    }
}
