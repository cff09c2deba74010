//! HEXPIRE key s [NX | XX | GT | LT] FIELDS n field [field ...], and HPEXPIRE, HEXPIREAT,
//! HPEXPIREAT in the same form
//!
//! Sets when fields die. Replies for each field: -2 it is not there, 0 the condition does not hold,
//! 1 done, 2 deleted at once because the time has passed. Propagated as the absolute time in
//! milliseconds, so that replicas and a replayed journal agree.

use super::fields::{Fields, words};
use crate::commands::Ctx;
use crate::commands::generic::expire::Conditions;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Hash;
use crate::types::hash::FIELD_DEATH_MS_MAX;
use catalog::events::Classes;
use resp::number::Digits;

const ABSENT: i64 = -2;
const REFUSED: i64 = 0;
const SET: i64 = 1;
const DELETED: i64 = 2;

/// HEXPIRE.
///
/// # Errors
/// A bad time, condition or list of fields, or the value is no hash.
pub fn hexpire(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "hexpire", (1000, true))
}

/// HPEXPIRE.
///
/// # Errors
/// As [`hexpire`].
pub fn hpexpire(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "hpexpire", (1, true))
}

/// HEXPIREAT.
///
/// # Errors
/// As [`hexpire`].
pub fn hexpireat(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "hexpireat", (1000, false))
}

/// HPEXPIREAT.
///
/// # Errors
/// As [`hexpire`].
pub fn hpexpireat(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, "hpexpireat", (1, false))
}

fn run(ctx: &mut Ctx<'_>, name: &str, form: (i64, bool)) -> Result<(), CommandError> {
    let (key, moment) = (ctx.args.at(1), ctx.keys.moment);
    let at_ms = death_ms(ctx.args.at(2), name, form, moment.now_ms)?;
    let has_condition = ctx.args.len() > 3 && !parse::is(ctx.args.at(3), "FIELDS");
    let conditions = if has_condition { Some(ctx.args.at(3)) } else { None };
    let conditions = Conditions::parse(conditions.into_iter())?;
    let fields = Fields::parse(ctx.args, if has_condition { 4 } else { 3 }, 1)?;
    let Some(mut edit) = ctx.keys.edit::<Hash>(key)? else {
        ctx.reply.array(fields.len());
        fields.iter().for_each(|_| ctx.reply.int(ABSENT));
        return Ok(());
    };
    let hash: &mut Hash = &mut edit;
    let deletes = at_ms <= moment.now_ms && moment.may_expire;
    let (mut codes, mut changed) = (Vec::with_capacity(fields.len()), Vec::new());
    for field in fields.iter() {
        let code = if hash.get(field).is_none() {
            ABSENT
        } else if !conditions.allow(hash.death_ms(field), at_ms as i64) {
            REFUSED
        } else if deletes {
            hash.remove(field);
            DELETED
        } else {
            hash.set_death(field, Some(at_ms));
            SET
        };
        codes.push(code);
        if code > REFUSED {
            changed.push(field);
        }
    }
    if changed.is_empty() {
        edit.unchanged();
    }
    drop(edit);
    if !changed.is_empty() && deletes {
        ctx.keys.event_or_del(Classes::HASH, "hdel", key);
        ctx.propagate(&[&[b"HDEL", key], &changed[..]].concat());
    } else if !changed.is_empty() {
        ctx.keys.event(Classes::HASH, "hexpire", key);
        state_deaths(ctx, key, at_ms, &changed);
    }
    ctx.reply.array(codes.len());
    codes.into_iter().for_each(|code| ctx.reply.int(code));
    Ok(())
}

/// States that these fields die at `at_ms`.
pub fn state_deaths(ctx: &mut Ctx<'_>, key: &[u8], at_ms: u64, fields: &[&[u8]]) {
    let (mut time, mut count) = (Digits::new(), Digits::new());
    let head: [&[u8]; 3] = [b"HPEXPIREAT", key, time.format(at_ms as i64)];
    ctx.propagate(&words(&head, count.format(fields.len() as i64), fields));
}

