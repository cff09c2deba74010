//! IDMP and IDMPAUTO of XADD, XCFGSET key [IDMP-DURATION s] [IDMP-MAXSIZE n] and XIDMPRECORD key
//! producer id entry: adding once what a producer may send twice.
//!
//! An entry is propagated as if no producer were named. Who sent it, and how much is remembered, is
//! told as an XACK for a group that nobody can mean, which does nothing in Redis 7.0: a command
//! that it does not know would have it refuse the whole transaction.

use super::ids;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Stream;
use crate::types::stream::Id;
use resp::Args;
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Seconds, and numbers of ids, that may be set.
const DURATION_S: std::ops::RangeInclusive<i64> = 1..=86_400;
const IDS: std::ops::RangeInclusive<i64> = 1..=10_000;

/// Who sends an entry, and its id for it.
#[derive(Debug)]
pub struct Producer<'a> {
    /// The producer's name.
    pub name: &'a [u8],
    /// `None` when the id follows from what is sent.
    id: Option<&'a [u8]>,
}

impl<'a> Producer<'a> {
    /// Reads the option at word `at`; returns the word behind it, `None` when it is no such option.
    ///
    /// # Errors
    /// An empty name or id.
    pub fn option(args: Args<'a>, at: usize) -> Result<Option<(Self, usize)>, CommandError> {
        let (word, Some(name)) = (args.at(at), args.find(at + 1)) else { return Ok(None) };
        if parse::is(word, "IDMPAUTO") {
            let empty = name.is_empty().then_some(Err(error::PRODUCER_EMPTY_AUTO));
            return empty.unwrap_or(Ok(Some((Self { name, id: None }, at + 2))));
        }
        let Some(id) = args.find(at + 2).filter(|_| parse::is(word, "IDMP")) else {
            return Ok(None);
        };
        if name.is_empty() {
            return Err(error::PRODUCER_EMPTY);
        }
        if id.is_empty() {
            return Err(error::PRODUCER_ID_EMPTY);
        }
        Ok(Some((Self { name, id: Some(id) }, at + 3)))
    }

    /// The id of an entry with these fields and values, whatever the order of its fields.
    pub fn id(&self, words: &[&[u8]]) -> Cow<'a, [u8]> {
        if let Some(id) = self.id {
            return Cow::Borrowed(id);
        }
        let of = |pair: &[&[u8]]| {
            let seed = pair[0].len() as u64;
            xxh3_128_with_seed(&pair.concat(), seed)
        };
        let sum = words.chunks_exact(2).map(of).fold(0u128, u128::wrapping_add);
        Cow::Owned(sum.to_be_bytes().to_vec())
    }
}

/// States that a producer has added an entry.
pub fn propagate(ctx: &mut Ctx<'_>, key: &[u8], (producer, id): (&[u8], &[u8]), entry: Id) {
    ctx.propagate(&[b"XACK", key, &record_name(producer, id), &entry.text()]);
}

/// How the names of groups begin that stand for what is known of producers.
const RECORD: &[u8] = b"\0idmp-record ";
const CONFIG: &[u8] = b"\0idmp-config ";

/// The group that stands for an id of a producer: the length of the producer's name, and both.
#[must_use]
pub fn record_name(producer: &[u8], id: &[u8]) -> Vec<u8> {
    [RECORD, producer.len().to_string().as_bytes(), b" ", producer, id].concat()
}

/// The group that stands for how much is remembered.
#[must_use]
pub fn config_name(duration_s: u32, ids_max: u32) -> Vec<u8> {
    [CONFIG, duration_s.to_string().as_bytes(), b" ", ids_max.to_string().as_bytes()].concat()
}

/// Does what an XACK of these functions tells a replica; false when it is another one.
///
/// # Errors
/// The value is no stream.
pub fn obey(ctx: &mut Ctx<'_>) -> Result<bool, CommandError> {
    let (args, now_ms) = (ctx.args, ctx.keys.moment.now_ms);
    let (name, entry) = (args.at(2), ids::parse(args.at(3), 0)?);
    let record = name.strip_prefix(RECORD).and_then(|rest| {
        let (len, both) = split(rest)?;
        both.split_at_checked(len as usize)
    });
    let config = name.strip_prefix(CONFIG).and_then(|rest| {
        let (duration_s, ids_max) = split(rest)?;
        Some((duration_s, u32::try_from(parse::integer(ids_max).ok()?).ok()?))
    });
    if record.is_none() && config.is_none() {
        return Ok(false);
    }
    if let Some(mut stream) = ctx.keys.edit::<Stream>(args.at(1))? {
        stream.unchanged();
        let known = stream.producers_mut();
        if let Some((producer, id)) = record {
            known.note(producer, id, entry, now_ms);
        }
        if let Some((duration_s, ids_max)) = config {
            known.configure(duration_s, ids_max);
        }
    }
    Ok(true)
}

