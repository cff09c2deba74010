//! XREAD [COUNT count] [BLOCK ms] STREAMS key [key ...] id [id ...] and XREADGROUP GROUP group
//! consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS key [key ...] id [id ...]: entries behind an
//! id of several streams, and waiting for them.
//!
//! `$` is the last id there is, `>` what the group has not read; another id shows a consumer what
//! it was given already. What a group gives out is propagated as XCLAIM, or with NOACK as how far
//! the group has read.

use super::emit::{Given, limited, propagate_read, write_entry, write_id, write_range};
use super::ids;
use crate::commands::{Blocking, Ctx};
use crate::error::{self, CommandError};
use crate::keyspace::{Wait, Wanted};
use crate::parse;
use crate::types::Stream;
use crate::types::stream::group::Name;
use crate::types::stream::{Group, Id};
use catalog::events::Classes;
use resp::{Args, Protocol};

/// Entries that somebody who waited without a COUNT gets at most.
const WAITED_COUNT: usize = 1000;

/// What is asked for.
#[derive(Debug)]
struct Fetch {
    /// Most entries of one stream; 0 is no limit.
    count: usize,
    timeout_ms: Option<u64>,
    /// Word of the group's name; that of the consumer follows.
    group_at: Option<usize>,
    noack: bool,
    /// Word of the first key.
    first: usize,
    keys: usize,
}

/// Which entries of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Those behind this id.
    Behind(Id),
    /// Those that the group has not read.
    Unread,
}

impl Fetch {
    fn parse(ctx: &Ctx<'_>, grouped: bool) -> Result<Self, CommandError> {
        let args = ctx.args;
        let (count, timeout_ms, group_at) = (0, None, None);
        let mut fetch = Self { count, timeout_ms, group_at, noack: false, first: 0, keys: 0 };
        let mut at = 1;
        while fetch.first == 0 {
            let (word, left) = (args.find(at).ok_or(error::SYNTAX)?, args.len() - at - 1);
            if parse::is(word, "BLOCK") && left > 0 {
                if ctx.scripted {
                    return Err(blocks_in_script(args));
                }
                fetch.timeout_ms = Some(timeout_ms_of(args.at(at + 1))?);
                at += 2;
            } else if parse::is(word, "COUNT") && left > 0 {
                fetch.count = usize::try_from(parse::integer(args.at(at + 1))?).unwrap_or(0);
                at += 2;
            } else if parse::is(word, "STREAMS") && left > 0 {
                if left % 2 == 1 {
                    return Err(error::UNBALANCED_STREAMS);
                }
                (fetch.first, fetch.keys) = (at + 1, left / 2);
            } else if parse::is(word, "GROUP") && left > 1 {
                if !grouped {
                    return Err(error::GROUP_IN_XREAD);
                }
                fetch.group_at = Some(at + 1);
                at += 3;
            } else if parse::is(word, "NOACK") {
                if !grouped {
                    return Err(error::NOACK_IN_XREAD);
                }
                fetch.noack = true;
                at += 1;
            } else {
                return Err(error::SYNTAX);
            }
        }
        if grouped && fetch.group_at.is_none() {
            return Err(error::NO_GROUP_OPTION);
        }
        Ok(fetch)
    }

