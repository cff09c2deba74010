//! ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZCOUNT and ZLEXCOUNT: looking without changing.

use super::interval::{By, Direction, Interval};
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::SortedSet;
use resp::Reply;

/// ZCARD key.
///
/// # Errors
/// The value is no sorted set.
pub fn zcard(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let len = ctx.keys.get::<SortedSet>(ctx.args.at(1))?.map_or(0, SortedSet::len);
    ctx.reply.int(len as i64);
    Ok(())
}

/// ZSCORE key member.
///
/// # Errors
/// The value is no sorted set.
pub fn zscore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let zset = ctx.keys.get::<SortedSet>(ctx.args.at(1))?;
    let score = zset.and_then(|zset| zset.score(ctx.args.at(2)));
    write_score(&mut ctx.reply, score);
    Ok(())
}

/// ZMSCORE key member [member ...].
///
/// # Errors
/// The value is no sorted set.
pub fn zmscore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let zset = ctx.keys.get::<SortedSet>(ctx.args.at(1))?;
    ctx.reply.array(ctx.args.len() - 2);
    for member in ctx.args.from(2) {
        write_score(&mut ctx.reply, zset.and_then(|zset| zset.score(member)));
    }
    Ok(())
}

/// ZRANK key member [WITHSCORE].
///
/// # Errors
/// Unknown options, or the value is no sorted set.
pub fn zrank(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    rank(ctx, Direction::Up)
}

/// ZREVRANK key member [WITHSCORE].
///
/// # Errors
/// As [`zrank`].
pub fn zrevrank(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    rank(ctx, Direction::Down)
}

/// ZCOUNT key min max.
///
/// # Errors
/// The ends are no scores, or the value is no sorted set.
pub fn zcount(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    count(ctx, By::Score)
}

/// ZLEXCOUNT key min max.
///
/// # Errors
/// The ends are no members, or the value is no sorted set.
pub fn zlexcount(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    count(ctx, By::Lex)
}

fn write_score(reply: &mut Reply<'_>, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

fn rank(ctx: &mut Ctx<'_>, direction: Direction) -> Result<(), CommandError> {
    let with_score = match (ctx.args.len(), ctx.args.find(3)) {
        (3, _) => false,
        (4, Some(word)) if parse::is(word, "WITHSCORE") => true,
        (4, _) => return Err(error::SYNTAX),
        _ => {
            let name = if direction == Direction::Up { "zrank" } else { "zrevrank" };
            return Err(error::wrong_arity(name));
        }
    };
    let member = ctx.args.at(2);
    let zset = ctx.keys.get::<SortedSet>(ctx.args.at(1))?;
    let found = zset.and_then(|zset| Some((zset, zset.rank(member)?)));
    let Some((zset, rank)) = found else {
        if with_score {
            ctx.reply.null_array()
        } else {
            ctx.reply.null()
        }
        return Ok(());
    };
    let rank = if direction == Direction::Up { rank } else { zset.len() - 1 - rank };
    if with_score {
        ctx.reply.array(2);
    }
    ctx.reply.int(rank as i64);
    if with_score && let Some(score) = zset.score(member) {
        ctx.reply.double(score);
    }
    Ok(())
}

fn count(ctx: &mut Ctx<'_>, by: By) -> Result<(), CommandError> {
    let interval = Interval::parse(by, ctx.args.at(2), ctx.args.at(3))?;
    let zset = ctx.keys.get::<SortedSet>(ctx.args.at(1))?;
    let ranks = zset.map_or(0..0, |zset| interval.ranks(zset, Direction::Up));
    ctx.reply.int(ranks.len() as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn reads() {
        check(
            r#"
            ZADD z 1 a 2.5 b 3 c => :3
            ZCARD z => :3
            ZCARD none => :0
            ZSCORE z b => "2.5"
            ZSCORE z x => nil
            ZSCORE none x => nil
            ZMSCORE z a x c => ["1", nil, "3"]
            ZMSCORE none a b => [nil, nil]
            ZRANK z a => :0
            ZRANK z c => :2
            ZRANK z x => nil
            ZRANK none x => nil
            ZREVRANK z a => :2
            ZRANK z b WITHSCORE => [:1, "2.5"]
            ZREVRANK z a withscore => [:2, "1"]
            ZRANK z x WITHSCORE => nil
            ZRANK none x WITHSCORE => nil
            ZRANK z a WITHSCORES => -ERR syntax error
            ZREVRANK z a WITHSCORE x => -ERR wrong number of arguments for 'zrevrank' command
            ZCOUNT z -inf +inf => :3
            ZCOUNT z (1 3 => :2
            ZCOUNT z 3 1 => :0
            ZCOUNT none 1 3 => :0
            ZCOUNT none x 3 => -ERR min or max is not a float
            ZLEXCOUNT z - + => :3
            ZLEXCOUNT z [b + => :2
            ZLEXCOUNT z b + => -ERR min or max not valid string range item
            SET k v => +OK
            ZCARD k => -WRONGTYPE Operation against a key holding the wrong kind of value
            ZRANK k a => -WRONGTYPE Operation against a key holding the wrong kind of value
            ZCOUNT k 1 2 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
