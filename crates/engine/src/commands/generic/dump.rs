//! DUMP key, RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ count]
//!
//! DUMP writes a value as RDB files hold it, with the version of the format and a checksum behind;
//! RESTORE makes a key of that. A time to live of 0 is none.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::{Access, Entry, Moment};
use crate::parse;
use crate::rdb::{self, Decoder, VERSION, VERSION_READ_MAX, checks, crc64, encode};
use catalog::events::Classes;
use resp::Args;
use resp::number::Digits;

/// Version and checksum behind a value.
const FOOTER: usize = 10;

/// DUMP.
///
/// # Errors
/// None.
pub fn dump(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let payload = ctx.keys.look(ctx.args.at(1)).map(|entry| {
        let value = entry.value();
        let mut payload = vec![encode::kind_of(&value)];
        encode::value(&mut payload, &value);
        payload.extend_from_slice(&VERSION.to_le_bytes());
        payload.extend_from_slice(&crc64::of(&payload).to_le_bytes());
        payload
    });
    ctx.reply.bulk_or_null(payload.as_deref());
    Ok(())
}

#[derive(Default)]
struct Restore {
    replace: bool,
    absolute: bool,
    idle_s: Option<u64>,
    count: Option<u32>,
}

impl Restore {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let mut restore = Self::default();
        let mut words = args.from(4);
        while let Some(word) = words.next() {
            if parse::is(word, "REPLACE") {
                restore.replace = true;
            } else if parse::is(word, "ABSTTL") {
                restore.absolute = true;
            } else if parse::is(word, "IDLETIME") && restore.count.is_none() {
                let idle_s = parse::integer(words.next().ok_or(error::SYNTAX)?)?;
                restore.idle_s = Some(u64::try_from(idle_s).map_err(|_| error::BAD_IDLE_TIME)?);
            } else if parse::is(word, "FREQ") && restore.idle_s.is_none() {
                let count = parse::integer(words.next().ok_or(error::SYNTAX)?)?;
                restore.count = Some(u8::try_from(count).map_err(|_| error::BAD_FREQUENCY)?.into());
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(restore)
    }

    fn access(&self, moment: &Moment) -> u32 {
        match (moment.clocks, self.idle_s, self.count) {
            (Access::Time, Some(idle_s), _) => {
                Access::Time.fresh(moment.now_ms.saturating_sub(idle_s.saturating_mul(1000)))
            }
            (Access::Count, _, Some(count)) => moment.access() & !0xff | count,
            _ => moment.access(),
        }
    }
}

/// RESTORE.
///
/// # Errors
/// Bad options, a payload that is damaged or from a later version, or the key exists.
pub fn restore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (key, payload) = (ctx.args.at(1), ctx.args.at(3));
    let restore = Restore::parse(ctx.args)?;
    let moment = ctx.keys.moment;
    let existed = ctx.keys.peek(key).is_some();
    if existed && !restore.replace {
        return Err(error::BUSY_KEY);
    }
    let ttl = parse::integer(ctx.args.at(2))?;
    let ttl = u64::try_from(ttl).map_err(|_| error::NEGATIVE_TTL)?;
    let at_ms = match ttl {
        0 => None,
        ttl if restore.absolute => Some(ttl),
        ttl => Some(ttl.saturating_add(moment.now_ms)),
    };
    let mut entry = read(key, payload, at_ms)?;
    entry.set_access(restore.access(&moment));
    ctx.keys.remove(key);
    if at_ms.is_some_and(|at_ms| at_ms <= moment.now_ms) && moment.may_expire {
        if existed {
            ctx.keys.event(Classes::GENERIC, "del", key);
            ctx.propagate(&[b"DEL", key]);
        }
        ctx.reply.ok();
        return Ok(());
    }
    ctx.keys.put(moment.db, entry);
    ctx.keys.event(Classes::GENERIC, "restore", key);
    match at_ms.filter(|_| !restore.absolute) {
        None => ctx.propagate_verbatim(),
        Some(at_ms) => {
            let mut digits = Digits::new();
            let mut words: Vec<&[u8]> = ctx.args.from(0).collect();
            words[2] = digits.format(at_ms as i64);
            words.push(b"ABSTTL");
            ctx.propagate(&words);
        }
    }
    ctx.reply.ok();
    Ok(())
}

fn read(key: &[u8], payload: &[u8], at_ms: Option<u64>) -> Result<Entry, CommandError> {
    let split = payload.len().checked_sub(FOOTER).ok_or(error::BAD_PAYLOAD)?;
    let (value, footer) = payload.split_at(split);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let sum = u64::from_le_bytes(footer[2..].try_into().expect("8 of 10 bytes are left"));
    let whole = checks::are_skipped() || sum == crc64::of(&payload[..split + 2]);
    if version > VERSION_READ_MAX || !whole {
        return Err(error::BAD_PAYLOAD);
    }
    let (kind, value) = value.split_first().ok_or(error::BAD_DATA)?;
    let mut decoder: Decoder<&[u8]> = rdb::Decoder::new(value);
    let entry = decoder.entry(*kind, key, at_ms).map_err(|_| error::BAD_DATA)?;
    entry.ok_or(error::BAD_DATA)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;

    /// `DUMP` of redis-server 7.0.15 after `SET k hello`.
    const HELLO: &str = r#""\x00\x05hello\x0a\x00cr\xdfve4 \x0a""#;

    #[test]
    fn restores_what_was_dumped() {
        let mut bench = Bench::new();
        bench.check(&format!("RESTORE k 0 {HELLO} => +OK"));
        bench.check("GET k => \"hello\"");
        bench.check(&format!("RESTORE k 0 {HELLO} => -BUSYKEY Target key name already exists."));
        bench.check(&format!("RESTORE k 5000 {HELLO} REPLACE => +OK"));
        bench.check("PTTL k => :5000");
        bench.check(&format!("RESTORE k 999999 {HELLO} REPLACE ABSTTL => +OK ~ DEL k"));
        bench.check("EXISTS k => :0");
        bench.check(&format!("RESTORE k 0 {HELLO} IDLETIME 100 => +OK"));
        bench.check("OBJECT IDLETIME k => :100");
        bench.check("DUMP none => nil");
    }

    #[test]
    fn refuses_what_is_damaged() {
        let mut bench = Bench::new();
        bench.check("RESTORE k 0 short => -ERR DUMP payload version or checksum are wrong");
        let damaged = HELLO.replace("hello", "hellp");
        bench.check(&format!(
            "RESTORE k 0 {damaged} => -ERR DUMP payload version or checksum are wrong"
        ));
        bench.check(&format!("RESTORE k -1 {HELLO} => -ERR Invalid TTL value, must be >= 0"));
        bench.check(&format!("RESTORE k 0 {HELLO} FREQ 256 => -{}", {
            "ERR Invalid FREQ value, must be >= 0 and <= 255"
        }));
    }
}
