//! XINFO STREAM key [FULL [COUNT count]], GROUPS key and CONSUMERS key group: what is known of a
//! stream and of those who read it.

use super::emit::{limited, write_entry, write_help, write_id, write_range};
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Stream;
use crate::types::stream::{Consumer, Group, Id, Producers};
use resp::{Args, Reply};

/// Entries that FULL shows, unless told otherwise.
const COUNT: usize = 10;

fn find<'k>(ctx: &'k mut Ctx<'_>) -> Result<&'k Stream, CommandError> {
    ctx.keys.get::<Stream>(ctx.args.at(2))?.ok_or(error::NO_SUCH_KEY)
}

/// XINFO CONSUMERS.
///
/// # Errors
/// No such key or group, or the value is no stream.
pub fn consumers(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, name, now_ms) = (ctx.args.at(2), ctx.args.at(3), ctx.keys.moment.now_ms);
    let stream = ctx.keys.get::<Stream>(key)?.ok_or(error::NO_SUCH_KEY)?;
    let group = stream.group(name).ok_or_else(|| error::no_group_at(key, name))?;
    let reply = &mut ctx.reply;
    reply.array(group.consumers().len());
    for consumer in group.consumers().iter() {
        reply.map(3);
        field(reply, "name").bulk(consumer.name());
        field(reply, "pending").int(consumer.pending().len() as i64);
        field(reply, "idle").int(now_ms.saturating_sub(consumer.seen_ms).cast_signed());
    }
    Ok(())
}

/// XINFO GROUPS.
///
/// # Errors
/// No such key, or the value is no stream.
pub fn groups(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let stream = ctx.keys.get::<Stream>(ctx.args.at(2))?.ok_or(error::NO_SUCH_KEY)?;
    let reply = &mut ctx.reply;
    reply.array(stream.groups().len());
    for group in stream.groups().iter() {
        reply.map(6);
        field(reply, "name").bulk(group.name());
        field(reply, "consumers").int(group.consumers().len() as i64);
        field(reply, "pending").int(group.pending().len() as i64);
        write_progress(reply, stream, group);
    }
    Ok(())
}

/// How far a group has read.
fn write_progress(reply: &mut Reply<'_>, stream: &Stream, group: &Group) {
    write_id(field(reply, "last-delivered-id"), group.last_id);
    int_or_null(field(reply, "entries-read"), group.read);
    int_or_null(field(reply, "lag"), stream.facts().lag(group.last_id, group.read));
}

/// XINFO STREAM.
///
/// # Errors
/// Bad options, no such key, or the value is no stream.
pub fn stream(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    find(ctx)?;
    let full = full_count(ctx.args)?;
    let now_ms = ctx.keys.moment.now_ms;
    let Some(stream) = ctx.keys.get_quietly::<Stream>(ctx.args.at(2))? else { return Ok(()) };
    let reply = &mut ctx.reply;
    let producers = stream.producers().map_or(0, |_| PRODUCERS_FIELDS);
    reply.map(producers + if full.is_some() { 9 } else { 10 });
    let (keys, nodes) = stream.radix_tree();
    field(reply, "length").int(stream.len() as i64);
    field(reply, "radix-tree-keys").int(keys as i64);
    field(reply, "radix-tree-nodes").int(nodes as i64);
    write_id(field(reply, "last-generated-id"), stream.last_id);
    write_id(field(reply, "max-deleted-entry-id"), stream.deleted_id);
    field(reply, "entries-added").int(stream.added.cast_signed());
    write_id(field(reply, "recorded-first-entry-id"), stream.first_id());
    stream.producers().into_iter().for_each(|known| write_producers(reply, known, now_ms));
    let Some(count) = full else {
        field(reply, "groups").int(stream.groups().len() as i64);
        let ends = [
            ("first-entry", stream.range(Id::MIN, Id::MAX).next()),
            ("last-entry", stream.range_back(Id::MIN, Id::MAX).next()),
        ];
        for (name, entry) in ends {
            match entry {
                Some(entry) => write_entry(field(reply, name), &entry),
                None => field(reply, name).null(),
            }
        }
        return Ok(());
    };
    write_range(field(reply, "entries"), stream, (Id::MIN, Id::MAX), count);
    field(reply, "groups").array(stream.groups().len());
    stream.groups().iter().for_each(|group| write_group(reply, stream, group, count));
    Ok(())
}

/// Fields that tell of producers. Clients of Redis 7.0 do not expect them: they are there once
/// something is known of producers.
const PRODUCERS_FIELDS: usize = 6;

fn write_producers(reply: &mut Reply<'_>, known: &Producers, now_ms: u64) {
    let (producers, ids) = known.counts(now_ms);
    field(reply, "idmp-duration").int(i64::from(known.duration_s));
    field(reply, "idmp-maxsize").int(i64::from(known.ids_max));
    field(reply, "pids-tracked").int(producers as i64);
    field(reply, "iids-tracked").int(ids as i64);
    field(reply, "iids-added").int(known.added.cast_signed());
    field(reply, "iids-duplicates").int(known.duplicates.cast_signed());
}

