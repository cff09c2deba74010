//! HGETEX, HSETEX and HGETDEL: reading or setting fields together with when they die.

use super::expire::state_deaths;
use super::fields::{Fields, words};
use super::ttl::state_persisted;
use crate::commands::Ctx;
use crate::commands::string::expiry_option::Unit;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::hash::FIELD_DEATH_MS_MAX;
use crate::types::{Bytes, Hash};
use catalog::events::Classes;
use resp::number::Digits;

/// What becomes of the times of death.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// They stay.
    Keep,
    /// There are none.
    Never,
    /// In Unix milliseconds.
    At(u64),
}

/// HGETDEL key FIELDS n field [field ...].
///
/// # Errors
/// A bad list of fields, or the value is no hash.
pub fn hgetdel(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, fields) = (ctx.args.at(1), Fields::parse(ctx.args, 2, 1)?);
    let values = values(ctx, key, &fields)?;
    let mut removed = Vec::new();
    if let Some(mut edit) = ctx.keys.edit::<Hash>(key)? {
        let hash: &mut Hash = &mut edit;
        removed = fields.iter().filter(|field| hash.remove(field)).collect();
        if removed.is_empty() {
            edit.unchanged();
        }
    }
    if !removed.is_empty() {
        ctx.keys.event_or_del(Classes::HASH, "hdel", key);
        ctx.propagate(&[&[b"HDEL", key], &removed[..]].concat());
    }
    reply(ctx, &values);
    Ok(())
}

/// HGETEX key [EX s | PX ms | EXAT s | PXAT ms | PERSIST] FIELDS n field [field ...].
///
/// # Errors
/// A bad option or list of fields, or the value is no hash.
pub fn hgetex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, moment) = (ctx.args.at(1), ctx.keys.moment);
    let (death, at) = match ctx.args.at(2) {
        word if parse::is(word, "FIELDS") => (Death::Keep, 2),
        word if parse::is(word, "PERSIST") => (Death::Never, 3),
        word => (timed(ctx, word, 3, "hgetex")?, 4),
    };
    let fields = Fields::parse(ctx.args, at, 1)?;
    let values = values(ctx, key, &fields)?;
    let mut changed = Vec::new();
    let deletes = matches!(death, Death::At(at_ms) if at_ms <= moment.now_ms && moment.may_expire);
    if death != Death::Keep
        && let Some(mut edit) = ctx.keys.edit::<Hash>(key)?
    {
        let hash: &mut Hash = &mut edit;
        let time = if let Death::At(at_ms) = death { Some(at_ms) } else { None };
        let change = |field: &&[u8]| {
            let is_there = hash.get(field).is_some();
            if deletes {
                return hash.remove(field);
            }
            let differs = hash.death_ms(field) != time;
            hash.set_death(field, time);
            // A time is told even when it is the same, as a key's is.
            is_there && (differs || time.is_some())
        };
        changed = fields.iter().filter(change).collect();
        if changed.is_empty() {
            edit.unchanged();
        }
    }
    tell(ctx, key, (death, deletes), &changed);
    reply(ctx, &values);
    Ok(())
}

fn tell(ctx: &mut Ctx<'_>, key: &[u8], (death, deletes): (Death, bool), changed: &[&[u8]]) {
    match death {
        _ if changed.is_empty() => {}
        Death::At(_) if deletes => {
            ctx.keys.event_or_del(Classes::HASH, "hdel", key);
            ctx.propagate(&[&[b"HDEL", key], changed].concat());
        }
        Death::At(at_ms) => {
            ctx.keys.event(Classes::HASH, "hexpire", key);
            state_deaths(ctx, key, at_ms, changed);
        }
        Death::Never => {
            ctx.keys.event(Classes::HASH, "hpersist", key);
            state_persisted(ctx, key, changed);
        }
        Death::Keep => {}
    }
}

/// Which fields must be there for HSETEX to do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    /// Any or none.
    Any,
    /// None of them.
    New,
    /// All of them.
    There,
}

