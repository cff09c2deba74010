//! XNACK key group SILENT|FAIL|FATAL IDS numids id [id ...] [RETRYCOUNT count] [FORCE]: gives what
//! a consumer cannot handle back to the group, where anybody may claim it at once. SILENT takes one
//! off the number of times it was given out, FATAL puts that as high as it goes. Replies with how
//! many were given back. Propagated as XCLAIM for a consumer without a name, which is how Redis 7.0
//! can hold it.

use super::emit::propagate_release;
use super::ids;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Stream;
use crate::types::stream::{Group, Id};
use resp::Args;

#[derive(Debug, Clone, Copy)]
enum Mode {
    Silent,
    Fail,
    Fatal,
}

struct Nack {
    mode: Mode,
    ids: Vec<Id>,
    retries: Option<u64>,
    force: bool,
}

impl Nack {
    fn parse(args: Args<'_>) -> Result<Self, CommandError> {
        let modes = [("SILENT", Mode::Silent), ("FAIL", Mode::Fail), ("FATAL", Mode::Fatal)];
        let mode = modes.into_iter().find(|(name, _)| parse::is(args.at(3), name));
        let mode = mode.ok_or(error::NACK_MODE)?.1;
        let (mut ids, mut at) = (None, 4);
        let mut nack = Self { mode, ids: Vec::new(), retries: None, force: false };
        while let Some(word) = args.find(at) {
            if parse::is(word, "IDS") && ids.is_none() {
                let count = args.find(at + 1).and_then(|count| parse::integer(count).ok());
                let count = count.filter(|count| *count > 0).ok_or(error::NACK_COUNT)?;
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                if count > args.len() - at - 2 {
                    return Err(error::NACK_MISCOUNTED);
                }
                ids = Some((at + 2, count));
                at += 2 + count;
            } else if parse::is(word, "FORCE") {
                nack.force = true;
                at += 1;
            } else if parse::is(word, "RETRYCOUNT")
                && let Some(count) = args.find(at + 1)
            {
                let count = u64::try_from(parse::integer(count)?);
                nack.retries = Some(count.map_err(|_| error::NACK_RETRIES)?);
                at += 2;
            } else {
                let word = String::from_utf8_lossy(word);
                return Err(error::other(format!("ERR Unrecognized XNACK option '{word}'")));
            }
        }
        let (first, count) = ids.ok_or(error::NACK_NO_IDS)?;
        let ids: Result<_, _> =
            args.from(first).take(count).map(|word| ids::parse(word, 0)).collect();
        nack.ids = ids?;
        Ok(nack)
    }

    /// How often an entry counts as given out from now on, if it can be given back.
    fn count(&self, group: &Group, id: Id, exists: bool) -> Option<u64> {
        let pending = group.pending().find(&id);
        if pending.is_none() && !(self.force && exists) {
            return None;
        }
        let count = pending.map_or(0, |pending| pending.count);
        Some(self.retries.unwrap_or(match self.mode {
            Mode::Silent => count.saturating_sub(1),
            Mode::Fail => count,
            Mode::Fatal => i64::MAX.cast_unsigned(),
        }))
    }
}