/// Entries to show with FULL; `None` without it.
fn full_count(args: Args<'_>) -> Result<Option<usize>, CommandError> {
    let bad = || error::bad_subcommand("XINFO", args.at(1));
    match (args.len(), args.find(3), args.find(4), args.find(5)) {
        (3, ..) => Ok(None),
        (4, Some(full), ..) if parse::is(full, "FULL") => Ok(Some(COUNT)),
        (6, Some(full), Some(count), Some(number))
            if parse::is(full, "FULL") && parse::is(count, "COUNT") =>
        {
            Ok(Some(usize::try_from(parse::integer(number)?).unwrap_or(COUNT)))
        }
        _ => Err(bad()),
    }
}

fn write_group(reply: &mut Reply<'_>, stream: &Stream, group: &Group, count: usize) {
    // Clients of Redis 7.0 do not expect it: it is there once something was given back.
    let released = group.released().len();
    reply.map(if released > 0 { 8 } else { 7 });
    field(reply, "name").bulk(group.name());
    write_progress(reply, stream, group);
    field(reply, "pel-count").int(group.pending().len() as i64);
    if released > 0 {
        field(reply, "nacked-count").int(released as i64);
    }
    let shown = limited(group.pending().len(), count);
    field(reply, "pending").array(shown);
    for pending in group.pending().iter().take(shown) {
        reply.array(4);
        write_id(reply, pending.id);
        reply.bulk(&group.owner(pending));
        reply.int(pending.delivered_ms().cast_signed());
        reply.int(pending.count.cast_signed());
    }
    field(reply, "consumers").array(group.consumers().len());
    group.consumers().iter().for_each(|consumer| write_consumer(reply, group, consumer, count));
}

fn write_consumer(reply: &mut Reply<'_>, group: &Group, consumer: &Consumer, count: usize) {
    reply.map(4);
    field(reply, "name").bulk(consumer.name());
    field(reply, "seen-time").int(consumer.seen_ms.cast_signed());
    field(reply, "pel-count").int(consumer.pending().len() as i64);
    let shown = limited(consumer.pending().len(), count);
    field(reply, "pending").array(shown);
    let pending = consumer.pending().iter().filter_map(|id| group.pending().find(id));
    for pending in pending.take(shown) {
        reply.array(3);
        write_id(reply, pending.id);
        reply.int(pending.delivered_ms().cast_signed());
        reply.int(pending.count.cast_signed());
    }
}

fn field<'r, 'o>(reply: &'r mut Reply<'o>, name: &str) -> &'r mut Reply<'o> {
    reply.bulk(name.as_bytes());
    reply
}

fn int_or_null(reply: &mut Reply<'_>, number: Option<i64>) {
    match number {
        Some(number) => reply.int(number),
        None => reply.null(),
    }
}

/// XINFO HELP.
///
/// # Errors
/// None of its own.
pub fn help(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    write_help(
        ctx,
        &[
            "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "CONSUMERS <key> <groupname>",
            "    Show the consumers of the group.",
            "GROUPS <key>",
            "    Show the consumer groups of the stream.",
            "STREAM <key> [FULL [COUNT <count>]",
            "    Show what is known of the stream.",
            "HELP",
            "    Print this help.",
        ],
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn tells() {
        check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 2-1 a 2 => "2-1"
            XGROUP CREATE s g 0 => +OK
            XREADGROUP GROUP g c COUNT 1 STREAMS s > => [["s", [["1-1", ["a", "1"]]]]]
            XINFO STREAM s => ["length", :2, "radix-tree-keys", :1, "radix-tree-nodes", :2, "last-generated-id", "2-1", "max-deleted-entry-id", "0-0", "entries-added", :2, "recorded-first-entry-id", "1-1", "groups", :1, "first-entry", ["1-1", ["a", "1"]], "last-entry", ["2-1", ["a", "2"]]]
            XINFO STREAM s FULL COUNT 1 => ["length", :2, "radix-tree-keys", :1, "radix-tree-nodes", :2, "last-generated-id", "2-1", "max-deleted-entry-id", "0-0", "entries-added", :2, "recorded-first-entry-id", "1-1", "entries", [["1-1", ["a", "1"]]], "groups", [["name", "g", "last-delivered-id", "1-1", "entries-read", :1, "lag", :1, "pel-count", :1, "pending", [["1-1", "c", :1000000, :1]], "consumers", [["name", "c", "seen-time", :1000000, "pel-count", :1, "pending", [["1-1", :1000000, :1]]]]]]]
            XINFO GROUPS s => [["name", "g", "consumers", :1, "pending", :1, "last-delivered-id", "1-1", "entries-read", :1, "lag", :1]]
            XINFO CONSUMERS s g => [["name", "c", "pending", :1, "idle", :0]]
            XINFO CONSUMERS s h => -NOGROUP No such consumer group 'h' for key name 's'
            XINFO STREAM none => -ERR no such key
            XINFO STREAM s WHAT => -ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
            XTRIM s MAXLEN 0 => :2
            XINFO STREAM s => ["length", :0, "radix-tree-keys", :0, "radix-tree-nodes", :1, "last-generated-id", "2-1", "max-deleted-entry-id", "0-0", "entries-added", :2, "recorded-first-entry-id", "0-0", "groups", :1, "first-entry", nil, "last-entry", nil]
            "#,
        );
    }
}
