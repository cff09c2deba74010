//! ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
//!
//! A part of a sorted set, by rank, score or member; in reverse, the ends are given highest first.
//! ZRANGESTORE keeps it under another key; ZREVRANGE, ZRANGEBYSCORE, ZRANGEBYLEX and their reverses
//! are older forms.

use super::emit::Show;
use super::interval::{By, Direction, Interval};
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::{Ttl, Value};
use crate::parse;
use crate::types::{Collection, SortedSet};
use catalog::events::Classes;
use resp::Args;
use std::ops::Range as Ranks;

struct Range<'a> {
    key: &'a [u8],
    interval: Interval<'a>,
    direction: Direction,
    show: Show,
    offset: i64,
    /// Negative means no limit.
    limit: i64,
}

/// What the name of the command leaves open.
#[derive(Debug, Clone, Copy, Default)]
struct Form {
    by: Option<By>,
    direction: Option<Direction>,
    store: bool,
}

impl<'a> Range<'a> {
    fn parse(args: Args<'a>, form: Form) -> Result<Self, CommandError> {
        let key = if form.store { 2 } else { 1 };
        let (mut by, mut direction) = (form.by, form.direction);
        let (mut show, mut offset, mut limit) = (Show::Members, 0, -1);
        let mut words = args.from(key + 3);
        while let Some(word) = words.next() {
            if !form.store && parse::is(word, "WITHSCORES") {
                show = Show::WithScores;
            } else if parse::is(word, "LIMIT") && words.len() >= 2 {
                offset = parse::integer(words.next().ok_or(error::SYNTAX)?)?;
                limit = parse::integer(words.next().ok_or(error::SYNTAX)?)?;
            } else if direction.is_none() && parse::is(word, "REV") {
                direction = Some(Direction::Down);
            } else if by.is_none() && parse::is(word, "BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && parse::is(word, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(error::SYNTAX);
            }
        }
        let by = by.unwrap_or(By::Rank);
        let direction = direction.unwrap_or(Direction::Up);
        if limit != -1 && by == By::Rank {
            return Err(error::LIMIT_BY_RANK);
        }
        if show == Show::WithScores && by == By::Lex {
            return Err(error::WITHSCORES_BY_LEX);
        }
        let swapped = direction == Direction::Down && by != By::Rank;
        let (min, max) = if swapped { (key + 2, key + 1) } else { (key + 1, key + 2) };
        let interval = Interval::parse(by, args.at(min), args.at(max))?;
        Ok(Self { key: args.at(key), interval, direction, show, offset, limit })
    }

    /// The ascending ranks that are wanted.
    fn ranks(&self, zset: &SortedSet) -> Ranks<usize> {
        let ranks = self.interval.ranks(zset, self.direction);
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX).min(ranks.len());
        let left = ranks.len() - offset;
        let count = usize::try_from(self.limit).unwrap_or(usize::MAX).min(left);
        match self.direction {
            Direction::Up => ranks.start + offset..ranks.start + offset + count,
            Direction::Down => ranks.end - offset - count..ranks.end - offset,
        }
    }
}

/// ZRANGE.
///
/// # Errors
/// Bad ends or options, or the value is no sorted set.
pub fn zrange(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, Form::default())
}

/// ZREVRANGE key start stop [WITHSCORES].
///
/// # Errors
/// As [`zrange`].
pub fn zrevrange(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, fixed(By::Rank, Direction::Down))
}

/// ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count].
///
/// # Errors
/// As [`zrange`].
pub fn zrangebyscore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, fixed(By::Score, Direction::Up))
}

/// ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count].
///
/// # Errors
/// As [`zrange`].
pub fn zrevrangebyscore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, fixed(By::Score, Direction::Down))
}

/// ZRANGEBYLEX key min max [LIMIT offset count].
///
/// # Errors
/// As [`zrange`].
pub fn zrangebylex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, fixed(By::Lex, Direction::Up))
}

/// ZREVRANGEBYLEX key max min [LIMIT offset count].
///
/// # Errors
/// As [`zrange`].
pub fn zrevrangebylex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, fixed(By::Lex, Direction::Down))
}

/// ZRANGESTORE destination source start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count].
///
/// # Errors
/// As [`zrange`].
pub fn zrangestore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let range = Range::parse(ctx.args, Form { store: true, ..Form::default() })?;
    let mut result = SortedSet::default();
    if let Some(zset) = ctx.keys.get::<SortedSet>(range.key)? {
        let ranks = range.ranks(zset);
        if matches!(range.interval, Interval::Rank(..)) {
            result = SortedSet::for_len(ranks.len());
        }
        // In the order in which Redis adds them: the packed form keeps no negative zero.
        let members = match range.direction {
            Direction::Up => zset.ascend(ranks.start),
            Direction::Down => zset.descend(ranks.end.saturating_sub(1)),
        };
        for (member, score) in members.take(ranks.len()) {
            result.insert(member, score);
        }
    }
    store(ctx, result, "zrangestore");
    Ok(())
}

/// Keeps a result under the key at word 1, or removes that key when there is none, and replies
/// with the number of members.
pub fn store(ctx: &mut Ctx<'_>, result: SortedSet, event: &'static str) {
    store_under(ctx, ctx.args.at(1), result, event);
}

/// As [`store`], under another key that the command names.
pub fn store_under(ctx: &mut Ctx<'_>, destination: &[u8], result: SortedSet, event: &'static str) {
    if put(ctx, destination, result, event) {
        ctx.propagate_verbatim();
    }
}