/// XNACK.
///
/// # Errors
/// Bad options or ids, no such group, or the value is no stream.
pub fn xnack(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (args, key, name) = (ctx.args, ctx.args.at(1), ctx.args.at(2));
    let stream = ctx.keys.get::<Stream>(key)?;
    if stream.is_none_or(|stream| stream.group(name).is_none()) {
        return Err(error::no_group(key, name, ""));
    }
    let nack = Nack::parse(args)?;
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else { return Ok(()) };
    stream.unchanged();
    let mut released = Vec::new();
    for &id in &nack.ids {
        let exists = stream.get(id).is_some();
        released.extend(stream.edit_group(name, |group| {
            let count = nack.count(group, id, exists)?;
            group.release(id, count);
            Some((id, count))
        }));
    }
    drop(stream);
    let released: Vec<(Id, u64)> = released.into_iter().flatten().collect();
    ctx.reply.int(released.len() as i64);
    if !released.is_empty() {
        ctx.keys.wake(key);
    }
    released.iter().for_each(|&(id, count)| propagate_release(ctx, (key, name), id, count));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;

    fn bench() -> Bench {
        let mut bench = Bench::new();
        bench.check(
            r#"
            XADD s 1-1 a 1 => "1-1"
            XADD s 2-1 a 2 => "2-1"
            XADD s 3-1 a 3 => "3-1"
            XGROUP CREATE s g 0 => +OK
            XREADGROUP GROUP g c COUNT 2 STREAMS s > => [["s", [["1-1", ["a", "1"]], ["2-1", ["a", "2"]]]]]
            "#,
        );
        bench
    }

    #[test]
    fn gives_back() {
        let mut bench = bench();
        bench.check(
            r#"
            XNACK s g SILENT IDS 3 1-1 9-9 3-1 => :1 ~ XCLAIM s g  0 1-1 FORCE JUSTID RETRYCOUNT 0 IDLE 0 TIME 0
            XPENDING s g - + 9 => [["1-1", "", :-1, :0], ["2-1", "c", :0, :1]]
            XPENDING s g => [:2, "1-1", "2-1", [["c", "1"]]]
            XNACK s g FATAL IDS 2 1-1 3-1 FORCE => :2
            XNACK s g FAIL RETRYCOUNT 7 IDS 1 2-1 => :1
            XPENDING s g - + 9 => [["1-1", "", :-1, :9223372036854775807], ["2-1", "", :-1, :7], ["3-1", "", :-1, :9223372036854775807]]
            XREADGROUP GROUP g c STREAMS s 0 => [["s", []]]
            XCLAIM s g d 99999 2-1 JUSTID => ["2-1"]
            XNACK s g FAIL IDS 2 2-1 2-1 => :2
            XDEL s 1-1 => :1
            XAUTOCLAIM s g d 99999 - JUSTID => ["0-0", ["2-1", "3-1"], ["1-1"]]
            XPENDING s g - + 9 => [["2-1", "d", :0, :7], ["3-1", "d", :0, :9223372036854775807]]
            XGROUP DELCONSUMER s g d => :2
            "#,
        );
    }

    #[test]
    fn a_replica_gives_back_too() {
        let mut bench = bench();
        let claim = "XCLAIM s g \"\" 0 1-1 FORCE JUSTID RETRYCOUNT 3 IDLE 0 TIME 0";
        bench.obeys = true;
        bench.check(&format!("{claim} => [\"1-1\"]"));
        bench.check(
            r#"
            XPENDING s g - + 9 => [["1-1", "", :-1, :3], ["2-1", "c", :0, :1]]
            XINFO CONSUMERS s g => [["name", "c", "pending", :1, "idle", :0]]
            "#,
        );
    }

    #[test]
    fn refuses() {
        bench().check(
            r#"
            XNACK none g FAIL IDS 1 1-1 => -NOGROUP No such key 'none' or consumer group 'g'
            XNACK s h FAIL IDS 1 1-1 => -NOGROUP No such key 's' or consumer group 'h'
            XNACK s g WHAT IDS 1 1-1 => -ERR mode must be SILENT, FAIL, or FATAL
            XNACK s g FAIL FATAL IDS 1 1-1 => -ERR Unrecognized XNACK option 'FATAL'
            XNACK s g FAIL IDS 1 1-1 2-1 => -ERR Unrecognized XNACK option '2-1'
            XNACK s g FAIL IDS 1 1-1 RETRYCOUNT => -ERR Unrecognized XNACK option 'RETRYCOUNT'
            XNACK s g FAIL IDS 0 1-1 => -ERR numids must be a positive integer
            XNACK s g FAIL IDS 2 1-1 => -ERR number of IDs doesn't match numids
            XNACK s g FAIL FORCE RETRYCOUNT 5 => -ERR syntax error, expected IDS keyword
            XNACK s g FAIL IDS 1 1-1 RETRYCOUNT -1 => -ERR Invalid RETRYCOUNT value, must be >= 0
            XNACK s g FAIL IDS 1 1-1 RETRYCOUNT x => -ERR value is not an integer or out of range
            XNACK s g FAIL IDS 1 x => -ERR Invalid stream ID specified as stream command argument
            "#,
        );
    }
}
