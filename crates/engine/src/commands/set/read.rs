//! SCARD, SISMEMBER, SMISMEMBER, SMEMBERS and SSCAN: looking without changing.

use crate::commands::Ctx;
use crate::commands::walk::{Cursor, Filter};
use crate::error::CommandError;
use crate::types::Set;

/// SCARD key.
///
/// # Errors
/// The value is no set.
pub fn scard(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let len = ctx.keys.get::<Set>(ctx.args.at(1))?.map_or(0, Set::len);
    ctx.reply.int(len as i64);
    Ok(())
}

/// SISMEMBER key member.
///
/// # Errors
/// The value is no set.
pub fn sismember(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let member = ctx.args.at(2);
    let found = ctx.keys.get::<Set>(ctx.args.at(1))?.is_some_and(|set| set.contains(member));
    ctx.reply.int(i64::from(found));
    Ok(())
}

/// SMISMEMBER key member [member ...].
///
/// # Errors
/// The value is no set.
pub fn smismember(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let set = ctx.keys.get::<Set>(ctx.args.at(1))?;
    ctx.reply.array(ctx.args.len() - 2);
    for member in ctx.args.from(2) {
        ctx.reply.int(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

/// SMEMBERS key.
///
/// # Errors
/// The value is no set.
pub fn smembers(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let reply = &mut ctx.reply;
    let Some(set) = ctx.keys.get::<Set>(ctx.args.at(1))? else {
        reply.set(0);
        return Ok(());
    };
    reply.set(set.len());
    set.iter().for_each(|member| member.with(|bytes| reply.bulk(bytes)));
    Ok(())
}

/// SSCAN key cursor [MATCH pattern] [COUNT count].
///
/// # Errors
/// A bad cursor or option, or the value is no set.
pub fn sscan(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let cursor = Cursor::parse(ctx.args.at(2))?;
    let Some(set) = ctx.keys.get::<Set>(ctx.args.at(1))? else {
        cursor.reply_missing(&mut ctx.reply);
        return Ok(());
    };
    let filter = Filter::parse(ctx.args, 3)?;
    let mut matches = 0;
    let next = set.scan(cursor.0, filter.count, |member| {
        matches += usize::from(filter.accepts(member));
    });
    let reply = &mut ctx.reply;
    Cursor(next).reply_head(reply, matches);
    set.scan(cursor.0, filter.count, |member| {
        if filter.accepts(member) {
            reply.bulk(member);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn reads_members() {
        check(
            r#"
            SADD s a b c => :3
            SCARD s => :3
            SCARD none => :0
            SISMEMBER s a => :1
            SISMEMBER s x => :0
            SISMEMBER none x => :0
            SMISMEMBER s a x c => [:1, :0, :1]
            SMISMEMBER none a b => [:0, :0]
            SMEMBERS s => ["a", "b", "c"]
            SMEMBERS none => []
            SADD i 3 1 2 => :3
            SMEMBERS i => ["1", "2", "3"]
            SET k v => +OK
            SCARD k => -WRONGTYPE Operation against a key holding the wrong kind of value
            SMEMBERS k => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn scans() {
        check(
            r#"
            SSCAN none 0 => ["0", []]
            SSCAN none 0 FOO => ["0", []]
            SSCAN none x => -ERR invalid cursor
            SADD s a b c => :3
            SSCAN s 0 COUNT 2 => ["0", ["a", "b", "c"]]
            SSCAN s 0 MATCH [ab] => ["0", ["a", "b"]]
            SSCAN s 0 COUNT 0 => -ERR syntax error
            SSCAN s 0 COUNT x => -ERR value is not an integer or out of range
            SSCAN s 0 FOO => -ERR syntax error
            "#,
        );
        let mut bench = Bench::new();
        let members: Vec<_> = (0..600).map(|i| i.to_string()).collect();
        bench.check(&format!("SADD i {} => :600", members.join(" ")));
        let (reply, _) = bench.run("SSCAN i 0 COUNT 100");
        let members = reply.matches(", ").count();
        assert!((100..200).contains(&members) && !reply.starts_with("[\"0\""), "{reply}");
    }
}
