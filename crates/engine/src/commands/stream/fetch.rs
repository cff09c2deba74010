//! XREAD [COUNT count] [MAXCOUNT count] [MAXSIZE bytes] [BLOCK ms] STREAMS key [key ...] id
//! [id ...] and XREADGROUP GROUP group consumer [COUNT count] [MAXCOUNT count] [MAXSIZE bytes]
//! [BLOCK ms] [CLAIM min-idle] [NOACK] STREAMS key [key ...] id [id ...]: entries behind an id of
//! several streams, and waiting for them. COUNT is for each stream, the others are for all of them.
//!
//! `$` is the last id there is, `>` what the group has not read; another id shows a consumer what
//! it was given already. With CLAIM, what others have had for too long comes before what is new,
//! and each entry is followed by for how long and how often it had been given out. What a group
//! gives out is propagated as XCLAIM, or with NOACK as how far the group has read.

use super::emit::{Given, propagate_read, write_entry, write_entry_parts, write_id};
use super::ids;
use super::portions::{Portion, portions};
use crate::commands::{Blocking, Ctx};
use crate::error::{self, CommandError};
use crate::keyspace::{Again, Wait, Wanted};
use crate::parse;
use crate::types::Stream;
use crate::types::stream::group::Name;
use crate::types::stream::{Group, Id};
use catalog::events::Classes;
use resp::{Args, Protocol, Reply};

/// Entries that somebody who waited without a COUNT gets at most.
const WAITED_COUNT: usize = 1000;

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct Fetch {
    /// Most entries of one stream; 0 is no limit.
    pub count: usize,
    /// Most entries of all streams, and bytes of all of the reply.
    pub count_max: Option<usize>,
    pub bytes_max: Option<usize>,
    timeout_ms: Option<u64>,
    /// Word of the timeout.
    timeout_at: usize,
    /// Word of the group's name; that of the consumer follows.
    group_at: Option<usize>,
    /// For how long an entry has been out that may be given to somebody else.
    pub claim_ms: Option<u64>,
    noack: bool,
    /// Word of the first key.
    first: usize,
    keys: usize,
}

/// Which entries of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Those behind this id.
    Behind(Id),
    /// Those that the group has not read.
    Unread,
}

