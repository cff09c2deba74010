//! ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...] and ZINCRBY key
//! increment member.
//!
//! NX only adds, XX only updates; GT and LT update only upwards or downwards. CH counts updates
//! too; INCR adds to the score and replies with the sum.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::SortedSet;
use catalog::events::Classes;
use resp::Args;
use smallvec::SmallVec;

/// When a member is added or changed, and what is told of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// Only added.
    pub nx: bool,
    /// Only changed.
    pub xx: bool,
    /// Only upwards.
    pub gt: bool,
    /// Only downwards.
    pub lt: bool,
    /// Changes are counted, too.
    pub ch: bool,
    /// The score is added to the one before.
    pub incr: bool,
}

/// Members to add with their scores.
pub struct Add<'a> {
    /// How.
    pub rules: Rules,
    /// Scores and members.
    pub pairs: SmallVec<[(f64, &'a [u8]); 4]>,
}

impl<'a> Add<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let mut rules = Rules::default();
        let mut first = 2;
        while let Some(word) = args.find(first) {
            match word {
                _ if parse::is(word, "NX") => rules.nx = true,
                _ if parse::is(word, "XX") => rules.xx = true,
                _ if parse::is(word, "GT") => rules.gt = true,
                _ if parse::is(word, "LT") => rules.lt = true,
                _ if parse::is(word, "CH") => rules.ch = true,
                _ if parse::is(word, "INCR") => rules.incr = true,
                _ => break,
            }
            first += 1;
        }
        let words = args.len() - first;
        if words == 0 || words % 2 == 1 {
            return Err(error::SYNTAX);
        }
        rules.check(words / 2)?;
        let mut pairs = SmallVec::new();
        for at in (first..args.len()).step_by(2) {
            pairs.push((parse::double(args.at(at))?, args.at(at + 1)));
        }
        Ok(Self { rules, pairs })
    }
}

impl Rules {
    fn check(self, pairs: usize) -> Result<(), CommandError> {
        if self.nx && self.xx {
            return Err(error::ZADD_NX_XX);
        }
        if (self.nx && (self.gt || self.lt)) || (self.gt && self.lt) {
            return Err(error::ZADD_GT_LT_NX);
        }
        if self.incr && pairs > 1 {
            return Err(error::ZADD_INCR_PAIRS);
        }
        Ok(())
    }

    /// The score that a member gets; `None` when it keeps what it has.
    fn score(self, old: Option<f64>, given: f64) -> Result<Option<f64>, CommandError> {
        let Some(old) = old else { return Ok((!self.xx).then_some(given)) };
        if self.nx {
            return Ok(None);
        }
        let score = if self.incr { old + given } else { given };
        if score.is_nan() {
            return Err(error::SCORE_NAN);
        }
        let refused = (self.gt && score <= old) || (self.lt && score >= old);
        Ok((!refused).then_some(score))
    }
}

/// ZADD.
///
/// # Errors
/// Options that do not go together, a bad score, or the value is no sorted set.
pub fn zadd(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let add = Add::parse(ctx.args)?;
    if apply(ctx, &add)? {
        ctx.propagate_verbatim();
    }
    Ok(())
}

/// ZINCRBY.
///
/// # Errors
/// The increment is no number, the sum is none, or the value is no sorted set.
pub fn zincrby(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let pair = (parse::double(ctx.args.at(2))?, ctx.args.at(3));
    let rules = Rules { incr: true, ..Rules::default() };
    if apply(ctx, &Add { rules, pairs: SmallVec::from_slice(&[pair]) })? {
        ctx.propagate_verbatim();
    }
    Ok(())
}

