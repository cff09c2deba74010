//! The options that XADD and XTRIM share: MAXLEN|MINID [=|~] threshold [LIMIT count] and
//! KEEPREF|DELREF|ACKED, what becomes of groups that refer to what is trimmed.

use super::ids;
use super::refs::{Forgotten, Refs, propagate_ids};
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::{Entry, Value};
use crate::parse;
use crate::types::limits::STREAM_ENTRIES;
use crate::types::stream::{Id, Reach, Trim};
use crate::types::{Object, Stream};
use resp::Args;
use resp::number::Digits;

/// Entries of a stream that an approximate trim takes at most, unless told otherwise.
const LIMIT_RANGE: (u64, u64) = (10_000, 1_000_000);
/// Nodes that it takes at most.
const NODES: u64 = 100;

/// What to trim, if anything.
#[derive(Debug, Default)]
pub struct Trimming {
    found: Option<(Reach, bool)>,
    limit: Option<u64>,
    /// Word of the threshold.
    threshold_at: usize,
    refs: Option<Refs>,
    /// Words that say how to trim, and that Redis 7.0 knows.
    words: Vec<usize>,
    /// Words that it does not know.
    newer: Vec<usize>,
}

impl Trimming {
    /// Reads an option at word `at`; returns the word behind it, `None` when it is no such option.
    ///
    /// # Errors
    /// Its value means nothing.
    pub fn option(&mut self, args: Args<'_>, at: usize) -> Result<Option<usize>, CommandError> {
        if let Some(refs) = Refs::of(args.at(at)) {
            let former = self.refs.replace(refs);
            self.newer(at..at + 1);
            return if former.is_some() { Err(error::SYNTAX) } else { Ok(Some(at + 1)) };
        }
        let (word, Some(next)) = (args.at(at), args.find(at + 1)) else { return Ok(None) };
        if parse::is(word, "LIMIT") {
            let limit = parse::integer(next)?;
            let limit = u64::try_from(limit).map_err(|_| error::STREAM_LIMIT_NEGATIVE)?;
            self.limit = Some(limit);
            self.words.extend(at..at + 2);
            return Ok(Some(at + 2));
        }
        let by_len = parse::is(word, "MAXLEN");
        if !by_len && !parse::is(word, "MINID") {
            return Ok(None);
        }
        if self.found.is_some() {
            return Err(error::MAXLEN_MINID);
        }
        let marked = matches!(next, b"~" | b"=") && args.find(at + 2).is_some();
        let threshold_at = if marked { at + 2 } else { at + 1 };
        let threshold = args.at(threshold_at);
        let reach = if by_len {
            let len = parse::integer(threshold)?;
            Reach::Len(u64::try_from(len).map_err(|_| error::STREAM_MAXLEN_NEGATIVE)?)
        } else {
            Reach::From(ids::parse(threshold, 0)?)
        };
        self.found = Some((reach, marked && next == b"~"));
        self.threshold_at = threshold_at;
        self.words.extend(at..=threshold_at);
        Ok(Some(threshold_at + 1))
    }

    /// Notes words that Redis 7.0 does not know, and that are not propagated.
    pub fn newer(&mut self, words: std::ops::Range<usize>) {
        self.newer.extend(words);
    }

    /// Trims a stream.
    pub fn apply(&self, stream: &mut Stream, trim: Trim) -> Trimmed {
        let mut trimmed = Trimmed::default();
        match self.refs.unwrap_or_default() {
            Refs::Keep => {}
            Refs::Drop => {
                let end = stream.trim_end(trim);
                let before = |id: &Id| *id < end && stream.get(*id).is_some();
                let mut ids: Vec<Id> = Vec::new();
                for group in stream.groups().iter() {
                    let pending = group.pending().iter().map(|pending| pending.id);
                    ids.extend(pending.take_while(|id| *id < end).filter(before));
                }
                ids.into_iter().for_each(|id| trimmed.forgotten.forget(stream, id));
            }
            Refs::Acked => {
                trimmed.gone = stream.trim_unreferenced(trim);
                trimmed.gone.iter().for_each(|id| _ = stream.delete(*id));
                trimmed.count = trimmed.gone.len() as u64;
                return trimmed;
            }
        }
        (trimmed.count, trimmed.taken) = stream.trim(trim);
        trimmed
    }

