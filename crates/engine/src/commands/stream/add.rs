//! XADD key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [IDMPAUTO producer|IDMP producer id]
//! [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [field value ...]
//!
//! Adds an entry and replies with its id. `*` takes the present millisecond, `ms-*` the next number
//! within that one. Propagated with the id that was found and with what the trim came to.

use super::ids::{self, Partial};
use super::produce::{self, Producer};
use super::trimming::{Left, Trimming, discard};
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Stream;
use crate::types::stream::{Id, NODE_BYTES_MAX, Trim};
use catalog::events::Classes;
use resp::Args;

struct Add<'a> {
    /// `None` for `*`.
    id: Option<Partial>,
    /// Word of the id.
    id_at: usize,
    makes_key: bool,
    trimming: Trimming,
    trim: Option<Trim>,
    producer: Option<Producer<'a>>,
}

impl<'a> Add<'a> {
    fn parse(args: Args<'a>, obeys: bool) -> Result<Self, CommandError> {
        let (id, trimming) = (None, Trimming::default());
        let mut add = Self { id, id_at: 2, makes_key: true, trimming, trim: None, producer: None };
        while let Some(word) = args.find(add.id_at) {
            if word == b"*" {
                break;
            }
            if let Some(next) = add.trimming.option(args, add.id_at)? {
                add.id_at = next;
            } else if parse::is(word, "NOMKSTREAM") {
                add.makes_key = false;
                add.id_at += 1;
            } else if let Some((producer, next)) = Producer::option(args, add.id_at)? {
                if add.producer.replace(producer).is_some() {
                    return Err(error::PRODUCER_TWICE);
                }
                add.trimming.newer(add.id_at..next);
                add.id_at = next;
            } else {
                add.id = Some(ids::parse_partial(word, 0)?);
                break;
            }
        }
        add.trim = add.trimming.finish(obeys)?;
        let words = args.len().saturating_sub(add.id_at + 1);
        if words == 0 || words % 2 == 1 {
            return Err(error::wrong_arity("xadd"));
        }
        if add.producer.is_some() && add.id.is_some() {
            return Err(error::PRODUCER_ID_GIVEN);
        }
        if add.id == Some(Partial { id: Id::MIN, has_seq: true }) {
            return Err(error::ID_ZERO);
        }
        Ok(add)
    }

    /// The id of the entry in a stream whose last one is `last`.
    fn id_behind(&self, last: Id, now_ms: u64) -> Result<Id, CommandError> {
        if last == Id::MAX {
            return Err(error::IDS_EXHAUSTED);
        }
        let id = match self.id {
            None if now_ms > last.ms => Some(Id { ms: now_ms, seq: 0 }),
            None => last.next(),
            Some(Partial { id, has_seq: false }) if id.ms == last.ms => {
                last.seq.checked_add(1).map(|seq| Id { seq, ..last })
            }
            Some(Partial { id, .. }) => Some(id),
        };
        id.filter(|id| *id > last).ok_or(error::ID_TOO_SMALL)
    }
}

impl Add<'_> {
    /// The entry that its producer has added before; that is counted.
    fn find_sent(&self, ctx: &mut Ctx<'_>, words: &[&[u8]]) -> Result<Option<Id>, CommandError> {
        let Some(producer) = &self.producer else { return Ok(None) };
        let (key, now_ms) = (ctx.args.at(1), ctx.keys.moment.now_ms);
        let known = ctx.keys.get_quietly::<Stream>(key)?.and_then(Stream::producers);
        let id = producer.id(words);
        let sent = known.and_then(|known| known.find(producer.name, &id, now_ms));
        if sent.is_some()
            && let Some(mut stream) = ctx.keys.edit::<Stream>(key)?
        {
            stream.unchanged();
            stream.producers_mut().duplicates += 1;
        }
        Ok(sent)
    }
}