/// A number, and what is behind the space after it.
fn split(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let number = parse::integer(&bytes[..space]).ok()?;
    Some((u32::try_from(number).ok()?, &bytes[space + 1..]))
}

/// XCFGSET.
///
/// # Errors
/// Bad options, no such key, or the value is no stream.
pub fn xcfgset(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (args, mut duration_s, mut ids_max) = (ctx.args, None, None);
    let mut at = 2;
    while let Some(word) = args.find(at) {
        let is_time = parse::is(word, "IDMP-DURATION");
        if !is_time && !parse::is(word, "IDMP-MAXSIZE") {
            return Err(error::SYNTAX);
        }
        let number = parse::integer(args.find(at + 1).ok_or(error::SYNTAX)?)?;
        if is_time {
            duration_s = Some(number);
        } else {
            ids_max = Some(number);
        }
        at += 2;
    }
    if (duration_s, ids_max) == (None, None) {
        return Err(error::NOTHING_TO_SET);
    }
    if duration_s.is_some_and(|number| !DURATION_S.contains(&number)) {
        return Err(error::PRODUCER_S);
    }
    if ids_max.is_some_and(|number| !IDS.contains(&number)) {
        return Err(error::PRODUCER_IDS);
    }
    let stream = ctx.keys.edit::<Stream>(args.at(1))?;
    let mut stream = stream.ok_or(error::NO_SUCH_KEY)?;
    stream.unchanged();
    let producers = stream.producers_mut();
    let duration_s = duration_s.map_or(producers.duration_s, |number| number as u32);
    let ids_max = ids_max.map_or(producers.ids_max, |number| number as u32);
    producers.configure(duration_s, ids_max);
    drop(stream);
    ctx.reply.ok();
    ctx.propagate(&[b"XACK", args.at(1), &config_name(duration_s, ids_max), b"0-0"]);
    Ok(())
}

