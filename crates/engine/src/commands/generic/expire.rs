//! EXPIRE key s [NX | XX | GT | LT], and PEXPIRE, EXPIREAT, PEXPIREAT in the same form
//!
//! Sets when a key dies. Propagated as the absolute time in milliseconds, so that replicas and a
//! replayed journal agree; a time that has passed deletes the key at once and is propagated as DEL.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use catalog::events::Classes;
use resp::number::Digits;

/// How a command states the time.
struct Form {
    name: &'static str,
    /// Milliseconds per unit.
    unit_ms: i64,
    /// True when it counts from now.
    relative: bool,
}

/// When a time of death may be set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    /// The conditions that `words` name.
    ///
    /// # Errors
    /// A word that is none, or conditions that exclude one another.
    pub fn parse<'w>(words: impl Iterator<Item = &'w [u8]>) -> Result<Self, CommandError> {
        let mut found = Self::default();
        for word in words {
            let flag = match word {
                _ if parse::is(word, "NX") => &mut found.nx,
                _ if parse::is(word, "XX") => &mut found.xx,
                _ if parse::is(word, "GT") => &mut found.gt,
                _ if parse::is(word, "LT") => &mut found.lt,
                _ => {
                    let word = error::shown(word);
                    return Err(error::other(format!("ERR Unsupported option {word}")));
                }
            };
            *flag = true;
        }
        if found.nx && (found.xx || found.gt || found.lt) {
            return Err(error::EXPIRE_NX);
        }
        if found.gt && found.lt {
            return Err(error::EXPIRE_GT_LT);
        }
        Ok(found)
    }

    /// Whether what dies at `old_ms` (`None`: never) may be given `new_ms`.
    #[must_use]
    pub fn allow(self, old_ms: Option<u64>, new_ms: i64) -> bool {
        let later = old_ms.is_some_and(|old| i128::from(new_ms) > i128::from(old));
        let earlier = old_ms.is_none_or(|old| i128::from(new_ms) < i128::from(old));
        let allowed = |wanted: bool, holds: bool| !wanted || holds;
        allowed(self.nx, old_ms.is_none())
            && allowed(self.xx, old_ms.is_some())
            && allowed(self.gt, later)
            && allowed(self.lt, earlier)
    }
}

/// EXPIRE.
///
/// # Errors
/// A bad time or condition.
pub fn expire(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, &Form { name: "expire", unit_ms: 1000, relative: true })
}

/// PEXPIRE.
///
/// # Errors
/// As [`expire`].
pub fn pexpire(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, &Form { name: "pexpire", unit_ms: 1, relative: true })
}

/// EXPIREAT.
///
/// # Errors
/// As [`expire`].
pub fn expireat(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, &Form { name: "expireat", unit_ms: 1000, relative: false })
}

/// PEXPIREAT.
///
/// # Errors
/// As [`expire`].
pub fn pexpireat(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    run(ctx, &Form { name: "pexpireat", unit_ms: 1, relative: false })
}

fn run(ctx: &mut Ctx<'_>, form: &Form) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let conditions = Conditions::parse(ctx.args.from(3))?;
    let moment = ctx.keys.moment;
    let number = parse::integer(ctx.args.at(2))?;
    let base = if form.relative { i64::try_from(moment.now_ms).unwrap_or(i64::MAX) } else { 0 };
    let at_ms = number.checked_mul(form.unit_ms).and_then(|ms| ms.checked_add(base));
    let at_ms = at_ms.ok_or_else(|| error::invalid_expire(form.name))?;
    let Some(entry) = ctx.keys.peek(key) else {
        ctx.reply.int(0);
        return Ok(());
    };
    if !conditions.allow(entry.expiry_ms(), at_ms) {
        ctx.reply.int(0);
        return Ok(());
    }
    // Before 1970 is as dead as 1970.
    let at_ms = u64::try_from(at_ms).unwrap_or(0);
    // Where keys may not expire (a replica, a pause), the primary's DEL will come.
    if at_ms <= moment.now_ms && moment.may_expire {
        ctx.keys.remove(key);
        ctx.keys.event(Classes::GENERIC, "del", key);
        ctx.propagate(&[b"DEL", key]);
    } else {
        ctx.keys.set_expiry(key, Some(at_ms));
        ctx.keys.event(Classes::GENERIC, "expire", key);
        ctx.propagate(&[b"PEXPIREAT", key, Digits::new().format(at_ms as i64)]);
    }
    ctx.reply.int(1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn all_forms_become_absolute() {
        check(
            r#"
            SET k v => +OK
            EXPIRE k 10 => :1 ~ PEXPIREAT k 1010000
            PEXPIRE k 10 => :1 ~ PEXPIREAT k 1000010
            EXPIREAT k 2000 => :1 ~ PEXPIREAT k 2000000
            PEXPIREAT k 3000000 => :1 ~ PEXPIREAT k 3000000
            PTTL k => :2000000
            GET k => "v"
            EXPIRE nokey 10 => :0 ~
            "#,
        );
    }

    #[test]
    fn a_time_that_has_passed_deletes() {
        check(
            r#"
            MSET a 1 b 2 c 3 d 4 => +OK
            EXPIRE a 0 => :1 ~ DEL a
            PEXPIRE b -1 => :1 ~ DEL b
            EXPIREAT c 1000 => :1 ~ DEL c
            PEXPIREAT d -5 => :1 ~ DEL d
            EXISTS a b c d => :0
            "#,
        );
    }

    #[test]
    fn conditions() {
        check(
            r#"
            SET k v => +OK
            EXPIRE k 100 XX => :0 ~
            EXPIRE k 100 GT => :0 ~
            EXPIRE k 100 LT => :1 ~ PEXPIREAT k 1100000
            EXPIRE k 200 NX => :0
            EXPIRE k 50 gt => :0
            EXPIRE k 100 GT => :0
            EXPIRE k 200 XX GT => :1 ~ PEXPIREAT k 1200000
            EXPIRE k 300 LT => :0
            EXPIRE k 50 XX LT => :1
            TTL k => :50
            EXPIRE k -1 GT => :0 ~
            PERSIST k => :1
            EXPIRE k 100 XX LT => :0
            EXPIRE k 100 NX => :1
            EXPIRE k -1 LT => :1 ~ DEL k
            "#,
        );
    }

    #[test]
    fn bad_words_change_nothing() {
        check(
            r#"
            SET k v => +OK
            EXPIRE k x => -ERR value is not an integer or out of range
            EXPIRE k 9223372036854775807 => -ERR invalid expire time in 'expire' command
            EXPIRE k -9223372036854775808 => -ERR invalid expire time in 'expire' command
            PEXPIRE k 9223372036854775807 => -ERR invalid expire time in 'pexpire' command
            EXPIREAT k 9223372036854775807 => -ERR invalid expire time in 'expireat' command
            EXPIRE k 1 AB => -ERR Unsupported option AB
            EXPIRE k 1 NX XX => -ERR NX and XX, GT or LT options at the same time are not compatible
            EXPIRE k 1 NX GT => -ERR NX and XX, GT or LT options at the same time are not compatible
            EXPIRE k 1 GT LT => -ERR GT and LT options at the same time are not compatible
            TTL k => :-1
            "#,
        );
    }

    #[test]
    fn a_key_dies_on_time() {
        let mut bench = Bench::new();
        bench.check("SET k v => +OK");
        bench.check("PEXPIRE k 10 => :1");
        bench.now_ms += 9;
        bench.check("EXISTS k => :1");
        bench.now_ms += 1;
        bench.check("GET k => nil ~ DEL k");
    }
}
