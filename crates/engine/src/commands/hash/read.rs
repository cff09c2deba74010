//! HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HEXISTS and HSTRLEN: looking without changing.

use crate::commands::Ctx;
use crate::error::CommandError;
use crate::types::Hash;
use resp::Reply;

/// HGET key field.
///
/// # Errors
/// The value is no hash.
pub fn hget(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let field = ctx.args.at(2);
    let hash = ctx.keys.get::<Hash>(ctx.args.at(1))?;
    ctx.reply.bulk_or_null(hash.and_then(|hash| hash.get(field)));
    Ok(())
}

/// HMGET key field [field ...].
///
/// # Errors
/// The value is no hash.
pub fn hmget(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let hash = ctx.keys.get::<Hash>(ctx.args.at(1))?;
    ctx.reply.array(ctx.args.len() - 2);
    for field in ctx.args.from(2) {
        ctx.reply.bulk_or_null(hash.and_then(|hash| hash.get(field)));
    }
    Ok(())
}

/// HGETALL key.
///
/// # Errors
/// The value is no hash.
pub fn hgetall(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    all(ctx, Reply::map, |reply, field, value| {
        reply.bulk(field);
        reply.bulk(value);
    })
}

/// HKEYS key.
///
/// # Errors
/// The value is no hash.
pub fn hkeys(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    all(ctx, Reply::array, |reply, field, _| reply.bulk(field))
}

/// HVALS key.
///
/// # Errors
/// The value is no hash.
pub fn hvals(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    all(ctx, Reply::array, |reply, _, value| reply.bulk(value))
}

/// HLEN key.
///
/// # Errors
/// The value is no hash.
pub fn hlen(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let len = ctx.keys.get::<Hash>(ctx.args.at(1))?.map_or(0, Hash::len);
    ctx.reply.int(len as i64);
    Ok(())
}

/// HEXISTS key field.
///
/// # Errors
/// The value is no hash.
pub fn hexists(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let found = value_len(ctx)?.is_some();
    ctx.reply.int(i64::from(found));
    Ok(())
}

/// HSTRLEN key field.
///
/// # Errors
/// The value is no hash.
pub fn hstrlen(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let len = value_len(ctx)?.unwrap_or(0);
    ctx.reply.int(len as i64);
    Ok(())
}

/// Bytes of the value of the field at word 2.
fn value_len(ctx: &mut Ctx<'_>) -> Result<Option<usize>, CommandError> {
    let field = ctx.args.at(2);
    let hash = ctx.keys.get::<Hash>(ctx.args.at(1))?;
    Ok(hash.and_then(|hash| hash.get(field)).map(<[u8]>::len))
}

fn all<'r>(
    ctx: &mut Ctx<'r>,
    start: impl Fn(&mut Reply<'r>, usize),
    write: impl Fn(&mut Reply<'r>, &[u8], &[u8]),
) -> Result<(), CommandError> {
    let hash = ctx.keys.get::<Hash>(ctx.args.at(1))?;
    start(&mut ctx.reply, hash.map_or(0, Hash::len));
    for (field, value) in hash.iter().flat_map(|hash| hash.iter()) {
        write(&mut ctx.reply, field, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn reads_fields() {
        check(
            r#"
            HSET h a 1 b two => :2
            HGET h a => "1"
            HGET h x => nil
            HGET none a => nil
            HMGET h b x a => ["two", nil, "1"]
            HMGET none a b => [nil, nil]
            HGETALL h => ["a", "1", "b", "two"]
            HGETALL none => []
            HKEYS h => ["a", "b"]
            HKEYS none => []
            HVALS h => ["1", "two"]
            HLEN h => :2
            HLEN none => :0
            HEXISTS h a => :1
            HEXISTS h x => :0
            HEXISTS none x => :0
            HSTRLEN h b => :3
            HSTRLEN h x => :0
            SET k v => +OK
            HGET k a => -WRONGTYPE Operation against a key holding the wrong kind of value
            HGETALL k => -WRONGTYPE Operation against a key holding the wrong kind of value
            HMGET k a => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
