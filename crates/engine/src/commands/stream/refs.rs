//! XDELEX key [KEEPREF|DELREF|ACKED] IDS numids id [id ...] and XACKDEL key group
//! [KEEPREF|DELREF|ACKED] IDS numids id [id ...]: deleting entries, and what becomes of groups that
//! refer to them. KEEPREF lets them; DELREF has them forget; ACKED leaves entries that a group has
//! not read or not acknowledged. Replies for each id -1 where there is nothing, 1 for what is gone,
//! 2 for what was left. Propagated as XDEL and XACK.

use super::ids;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Stream;
use crate::types::stream::Id;
use crate::types::stream::group::Name;
use catalog::events::Classes;
use resp::Args;

/// Ids of one propagated command.
const IDS_MAX: usize = 1000;

/// What becomes of groups that refer to an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Refs {
    /// Nothing.
    #[default]
    Keep,
    /// They forget it.
    Drop,
    /// As long as there are any, the entry stays.
    Acked,
}

impl Refs {
    /// Reads the word of a policy.
    pub fn of(word: &[u8]) -> Option<Self> {
        let words = [("KEEPREF", Self::Keep), ("DELREF", Self::Drop), ("ACKED", Self::Acked)];
        words.into_iter().find(|(name, _)| parse::is(word, name)).map(|(_, refs)| refs)
    }
}

/// What groups forgot.
#[derive(Debug, Default)]
pub struct Forgotten(Vec<(Name, Vec<Id>)>);

impl Forgotten {
    /// Has all groups forget an entry.
    pub fn forget(&mut self, stream: &mut Stream, id: Id) {
        let refers = |stream: &Stream, at: usize| {
            let group = stream.groups().iter().nth(at)?;
            group.pending().find(&id).map(|_| Name::clone(group.name()))
        };
        for at in 0..stream.groups().len() {
            if let Some(name) = refers(stream, at) {
                stream.edit_group(&name, |group| group.acknowledge(id));
                self.note(&name, id);
            }
        }
    }

    fn note(&mut self, name: &Name, id: Id) {
        match self.0.iter_mut().find(|(group, _)| group == name) {
            Some((_, ids)) => ids.push(id),
            None => self.0.push((Name::clone(name), vec![id])),
        }
    }

    /// States it.
    pub fn propagate(&self, ctx: &mut Ctx<'_>, key: &[u8]) {
        for (group, ids) in &self.0 {
            propagate_ids(ctx, &[b"XACK", key, group], ids);
        }
    }
}

/// States a command that ends with ids, in several parts if there are many.
pub fn propagate_ids(ctx: &mut Ctx<'_>, head: &[&[u8]], ids: &[Id]) {
    for ids in ids.chunks(IDS_MAX) {
        let texts: Vec<_> = ids.iter().map(|id| id.text()).collect();
        let ids = texts.iter().map(|text| &**text);
        let words: Vec<&[u8]> = head.iter().copied().chain(ids).collect();
        ctx.propagate(&words);
    }
}

struct Delete {
    refs: Refs,
    ids: Vec<Id>,
}

impl Delete {
    /// Reads the words from `at` on.
    fn parse(args: Args<'_>, mut at: usize) -> Result<Self, CommandError> {
        let (mut refs, mut texts) = (None, None);
        while let Some(word) = args.find(at) {
            if let Some(policy) = Refs::of(word).filter(|_| refs.is_none()) {
                refs = Some(policy);
                at += 1;
            } else if parse::is(word, "IDS") && texts.is_none() {
                let count = args.find(at + 1).and_then(|count| parse::integer(count).ok());
                let count = count.filter(|count| *count > 0).ok_or(error::IDS_NOT_POSITIVE)?;
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                if count > args.len() - at - 2 {
                    return Err(error::IDS_MISCOUNTED);
                }
                texts = Some((at + 2, count));
                at += 2 + count;
            } else {
                return Err(error::SYNTAX);
            }
        }
        let (first, count) = texts.ok_or(error::SYNTAX)?;
        let ids: Result<_, _> =
            args.from(first).take(count).map(|word| ids::parse(word, 0)).collect();
        Ok(Self { refs: refs.unwrap_or_default(), ids: ids? })
    }
}

/// XDELEX.
///
/// # Errors
/// Bad options or ids, or the value is no stream.
pub fn xdelex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let delete = Delete::parse(ctx.args, 2)?;
    run(ctx, &delete, None)
}

/// XACKDEL.
///
/// # Errors
/// As [`xdelex`].
pub fn xackdel(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let delete = Delete::parse(ctx.args, 3)?;
    run(ctx, &delete, Some(ctx.args.at(2)))
}