/// HSETEX key [FNX | FXX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] FIELDS n field value
/// [field value ...].
///
/// # Errors
/// A bad option or list of fields, or the value is no hash.
pub fn hsetex(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, moment) = (ctx.args.at(1), ctx.keys.moment);
    let (only, death, at) = set_options(ctx)?;
    let fields = Fields::parse(ctx.args, at, 2)?;
    let hash = ctx.keys.get_quietly::<Hash>(key)?;
    let is_there = |field: &[u8]| hash.is_some_and(|hash| hash.get(field).is_some());
    let may = match only {
        Only::Any => true,
        Only::New => !fields.iter().any(is_there),
        Only::There => fields.iter().all(is_there),
    };
    if !may {
        ctx.reply.int(0);
        return Ok(());
    }
    let mut edit = ctx.keys.edit_or_new::<Hash>(key)?;
    let hash: &mut Hash = &mut edit;
    let deletes = matches!(death, Death::At(at_ms) if at_ms <= moment.now_ms && moment.may_expire);
    for (field, value) in fields.pairs() {
        match death {
            _ if deletes => _ = hash.remove(field),
            Death::Keep => _ = hash.insert_keeping(field, value),
            Death::Never => _ = hash.insert(field, value),
            Death::At(at_ms) => {
                hash.insert_keeping(field, value);
                hash.set_death(field, Some(at_ms));
            }
        }
    }
    drop(edit);
    told_set(ctx, key, (death, deletes), &fields);
    ctx.reply.int(1);
    Ok(())
}

fn told_set(ctx: &mut Ctx<'_>, key: &[u8], (death, deletes): (Death, bool), fields: &Fields<'_>) {
    if deletes {
        ctx.keys.event_or_del(Classes::HASH, "hdel", key);
        let names: Vec<&[u8]> = fields.iter().collect();
        ctx.propagate(&[&[b"HDEL", key], &names[..]].concat());
        return;
    }
    ctx.keys.event(Classes::HASH, "hset", key);
    let pairs: Vec<&[u8]> = fields.pairs().flat_map(|(field, value)| [field, value]).collect();
    let (mut time, mut count) = (Digits::new(), Digits::new());
    let count = count.format(fields.len() as i64);
    match death {
        // What every version of Redis knows.
        Death::Never => ctx.propagate(&[&[b"HSET", key], &pairs[..]].concat()),
        Death::Keep => ctx.propagate(&words(&[b"HSETEX", key, b"KEEPTTL"], count, &pairs)),
        Death::At(at_ms) => {
            ctx.keys.event(Classes::HASH, "hexpire", key);
            let head: [&[u8]; 4] = [b"HSETEX", key, b"PXAT", time.format(at_ms as i64)];
            ctx.propagate(&words(&head, count, &pairs));
        }
    }
}

fn set_options(ctx: &Ctx<'_>) -> Result<(Only, Death, usize), CommandError> {
    let (mut only, mut death, mut at) = (Only::Any, Death::Never, 2);
    while at < ctx.args.len() {
        let word = ctx.args.at(at);
        let wanted = match word {
            _ if parse::is(word, "FIELDS") => break,
            _ if parse::is(word, "FNX") => Some(Only::New),
            _ if parse::is(word, "FXX") => Some(Only::There),
            _ => None,
        };
        if let Some(wanted) = wanted {
            if only != Only::Any {
                return Err(error::FIELDS_ONLY);
            }
            (only, at) = (wanted, at + 1);
            continue;
        }
        if death != Death::Never {
            return Err(error::FIELDS_TIMES);
        }
        (death, at) = if parse::is(word, "KEEPTTL") {
            (Death::Keep, at + 1)
        } else {
            (timed(ctx, word, at + 1, "hsetex")?, at + 2)
        };
    }
    Ok((only, death, at))
}

