//! HTTL key FIELDS n field [field ...], HPTTL, HEXPIRETIME and HPEXPIRETIME in the same form, and
//! HPERSIST
//!
//! When fields die: -2 for those that are not there, -1 for those that do not. HPERSIST takes the
//! time of death away: 1 for those that had one.

use super::fields::{Fields, words};
use crate::commands::Ctx;
use crate::error::CommandError;
use crate::types::Hash;
use catalog::events::Classes;
use resp::number::Digits;

const ABSENT: i64 = -2;
const IMMORTAL: i64 = -1;

/// HTTL, in seconds, rounded.
///
/// # Errors
/// A bad list of fields, or the value is no hash.
pub fn httl(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    times(ctx, |at_ms, now_ms| (at_ms.saturating_sub(now_ms) + 500) / 1000)
}

/// HPTTL, in milliseconds.
///
/// # Errors
/// As [`httl`].
pub fn hpttl(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    times(ctx, u64::saturating_sub)
}

/// HEXPIRETIME, in Unix seconds, rounded.
///
/// # Errors
/// As [`httl`].
pub fn hexpiretime(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    times(ctx, |at_ms, _| (at_ms + 500) / 1000)
}

/// HPEXPIRETIME, in Unix milliseconds.
///
/// # Errors
/// As [`httl`].
pub fn hpexpiretime(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    times(ctx, |at_ms, _| at_ms)
}

fn times(ctx: &mut Ctx<'_>, show: impl Fn(u64, u64) -> u64) -> Result<(), CommandError> {
    let now_ms = ctx.keys.moment.now_ms;
    let fields = Fields::parse(ctx.args, 2, 1)?;
    let hash = ctx.keys.get::<Hash>(ctx.args.at(1))?;
    ctx.reply.array(fields.len());
    for field in fields.iter() {
        let found = hash.filter(|hash| hash.get(field).is_some());
        ctx.reply.int(match found.map(|hash| hash.death_ms(field)) {
            None => ABSENT,
            Some(None) => IMMORTAL,
            Some(Some(at_ms)) => show(at_ms, now_ms) as i64,
        });
    }
    Ok(())
}

/// HPERSIST.
///
/// # Errors
/// As [`httl`].
pub fn hpersist(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, fields) = (ctx.args.at(1), Fields::parse(ctx.args, 2, 1)?);
    let (mut codes, mut changed) = (vec![ABSENT; fields.len()], Vec::new());
    if let Some(mut edit) = ctx.keys.edit::<Hash>(key)? {
        let hash: &mut Hash = &mut edit;
        for (field, code) in fields.iter().zip(&mut codes) {
            if hash.death_ms(field).is_some() {
                hash.set_death(field, None);
                changed.push(field);
                *code = 1;
            } else if hash.get(field).is_some() {
                *code = IMMORTAL;
            }
        }
        if changed.is_empty() {
            edit.unchanged();
        }
    }
    if !changed.is_empty() {
        ctx.keys.event(Classes::HASH, "hpersist", key);
        state_persisted(ctx, key, &changed);
    }
    ctx.reply.array(codes.len());
    codes.into_iter().for_each(|code| ctx.reply.int(code));
    Ok(())
}

/// States that these fields do not die.
pub fn state_persisted(ctx: &mut Ctx<'_>, key: &[u8], fields: &[&[u8]]) {
    let mut count = Digits::new();
    ctx.propagate(&words(&[b"HPERSIST", key], count.format(fields.len() as i64), fields));
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn times_are_told_and_taken_away() {
        check(
            r#"
            HSET h a 1 b 2 => :2
            HPEXPIRE h 1600 FIELDS 1 a => [:1]
            HTTL h FIELDS 3 a b c => [:2, :-1, :-2]
            HPTTL h FIELDS 1 a => [:1600]
            HEXPIRETIME h FIELDS 1 a => [:1002]
            HPEXPIRETIME h FIELDS 1 a => [:1001600]
            HTTL none FIELDS 1 a => [:-2]
            HPERSIST none FIELDS 1 a => [:-2] ~
            HPERSIST h FIELDS 3 a b c => [:1, :-1, :-2] ~ HPERSIST h FIELDS 1 a
            HPERSIST h FIELDS 1 a => [:-1] ~
            OBJECT ENCODING h => "listpack"
            HTTL h FIELDS 2 a => -ERR The `numfields` parameter must match the number of arguments
            HTTL h 2 a b => -ERR Mandatory argument FIELDS is missing or not at the right position
            SET k v => +OK
            HTTL k FIELDS 1 a => -WRONGTYPE Operation against a key holding the wrong kind of value
            HPERSIST k FIELDS 1 a => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