    /// What to do, if anything. Who `obeys` a log does what that says.
    ///
    /// # Errors
    /// Options that do not fit together.
    pub fn finish(&self, obeys: bool) -> Result<Option<Trim>, CommandError> {
        let Some((reach, by_nodes)) = self.found else {
            let limited = self.limit.is_some_and(|limit| limit > 0);
            return if limited { Err(error::LIMIT_WITHOUT_TRIM) } else { Ok(None) };
        };
        if obeys {
            return Ok(Some(Trim { reach, by_nodes, limit: 0 }));
        }
        if self.limit.is_some() && !by_nodes {
            return Err(error::LIMIT_WITHOUT_TILDE);
        }
        let usual = match STREAM_ENTRIES.get() as u64 {
            0 => LIMIT_RANGE.0,
            entries => (NODES.saturating_mul(entries)).min(LIMIT_RANGE.1),
        };
        let limit = if by_nodes { self.limit.unwrap_or(usual) } else { 0 };
        Ok(Some(Trim { reach, by_nodes, limit }))
    }

    /// The request's words, with an approximate trim told as what it came to, and entries that
    /// were picked out of others as deleted. XTRIM is told only if there is a way to trim.
    pub fn propagate(
        &self,
        ctx: &mut Ctx<'_>,
        (left, trimmed): (Left, &Trimmed),
        id: Option<(usize, &[u8])>,
    ) {
        let key = ctx.args.at(1);
        trimmed.forgotten.propagate(ctx, key);
        if self.refs != Some(Refs::Acked) {
            self.propagate_words(ctx, left, id, &self.newer);
        } else if parse::is(ctx.args.at(0), "XADD") {
            self.propagate_words(ctx, left, id, &[&self.newer[..], &self.words].concat());
        }
        if !trimmed.gone.is_empty() {
            propagate_ids(ctx, &[b"XDEL", key], &trimmed.gone);
        }
    }

    fn propagate_words(
        &self,
        ctx: &mut Ctx<'_>,
        left: Left,
        id: Option<(usize, &[u8])>,
        without: &[usize],
    ) {
        let (mut digits, first) = (Digits::new(), left.first.text());
        let mut words: Vec<&[u8]> = ctx.args.from(0).collect();
        if let Some((reach, true)) = self.found {
            words[self.threshold_at - 1] = b"=";
            words[self.threshold_at] = match reach {
                Reach::Len(_) => digits.format(left.len as i64),
                Reach::From(_) => &first,
            };
        }
        if let Some((at, id)) = id {
            words[at] = id;
        }
        if without.is_empty() {
            return ctx.propagate(&words);
        }
        let known = words.into_iter().enumerate().filter(|(at, _)| !without.contains(at));
        ctx.propagate(&known.map(|(_, word)| word).collect::<Vec<_>>());
    }
}

/// What a trim took.
#[derive(Debug, Default)]
pub struct Trimmed {
    /// Number of entries.
    pub count: u64,
    /// Most of them.
    pub taken: Stream,
    /// Those that were picked out of others.
    gone: Vec<Id>,
    forgotten: Forgotten,
}

/// What a trim left.
#[derive(Debug, Clone, Copy, Default)]
pub struct Left {
    len: usize,
    first: Id,
}

impl Left {
    /// The present state of a stream.
    pub fn of(stream: &Stream) -> Self {
        Self { len: stream.len(), first: stream.base_id().unwrap_or(Id::MAX) }
    }
}

/// Hands over what was taken out of a stream, to be dropped elsewhere if that is long work.
pub fn discard(ctx: &mut Ctx<'_>, taken: Stream) {
    if taken.is_large() {
        let value = Value::Object(Box::new(Object::Stream(Box::new(taken))));
        ctx.keys.discard(Some(Entry::new(b"", value, None)));
    }
}