/// As [`store_under`], and the caller states the effect if it is told that something changed.
pub fn put(
    ctx: &mut Ctx<'_>,
    destination: &[u8],
    mut result: SortedSet,
    event: &'static str,
) -> bool {
    result.compact();
    let len = result.len();
    let changed = if len == 0 {
        ctx.keys.remove(destination)
    } else {
        let value = Value::Object(Box::new(result.into_object()));
        ctx.keys.set(destination, value, Ttl::Clear);
        true
    };
    if len > 0 {
        ctx.keys.event(Classes::SORTED_SET, event, destination);
    } else if changed {
        ctx.keys.event(Classes::GENERIC, "del", destination);
    }
    ctx.reply.int(len as i64);
    changed
}

fn fixed(by: By, direction: Direction) -> Form {
    Form { by: Some(by), direction: Some(direction), store: false }
}

fn reply(ctx: &mut Ctx<'_>, form: Form) -> Result<(), CommandError> {
    let range = Range::parse(ctx.args, form)?;
    let Some(zset) = ctx.keys.get::<SortedSet>(range.key)? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let (ranks, reply) = (range.ranks(zset), &mut ctx.reply);
    let count = ranks.len();
    match range.direction {
        Direction::Up => range.show.write(reply, count, zset.ascend(ranks.start).take(count)),
        Direction::Down => {
            let highest = ranks.end.saturating_sub(1);
            range.show.write(reply, count, zset.descend(highest).take(count));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn by_rank() {
        check(
            r#"
            ZADD z 1 a 2 b 3 c 4 d => :4
            ZRANGE z 0 -1 => ["a", "b", "c", "d"]
            ZRANGE z 1 2 WITHSCORES => ["b", "2", "c", "3"]
            ZRANGE z 0 1 REV => ["d", "c"]
            ZREVRANGE z -2 -1 WITHSCORES => ["b", "2", "a", "1"]
            ZRANGE z 5 9 => []
            ZRANGE none 0 -1 => []
            ZRANGE z 0 x => -ERR value is not an integer or out of range
            ZRANGE z 0 1 LIMIT 0 => -ERR syntax error
            ZREVRANGE z 0 1 REV => -ERR syntax error
            ZRANGE z 0 1 REV REV => -ERR syntax error
            SET k v => +OK
            ZRANGE k 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
        check(concat!(
            "ZRANGE z 0 1 LIMIT 0 1 => -ERR syntax error, LIMIT is only supported in combination ",
            "with either BYSCORE or BYLEX",
        ));
    }

    #[test]
    fn by_score() {
        check(
            r#"
            ZADD z 1 a 2 b 2 c 3 d 4 e => :5
            ZRANGEBYSCORE z 2 3 => ["b", "c", "d"]
            ZRANGEBYSCORE z (2 +inf WITHSCORES => ["d", "3", "e", "4"]
            ZRANGEBYSCORE z -inf (2 => ["a"]
            ZRANGEBYSCORE z -inf +inf LIMIT 1 2 => ["b", "c"]
            ZRANGEBYSCORE z -inf +inf LIMIT 3 -1 => ["d", "e"]
            ZRANGEBYSCORE z -inf +inf LIMIT -1 2 => []
            ZREVRANGEBYSCORE z 3 2 => ["d", "c", "b"]
            ZREVRANGEBYSCORE z 3 2 LIMIT 1 1 => ["c"]
            ZREVRANGEBYSCORE z 2 3 => []
            ZRANGE z 3 2 BYSCORE REV LIMIT 0 2 WITHSCORES => ["d", "3", "c", "2"]
            ZRANGE z (1 (2 BYSCORE => []
            ZRANGEBYSCORE z ( 1 => ["a"]
            ZRANGEBYSCORE z x 2 => -ERR min or max is not a float
            ZRANGEBYSCORE z 1 2 BYSCORE => -ERR syntax error
            ZRANGEBYSCORE z 1 2 LIMIT x 2 => -ERR value is not an integer or out of range
            "#,
        );
    }

    #[test]
    fn by_member() {
        check(
            r#"
            ZADD z 0 a 0 b 0 c 0 d => :4
            ZRANGEBYLEX z - + => ["a", "b", "c", "d"]
            ZRANGEBYLEX z [b (d => ["b", "c"]
            ZRANGEBYLEX z (b + LIMIT 1 5 => ["d"]
            ZREVRANGEBYLEX z (d [b => ["c", "b"]
            ZRANGE z + - BYLEX REV LIMIT 0 1 => ["d"]
            ZRANGEBYLEX z + - => []
            ZRANGEBYLEX z b d => -ERR min or max not valid string range item
            ZRANGEBYLEX z -- + => -ERR min or max not valid string range item
            "#,
        );
        check(concat!(
            "ZRANGE z - + BYLEX WITHSCORES => -ERR syntax error, WITHSCORES not supported in ",
            "combination with BYLEX",
        ));
    }

    #[test]
    fn stores() {
        check(
            r#"
            ZADD z 1 a 2 b 3 c => :3
            ZRANGESTORE d z 0 1 => :2 ~ ZRANGESTORE d z 0 1
            ZRANGE d 0 -1 WITHSCORES => ["a", "1", "b", "2"]
            ZRANGESTORE d z 3 2 BYSCORE REV LIMIT 0 1 => :1
            ZRANGE d 0 -1 => ["c"]
            ZRANGESTORE d none 0 1 => :0 ~ ZRANGESTORE d none 0 1
            ZRANGESTORE d none 0 1 => :0 ~
            EXISTS d => :0
            ZRANGESTORE d z 0 1 WITHSCORES => -ERR syntax error
            "#,
        );
    }
}
