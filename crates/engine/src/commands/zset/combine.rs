//! ZUNION, ZINTER and ZDIFF numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE
//! SUM|MIN|MAX|COUNT] [WITHSCORES], their STORE forms and ZINTERCARD.
//!
//! COUNT, which Redis 7.0 does not know, gives each member the number of inputs that have it,
//! whatever their weights; its STORE forms are propagated as the sorted set that they make.
//! Plain sets take part with a score of 1. The members of an intersection's smallest source, or of
//! a difference's first, are looked up in the others.

use super::emit::Show;
use super::range::{put, store};
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::{Entry, Keys, ValueRef};
use crate::parse;
use crate::tick::{Tick, at_step};
use crate::types::{Object, Set, SortedSet};
use resp::Args;
use resp::reply::format_double;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
    Count,
}

/// What becomes of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Reply,
    Store,
    Count,
}

/// One input: its key, weight and number of members.
struct Source<'a> {
    key: &'a [u8],
    weight: f64,
    len: usize,
}

struct Combine<'a> {
    operation: Operation,
    sources: Vec<Source<'a>>,
    aggregate: Aggregate,
    show: Show,
    limit: usize,
}

/// ZUNION.
///
/// # Errors
/// Bad options, or a value that is neither a set nor a sorted set.
pub fn zunion(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "zunion", Operation::Union, Purpose::Reply)
}

/// ZINTER.
///
/// # Errors
/// As [`zunion`].
pub fn zinter(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "zinter", Operation::Intersection, Purpose::Reply)
}

/// ZDIFF.
///
/// # Errors
/// As [`zunion`].
pub fn zdiff(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "zdiff", Operation::Difference, Purpose::Reply)
}

/// ZUNIONSTORE destination ….
///
/// # Errors
/// As [`zunion`].
pub fn zunionstore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "zunionstore", Operation::Union, Purpose::Store)
}

/// ZINTERSTORE destination ….
///
/// # Errors
/// As [`zunion`].
pub fn zinterstore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "zinterstore", Operation::Intersection, Purpose::Store)
}

/// ZDIFFSTORE destination ….
///
/// # Errors
/// As [`zunion`].
pub fn zdiffstore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "zdiffstore", Operation::Difference, Purpose::Store)
}

/// ZINTERCARD numkeys key [key ...] [LIMIT limit].
///
/// # Errors
/// As [`zunion`].
pub fn zintercard(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "zintercard", Operation::Intersection, Purpose::Count)
}

fn run(
    ctx: &mut Ctx<'_>,
    name: &'static str,
    operation: Operation,
    purpose: Purpose,
) -> Result<(), CommandError> {
    let count_at = if purpose == Purpose::Store { 2 } else { 1 };
    let (sources, options) = read_sources(ctx, name, count_at)?;
    let aggregate = Aggregate::Sum;
    let mut combine = Combine { operation, sources, aggregate, show: Show::Members, limit: 0 };
    combine.parse_options(ctx.args, options, purpose)?;
    if purpose == Purpose::Count {
        let limit = if combine.limit == 0 { usize::MAX } else { combine.limit };
        let mut len = 0;
        combine.select(&mut ctx.keys, ctx.tick, |_, _| {
            len += 1;
            len < limit
        })?;
        ctx.reply.int(len as i64);
        return Ok(());
    }
    let result = combine.evaluate(&mut ctx.keys, ctx.tick)?;
    match purpose {
        Purpose::Store if combine.aggregate == Aggregate::Count => store_counts(ctx, result, name),
        Purpose::Store => store(ctx, result, name),
        _ => combine.show.write(&mut ctx.reply, result.len(), result.iter()),
    }
    Ok(())
}

