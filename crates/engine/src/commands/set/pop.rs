//! SPOP key [count]: taking out members chosen at random.
//!
//! What was taken is propagated as SREM, or as DEL when a count empties the set.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Set;
use catalog::events::Classes;

/// SPOP.
///
/// # Errors
/// The value is no set, or the count is no count.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    match ctx.args.len() {
        2 => pop_one(ctx),
        3 => {
            let count = parse::positive(ctx.args.at(2))?;
            pop_many(ctx, count)
        }
        _ => Err(error::SYNTAX),
    }
}

fn pop_one(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let Some(mut set) = ctx.keys.edit::<Set>(key)? else {
        ctx.reply.null();
        return Ok(());
    };
    let place = ctx.rng.below(set.len());
    let taken = set.take(place);
    drop(set);
    ctx.keys.event_or_del(Classes::SET, "spop", key);
    taken.with(|member| {
        ctx.propagate(&[b"SREM", key, member]);
        ctx.reply.bulk(member);
    });
    Ok(())
}

fn pop_many(ctx: &mut Ctx<'_>, count: usize) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let Some(mut edit) = ctx.keys.edit::<Set>(key)? else {
        ctx.reply.set(0);
        return Ok(());
    };
    let set: &mut Set = &mut edit;
    let reply = &mut ctx.reply;
    if count == 0 {
        edit.unchanged();
        reply.set(0);
        return Ok(());
    }
    if count >= set.len() {
        reply.set(set.len());
        set.iter().for_each(|member| member.with(|bytes| reply.bulk(bytes)));
        edit.unchanged();
        drop(edit);
        ctx.keys.remove(key);
        ctx.keys.event_or_del(Classes::SET, "spop", key);
        ctx.propagate(&[b"DEL", key]);
        return Ok(());
    }
    reply.set(count);
    let mut taken = Vec::with_capacity(count);
    for _ in 0..count {
        let member = set.take(ctx.rng.below(set.len()));
        member.with(|bytes| reply.bulk(bytes));
        taken.push(member.to_vec());
    }
    drop(edit);
    ctx.keys.event_or_del(Classes::SET, "spop", key);
    let members = taken.iter().map(Vec::as_slice);
    ctx.keys.effects.command_with(ctx.keys.moment.db, &[b"SREM", key], members);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn edges() {
        check(
            r#"
            SADD s a => :1
            SPOP s => "a" ~ SREM s a
            EXISTS s => :0
            SPOP s => nil ~
            SPOP s 3 => [] ~
            SADD s a b => :2
            SPOP s 0 => [] ~
            SPOP s 2 => ["a", "b"] ~ DEL s
            EXISTS s => :0
            SPOP s -1 => -ERR value is out of range, must be positive
            SPOP s 1 2 => -ERR syntax error
            "#,
        );
    }

    #[test]
    fn what_is_taken_is_propagated() {
        let mut bench = Bench::new();
        bench.check("SADD s a b c d e => :5");
        let (reply, effects) = bench.run("SPOP s 2");
        let words = reply.replace(['[', ']', '"', ','], "");
        assert_eq!(effects, format!("SREM s {words}"));
        bench.check("SCARD s => :3");
        for word in words.split(' ') {
            bench.check(&format!("SISMEMBER s {word} => :0"));
        }
    }
}