    fn group<'a>(&self, args: Args<'a>) -> Option<(&'a [u8], &'a [u8])> {
        self.group_at.map(|at| (args.at(at), args.at(at + 1)))
    }

    fn key<'a>(&self, args: Args<'a>, place: usize) -> &'a [u8] {
        args.at(self.first + place)
    }

    /// Where to begin in the stream at `place`; looks at it.
    fn start(&self, ctx: &mut Ctx<'_>, place: usize) -> Result<Start, CommandError> {
        let (args, key) = (ctx.args, self.key(ctx.args, place));
        let stream = ctx.keys.get::<Stream>(key)?;
        if let Some((group, _)) = self.group(args)
            && stream.is_none_or(|stream| stream.group(group).is_none())
        {
            return Err(error::no_group(key, group, " in XREADGROUP with GROUP option"));
        }
        match (args.at(self.first + self.keys + place), self.group_at) {
            (b"$", None) => Ok(Start::Behind(stream.map_or(Id::MIN, |stream| stream.last_id))),
            (b"$", Some(_)) => Err(error::LAST_IN_XREADGROUP),
            (b">", None) => Err(error::NEW_IN_XREAD),
            (b">", Some(_)) => Ok(Start::Unread),
            (word, _) => Ok(Start::Behind(ids::parse(word, 0)?)),
        }
    }

    /// True when there is something to reply for the stream at `place`.
    fn is_served(
        &self,
        ctx: &mut Ctx<'_>,
        place: usize,
        start: Start,
    ) -> Result<bool, CommandError> {
        let (args, key) = (ctx.args, self.key(ctx.args, place));
        let Some(stream) = ctx.keys.get_quietly::<Stream>(key)? else { return Ok(false) };
        let behind = match (start, self.group(args)) {
            // What somebody was given already is told at once, be it nothing.
            (Start::Behind(_), Some(_)) => return Ok(true),
            (Start::Behind(id), None) => id,
            (Start::Unread, group) => {
                let group = group.and_then(|(group, _)| stream.group(group));
                group.map_or(Id::MAX, |group| group.last_id)
            }
        };
        Ok(stream.len() > 0 && stream.top_id() > behind)
    }

    fn wait(&self, starts: &[Start]) -> Option<Wait> {
        let wanted = self.group_at.map_or(Wanted::Entries, |at| Wanted::Unread(at as u32));
        let ids = starts.iter().map(|start| match start {
            Start::Behind(id) => *id,
            Start::Unread => Id::MAX,
        });
        let (first, keys) = (self.first as u32, self.keys as u32);
        self.timeout_ms.map(|timeout_ms| Wait {
            timeout_ms,
            first,
            keys,
            wanted,
            ids: ids.collect(),
        })
    }
}

#[cold]
fn blocks_in_script(args: Args<'_>) -> CommandError {
    let name = String::from_utf8_lossy(args.at(0));
    error::other(format!("ERR {name} command is not allowed with BLOCK option from scripts"))
}

fn timeout_ms_of(word: &[u8]) -> Result<u64, CommandError> {
    let ms = parse::integer(word).map_err(|_| error::BAD_TIMEOUT_MS)?;
    u64::try_from(ms).map_err(|_| error::TIMEOUT_NEGATIVE)
}

/// XREAD.
///
/// # Errors
/// Bad options or ids, or a value is no stream.
pub fn xread(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    fetch(ctx, false)
}

/// XREADGROUP.
///
/// # Errors
/// As [`xread`], or a group is missing.
pub fn xreadgroup(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    fetch(ctx, true)
}

fn fetch(ctx: &mut Ctx<'_>, grouped: bool) -> Result<(), CommandError> {
    let fetch = Fetch::parse(ctx, grouped)?;
    if let Blocking::Served(key, wait) = ctx.blocking {
        return fetch_waited(ctx, &fetch, key, wait);
    }
    let starts: Result<Vec<Start>, _> =
        (0..fetch.keys).map(|place| fetch.start(ctx, place)).collect();
    let starts = starts?;
    let mut served = Vec::new();
    for (place, &start) in starts.iter().enumerate() {
        if fetch.is_served(ctx, place, start)? {
            served.push((fetch.key(ctx.args, place), start));
        }
    }
    if served.is_empty() {
        let wait = fetch.wait(&starts).filter(|_| ctx.blocking == Blocking::Allowed);
        if let Some(wait) = wait {
            return Err(CommandError::Block(wait));
        }
        ctx.reply.null_array();
        return Ok(());
    }
    reply(ctx, &fetch, &served)
}

/// Goes on for somebody who has waited for `key`.
fn fetch_waited(
    ctx: &mut Ctx<'_>,
    fetch: &Fetch,
    key: &[u8],
    wait: &Wait,
) -> Result<(), CommandError> {
    let count = if fetch.count == 0 { WAITED_COUNT } else { fetch.count };
    let fetch = Fetch { count, ..*fetch };
    let start = match fetch.group(ctx.args) {
        None => {
            let place = (0..fetch.keys).find(|place| fetch.key(ctx.args, *place) == key);
            let id = place.and_then(|place| wait.ids.get(place));
            Start::Behind(id.copied().unwrap_or(Id::MAX))
        }
        Some((group, _)) => {
            let stream = ctx.keys.get_quietly::<Stream>(key).map_err(|_| error::STREAM_GONE)?;
            let stream = stream.ok_or(error::STREAM_GONE)?;
            stream.group(group).ok_or(error::GROUP_GONE)?;
            Start::Unread
        }
    };
    reply(ctx, &fetch, &[(key, start)])
}