/// Keeps counts under the key at word 1, in effects that older servers know.
fn store_counts(ctx: &mut Ctx<'_>, result: SortedSet, event: &'static str) {
    let destination = ctx.args.at(1);
    let existed = ctx.keys.peek(destination).is_some();
    let is_wanted = ctx.keys.effects.wanted;
    let pairs: Vec<(String, Vec<u8>)> = result
        .iter()
        .filter(|_| is_wanted)
        .map(|(member, score)| (format_double(score), member.to_vec()))
        .collect();
    let is_empty = result.len() == 0;
    put(ctx, destination, result, event);
    if existed {
        ctx.propagate(&[b"DEL", destination]);
    }
    if !is_empty {
        let mut words: Vec<&[u8]> = vec![b"ZADD", destination];
        words.extend(pairs.iter().flat_map(|(score, member)| [score.as_bytes(), member]));
        ctx.propagate(&words);
    }
}

/// The sources named from word `count_at` on, with the place of the first option. Redis checks the
/// types of all keys before it looks at the options.
fn read_sources<'a>(
    ctx: &mut Ctx<'a>,
    name: &str,
    count_at: usize,
) -> Result<(Vec<Source<'a>>, usize), CommandError> {
    let count = parse::integer(ctx.args.at(count_at))?;
    let count = usize::try_from(count).unwrap_or(0);
    if count == 0 {
        return Err(error::no_input_key(name));
    }
    let first = count_at + 1;
    if count > ctx.args.len() - first {
        return Err(error::SYNTAX);
    }
    let mut sources = Vec::with_capacity(count);
    for key in ctx.args.from(first).take(count) {
        let len = Input::of(ctx.keys.read(key))?.len();
        sources.push(Source { key, weight: 1.0, len });
    }
    Ok((sources, first + count))
}

