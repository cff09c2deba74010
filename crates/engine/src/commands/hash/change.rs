//! HSET, HMSET, HSETNX and HDEL: setting and removing fields.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::types::Hash;
use catalog::events::Classes;

/// HSET key field value [field value ...].
///
/// # Errors
/// A field without a value, or the value is no hash.
pub fn hset(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let created = set_all(ctx, "hset")?;
    ctx.reply.int(created as i64);
    Ok(())
}

/// HMSET: HSET with an older reply.
///
/// # Errors
/// As [`hset`].
pub fn hmset(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    set_all(ctx, "hmset")?;
    ctx.reply.ok();
    Ok(())
}

/// HSETNX key field value.
///
/// # Errors
/// The value is no hash.
pub fn hsetnx(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let mut edit = ctx.keys.edit_or_new::<Hash>(ctx.args.at(1))?;
    let missing = edit.get(ctx.args.at(2)).is_none();
    if missing {
        edit.insert(ctx.args.at(2), ctx.args.at(3));
    } else {
        edit.unchanged();
    }
    drop(edit);
    if missing {
        ctx.keys.event(Classes::HASH, "hset", ctx.args.at(1));
        ctx.propagate_verbatim();
    }
    ctx.reply.int(i64::from(missing));
    Ok(())
}

/// HDEL key field [field ...].
///
/// # Errors
/// The value is no hash.
pub fn hdel(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let mut removed = 0;
    if let Some(mut edit) = ctx.keys.edit::<Hash>(ctx.args.at(1))? {
        let hash: &mut Hash = &mut edit;
        removed = ctx.args.from(2).filter(|field| hash.remove(field)).count();
        if removed == 0 {
            edit.unchanged();
        }
    }
    if removed > 0 {
        ctx.keys.event_or_del(Classes::HASH, "hdel", ctx.args.at(1));
        ctx.propagate_verbatim();
    }
    ctx.reply.int(removed as i64);
    Ok(())
}

fn set_all(ctx: &mut Ctx<'_>, name: &str) -> Result<usize, CommandError> {
    if ctx.args.len() % 2 == 1 {
        return Err(error::wrong_arity(name));
    }
    let mut edit = ctx.keys.edit_or_new::<Hash>(ctx.args.at(1))?;
    let hash: &mut Hash = &mut edit;
    let mut created = 0;
    for at in (2..ctx.args.len()).step_by(2) {
        created += usize::from(hash.insert(ctx.args.at(at), ctx.args.at(at + 1)));
    }
    if created == hash.len() {
        hash.share_names();
    }
    drop(edit);
    ctx.keys.event(Classes::HASH, "hset", ctx.args.at(1));
    ctx.propagate_verbatim();
    Ok(created)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn sets_and_removes() {
        check(
            r#"
            HSET h a 1 b 2 a 3 => :2 ~ HSET h a 1 b 2 a 3
            HGETALL h => ["a", "3", "b", "2"]
            HSET h a 4 => :0 ~ HSET h a 4
            HMSET h c 5 => +OK ~ HMSET h c 5
            HSETNX h a 9 => :0 ~
            HSETNX h d 6 => :1 ~ HSETNX h d 6
            HSET h a => -ERR wrong number of arguments for 'hset' command
            HMSET h a 1 b => -ERR wrong number of arguments for 'hmset' command
            HDEL h x a => :1 ~ HDEL h x a
            HDEL h x => :0 ~
            HDEL none x => :0 ~
            HDEL h b c d => :3
            EXISTS h => :0
            SET k v => +OK
            HSET k a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            HSETNX k a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            HDEL k a => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
