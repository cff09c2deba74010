//! ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX: removing members.

use super::interval::{By, Direction, Interval};
use crate::commands::Ctx;
use crate::error::CommandError;
use crate::types::SortedSet;
use catalog::events::Classes;

/// ZREM key member [member ...].
///
/// # Errors
/// The value is no sorted set.
pub fn zrem(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let args = ctx.args;
    remove(ctx, "zrem", |zset| args.from(2).filter(|member| zset.remove(member).is_some()).count())
}

/// ZREMRANGEBYRANK key start stop.
///
/// # Errors
/// The places are no numbers, or the value is no sorted set.
pub fn zremrangebyrank(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    remove_range(ctx, By::Rank, "zremrangebyrank")
}

/// ZREMRANGEBYSCORE key min max.
///
/// # Errors
/// The ends are no scores, or the value is no sorted set.
pub fn zremrangebyscore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    remove_range(ctx, By::Score, "zremrangebyscore")
}

/// ZREMRANGEBYLEX key min max.
///
/// # Errors
/// The ends are no members, or the value is no sorted set.
pub fn zremrangebylex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    remove_range(ctx, By::Lex, "zremrangebylex")
}

fn remove_range(ctx: &mut Ctx<'_>, by: By, event: &'static str) -> Result<(), CommandError> {
    let interval = Interval::parse(by, ctx.args.at(2), ctx.args.at(3))?;
    remove(ctx, event, |zset| {
        let ranks = interval.ranks(zset, Direction::Up);
        ranks.clone().for_each(|_| drop(zset.take(ranks.start)));
        ranks.len()
    })
}

fn remove(
    ctx: &mut Ctx<'_>,
    event: &'static str,
    remove: impl FnOnce(&mut SortedSet) -> usize,
) -> Result<(), CommandError> {
    let mut removed = 0;
    if let Some(mut edit) = ctx.keys.edit::<SortedSet>(ctx.args.at(1))? {
        removed = remove(&mut edit);
        if removed == 0 {
            edit.unchanged();
        }
    }
    if removed > 0 {
        ctx.keys.event_or_del(Classes::SORTED_SET, event, ctx.args.at(1));
        ctx.propagate_verbatim();
    }
    ctx.reply.int(removed as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn removes() {
        check(
            r#"
            ZADD z 1 a 2 b 3 c 4 d 5 e 6 f => :6
            ZREM z a x => :1 ~ ZREM z a x
            ZREM z a => :0 ~
            ZREMRANGEBYRANK z 0 0 => :1 ~ ZREMRANGEBYRANK z 0 0
            ZREMRANGEBYRANK z 9 9 => :0 ~
            ZREMRANGEBYSCORE z (3 4 => :1
            ZRANGE z 0 -1 => ["c", "e", "f"]
            ZREMRANGEBYSCORE none 1 2 => :0
            ZREMRANGEBYSCORE none x 2 => -ERR min or max is not a float
            ZREMRANGEBYLEX z [e + => :2
            ZREMRANGEBYLEX z - + => :1
            EXISTS z => :0
            SET k v => +OK
            ZREM k a => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
