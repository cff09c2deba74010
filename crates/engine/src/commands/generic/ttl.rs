//! TTL key, PTTL key, EXPIRETIME key, PEXPIRETIME key
//!
//! When a key dies: from now in seconds (rounded) or milliseconds, or as a Unix time; -1 when it
//! never does, -2 when there is no key.

use crate::commands::Ctx;
use crate::error::CommandError;

const NO_KEY: i64 = -2;
const NEVER: i64 = -1;

/// TTL.
///
/// # Errors
/// None of its own.
pub fn ttl(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let now_ms = ctx.keys.moment.now_ms;
    reply(ctx, |at_ms| seconds(at_ms.saturating_sub(now_ms)))
}

/// PTTL.
///
/// # Errors
/// None of its own.
pub fn pttl(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let now_ms = ctx.keys.moment.now_ms;
    reply(ctx, |at_ms| at_ms.saturating_sub(now_ms))
}

/// EXPIRETIME.
///
/// # Errors
/// None of its own.
pub fn expiretime(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, seconds)
}

/// PEXPIRETIME.
///
/// # Errors
/// None of its own.
pub fn pexpiretime(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, |at_ms| at_ms)
}

fn seconds(ms: u64) -> u64 {
    ms.saturating_add(500) / 1000
}

fn reply(ctx: &mut Ctx<'_>, of: impl Fn(u64) -> u64) -> Result<(), CommandError> {
    let value = match ctx.keys.look(ctx.args.at(1)).map(|entry| entry.expiry_ms()) {
        None => NO_KEY,
        Some(None) => NEVER,
        Some(Some(at_ms)) => i64::try_from(of(at_ms)).unwrap_or(i64::MAX),
    };
    ctx.reply.int(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn tells_when_a_key_dies() {
        check(
            r#"
            SET k v PX 10400 => +OK
            TTL k => :10 ~
            PTTL k => :10400
            EXPIRETIME k => :1010
            PEXPIRETIME k => :1010400
            PEXPIRE k 1500 => :1
            TTL k => :2
            SET k v => +OK
            TTL k => :-1
            PTTL k => :-1
            EXPIRETIME k => :-1
            PEXPIRETIME k => :-1
            TTL nokey => :-2
            PTTL nokey => :-2
            EXPIRETIME nokey => :-2
            PEXPIRETIME nokey => :-2
            "#,
        );
    }
}