fn death_ms(
    text: &[u8],
    name: &str,
    (unit_ms, is_relative): (i64, bool),
    now_ms: u64,
) -> Result<u64, CommandError> {
    let number = parse::integer(text)?;
    if number < 0 {
        return Err(error::NEGATIVE_EXPIRE);
    }
    let base = if is_relative { i64::try_from(now_ms).unwrap_or(i64::MAX) } else { 0 };
    let at_ms = number.checked_mul(unit_ms).and_then(|ms| ms.checked_add(base));
    let at_ms = at_ms.map(i64::cast_unsigned);
    at_ms.filter(|at_ms| *at_ms <= FIELD_DEATH_MS_MAX).ok_or_else(|| error::invalid_expire(name))
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn all_forms_become_absolute() {
        check(
            r#"
            HSET h a 1 b 2 c 3 => :3
            HEXPIRE h 10 FIELDS 2 a x => [:1, :-2] ~ HPEXPIREAT h 1010000 FIELDS 1 a
            HPEXPIRE h 10 FIELDS 1 a => [:1] ~ HPEXPIREAT h 1000010 FIELDS 1 a
            HEXPIREAT h 2000 FIELDS 2 a b => [:1, :1] ~ HPEXPIREAT h 2000000 FIELDS 2 a b
            HPEXPIREAT h 3000000 FIELDS 1 a => [:1] ~ HPEXPIREAT h 3000000 FIELDS 1 a
            OBJECT ENCODING h => "listpackex"
            HEXPIRE none 10 FIELDS 2 a b => [:-2, :-2] ~
            HEXPIRE h 0 FIELDS 1 a => [:2] ~ HDEL h a
            HPEXPIREAT h 5 FIELDS 2 b c => [:2, :2] ~ HDEL h b c
            EXISTS h => :0
            "#,
        );
    }

    #[test]
    fn conditions() {
        check(
            r#"
            HSET h a 1 b 2 => :2
            HEXPIRE h 10 XX FIELDS 1 a => [:0] ~
            HEXPIRE h 10 GT FIELDS 1 a => [:0]
            HEXPIRE h 10 NX FIELDS 1 a => [:1]
            HEXPIRE h 20 NX FIELDS 2 a b => [:0, :1]
            HEXPIRE h 15 GT FIELDS 2 a b => [:1, :0]
            HEXPIRE h 12 LT FIELDS 2 a b => [:1, :1]
            HTTL h FIELDS 2 a b => [:12, :12]
            "#,
        );
    }

    #[test]
    fn bad_requests_change_nothing() {
        check(
            r#"
            HSET h a 1 => :1
            HEXPIRE h x FIELDS 1 a => -ERR value is not an integer or out of range
            HEXPIRE h -1 FIELDS 1 a => -ERR invalid expire time, must be >= 0
            HEXPIRE h 9223372036854775807 FIELDS 1 a => -ERR invalid expire time in 'hexpire' command
            HPEXPIREAT h 281474976710655 FIELDS 1 a => -ERR invalid expire time in 'hpexpireat' command
            HEXPIRE h 1 XY FIELDS 1 a => -ERR Unsupported option XY
            HEXPIRE h 1 NX 1 a b => -ERR Mandatory argument FIELDS is missing or not at the right position
            HEXPIRE h 1 FIELDS 0 a => -ERR Parameter `numFields` should be greater than 0
            HEXPIRE h 1 FIELDS 2 a => -ERR The `numfields` parameter must match the number of arguments
            HTTL h FIELDS 1 a => [:-1]
            SET k v => +OK
            HEXPIRE k 1 FIELDS 1 a => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn dead_fields_are_gone_for_everybody() {
        let mut bench = Bench::new();
        bench.check(
            r#"
            HSET h a 1 b 2 c 3 => :3
            HPEXPIRE h 10 FIELDS 1 a => [:1]
            HPEXPIRE h 20 FIELDS 1 b => [:1]
            "#,
        );
        bench.now_ms += 10;
        bench.check(
            r#"
            HLEN h => :2 ~ HDEL h a
            HGETALL h => ["b", "2", "c", "3"] ~
            HPERSIST h FIELDS 1 c => [:-1]
            "#,
        );
        bench.now_ms += 10;
        bench.check(
            r#"
            HSET h d 4 => :1 ~ HDEL h b; HSET h d 4
            HPEXPIRE h 1 FIELDS 2 c d => [:1, :1]
            "#,
        );
        bench.now_ms += 1;
        bench.check("EXISTS h => :0 ~ HDEL h c d");
    }

    #[test]
    fn what_writes_a_field_decides_on_its_time() {
        check(
            r#"
            HSET h a 1 b 2 c 3 d 4 => :4
            HEXPIRE h 10 FIELDS 4 a b c d => [:1, :1, :1, :1]
            HSET h a 5 => :0
            HINCRBY h b 1 => :3
            HINCRBYFLOAT h c 1 => "4" ~ HSETEX h KEEPTTL FIELDS 1 c 4
            HDEL h d => :1
            HSET h d 1 => :1
            HTTL h FIELDS 4 a b c d => [:-1, :10, :10, :-1]
            COPY h g => :1
            RENAME g i => +OK
            HTTL i FIELDS 2 a b => [:-1, :10]
            "#,
        );
    }
}
