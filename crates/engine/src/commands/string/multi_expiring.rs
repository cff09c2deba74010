//! MSETEX numkeys key value [key value ...] [NX | XX] [EX s | PX ms | EXAT unix-s | PXAT unix-ms |
//! KEEPTTL]: several strings at once, all or none, with one time to live. Propagated as the sets
//! that it consists of.

use super::expiry_option::Unit;
use super::set::set_value;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::Ttl;
use crate::parse;
use resp::Args;
use resp::number::{Digits, parse_i64};

/// Word of the first key.
const FIRST: usize = 2;

struct SetAll {
    pairs: usize,
    /// `Some(true)`: only if all keys exist; `Some(false)`: only if none does.
    present: Option<bool>,
    ttl: Option<Ttl>,
}

impl SetAll {
    fn parse(args: Args<'_>, now_ms: u64) -> Result<Self, CommandError> {
        let pairs = parse_i64(args.at(1)).and_then(|pairs| i32::try_from(pairs).ok());
        let pairs = pairs.filter(|pairs| *pairs > 0).ok_or(error::BAD_PAIR_COUNT)? as usize;
        if args.len() < FIRST + 2 * pairs {
            return Err(error::TOO_FEW_PAIRS);
        }
        let mut all = Self { pairs, present: None, ttl: None };
        let mut words = args.from(FIRST + 2 * pairs);
        while let Some(word) = words.next() {
            if parse::is(word, "NX") && all.present != Some(true) {
                all.present = Some(false);
            } else if parse::is(word, "XX") && all.present != Some(false) {
                all.present = Some(true);
            } else if parse::is(word, "KEEPTTL") && all.ttl.is_none_or(|ttl| ttl == Ttl::Keep) {
                all.ttl = Some(Ttl::Keep);
            } else if let Some(unit) = Unit::of(word)
                && all.ttl.is_none()
            {
                let number = words.next().ok_or(error::SYNTAX)?;
                all.ttl = Some(Ttl::At(unit.death_ms(number, now_ms, "msetex")?));
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(all)
    }
}

/// MSETEX.
///
/// # Errors
/// Bad numbers or options.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let all = SetAll::parse(ctx.args, ctx.keys.moment.now_ms)?;
    let pairs = || (0..all.pairs).map(|pair| FIRST + 2 * pair);
    let most = ctx.keys.moment.bulk_bytes_max;
    if pairs().any(|at| ctx.args.at(at + 1).len() as u64 > most) {
        return Err(error::TOO_LONG);
    }
    let wanted = all.present.is_none_or(|present| {
        pairs().all(|at| ctx.keys.peek(ctx.args.at(at)).is_some() == present)
    });
    if wanted {
        let ttl = all.ttl.unwrap_or(Ttl::Clear);
        let mut digits = Digits::new();
        let options: &[&[u8]] = match ttl {
            Ttl::Clear => &[],
            Ttl::Keep => &[b"KEEPTTL"],
            Ttl::At(at_ms) => &[b"PXAT", digits.format(at_ms as i64)],
        };
        for at in pairs() {
            let (key, value) = (ctx.args.at(at), ctx.args.at(at + 1));
            set_value(&mut ctx.keys, key, value, ttl)?;
            let db = ctx.keys.moment.db;
            let set: [&[u8]; 3] = [b"SET", key, value];
            ctx.keys.effects.command_with(db, &set, options.iter().copied());
        }
    }
    ctx.reply.int(i64::from(wanted));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn sets_all_or_none() {
        check(
            r#"
            MSETEX 2 a 1 b 2 => :1 ~ SET a 1; SET b 2
            MSETEX 2 b 3 c 4 NX => :0 ~
            MSETEX 2 b 3 c 4 XX => :0 ~
            MSETEX 2 a 5 b 6 XX EX 10 => :1 ~ SET a 5 PXAT 1010000; SET b 6 PXAT 1010000
            TTL b => :10
            MSETEX 1 a 7 KEEPTTL => :1 ~ SET a 7 KEEPTTL
            TTL a => :10
            MSETEX 1 a 8 => :1
            TTL a => :-1
            MGET a b c => ["8", "6", nil]
            MSETEX 1 c 4 px 5000 nx => :1
            PTTL c => :5000
            RPUSH l x => :1
            MSETEX 1 l v => :1
            GET l => "v"
            "#,
        );
    }

    #[test]
    fn refuses_bad_requests() {
        check(
            r#"
            MSETEX key1 val1 ex 10 => -ERR invalid numkeys value
            MSETEX 0 a b => -ERR invalid numkeys value
            MSETEX 2147483648 a b => -ERR invalid numkeys value
            MSETEX 2147483647 a b => -ERR wrong number of key-value pairs
            MSETEX 2 a 1 b => -ERR wrong number of key-value pairs
            MSETEX 1 a 1 foo => -ERR syntax error
            MSETEX 1 a 1 NX XX => -ERR syntax error
            MSETEX 1 a 1 EX 10 PX 10 => -ERR syntax error
            MSETEX 1 a 1 KEEPTTL EX 10 => -ERR syntax error
            MSETEX 1 a 1 EX => -ERR syntax error
            MSETEX 1 a 1 EX 0 => -ERR invalid expire time in 'msetex' command
            EXISTS a => :0
            "#,
        );
    }
}
