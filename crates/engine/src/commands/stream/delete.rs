//! XDEL key id [id ...], XTRIM key MAXLEN|MINID [=|~] threshold [LIMIT count]
//! [KEEPREF|DELREF|ACKED] and XSETID key last-id [ENTRIESADDED n] [MAXDELETEDID id]: removing
//! entries, and setting what is known of those that went.

use super::ids;
use super::trimming::{Left, Trimming, discard};
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Stream;
use crate::types::stream::Id;
use catalog::events::Classes;
use resp::Args;

/// XDEL.
///
/// # Errors
/// A word is no id, or the value is no stream.
pub fn xdel(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let ids: Result<Vec<Id>, _> = ctx.args.from(2).map(|word| ids::parse(word, 0)).collect();
    let ids = ids.inspect_err(|_| stream.unchanged())?;
    let deleted = ids.into_iter().filter(|id| stream.delete(*id)).count();
    if deleted == 0 {
        stream.unchanged();
    }
    drop(stream);
    ctx.reply.int(deleted as i64);
    if deleted > 0 {
        ctx.keys.event(Classes::STREAM, "xdel", key);
        ctx.propagate_verbatim();
    }
    Ok(())
}

/// XTRIM.
///
/// # Errors
/// Bad options, or the value is no stream.
pub fn xtrim(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, mut trimming) = (ctx.args.at(1), Trimming::default());
    let mut at = 2;
    while at < ctx.args.len() {
        at = trimming.option(ctx.args, at)?.ok_or(error::SYNTAX)?;
    }
    let trim = trimming.finish(ctx.keys.moment.dead_ms == 0)?;
    let trim = trim.ok_or(error::TRIM_WITHOUT_STRATEGY)?;
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let trimmed = trimming.apply(&mut stream, trim);
    let left = Left::of(&stream);
    if trimmed.count == 0 {
        stream.unchanged();
    }
    drop(stream);
    ctx.reply.int(trimmed.count as i64);
    if trimmed.count > 0 {
        ctx.keys.event(Classes::STREAM, "xtrim", key);
        trimming.propagate(ctx, (left, &trimmed), None);
        discard(ctx, trimmed.taken);
    }
    Ok(())
}

struct SetId {
    last: Id,
    added: Option<u64>,
    deleted: Option<Id>,
}

