//! ZRANDMEMBER key [count [WITHSCORES]]: members chosen at random; a negative count may repeat
//! them.

use super::emit::Show;
use crate::commands::Ctx;
use crate::commands::walk::{choose, sample_count};
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::SortedSet;

/// ZRANDMEMBER.
///
/// # Errors
/// Bad options, or the value is no sorted set.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    if ctx.args.len() == 2 {
        let rng = &mut *ctx.rng;
        let zset = ctx.keys.get::<SortedSet>(ctx.args.at(1))?;
        let chosen = zset.and_then(|zset| zset.ascend(rng.below(zset.len())).next());
        ctx.reply.bulk_or_null(chosen.map(|(member, _)| member));
        return Ok(());
    }
    let count = sample_count(ctx.args.at(2))?;
    let show = match ctx.args.find(3) {
        None => Show::Members,
        Some(word) if ctx.args.len() == 4 && parse::is(word, "WITHSCORES") => Show::WithScores,
        Some(_) => return Err(error::SYNTAX),
    };
    if show == Show::WithScores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(error::OUT_OF_RANGE);
    }
    let Some(zset) = ctx.keys.get::<SortedSet>(ctx.args.at(1))? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let ranks = choose(ctx.rng, zset.len(), count);
    let members = ranks.iter().filter_map(|&rank| zset.ascend(rank).next());
    show.write(&mut ctx.reply, ranks.len(), members);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn chooses() {
        check(
            r#"
            ZRANDMEMBER none => nil
            ZRANDMEMBER none 3 => []
            ZADD z 1 a => :1
            ZRANDMEMBER z => "a"
            ZRANDMEMBER z 3 => ["a"]
            ZRANDMEMBER z -2 WITHSCORES => ["a", "1", "a", "1"]
            ZADD z 2 b 3 c => :2
            ZRANDMEMBER z 3 WITHSCORES => ["a", "1", "b", "2", "c", "3"]
            ZRANDMEMBER z 3 SCORES => -ERR syntax error
            ZRANDMEMBER z x => -ERR value is not an integer or out of range
            "#,
        );
    }
}