fn run(ctx: &mut Ctx<'_>, delete: &Delete, group: Option<&[u8]>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let stream = ctx.keys.get::<Stream>(key)?;
    let found = stream.is_some_and(|stream| group.is_none_or(|name| stream.group(name).is_some()));
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)?.filter(|_| found) else {
        ctx.reply.array(delete.ids.len());
        delete.ids.iter().for_each(|_| ctx.reply.int(-1));
        return Ok(());
    };
    let (mut codes, mut gone) = (Vec::new(), Vec::new());
    let mut forgotten = Forgotten::default();
    for &id in &delete.ids {
        let is_there = match group {
            None => stream.get(id).is_some(),
            Some(name) => {
                let known = stream.edit_group(name, |group| group.acknowledge(id)).flatten();
                known.iter().for_each(|_| forgotten.note(&Name::from(name), id));
                known.is_some()
            }
        };
        let stays = delete.refs == Refs::Acked && is_there && stream.is_referenced(id);
        if is_there && delete.refs == Refs::Drop {
            forgotten.forget(&mut stream, id);
        }
        if is_there && !stays && stream.delete(id) {
            gone.push(id);
        }
        codes.push(if stays {
            2
        } else if is_there {
            1
        } else {
            -1
        });
    }
    if gone.is_empty() {
        stream.unchanged();
    }
    drop(stream);
    ctx.reply.array(codes.len());
    codes.into_iter().for_each(|code| ctx.reply.int(code));
    forgotten.propagate(ctx, key);
    if !gone.is_empty() {
        ctx.keys.event(Classes::STREAM, "xdel", key);
        propagate_ids(ctx, &[b"XDEL", key], &gone);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    /// Three entries that `g` has read and `h` has not, the first one acknowledged.
    fn bench() -> Bench {
        let mut bench = Bench::new();
        bench.check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 2-1 a 2 => "2-1"
            XADD s 3-1 a 3 => "3-1"
            XGROUP CREATE s g 0 => +OK
            XREADGROUP GROUP g c STREAMS s > => [["s", [["1-1", ["a", "1"]], ["2-1", ["a", "2"]], ["3-1", ["a", "3"]]]]]
            XACK s g 1-1 => :1
            "#,
        );
        bench
    }

    #[test]
    fn deletes() {
        bench().check(
            r#"
            XDELEX s ACKED IDS 3 1-1 2-1 9-9 => [:1, :2, :-1] ~ XDEL s 1-1
            XDELEX s IDS 1 2-1 => [:1] ~ XDEL s 2-1
            XPENDING s g => [:2, "2-1", "3-1", [["c", "2"]]]
            XDELEX s delref IDS 2 3-1 3-1 => [:1, :-1] ~ XACK s g 3-1; XDEL s 3-1
            XPENDING s g => [:1, "2-1", "2-1", [["c", "1"]]]
            XLEN s => :0
            XDELEX none KEEPREF IDS 2 1-1 2-2 => [:-1, :-1] ~
            "#,
        );
        bench().check(
            r#"
            XGROUP CREATE s h 0 => +OK
            XDELEX s ACKED IDS 1 1-1 => [:2] ~
            "#,
        );
    }

    #[test]
    fn acknowledges_and_deletes() {
        bench().check(
            r#"
            XACKDEL s g IDS 2 1-1 2-1 => [:-1, :1] ~ XACK s g 2-1; XDEL s 2-1
            XGROUP CREATE s h 0 => +OK
            XACKDEL s g ACKED IDS 1 3-1 => [:2] ~ XACK s g 3-1
            XREADGROUP GROUP h c STREAMS s > => [["s", [["1-1", ["a", "1"]], ["3-1", ["a", "3"]]]]]
            XDEL s 1-1 => :1
            XACKDEL s h ACKED IDS 2 1-1 3-1 => [:1, :1] ~ XACK s h 1-1 3-1; XDEL s 3-1
            XLEN s => :0
            XACKDEL s none IDS 1 1-1 => [:-1] ~
            XACKDEL none g IDS 1 1-1 => [:-1] ~
            "#,
        );
    }

    #[test]
    fn refuses() {
        check(
            r#"
            XDELEX s IDS x 1-1 => -ERR Number of IDs must be a positive integer
            XDELEX s IDS 0 1-1 => -ERR Number of IDs must be a positive integer
            XDELEX s IDS 3 1-1 2-2 => -ERR The `numids` parameter must match the number of arguments
            XDELEX s IDS 1 1-1 2-2 => -ERR syntax error
            XDELEX s KEEPREF ACKED IDS 1 1-1 => -ERR syntax error
            XDELEX s KEEPREF 1-1 2-2 => -ERR syntax error
            XDELEX s IDS 1 x => -ERR Invalid stream ID specified as stream command argument
            XACKDEL s g DELREF ACKED IDS 1 1-1 => -ERR syntax error
            SET k v => +OK
            XDELEX k IDS 1 1-1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