fn reply(ctx: &mut Ctx<'_>, fetch: &Fetch, served: &[(&[u8], Start)]) -> Result<(), CommandError> {
    let nested = ctx.reply.protocol() == Protocol::Two;
    if nested {
        ctx.reply.array(served.len());
    } else {
        ctx.reply.map(served.len());
    }
    for &(key, start) in served {
        if nested {
            ctx.reply.array(2);
        }
        ctx.reply.bulk(key);
        match (fetch.group(ctx.args), start) {
            (None, Start::Behind(id)) => write_behind(ctx, key, id, fetch.count)?,
            (Some(group), Start::Behind(id)) => write_given(ctx, fetch, key, group, id)?,
            (Some(group), Start::Unread) => give(ctx, fetch, key, group)?,
            (None, Start::Unread) => unreachable!("only groups know what they have read"),
        }
    }
    Ok(())
}

fn write_behind(ctx: &mut Ctx<'_>, key: &[u8], id: Id, count: usize) -> Result<(), CommandError> {
    let stream = ctx.keys.get_quietly::<Stream>(key)?;
    match (stream, id.next()) {
        (Some(stream), Some(start)) => write_range(&mut ctx.reply, stream, (start, Id::MAX), count),
        _ => ctx.reply.array(0),
    }
    Ok(())
}