impl Fetch {
    fn parse(ctx: &Ctx<'_>, grouped: bool) -> Result<Self, CommandError> {
        let args = ctx.args;
        let mut fetch = Self::default();
        let mut at = 1;
        while fetch.first == 0 {
            let (word, left) = (args.find(at).ok_or(error::SYNTAX)?, args.len() - at - 1);
            if parse::is(word, "BLOCK") && left > 0 {
                if ctx.scripted {
                    return Err(blocks_in_script(args));
                }
                fetch.timeout_ms = Some(timeout_ms_of(args.at(at + 1))?);
                fetch.timeout_at = at + 1;
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
            } else if left > 0 && fetch.newer(word, args.at(at + 1), grouped)? {
                at += 2;
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
        if fetch.count_max.is_some_and(|most| most < fetch.count) {
            return Err(error::MAXCOUNT_BELOW_COUNT);
        }
        Ok(fetch)
    }

    /// Reads an option that Redis 7.0 does not have; false when it is none.
    fn newer(&mut self, word: &[u8], value: &[u8], grouped: bool) -> Result<bool, CommandError> {
        let positive = || parse::integer(value).ok().filter(|number| *number > 0);
        let positive = || positive().and_then(|number| usize::try_from(number).ok());
        if parse::is(word, "MAXCOUNT") {
            self.count_max = Some(positive().ok_or(error::MAXCOUNT_NOT_POSITIVE)?);
        } else if parse::is(word, "MAXSIZE") {
            self.bytes_max = Some(positive().ok_or(error::MAXSIZE_NOT_POSITIVE)?);
        } else if parse::is(word, "CLAIM") {
            if !grouped {
                return Err(error::CLAIM_IN_XREAD);
            }
            let idle_ms = parse::integer(value).map_err(|_| error::CLAIM_NO_INTEGER)?;
            self.claim_ms = Some(u64::try_from(idle_ms).map_err(|_| error::CLAIM_NEGATIVE)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    pub fn group<'a>(&self, args: Args<'a>) -> Option<(&'a [u8], &'a [u8])> {
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
            (b">", Some(_)) => {
                self.keep_times(ctx, key)?;
                Ok(Start::Unread)
            }
            (word, _) => Ok(Start::Behind(ids::parse(word, 0)?)),
        }
    }

    /// Has the group know who got what when, if that matters.
    fn keep_times(&self, ctx: &mut Ctx<'_>, key: &[u8]) -> Result<(), CommandError> {
        let Some((name, _)) = self.group(ctx.args).filter(|_| self.claim_ms.is_some()) else {
            return Ok(());
        };
        let stream = ctx.keys.get_quietly::<Stream>(key)?;
        let group = stream.and_then(|stream| stream.group(name));
        if group.is_some_and(|group| !group.keeps_times())
            && let Some(mut stream) = ctx.keys.edit::<Stream>(key)?
        {
            stream.unchanged();
            stream.edit_group(name, Group::keep_times);
        }
        Ok(())
    }

    /// True when there is something to reply for the stream at `place`, once its group has been
    /// given some so many times `before`.
    fn is_served(
        &self,
        ctx: &mut Ctx<'_>,
        place: usize,
        start: Start,
        before: usize,
    ) -> Result<bool, CommandError> {
        let (args, key) = (ctx.args, self.key(ctx.args, place));
        let now_ms = ctx.keys.moment.now_ms;
        let Some(stream) = ctx.keys.get_quietly::<Stream>(key)? else { return Ok(false) };
        let behind = match (start, self.group(args)) {
            // What somebody was given already is told at once, be it nothing.
            (Start::Behind(_), Some(_)) => return Ok(true),
            (Start::Behind(id), None) => id,
            (Start::Unread, group) => {
                let group = group.and_then(|(group, _)| stream.group(group));
                if let (Some(group), Some(idle_ms)) = (group, self.claim_ms)
                    && group.claimable(now_ms, idle_ms).any(|id| stream.get(id).is_some())
                {
                    return Ok(true);
                }
                group.map_or(Id::MAX, |group| group.last_id)
            }
        };
        let left = match (before, behind.next()) {
            (0, _) => true,
            (_, Some(start)) if self.count > 0 => {
                stream.count(start, Id::MAX) > before.saturating_mul(self.count)
            }
            _ => false,
        };
        Ok(left && stream.len() > 0 && stream.top_id() > behind)
    }

    /// When something may be claimed that cannot be now, in Unix milliseconds.
    fn due_ms(&self, ctx: &mut Ctx<'_>, starts: &[Start]) -> Option<u64> {
        let (idle_ms, now_ms) = (self.claim_ms?, ctx.keys.moment.now_ms);
        let (name, _) = self.group(ctx.args)?;
        let unread = starts.iter().enumerate().filter(|(_, start)| **start == Start::Unread);
        let due_ms = unread.map(|(place, _)| {
            let key = self.key(ctx.args, place);
            let stream = ctx.keys.get_quietly::<Stream>(key).ok().flatten();
            let group = stream.and_then(|stream| stream.group(name));
            group.map_or(u64::MAX, |group| group.next_due_ms(now_ms, idle_ms))
        });
        due_ms.min()
    }

    fn wait(&self, starts: &[Start], due_ms: Option<u64>) -> Option<Wait> {
        let wanted = match self.group_at {
            None => Wanted::Entries,
            Some(at) if self.claim_ms.is_some() => Wanted::Claimable(at as u32),
            Some(at) => Wanted::Unread(at as u32),
        };
        let again = due_ms.map(|at_ms| Again { at_ms, timeout_at: self.timeout_at as u32 });
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
            again,
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
        let wanted = (fetch.key(ctx.args, place), start);
        // Where a stream is named again, what it gives the first time is read by then.
        let before = served.iter().filter(|one| start == Start::Unread && **one == wanted).count();
        if fetch.is_served(ctx, place, start, before)? {
            served.push(wanted);
        }
    }
    if served.is_empty() {
        let due_ms = fetch.due_ms(ctx, &starts);
        let wait = fetch.wait(&starts, due_ms).filter(|_| ctx.blocking == Blocking::Allowed);
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
            fetch.keep_times(ctx, key)?;
            Start::Unread
        }
    };
    reply(ctx, &fetch, &[(key, start)])
}

fn reply(ctx: &mut Ctx<'_>, fetch: &Fetch, served: &[(&[u8], Start)]) -> Result<(), CommandError> {
    let portions = portions(ctx, fetch, served)?;
    let nested = ctx.reply.protocol() == Protocol::Two;
    if nested {
        ctx.reply.array(portions.len());
    } else {
        ctx.reply.map(portions.len());
    }
    for (&(key, start), portion) in served.iter().zip(&portions) {
        if nested {
            ctx.reply.array(2);
        }
        ctx.reply.bulk(key);
        match (fetch.group(ctx.args), start) {
            (None, Start::Behind(id)) => write_behind(ctx, key, id, portion)?,
            (Some(group), Start::Behind(id)) => write_given(ctx, fetch, key, group, (id, portion))?,
            (Some(group), Start::Unread) => give(ctx, fetch, key, group, portion)?,
            (None, Start::Unread) => unreachable!("only groups know what they have read"),
        }
    }
    Ok(())
}

fn write_behind(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    id: Id,
    portion: &Portion,
) -> Result<(), CommandError> {
    let stream = ctx.keys.get_quietly::<Stream>(key)?;
    let (Some(stream), Some(start)) = (stream, id.next()) else {
        ctx.reply.array(0);
        return Ok(());
    };
    let len = portion.of(stream.count(start, Id::MAX));
    ctx.reply.array(len);
    let entries = stream.range(start, Id::MAX).take(len);
    entries.for_each(|entry| write_entry(&mut ctx.reply, &entry));
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
    (behind, portion): (Id, &Portion),
) -> Result<(), CommandError> {
    see(ctx, key, (group_name, consumer), fetch.noack)?;
    let (now_ms, reply) = (ctx.keys.moment.now_ms, &mut ctx.reply);
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else { return Ok(()) };
    stream.unchanged();
    // Redis goes on from the first id behind the last one.
    let start = behind.next().unwrap_or(Id::MIN);
    let pending = stream.group(group_name).and_then(|group| group.consumer(consumer));
    let pending = pending.into_iter().flat_map(|consumer| consumer.pending().from(&start));
    let ids: Vec<Id> = pending.take(portion.of(usize::MAX)).copied().collect();
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

/// Writes what others have had for too long and what a group has not read, and gives both to a
/// consumer.
fn give(
    ctx: &mut Ctx<'_>,
    fetch: &Fetch,
    key: &[u8],
    (group_name, consumer): (&[u8], &[u8]),
    portion: &Portion,
) -> Result<(), CommandError> {
    see(ctx, key, (group_name, consumer), fetch.noack)?;
    let (now_ms, reply) = (ctx.keys.moment.now_ms, &mut ctx.reply);
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else { return Ok(()) };
    stream.unchanged();
    let start = stream.group(group_name).and_then(|group| group.last_id.next());
    let unread = start.map_or(0, |start| stream.count(start, Id::MAX));
    let len = portion.of(unread);
    reply.array(portion.claimed.len() + len);
    let claimed = claim(&mut stream, (group_name, consumer), &portion.claimed, (now_ms, reply));
    let mut ids = Vec::with_capacity(len);
    for entry in stream.range(start.unwrap_or(Id::MAX), Id::MAX).take(len) {
        if fetch.claim_ms.is_some() {
            reply.array(4);
            write_entry_parts(reply, &entry);
            reply.int(0);
            reply.int(0);
        } else {
            write_entry(reply, &entry);
        }
        ids.push(entry.id);
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
    claimed.iter().for_each(|given| given.propagate(ctx, key, group_name, None));
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

/// Gives a consumer what others have, and writes it with for how long and how often it was out.
fn claim(
    stream: &mut Stream,
    (group_name, consumer): (&[u8], &[u8]),
    ids: &[Id],
    (now_ms, reply): (u64, &mut Reply<'_>),
) -> Vec<Given> {
    let mut given = Vec::with_capacity(ids.len());
    for &id in ids {
        let group = stream.group(group_name).expect("the group gave these");
        let pending = *group.pending().find(&id).expect("what is claimable is pending");
        let entry = stream.get(id).expect("what is gone is not claimed");
        reply.array(4);
        write_entry_parts(reply, &entry);
        reply.int(if pending.is_owned() { pending.idle_ms(now_ms) } else { -1 });
        reply.int(pending.count.cast_signed());
        stream.edit_group(group_name, |group| {
            group.give(id, consumer, now_ms, pending.count.wrapping_add(1));
            given.extend(Given::of(group, id));
        });
    }
    given
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

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
    fn limits_for_all_streams() {
        let mut bench = Bench::new();
        for i in 1..=3 {
            bench.run(&format!("XADD s {i}-1 f {i}"));
            bench.run(&format!("XADD t {i}-1 f {i}"));
        }
        // One entry takes 31 bytes, what is around those of a stream 17.
        bench.check(
            r#"
            XREAD COUNT 2 MAXCOUNT 3 STREAMS s t 0 0 => [["s", [["1-1", ["f", "1"]], ["2-1", ["f", "2"]]]], ["t", [["1-1", ["f", "1"]]]]]
            XREAD MAXCOUNT 1 STREAMS none s t 0 1-1 0 => [["s", [["2-1", ["f", "2"]]]]]
            XREAD MAXCOUNT 3 STREAMS s t 0 0 => [["s", [["1-1", ["f", "1"]], ["2-1", ["f", "2"]], ["3-1", ["f", "3"]]]]]
            XREAD MAXSIZE 1 STREAMS s t 1-1 0 => [["s", [["2-1", ["f", "2"]]]]]
            XREAD MAXSIZE 126 STREAMS s t 1-1 0 => [["s", [["2-1", ["f", "2"]], ["3-1", ["f", "3"]]]]]
            XREAD MAXSIZE 127 STREAMS s t 1-1 0 => [["s", [["2-1", ["f", "2"]], ["3-1", ["f", "3"]]]], ["t", [["1-1", ["f", "1"]]]]]
            XREAD MAXSIZE 1 STREAMS s 3-1 => nil
            XGROUP CREATE s g 0 => +OK
            XGROUP CREATE t g 0 => +OK
            XREADGROUP GROUP g c MAXCOUNT 1 STREAMS s t > > => [["s", [["1-1", ["f", "1"]]]]]
            XREADGROUP GROUP g c MAXSIZE 60 STREAMS s t > > => [["s", [["2-1", ["f", "2"]]]]]
            XREADGROUP GROUP g c MAXCOUNT 2 STREAMS t s 0 0 => [["t", []], ["s", [["1-1", ["f", "1"]], ["2-1", ["f", "2"]]]]]
            XREADGROUP GROUP g c MAXCOUNT 2 CLAIM 0 STREAMS s t > > => [["s", [["1-1", ["f", "1"], :0, :2], ["2-1", ["f", "2"], :0, :2]]]]
            XPENDING s g => [:2, "1-1", "2-1", [["c", "2"]]]
            XREAD COUNT 3 MAXCOUNT 2 STREAMS s 0 => -ERR MAXCOUNT must be greater than or equal to COUNT
            XREAD MAXCOUNT 0 STREAMS s 0 => -ERR MAXCOUNT must be a positive integer
            XREAD MAXSIZE -1 STREAMS s 0 => -ERR MAXSIZE must be a positive integer
            "#,
        );
    }

    #[test]
    fn claims_before_it_gives() {
        let mut bench = Bench::new();
        bench.check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 2-1 a 2 => "2-1"
            XADD s 3-1 a 3 => "3-1"
            XGROUP CREATE s g 0 => +OK
            XREADGROUP GROUP g c COUNT 2 STREAMS s > => [["s", [["1-1", ["a", "1"]], ["2-1", ["a", "2"]]]]]
            XREADGROUP GROUP g d CLAIM 50 COUNT 1 STREAMS s > => [["s", [["3-1", ["a", "3"], :0, :0]]]]
            XREADGROUP GROUP g d CLAIM 50 STREAMS s > => nil
            XREADGROUP GROUP g d CLAIM 50 BLOCK 70 STREAMS s > => ?waits 70 ms, looks again at 1000050
            "#,
        );
        bench.now_ms += 20;
        bench.check("XCLAIM s g c 0 2-1 JUSTID => [\"2-1\"]");
        bench.now_ms += 40;
        bench.check(
            r#"
            XADD s 4-1 a 4 => "4-1"
            XREADGROUP GROUP g d COUNT 3 NOACK CLAIM 50 STREAMS s > => [["s", [["1-1", ["a", "1"], :60, :1], ["3-1", ["a", "3"], :60, :1], ["4-1", ["a", "4"], :0, :0]]]] ~ XCLAIM s g d 0 1-1 TIME 1000060 RETRYCOUNT 2 FORCE JUSTID LASTID 3-1; XCLAIM s g d 0 3-1 TIME 1000060 RETRYCOUNT 2 FORCE JUSTID LASTID 3-1; XGROUP SETID s g 4-1 ENTRIESREAD 4
            XPENDING s g - + 9 => [["1-1", "d", :0, :2], ["2-1", "c", :40, :1], ["3-1", "d", :0, :2]]
            XNACK s g FAIL IDS 1 3-1 => :1
            XNACK s g FAIL IDS 1 1-1 => :1
            XREADGROUP GROUP g c CLAIM 99999 COUNT 1 STREAMS s > => [["s", [["3-1", ["a", "3"], :-1, :2]]]]
            XDEL s 1-1 2-1 => :2
            XREADGROUP GROUP g c CLAIM 0 STREAMS s > => [["s", [["3-1", ["a", "3"], :0, :3]]]]
            XREADGROUP GROUP g c CLAIM 0 STREAMS s 0 => [["s", [["2-1", nil], ["3-1", ["a", "3"]]]]]
            XREADGROUP GROUP g c CLAIM x STREAMS s > => -ERR min-idle-time is not an integer
            XREADGROUP GROUP g c CLAIM -1 STREAMS s > => -ERR min-idle-time must be a positive integer
            XREAD CLAIM 5 STREAMS s 0 => -ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.
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
            XADD s 3-1 a 3 => "3-1"
            XADD s 4-1 a 4 => "4-1"
            XGROUP CREATE s h 2-1 => +OK
            XREADGROUP GROUP h c STREAMS s s > > => [["s", [["3-1", ["a", "3"]], ["4-1", ["a", "4"]]]]]
            XGROUP SETID s h 2-1 => +OK
            XREADGROUP GROUP h c COUNT 1 STREAMS s s s > > > => [["s", [["3-1", ["a", "3"]]]], ["s", [["4-1", ["a", "4"]]]]]
            XREADGROUP COUNT 1 STREAMS s s > > => -ERR Missing GROUP option for XREADGROUP
            "#,
        );
    }
}