impl Combine<'_> {
    fn parse_options(
        &mut self,
        args: Args<'_>,
        first: usize,
        purpose: Purpose,
    ) -> Result<(), CommandError> {
        let weighted = self.operation != Operation::Difference && purpose != Purpose::Count;
        let mut words = args.from(first);
        while let Some(word) = words.next() {
            if weighted && words.len() >= self.sources.len() && parse::is(word, "WEIGHTS") {
                for (source, text) in self.sources.iter_mut().zip(&mut words) {
                    source.weight = parse::double(text).map_err(|_| error::BAD_WEIGHT)?;
                }
            } else if weighted && parse::is(word, "AGGREGATE") {
                self.aggregate = Aggregate::parse(words.next().ok_or(error::SYNTAX)?)?;
            } else if purpose == Purpose::Reply && parse::is(word, "WITHSCORES") {
                self.show = Show::WithScores;
            } else if purpose == Purpose::Count && parse::is(word, "LIMIT") {
                let limit = words.next().ok_or(error::SYNTAX)?;
                self.limit = parse::positive(limit).map_err(|_| error::LIMIT_NEGATIVE)?;
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(())
    }

    fn evaluate(
        &mut self,
        keys: &mut Keys<'_>,
        tick: &mut dyn Tick,
    ) -> Result<SortedSet, CommandError> {
        let mut result = SortedSet::result();
        if self.operation != Operation::Union {
            self.select(keys, tick, |member, score| {
                result.insert(member, score);
                true
            })?;
            return Ok(result);
        }
        self.sources.sort_by_key(|source| source.len);
        for (number, source) in self.sources.iter().enumerate() {
            let input = Input::at(keys, source.key)?;
            input.each(tick, |member, score| {
                if number == 0 {
                    result.insert(member, self.aggregate.first(score * source.weight));
                    return true;
                }
                let score = not_nan(score * source.weight);
                let old = result.score(member);
                if old == Some(0.0) {
                    // The sum may be the other zero, which an insert would not write.
                    result.remove(member);
                }
                let first = self.aggregate.first(score);
                result.insert(member, old.map_or(first, |old| self.aggregate.of(old, score)));
                true
            })?;
        }
        Ok(result)
    }

    /// Shows the members of an intersection or a difference with their scores, in the order of one
    /// source, until `more` is false.
    fn select(
        &mut self,
        keys: &mut Keys<'_>,
        tick: &mut dyn Tick,
        mut more: impl FnMut(&[u8], f64) -> bool,
    ) -> Result<(), CommandError> {
        if self.operation == Operation::Intersection {
            self.sources.sort_by_key(|source| source.len);
        }
        let inputs = self.sources.iter().map(|source| Input::beside(keys, source));
        let inputs: Vec<(Input<'_>, f64)> = inputs.collect::<Result<_, _>>()?;
        let ((first, weight), others) = inputs.split_first().expect("there is at least one key");
        let aggregate = self.aggregate;
        let both = |sum: f64, member: &[u8], (input, weight): &(Input<'_>, f64)| {
            // Unlike in a union, a product that is no number spoils the sum here.
            input.score(member).map(|score| aggregate.of(sum, score * weight))
        };
        first.each(tick, |member, score| {
            let score = aggregate.first(score * weight);
            let wanted = match self.operation {
                Operation::Difference => {
                    let absent = others.iter().all(|(input, _)| input.score(member).is_none());
                    absent.then_some(score)
                }
                _ => others.iter().try_fold(score, |sum, other| both(sum, member, other)),
            };
            wanted.is_none_or(|score| more(member, score))
        })
    }
}

impl Aggregate {
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match word {
            _ if parse::is(word, "SUM") => Ok(Self::Sum),
            _ if parse::is(word, "MIN") => Ok(Self::Min),
            _ if parse::is(word, "MAX") => Ok(Self::Max),
            _ if parse::is(word, "COUNT") => Ok(Self::Count),
            _ => Err(error::SYNTAX),
        }
    }

    /// The score of a member of the first input.
    fn first(self, score: f64) -> f64 {
        if self == Self::Count { 1.0 } else { not_nan(score) }
    }

    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Count => a + 1.0,
            Self::Sum => not_nan(a + b),
            Self::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Self::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// Redis takes what is no number, like infinity less infinity, for 0.
fn not_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The value of a source.
enum Input<'k> {
    Missing,
    Set(&'k Set),
    SortedSet(&'k SortedSet),
}

impl<'k> Input<'k> {
    /// Looks again at what [`read_sources`] has read.
    fn at(keys: &'k mut Keys<'_>, key: &[u8]) -> Result<Self, CommandError> {
        Self::of(keys.peek(key))
    }

    /// As [`Input::at`], beside others, with the weight.
    fn beside(keys: &'k Keys<'_>, source: &Source<'_>) -> Result<(Self, f64), CommandError> {
        Ok((Self::of(keys.beside_any(source.key))?, source.weight))
    }

    fn of(entry: Option<&'k Entry>) -> Result<Self, CommandError> {
        let Some(entry) = entry else { return Ok(Self::Missing) };
        match entry.value() {
            ValueRef::Object(Object::Set(set)) => Ok(Self::Set(set)),
            ValueRef::Object(Object::SortedSet(zset)) => Ok(Self::SortedSet(zset)),
            _ => Err(error::WRONG_TYPE),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Missing => 0,
            Self::Set(set) => set.len(),
            Self::SortedSet(zset) => zset.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Set(set) => set.contains(member).then_some(1.0),
            Self::SortedSet(zset) => zset.score(member),
        }
    }

    /// Shows the members until `more` is false.
    fn each(
        &self,
        tick: &mut dyn Tick,
        mut more: impl FnMut(&[u8], f64) -> bool,
    ) -> Result<(), CommandError> {
        match self {
            Self::Missing => {}
            Self::Set(set) => {
                for (step, member) in set.iter().enumerate() {
                    at_step(step, tick)?;
                    if !member.with(|member| more(member, 1.0)) {
                        break;
                    }
                }
            }
            Self::SortedSet(zset) => {
                for (step, (member, score)) in zset.iter().enumerate() {
                    at_step(step, tick)?;
                    if !more(member, score) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn combines() {
        check(
            r#"
            ZADD a 1 x 2 y 3 z => :3
            ZADD b 10 y 20 z 30 w => :3
            SADD s y => :1
            ZUNION 2 a b => ["x", "y", "z", "w"]
            ZUNION 2 a b WITHSCORES => ["x", "1", "y", "12", "z", "23", "w", "30"]
            ZINTER 2 a b WEIGHTS 10 1 AGGREGATE MAX WITHSCORES => ["y", "20", "z", "30"]
            ZINTER 2 a b WITHSCORES => ["y", "12", "z", "23"]
            ZINTER 2 a b AGGREGATE MIN WITHSCORES => ["y", "2", "z", "3"]
            ZINTER 3 a b s WITHSCORES => ["y", "13"]
            ZINTER 2 a none => []
            ZDIFF 2 a b WITHSCORES => ["x", "1"]
            ZDIFF 2 a none => ["x", "y", "z"]
            ZUNION 3 a b s WEIGHTS 5 6 7 AGGREGATE COUNT WITHSCORES => ["w", "1", "x", "1", "z", "2", "y", "3"]
            ZINTER 2 a b AGGREGATE count WITHSCORES => ["y", "2", "z", "2"]
            ZINTERCARD 2 a b => :2
            ZINTERCARD 2 a b LIMIT 1 => :1
            ZADD p inf i => :1
            ZADD n -inf i => :1
            ZUNION 2 p n WITHSCORES => ["i", "0"]
            ZUNION 1 p WEIGHTS 0 WITHSCORES => ["i", "0"]
            ZINTER 2 n p WEIGHTS 1 0 WITHSCORES => ["i", "0"]
            ZUNION 2 n p WEIGHTS 1 0 WITHSCORES => ["i", "-inf"]
            ZADD zero 0 m => :1
            ZUNION 2 zero zero WEIGHTS -0 1 WITHSCORES => ["m", "0"]
            ZUNION 2 zero zero WEIGHTS -0 -1 WITHSCORES => ["m", "-0"]
            "#,
        );
    }

    #[test]
    fn stores() {
        check(
            r#"
            ZADD a 1 x 2 y => :2
            ZADD b 10 y => :1
            ZUNIONSTORE d 2 a b => :2 ~ ZUNIONSTORE d 2 a b
            ZRANGE d 0 -1 WITHSCORES => ["x", "1", "y", "12"]
            ZINTERSTORE d 2 a b WEIGHTS 2 1 => :1
            ZRANGE d 0 -1 WITHSCORES => ["y", "14"]
            ZUNIONSTORE c 2 a b AGGREGATE COUNT => :2 ~ ZADD c 1 x 2 y
            ZINTERSTORE c 2 a b AGGREGATE COUNT => :1 ~ DEL c; ZADD c 2 y
            ZINTERSTORE c 2 a none AGGREGATE COUNT => :0 ~ DEL c
            ZINTERSTORE c 2 a none AGGREGATE COUNT => :0 ~
            ZDIFFSTORE d 2 b a => :0 ~ ZDIFFSTORE d 2 b a
            ZDIFFSTORE d 2 b a => :0 ~
            EXISTS d => :0
            "#,
        );
    }

    #[test]
    fn refuses_bad_requests() {
        check(
            r#"
            ZADD a 1 x => :1
            SET k v => +OK
            ZUNION 0 a => -ERR at least 1 input key is needed for 'zunion' command
            ZUNIONSTORE d -1 a => -ERR at least 1 input key is needed for 'zunionstore' command
            ZUNION x a => -ERR value is not an integer or out of range
            ZUNION 2 a => -ERR syntax error
            ZUNION 1 k FOO => -WRONGTYPE Operation against a key holding the wrong kind of value
            ZUNION 1 a FOO => -ERR syntax error
            ZUNION 1 a WEIGHTS x => -ERR weight value is not a float
            ZUNION 1 a WEIGHTS => -ERR syntax error
            ZUNION 1 a AGGREGATE AVG => -ERR syntax error
            ZDIFF 1 a WEIGHTS 1 => -ERR syntax error
            ZUNIONSTORE d 1 a WITHSCORES => -ERR syntax error
            ZINTERCARD 1 a LIMIT -1 => -ERR LIMIT can't be negative
            ZINTERCARD 1 a WITHSCORES => -ERR syntax error
            "#,
        );
    }
}