/// Notes that a consumer was heard of; one that was made is told of, and propagated with NOACK.
fn see(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    (group, consumer): (&[u8], &[u8]),
    noack: bool,
) -> Result<(), CommandError> {
    let now_ms = ctx.keys.moment.now_ms;
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else { return Ok(()) };
    stream.unchanged();
    let made = stream.edit_group(group, |group| group.see(consumer, now_ms)) == Some(true);
    drop(stream);
    if made {
        ctx.keys.event(Classes::STREAM, "xgroup-createconsumer", key);
        if noack {
            ctx.propagate(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
        }
    }
    Ok(())
}

/// Writes what a consumer was given behind an id and has not acknowledged.
fn write_given(
    ctx: &mut Ctx<'_>,
    fetch: &Fetch,
    key: &[u8],
    (group_name, consumer): (&[u8], &[u8]),
    behind: Id,
) -> Result<(), CommandError> {
    see(ctx, key, (group_name, consumer), fetch.noack)?;
    let (now_ms, reply) = (ctx.keys.moment.now_ms, &mut ctx.reply);
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else { return Ok(()) };
    stream.unchanged();
    // Redis goes on from the first id behind the last one.
    let start = behind.next().unwrap_or(Id::MIN);
    let pending = stream.group(group_name).and_then(|group| group.consumer(consumer));
    let pending = pending.into_iter().flat_map(|consumer| consumer.pending().from(&start));
    let most = if fetch.count == 0 { usize::MAX } else { fetch.count };
    let ids: Vec<Id> = pending.take(most).copied().collect();
    reply.array(ids.len());
    for id in &ids {
        if let Some(entry) = stream.get(*id) {
            write_entry(reply, &entry);
        } else {
            reply.array(2);
            write_id(reply, *id);
            reply.null_array();
        }
    }
    let there: Vec<Id> = ids.into_iter().filter(|id| stream.get(*id).is_some()).collect();
    stream.edit_group(group_name, |group| {
        for id in there {
            group.give_again(id, now_ms);
        }
    });
    Ok(())
}

/// Writes what a group has not read and gives it to a consumer.
fn give(
    ctx: &mut Ctx<'_>,
    fetch: &Fetch,
    key: &[u8],
    (group_name, consumer): (&[u8], &[u8]),
) -> Result<(), CommandError> {
    see(ctx, key, (group_name, consumer), fetch.noack)?;
    let (now_ms, reply) = (ctx.keys.moment.now_ms, &mut ctx.reply);
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else { return Ok(()) };
    stream.unchanged();
    let behind = stream.group(group_name).and_then(|group| group.last_id.next());
    let mut ids = Vec::new();
    if let Some(start) = behind {
        let len = limited(stream.count(start, Id::MAX), fetch.count);
        reply.array(len);
        for entry in stream.range(start, Id::MAX).take(len) {
            write_entry(reply, &entry);
            ids.push(entry.id);
        }
    } else {
        reply.array(0);
    }
    let facts = stream.facts();
    let mut read = None;
    stream.edit_group(group_name, |group: &mut Group| {
        for &id in &ids {
            group.read = facts.read_with(id, group.read);
            group.last_id = id;
        }
        if !fetch.noack {
            group.give_all(&ids, consumer, now_ms, 1);
        }
        read = Some((group.last_id, group.read));
    });
    drop(stream);
    if !fetch.noack && ctx.keys.effects.wanted {
        let (owner, delivered_ms) = (Name::from(consumer), now_ms);
        for &id in &ids {
            let owner = Name::clone(&owner);
            let given = Given { id, owner, delivered_ms, count: 1, last_id: id };
            given.propagate(ctx, key, group_name, None);
        }
    }
    if let Some(read) = read.filter(|_| fetch.noack && !ids.is_empty()) {
        propagate_read(ctx, key, group_name, read);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn reads() {
        check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 2-1 a 2 => "2-1"
            XADD t 3-1 b 3 => "3-1"
            XREAD STREAMS s t 0 0 => [["s", [["1-1", ["a", "1"]], ["2-1", ["a", "2"]]]], ["t", [["3-1", ["b", "3"]]]]] ~
            XREAD COUNT 1 STREAMS s t 1-1 3 => [["s", [["2-1", ["a", "2"]]]], ["t", [["3-1", ["b", "3"]]]]]
            XREAD STREAMS s t $ 3-1 => nil
            XREAD BLOCK 0 STREAMS s none $ 0 => ?waits 0 ms
            XREAD BLOCK 250 COUNT 3 STREAMS none $ => ?waits 250 ms
            XREAD STREAMS s => -ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.
            XREAD STREAMS s > => -ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.
            XREAD GROUP g c STREAMS s 0 => -ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.
            XREAD COUNT 1 NOACK STREAMS s 0 => -ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.
            XREAD BLOCK -1 STREAMS s 0 => -ERR timeout is negative
            XREAD BLOCK x STREAMS s 0 => -ERR timeout is not an integer or out of range
            XREAD COUNT 3 s 0 => -ERR syntax error
            SET k v => +OK
            XREAD STREAMS k 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn groups_read() {
        check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 2-1 a 2 => "2-1"
            XGROUP CREATE s g 0 => +OK
            XREADGROUP GROUP g c COUNT 1 STREAMS s > => [["s", [["1-1", ["a", "1"]]]]] ~ XCLAIM s g c 0 1-1 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1
            XREADGROUP GROUP g d NOACK STREAMS s > => [["s", [["2-1", ["a", "2"]]]]] ~ XGROUP CREATECONSUMER s g d; XGROUP SETID s g 2-1 ENTRIESREAD 2
            XREADGROUP GROUP g d STREAMS s > => nil ~
            XREADGROUP GROUP g d BLOCK 5 STREAMS s > => ?waits 5 ms
            XREADGROUP GROUP g c STREAMS s 0 => [["s", [["1-1", ["a", "1"]]]]] ~
            XDEL s 1-1 => :1
            XREADGROUP GROUP g c STREAMS s 0 => [["s", [["1-1", nil]]]]
            XREADGROUP GROUP g c STREAMS s 1-1 => [["s", []]]
            XREADGROUP GROUP none c STREAMS s > => -NOGROUP No such key 's' or consumer group 'none' in XREADGROUP with GROUP option
            XREADGROUP GROUP g c STREAMS none > => -NOGROUP No such key 'none' or consumer group 'g' in XREADGROUP with GROUP option
            XREADGROUP COUNT 1 STREAMS s s > > => -ERR Missing GROUP option for XREADGROUP
            "#,
        );
    }
}