/// XIDMPRECORD.
///
/// # Errors
/// Empty names, an id that another entry has, no such entry or key, or the value is no stream.
pub fn xidmprecord(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (args, now_ms) = (ctx.args, ctx.keys.moment.now_ms);
    let (key, name, id) = (args.at(1), args.at(2), args.at(3));
    if name.is_empty() {
        return Err(error::PRODUCER_EMPTY);
    }
    if id.is_empty() {
        return Err(error::PRODUCER_ID_EMPTY);
    }
    let entry = ids::parse(args.at(4), 0)?;
    let stream = ctx.keys.get::<Stream>(key)?.ok_or(error::NO_SUCH_KEY)?;
    match stream.producers().and_then(|producers| producers.find(name, id, now_ms)) {
        Some(known) if known == entry => {
            ctx.reply.ok();
            return Ok(());
        }
        Some(_) => return Err(error::PRODUCER_ID_TAKEN),
        None => {}
    }
    if stream.get(entry).is_none() {
        return Err(error::NO_SUCH_ENTRY);
    }
    if let Some(mut stream) = ctx.keys.edit::<Stream>(key)? {
        stream.unchanged();
        stream.producers_mut().note(name, id, entry, now_ms);
    }
    ctx.reply.ok();
    propagate(ctx, key, (name, id), entry);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn adds_once() {
        let mut bench = Bench::new();
        bench.check(
            r#"
            XADD s IDMP p i * a 1 => "1000000-0" ~ XADD s 1000000-0 a 1; XACK s \0idmp-record 1 pi 1000000-0
            XADD s IDMP p i * a 2 => "1000000-0" ~
            XADD s idmp q i MAXLEN ~ 9 * a 2 => "1000000-1" ~ XADD s MAXLEN = 2 1000000-1 a 2; XACK s \0idmp-record 1 qi 1000000-1
            XADD s NOMKSTREAM KEEPREF IDMP p * * b 2 => "1000000-2" ~ XADD s NOMKSTREAM 1000000-2 b 2; XACK s \0idmp-record 1 p* 1000000-2
            XADD s IDMPAUTO r * a 1 b 2 => "1000000-3"
            XADD s IDMPAUTO r * b 2 a 1 => "1000000-3" ~
            XADD s IDMPAUTO r * b 1 a 2 => "1000000-4"
            XADD s IDMPAUTO r * ab 1 a 2 => "1000000-5"
            XADD s IDMPAUTO r * a b1 a 2 => "1000000-6"
            XLEN s => :7
            XADD none NOMKSTREAM IDMP p i * a 1 => nil ~
            XINFO STREAM s FULL COUNT 1 => ["length", :7, "radix-tree-keys", :1, "radix-tree-nodes", :2, "last-generated-id", "1000000-6", "max-deleted-entry-id", "0-0", "entries-added", :7, "recorded-first-entry-id", "1000000-0", "idmp-duration", :100, "idmp-maxsize", :100, "pids-tracked", :3, "iids-tracked", :7, "iids-added", :7, "iids-duplicates", :2, "entries", [["1000000-0", ["a", "1"]]], "groups", []]
            "#,
        );
        bench.now_ms += 100_000;
        bench.check(
            r#"
            XADD s IDMP p i * a 2 => "1100000-0"
            XADD s IDMP p i * a 2 => "1100000-0"
            "#,
        );
    }

    #[test]
    fn sets_how_much_is_remembered() {
        check(
            r#"
            XCFGSET s IDMP-DURATION 5 => -ERR no such key
            XADD s IDMP p i * a 1 => "1000000-0"
            XCFGSET s IDMP-MAXSIZE 100 IDMP-DURATION 100 => +OK
            XADD s IDMP p i * a 1 => "1000000-0"
            XCFGSET s idmp-maxsize 1 => +OK ~ XACK s \0idmp-config 100 1 0-0
            XADD s IDMP p i * a 1 => "1000000-1"
            XADD s IDMP p j * a 1 => "1000000-2"
            XADD s IDMP p j * a 1 => "1000000-2"
            XADD s IDMP p i * a 1 => "1000000-3"
            XCFGSET s => -ERR At least one parameter (IDMP-DURATION or IDMP-MAXSIZE) is required
            XCFGSET s IDMP-DURATION => -ERR syntax error
            XCFGSET s WHAT 5 => -ERR syntax error
            XCFGSET s IDMP-DURATION x => -ERR value is not an integer or out of range
            XCFGSET s IDMP-DURATION 86401 => -ERR IDMP-DURATION must be between 1 and 86400 seconds
            XCFGSET s IDMP-MAXSIZE 0 => -ERR IDMP-MAXSIZE must be between 1 and 10000 entries
            "#,
        );
    }

    #[test]
    fn records() {
        let mut bench = Bench::new();
        bench.check(
            r#"
            XIDMPRECORD s p i 1000000-1 => -ERR no such key
            XADD s 1000000-1 a 1 => "1000000-1"
            XIDMPRECORD s p i 1000000-1 => +OK ~ XACK s \0idmp-record 1 pi 1000000-1
            XIDMPRECORD s p i 1000000-1 => +OK ~
            XIDMPRECORD s p i 1000000-2 => -ERR The specified IDMP producer-id/idempotent-id pair maps to a different stream ID
            XIDMPRECORD s p j 1000000-2 => -ERR The specified stream ID was deleted or doesn't exist
            XIDMPRECORD s "" j 1000000-1 => -ERR IDMP requires a non-empty producer ID
            XIDMPRECORD s p "" 1000000-1 => -ERR IDMP requires a non-empty idempotent ID
            XADD s IDMP p i * a 1 => "1000000-1"
            "#,
        );
    }

    #[test]
    fn replicas_know_what_was_sent() {
        let mut bench = Bench::new();
        bench.obeys = true;
        bench.check(
            r#"
            XADD s 1000000-1 a 1 => "1000000-1"
            XACK s "\x00idmp-config 5 1" 0-0 => :0
            XACK s "\x00idmp-record 3 p i1 0" 1000000-1 => :0
            XACK s "\x00idmp-record 9 p i1 0" 1000000-1 => :0
            "#,
        );
        bench.obeys = false;
        bench.check(
            r#"
            XADD s IDMP "p i" "1 0" * a 2 => "1000000-1"
            XACK s "\x00idmp-config 7 1" 0-0 => :0
            XADD s IDMP "p i" 2 * a 2 => "1000000-2"
            XADD s IDMP "p i" "1 0" * a 2 => "1000000-3"
            "#,
        );
    }

    #[test]
    fn refuses() {
        check(
            r#"
            XADD s IDMP p1 * f v => -ERR Invalid stream ID specified as stream command argument
            XADD s IDMP p i 1-1 f v => -ERR IDMP/IDMPAUTO can be used only with auto-generated IDs
            XADD s IDMPAUTO p 1-1 f v => -ERR IDMP/IDMPAUTO can be used only with auto-generated IDs
            XADD s IDMP p i IDMPAUTO q * f v => -ERR IDMP/IDMPAUTO specified multiple times
            XADD s IDMP "" i * f v => -ERR IDMP requires a non-empty producer ID
            XADD s IDMP p "" * f v => -ERR IDMP requires a non-empty idempotent ID
            XADD s IDMPAUTO "" * f v => -ERR IDMPAUTO requires a non-empty producer ID
            EXISTS s => :0
            "#,
        );
    }
}