/// XADD.
///
/// # Errors
/// Bad options, an id that is not above all others, an entry that is too large, or the value is no
/// stream.
pub fn xadd(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, moment) = (ctx.args.at(1), ctx.keys.moment);
    let add = Add::parse(ctx.args, moment.dead_ms == 0)?;
    let words: smallvec::SmallVec<[&[u8]; 16]> = ctx.args.from(add.id_at + 1).collect();
    let found = ctx.keys.get_quietly::<Stream>(key)?.map(|stream| stream.last_id);
    if found.is_none() && !add.makes_key {
        ctx.reply.null();
        return Ok(());
    }
    if let Some(id) = add.find_sent(ctx, &words)? {
        ctx.reply.bulk(&id.text());
        return Ok(());
    }
    let id = add.id_behind(found.unwrap_or_default(), moment.now_ms)?;
    if words.iter().map(|word| word.len()).sum::<usize>() > NODE_BYTES_MAX {
        return Err(error::ENTRY_TOO_LARGE);
    }
    let mut stream = ctx.keys.edit_or_new::<Stream>(key)?;
    stream.add(id, &words);
    let sent = add.producer.as_ref().map(|producer| (producer.name, producer.id(&words)));
    if let Some((producer, sent)) = &sent {
        stream.producers_mut().note(producer, sent, id, moment.now_ms);
    }
    let trimmed = add.trim.map(|trim| add.trimming.apply(&mut stream, trim));
    let trimmed = trimmed.unwrap_or_default();
    let left = add.trim.map_or_else(Left::default, |_| Left::of(&stream));
    drop(stream);
    let text = id.text();
    ctx.reply.bulk(&text);
    ctx.keys.event(Classes::STREAM, "xadd", key);
    if trimmed.count > 0 {
        ctx.keys.event(Classes::STREAM, "xtrim", key);
    }
    let found_id = add.id.is_none_or(|id| !id.has_seq);
    add.trimming.propagate(ctx, (left, &trimmed), found_id.then_some((add.id_at, &*text)));
    if let Some((producer, sent)) = &sent {
        produce::propagate(ctx, key, (producer, sent), id);
    }
    if trimmed.count > 0 {
        discard(ctx, trimmed.taken);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn adds() {
        check(
            r#"
            XADD s * a 1 b 2 => "1000000-0" ~ XADD s 1000000-0 a 1 b 2
            XADD s * a 1 => "1000000-1" ~ XADD s 1000000-1 a 1
            XADD s 1000000-* a 1 => "1000000-2" ~ XADD s 1000000-2 a 1
            XADD s 2000000-* x y => "2000000-0" ~ XADD s 2000000-0 x y
            XADD s 2000001 x y => "2000001-0" ~ XADD s 2000001 x y
            XADD s * x y => "2000001-1"
            XLEN s => :6
            XADD none NOMKSTREAM * a b => nil ~
            EXISTS none => :0
            XADD s NOMKSTREAM 2000002-5 a b => "2000002-5" ~ XADD s NOMKSTREAM 2000002-5 a b
            XRANGE s 1000000 1000000-1 => [["1000000-0", ["a", "1", "b", "2"]], ["1000000-1", ["a", "1"]]]
            TYPE s => +stream
            OBJECT ENCODING s => "stream"
            "#,
        );
    }

    #[test]
    fn trims() {
        check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 2-1 a 2 => "2-1"
            XADD s MAXLEN 2 3-1 a 3 => "3-1" ~ XADD s MAXLEN 2 3-1 a 3
            XRANGE s - + => [["2-1", ["a", "2"]], ["3-1", ["a", "3"]]]
            XADD s MAXLEN ~ 1 LIMIT 0 * a 4 => "1000000-0" ~ XADD s MAXLEN = 3 LIMIT 0 1000000-0 a 4
            XADD s MINID ~ 3-1 1000001-* a 4 => "1000001-0" ~ XADD s MINID = 1-1 1000001-0 a 4
            XADD s MINID = 3-1 1000002 a 4 => "1000002-0" ~ XADD s MINID = 3-1 1000002 a 4
            XLEN s => :4
            XADD s MAXLEN 0 1000003 a 4 => "1000003-0"
            XLEN s => :0
            EXISTS s => :1
            "#,
        );
    }

    #[test]
    fn refuses() {
        check(
            r#"
            XADD s 0-0 a 1 => -ERR The ID specified in XADD must be greater than 0-0
            XADD s * a => -ERR wrong number of arguments for 'xadd' command
            XADD s * a 1 b => -ERR wrong number of arguments for 'xadd' command
            XADD s x a 1 => -ERR Invalid stream ID specified as stream command argument
            XADD s LIMIT 3 * a 1 => -ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
            XADD s MAXLEN 3 MINID 3 * a 1 => -ERR syntax error, MAXLEN and MINID options at the same time are not compatible
            XADD s MAXLEN -1 * a 1 => -ERR The MAXLEN argument must be >= 0.
            EXISTS s => :0
            XADD s 5-5 a 1 => "5-5"
            XADD s 5-5 a 1 => -ERR The ID specified in XADD is equal or smaller than the target stream top item
            XADD s 4-* a 1 => -ERR The ID specified in XADD is equal or smaller than the target stream top item
            XADD s 18446744073709551615-18446744073709551615 a 1 => "18446744073709551615-18446744073709551615"
            XADD s * a 1 => -ERR The stream has exhausted the last possible ID, unable to add more items
            SET k v => +OK
            XADD k * a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn approximate_trims_take_whole_nodes() {
        let mut bench = Bench::new();
        for i in 1..=250 {
            bench.run(&format!("XADD s {i}-1 f {i}"));
        }
        bench.check("XTRIM s MAXLEN ~ 120 => :100 ~ XTRIM s MAXLEN = 150");
        bench.check("XTRIM s MAXLEN ~ 120 => :0 ~");
        bench.check("XTRIM s MINID ~ 240 => :100 ~ XTRIM s MINID = 201-1");
        bench.check("XTRIM s MAXLEN ~ 0 LIMIT 10 => :0 ~");
        bench.check("XTRIM s MAXLEN ~ 0 LIMIT 60 => :50");
    }
}
