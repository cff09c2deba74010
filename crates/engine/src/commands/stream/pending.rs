//! XACK key group id [id ...] and XPENDING key group [[IDLE ms] start end count [consumer]]: what a
//! group gave out and nobody has acknowledged.

use super::emit::write_id;
use super::{ids, produce};
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Stream;
use crate::types::stream::{Group, Id, Pending};
use resp::{Args, Reply};

/// XACK.
///
/// # Errors
/// A word is no id, or the value is no stream.
pub fn xack(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (args, name) = (ctx.args, ctx.args.at(2));
    if ctx.keys.moment.dead_ms == 0 && name.first() == Some(&0) && produce::obey(ctx)? {
        ctx.reply.int(0);
        return Ok(());
    }
    let stream = ctx.keys.get::<Stream>(args.at(1))?;
    if stream.is_none_or(|stream| stream.group(name).is_none()) {
        ctx.reply.int(0);
        return Ok(());
    }
    let ids: Result<Vec<Id>, _> = args.from(3).map(|word| ids::parse(word, 0)).collect();
    let ids = ids?;
    let mut acknowledged = 0;
    if let Some(mut stream) = ctx.keys.edit::<Stream>(args.at(1))? {
        stream.unchanged();
        stream.edit_group(name, |group| {
            let known = ids.into_iter().filter(|id| group.acknowledge(*id).is_some());
            acknowledged = known.count();
        });
    }
    ctx.reply.int(acknowledged as i64);
    if acknowledged > 0 {
        ctx.propagate_verbatim();
    }
    Ok(())
}

/// Which pending entries.
struct Select<'a> {
    idle_ms: i64,
    start: Id,
    end: Id,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Select<'a> {
    fn parse(args: Args<'a>) -> Result<Option<Self>, CommandError> {
        if args.len() == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&args.len()) {
            return Err(error::SYNTAX);
        }
        let (mut idle_ms, mut at) = (0, 3);
        if parse::is(args.at(3), "IDLE") {
            idle_ms = parse::integer(args.at(4))?;
            if args.len() < 8 {
                return Err(error::SYNTAX);
            }
            at = 5;
        }
        let count = usize::try_from(parse::integer(args.at(at + 2))?).unwrap_or(0);
        let start = ids::range_start(args.at(at))?;
        let end = ids::range_end(args.at(at + 1))?;
        Ok(Some(Self { idle_ms, start, end, count, consumer: args.find(at + 3) }))
    }
}

/// XPENDING.
///
/// # Errors
/// Bad options, no such group, or the value is no stream.
pub fn xpending(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, name, now_ms) = (ctx.args.at(1), ctx.args.at(2), ctx.keys.moment.now_ms);
    let select = Select::parse(ctx.args)?;
    let stream = ctx.keys.get::<Stream>(key)?;
    let group = stream.and_then(|stream| stream.group(name));
    let group = group.ok_or_else(|| error::no_group(key, name, ""))?;
    match select {
        None => write_summary(&mut ctx.reply, group),
        Some(select) => write_selected(&mut ctx.reply, group, &select, now_ms),
    }
    Ok(())
}

fn write_summary(reply: &mut Reply<'_>, group: &Group) {
    let pending = group.pending();
    reply.array(4);
    reply.int(pending.len() as i64);
    let (Some(first), Some(last)) = (pending.iter().next(), pending.last()) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    write_id(reply, first.id);
    write_id(reply, last.id);
    let owners = || group.consumers().iter().filter(|consumer| consumer.pending().len() > 0);
    reply.array(owners().count());
    for owner in owners() {
        reply.array(2);
        reply.bulk(owner.name());
        reply.bulk_int(owner.pending().len() as i64);
    }
}

fn write_selected(reply: &mut Reply<'_>, group: &Group, select: &Select<'_>, now_ms: u64) {
    let is_idle =
        |pending: &&Pending| select.idle_ms == 0 || pending.idle_ms(now_ms) >= select.idle_ms;
    let found: Vec<&Pending> = if let Some(name) = select.consumer {
        let ids = group.consumer(name).map(|consumer| consumer.pending().from(&select.start));
        let ids = ids.into_iter().flatten().take_while(|id| **id <= select.end);
        let pending = ids.filter_map(|id| group.pending().find(id));
        pending.filter(is_idle).take(select.count).collect()
    } else {
        let pending = group.pending().from(&select.start);
        let pending = pending.take_while(|pending| pending.id <= select.end);
        pending.filter(is_idle).take(select.count).collect()
    };
    reply.array(found.len());
    for pending in found {
        reply.array(4);
        write_id(reply, pending.id);
        reply.bulk(&group.owner(pending));
        let idle_ms = if pending.is_owned() { pending.idle_ms(now_ms).max(0) } else { -1 };
        reply.int(idle_ms);
        reply.int(pending.count.cast_signed());
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;

    #[test]
    fn pending_entries() {
        let mut bench = Bench::new();
        bench.check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 2-1 a 2 => "2-1"
            XADD s 3-1 a 3 => "3-1"
            XGROUP CREATE s g 0 => +OK
            XPENDING s g => [:0, nil, nil, nil]
            XREADGROUP GROUP g c COUNT 2 STREAMS s > => [["s", [["1-1", ["a", "1"]], ["2-1", ["a", "2"]]]]]
            "#,
        );
        bench.now_ms += 50;
        bench.check(
            r#"
            XREADGROUP GROUP g d STREAMS s > => [["s", [["3-1", ["a", "3"]]]]]
            XPENDING s g => [:3, "1-1", "3-1", [["c", "2"], ["d", "1"]]]
            XPENDING s g - + 10 => [["1-1", "c", :50, :1], ["2-1", "c", :50, :1], ["3-1", "d", :0, :1]]
            XPENDING s g (1-1 + 1 => [["2-1", "c", :50, :1]]
            XPENDING s g IDLE 20 - + 10 c => [["1-1", "c", :50, :1], ["2-1", "c", :50, :1]]
            XPENDING s g IDLE 20 - + 10 d => []
            XPENDING s g - + 10 none => []
            XPENDING s g - + => -ERR syntax error
            XPENDING s g IDLE 20 - + => -ERR syntax error
            XPENDING s none => -NOGROUP No such key 's' or consumer group 'none'
            XPENDING none g => -NOGROUP No such key 'none' or consumer group 'g'
            XACK s g 1-1 9-9 3-1 => :2 ~ XACK s g 1-1 9-9 3-1
            XACK s g 1-1 => :0 ~
            XACK s none 1-1 => :0
            XACK none g 1-1 => :0
            XACK s g x => -ERR Invalid stream ID specified as stream command argument
            XPENDING s g => [:1, "2-1", "2-1", [["c", "1"]]]
            "#,
        );
    }
}