impl SetId {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let last = ids::parse(args.at(2), 0)?;
        let mut set = Self { last, added: None, deleted: None };
        let mut words = args.from(3);
        while let Some(word) = words.next() {
            let value = words.next().ok_or(error::SYNTAX)?;
            if parse::is(word, "ENTRIESADDED") {
                let added = u64::try_from(parse::integer(value)?);
                set.added = Some(added.map_err(|_| error::ADDED_NEGATIVE)?);
            } else if parse::is(word, "MAXDELETEDID") {
                let deleted = ids::parse(value, 0)?;
                if last < deleted {
                    return Err(error::LAST_ID_DELETED);
                }
                set.deleted = Some(deleted);
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(set)
    }
}

/// XSETID.
///
/// # Errors
/// Bad options, ids or numbers that contradict the entries, no key, or the value is no stream.
pub fn xsetid(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, set) = (ctx.args.at(1), SetId::parse(ctx.args)?);
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else { return Err(error::NO_SUCH_KEY) };
    // Redis tells nobody who watches the key.
    stream.unchanged();
    if stream.len() > 0 {
        if set.last < stream.top_id() {
            return Err(error::LAST_ID_TOO_SMALL);
        }
        if set.added.is_some_and(|added| added < stream.len() as u64) {
            return Err(error::ADDED_TOO_SMALL);
        }
    }
    stream.last_id = set.last;
    stream.added = set.added.unwrap_or(stream.added);
    stream.deleted_id = set.deleted.filter(|id| *id != Id::MIN).unwrap_or(stream.deleted_id);
    drop(stream);
    ctx.reply.ok();
    ctx.keys.event(Classes::STREAM, "xsetid", key);
    ctx.propagate_verbatim();
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn deletes() {
        check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 2-1 a 2 => "2-1"
            XADD s 3-1 a 3 => "3-1"
            XDEL s 2-1 9-9 => :1 ~ XDEL s 2-1 9-9
            XDEL s 2-1 => :0 ~
            XDEL s 1-1 x => -ERR Invalid stream ID specified as stream command argument
            XRANGE s - + => [["1-1", ["a", "1"]], ["3-1", ["a", "3"]]]
            XDEL s 1-1 3-1 => :2
            XLEN s => :0
            XADD s 3-1 a 1 => -ERR The ID specified in XADD is equal or smaller than the target stream top item
            XDEL none 1 => :0
            "#,
        );
    }

    #[test]
    fn trims() {
        check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 2-1 a 2 => "2-1"
            XADD s 3-1 a 3 => "3-1"
            XTRIM s MAXLEN = 2 => :1 ~ XTRIM s MAXLEN = 2
            XTRIM s MINID 3 => :1 ~ XTRIM s MINID 3
            XTRIM s MAXLEN ~ 0 => :1 ~ XTRIM s MAXLEN = 0
            XTRIM s MAXLEN 0 => :0 ~
            XTRIM none MAXLEN 0 => :0 ~
            XTRIM s MAXLEN => -ERR syntax error
            XTRIM s LIMIT 1 => -ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
            XTRIM s LIMIT 0 => -ERR syntax error, XTRIM must be called with a trimming strategy
            XTRIM s ACKED => -ERR syntax error, XTRIM must be called with a trimming strategy
            XTRIM s MAXLEN 0 KEEPREF ACKED => -ERR syntax error
            "#,
        );
    }

    #[test]
    fn trims_by_what_groups_refer_to() {
        let mut bench = Bench::new();
        for i in 1..=6 {
            bench.run(&format!("XADD s {i}-1 f {i}"));
        }
        bench.run("XGROUP CREATE s g 0");
        bench.run("XREADGROUP GROUP g c COUNT 4 STREAMS s >");
        bench.run("XACK s g 1-1 3-1");
        bench.check("XTRIM s MAXLEN = 5 KEEPREF => :1 ~ XTRIM s MAXLEN = 5");
        bench.check("XTRIM s MAXLEN = 2 ACKED => :1 ~ XDEL s 3-1");
        bench.check("XTRIM s ACKED MINID 9 => :0 ~");
        bench.check("XTRIM s MINID ~ 3 DELREF => :0 ~");
        bench.check("XTRIM s MINID = 3 DELREF => :1 ~ XACK s g 2-1; XTRIM s MINID = 3");
        bench.check(r#"XPENDING s g => [:1, "4-1", "4-1", [["c", "1"]]]"#);
        bench.check("XADD s ACKED MAXLEN 0 7-1 a b => \"7-1\" ~ XADD s 7-1 a b");
        bench.run("XREADGROUP GROUP g c STREAMS s >");
        bench.run("XACK s g 4-1 5-1 7-1");
        bench.check(
            "XADD s MAXLEN ~ 0 ACKED 8-1 a b => \"8-1\" ~ XADD s 8-1 a b; XDEL s 4-1 5-1 7-1",
        );
        bench.check(
            "XADD s MAXLEN 1 DELREF 9-1 a b => \"9-1\" ~ XACK s g 6-1; XADD s MAXLEN 1 9-1 a b",
        );
        bench.check("XTRIM s MAXLEN 0 DELREF => :1 ~ XTRIM s MAXLEN 0");
        bench.check("XPENDING s g => [:0, nil, nil, nil]");
    }

    #[test]
    fn sets_ids() {
        check(
            r#"
            XSETID none 1 => -ERR no such key
            XADD s 5-1 a 1 => "5-1"
            XSETID s 4 => -ERR The ID specified in XSETID is smaller than the target stream top item
            XSETID s 6 ENTRIESADDED 0 => -ERR The entries_added specified in XSETID is smaller than the target stream length
            XSETID s 6 ENTRIESADDED -1 => -ERR entries_added must be positive
            XSETID s 6 MAXDELETEDID 7 => -ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id
            XSETID s 6 WHAT => -ERR syntax error
            XSETID s 9-9 ENTRIESADDED 100 MAXDELETEDID 9-0 => +OK ~ XSETID s 9-9 ENTRIESADDED 100 MAXDELETEDID 9-0
            XADD s 9-* a 1 => "9-10"
            "#,
        );
    }
}