/// Adds the members to the sorted set at word 1 and replies; true when that changed anything. The
/// caller states the effect.
///
/// # Errors
/// The sum is no number, or the value is no sorted set.
pub fn apply(ctx: &mut Ctx<'_>, add: &Add<'_>) -> Result<bool, CommandError> {
    let rules = add.rules;
    let (mut added, mut updated, mut last) = (0, 0, None);
    let mut edit = ctx.keys.edit_or_new::<SortedSet>(ctx.args.at(1))?;
    let zset: &mut SortedSet = &mut edit;
    let mut failed = None;
    for &(given, member) in &add.pairs {
        // Only an increment needs the old score, or can fail, and then there is one pair.
        let old = if rules == Rules::default() { None } else { zset.score(member) };
        last = match rules.score(old, given) {
            Ok(score) => score,
            Err(error) => {
                failed = Some(error);
                break;
            }
        };
        let Some(score) = last else { continue };
        match zset.insert(member, score) {
            None => added += 1,
            Some(before) => updated += i64::from(before != score),
        }
    }
    if added + updated == 0 {
        edit.unchanged();
    }
    drop(edit);
    if let Some(error) = failed {
        return Err(error);
    }
    if added + updated > 0 {
        let event = if rules.incr { "zincr" } else { "zadd" };
        ctx.keys.event(Classes::SORTED_SET, event, ctx.args.at(1));
    }
    match (rules.incr, last) {
        (true, Some(score)) => ctx.reply.double(score),
        (true, None) => ctx.reply.null(),
        (false, _) => ctx.reply.int(if rules.ch { added + updated } else { added }),
    }
    Ok(added + updated > 0)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn adds_under_conditions() {
        check(
            r#"
            ZADD z 1 a 2 b => :2 ~ ZADD z 1 a 2 b
            ZADD z 1 a => :0 ~
            ZADD z 3 a => :0 ~ ZADD z 3 a
            ZADD z CH 4 a 5 c => :2 ~ ZADD z CH 4 a 5 c
            ZADD z NX 9 a 9 d => :1
            ZSCORE z a => "4"
            ZADD z XX CH 5 a 5 e => :1
            ZSCORE z e => nil
            ZADD z GT CH 4 a => :0 ~
            ZADD z GT CH 6 a => :1
            ZADD z LT CH 7 a => :0
            ZADD z LT CH 5.5 a 1 f => :2
            ZADD none XX 1 a => :0 ~
            EXISTS none => :0
            ZADD z +inf a -inf b => :0
            ZRANGE z 0 -1 WITHSCORES => ["b", "-inf", "f", "1", "c", "5", "d", "9", "a", "inf"]
            "#,
        );
    }

    #[test]
    fn increments() {
        check(
            r#"
            ZADD z INCR 1.5 a => "1.5" ~ ZADD z INCR 1.5 a
            ZADD z INCR 1 a => "2.5"
            ZADD z NX INCR 1 a => nil ~
            ZADD z XX INCR 1 b => nil
            ZADD z GT INCR -1 a => nil
            ZINCRBY z 2 a => "4.5" ~ ZINCRBY z 2 a
            ZINCRBY z 0 a => "4.5" ~
            ZINCRBY z 0 b => "0" ~ ZINCRBY z 0 b
            ZINCRBY z inf a => "inf"
            ZINCRBY z -inf a => -ERR resulting score is not a number (NaN)
            ZADD z INCR -inf a => -ERR resulting score is not a number (NaN)
            ZINCRBY z x a => -ERR value is not a valid float
            "#,
        );
    }

    #[test]
    fn refuses_bad_requests() {
        check(
            r#"
            ZADD z NX XX 1 a => -ERR XX and NX options at the same time are not compatible
            ZADD z GT LT 1 a => -ERR GT, LT, and/or NX options at the same time are not compatible
            ZADD z GT NX 1 a => -ERR GT, LT, and/or NX options at the same time are not compatible
            ZADD z INCR 1 a 2 b => -ERR INCR option supports a single increment-element pair
            ZADD z 1 a 2 => -ERR syntax error
            ZADD z NX CH => -ERR syntax error
            ZADD z 1 a x b => -ERR value is not a valid float
            ZADD z nan a => -ERR value is not a valid float
            EXISTS z => :0
            SET k v => +OK
            ZADD k 1 a => -WRONGTYPE Operation against a key holding the wrong kind of value
            ZINCRBY k 1 a => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
