//! GEOADD key [NX | XX] [CH] longitude latitude member [...]: adds places, or moves them. It is a
//! ZADD whose scores are geohashes, and propagated as that.

use super::geohash;
use super::place::Place;
use crate::commands::Ctx;
use crate::commands::zset::add::{Add, Rules, apply};
use crate::error::{self, CommandError};
use crate::parse;
use resp::number::Digits;
use smallvec::SmallVec;

/// GEOADD.
///
/// # Errors
/// Options that do not go together, places that are not on the map, or the value is no sorted set.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (mut rules, mut first) = (Rules::default(), 2);
    while let Some(word) = ctx.args.find(first) {
        match word {
            _ if parse::is(word, "NX") => rules.nx = true,
            _ if parse::is(word, "XX") => rules.xx = true,
            _ if parse::is(word, "CH") => rules.ch = true,
            _ => break,
        }
        first += 1;
    }
    let words = ctx.args.len() - first;
    if words == 0 || !words.is_multiple_of(3) || (rules.nx && rules.xx) {
        return Err(error::SYNTAX);
    }
    let mut pairs = SmallVec::new();
    for at in (first..ctx.args.len()).step_by(3) {
        let place = Place::parse(ctx.args.at(at), ctx.args.at(at + 1))?;
        pairs.push((geohash::score(place) as f64, ctx.args.at(at + 2)));
    }
    let add = Add { rules, pairs };
    if apply(ctx, &add)? {
        state_effect(ctx, first, &add);
    }
    Ok(())
}

fn state_effect(ctx: &mut Ctx<'_>, first: usize, add: &Add<'_>) {
    let mut scores: SmallVec<[Digits; 4]> = SmallVec::new();
    scores.resize_with(add.pairs.len(), Digits::new);
    let mut words: Vec<&[u8]> = vec![b"zadd"];
    words.extend(ctx.args.from(1).take(first - 1));
    for (digits, &(score, member)) in scores.iter_mut().zip(&add.pairs) {
        words.push(digits.format(score as i64));
        words.push(member);
    }
    ctx.keys.effects.command(ctx.keys.moment.db, &words);
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn adds() {
        check(
            r#"
            GEOADD k 13.361389 38.115556 a => :1 ~ zadd k 3479099956230698 a
            GEOADD k 13.361389 38.115556 a => :0 ~
            GEOADD k NX 1 1 a 2 2 b => :1 ~ zadd k NX 3377822707026402 a 3378191666521995 b
            GEOADD k xx ch 1 1 a 2 2 c => :1
            ZSCORE k c => nil
            GEOADD k NX XX 1 1 a => -ERR syntax error
            GEOADD k 1 1 a 2 => -ERR syntax error
            GEOADD k NX CH XX => -ERR syntax error
            GEOADD k x 1 a => -ERR value is not a valid float
            GEOADD k 1 86 a => -ERR invalid longitude,latitude pair 1.000000,86.000000
            GEOADD k inf 1 a => -ERR invalid longitude,latitude pair inf,1.000000
            SET s v => +OK
            GEOADD s 1 1 a => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
