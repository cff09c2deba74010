//! SADD, SREM and SMOVE: adding and removing named members.

use crate::commands::Ctx;
use crate::error::CommandError;
use crate::types::Set;
use catalog::events::Classes;

/// SADD key member [member ...].
///
/// # Errors
/// The value is no set.
pub fn sadd(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let mut edit = ctx.keys.edit_or_new::<Set>(ctx.args.at(1))?;
    let set: &mut Set = &mut edit;
    let added = ctx.args.from(2).filter(|member| set.insert(member)).count();
    if added == 0 {
        edit.unchanged();
    }
    drop(edit);
    if added > 0 {
        ctx.keys.event(Classes::SET, "sadd", ctx.args.at(1));
        ctx.propagate_verbatim();
    }
    ctx.reply.int(added as i64);
    Ok(())
}

/// SREM key member [member ...].
///
/// # Errors
/// The value is no set.
pub fn srem(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let mut removed = 0;
    if let Some(mut edit) = ctx.keys.edit::<Set>(ctx.args.at(1))? {
        let set: &mut Set = &mut edit;
        removed = ctx.args.from(2).filter(|member| set.remove(member)).count();
        if removed == 0 {
            edit.unchanged();
        }
    }
    if removed > 0 {
        ctx.keys.event_or_del(Classes::SET, "srem", ctx.args.at(1));
        ctx.propagate_verbatim();
    }
    ctx.reply.int(removed as i64);
    Ok(())
}

/// SMOVE source destination member.
///
/// # Errors
/// A value is no set.
pub fn smove(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (source, destination, member) = (ctx.args.at(1), ctx.args.at(2), ctx.args.at(3));
    let Some(mut from) = ctx.keys.edit::<Set>(source)? else {
        ctx.reply.int(0);
        return Ok(());
    };
    from.unchanged();
    let found = from.contains(member);
    drop(from);
    if let Some(mut to) = ctx.keys.edit::<Set>(destination)? {
        to.unchanged();
    }
    if found && source != destination {
        ctx.keys.edit_or_new::<Set>(source)?.remove(member);
        ctx.keys.event_or_del(Classes::SET, "srem", source);
        let mut to = ctx.keys.edit_or_new::<Set>(destination)?;
        let is_new = to.insert(member);
        if !is_new {
            to.unchanged();
        }
        drop(to);
        if is_new {
            ctx.keys.event(Classes::SET, "sadd", destination);
        }
        ctx.propagate_verbatim();
    }
    ctx.reply.int(i64::from(found));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn adds_and_removes() {
        check(
            r#"
            SADD s a b a => :2 ~ SADD s a b a
            SADD s b => :0 ~
            SREM s x b => :1 ~ SREM s x b
            SREM s x => :0 ~
            SREM none x => :0 ~
            SREM s a => :1
            EXISTS s => :0
            SET k v => +OK
            SADD k a => -WRONGTYPE Operation against a key holding the wrong kind of value
            SREM k a => -WRONGTYPE Operation against a key holding the wrong kind of value
            SADD i 1 2 => :2
            OBJECT ENCODING i => "intset"
            SADD i x => :1
            OBJECT ENCODING i => "hashtable"
            "#,
        );
    }

    #[test]
    fn moves_members() {
        check(
            r#"
            SADD s 1 2 => :2
            SMOVE s t 1 => :1 ~ SMOVE s t 1
            SMOVE s t 9 => :0 ~
            SMOVE s s 2 => :1 ~
            SMOVE none t 9 => :0 ~
            SMOVE s t 2 => :1
            EXISTS s => :0
            SMEMBERS t => ["1", "2"]
            SET k v => +OK
            SMOVE t k 9 => -WRONGTYPE Operation against a key holding the wrong kind of value
            SMOVE k t 9 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