/// The time of death that the option `word` states with the word at `at`.
fn timed(ctx: &Ctx<'_>, word: &[u8], at: usize, name: &str) -> Result<Death, CommandError> {
    let unit = Unit::of(word).ok_or_else(|| {
        error::other(format!("ERR unknown argument: {}", String::from_utf8_lossy(word)))
    })?;
    let text = ctx.args.find(at).ok_or(error::FIELDS_MISSING)?;
    let at_ms = unit.death_ms(text, ctx.keys.moment.now_ms, name)?;
    if at_ms > FIELD_DEATH_MS_MAX {
        return Err(error::invalid_expire(name));
    }
    Ok(Death::At(at_ms))
}

fn values(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    fields: &Fields<'_>,
) -> Result<Vec<Option<Bytes>>, CommandError> {
    let hash = ctx.keys.get::<Hash>(key)?;
    Ok(fields.iter().map(|field| hash.and_then(|hash| hash.get(field)).map(Bytes::new)).collect())
}

fn reply(ctx: &mut Ctx<'_>, values: &[Option<Bytes>]) {
    ctx.reply.array(values.len());
    values.iter().for_each(|value| ctx.reply.bulk_or_null(value.as_deref()));
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn hgetdel() {
        check(
            r#"
            HSET h a 1 b 2 => :2
            HGETDEL h FIELDS 2 a x => ["1", nil] ~ HDEL h a
            HGETDEL h FIELDS 1 x => [nil] ~
            HGETDEL none FIELDS 1 x => [nil] ~
            HGETDEL h FIELDS 1 b => ["2"] ~ HDEL h b
            EXISTS h => :0
            SET k v => +OK
            HGETDEL k FIELDS 1 a => -WRONGTYPE Operation against a key holding the wrong kind of value
            HGETDEL k FIELDS 2 a => -ERR The `numfields` parameter must match the number of arguments
            "#,
        );
    }

    #[test]
    fn hgetex() {
        check(
            r#"
            HSET h a 1 b 2 => :2
            HGETEX h FIELDS 2 a x => ["1", nil] ~
            HGETEX h EX 10 FIELDS 2 a x => ["1", nil] ~ HPEXPIREAT h 1010000 FIELDS 1 a
            HGETEX h FIELDS 1 a => ["1"] ~
            HTTL h FIELDS 1 a => [:10]
            HGETEX h PERSIST FIELDS 2 a b => ["1", "2"] ~ HPERSIST h FIELDS 1 a
            HGETEX h PXAT 5 FIELDS 1 b => ["2"] ~ HDEL h b
            HGETEX h EX 0 FIELDS 1 a => -ERR invalid expire time in 'hgetex' command
            HGETEX h XX 1 FIELDS 1 a => -ERR unknown argument: XX
            HGETEX none EX 10 FIELDS 1 a => [nil] ~
            "#,
        );
    }

    #[test]
    fn hsetex() {
        check(
            r#"
            HSETEX h EX 10 FIELDS 2 a 1 b 2 => :1 ~ HSETEX h PXAT 1010000 FIELDS 2 a 1 b 2
            HTTL h FIELDS 2 a b => [:10, :10]
            HSETEX h KEEPTTL FIELDS 1 a 3 => :1 ~ HSETEX h KEEPTTL FIELDS 1 a 3
            HSETEX h FIELDS 1 b 4 => :1 ~ HSET h b 4
            HTTL h FIELDS 2 a b => [:10, :-1]
            HSETEX h FNX FIELDS 2 a 5 c 5 => :0 ~
            HSETEX h FXX FIELDS 2 a 5 c 5 => :0 ~
            HSETEX h FXX PX 5 FIELDS 2 a 5 b 5 => :1
            HSETEX none FXX FIELDS 1 a 1 => :0
            HSETEX h PXAT 1 FIELDS 2 a 1 b 2 => :1 ~ HDEL h a b
            EXISTS h none => :0
            HSETEX h FNX FXX FIELDS 1 a 1 => -ERR Only one of FXX or FNX arguments can be specified
            HSETEX h EX 1 KEEPTTL FIELDS 1 a 1 => -ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
            HSETEX h FIELDS 2 a 1 b => -ERR The `numfields` parameter must match the number of arguments
            "#,
        );
    }
}
