//! XCLAIM key group consumer min-idle id [id ...] [IDLE ms|TIME ms] [RETRYCOUNT n] [FORCE] [JUSTID]
//! [LASTID id] and XAUTOCLAIM key group consumer min-idle start [COUNT n] [JUSTID]: giving a
//! consumer what others have had for too long. Each change is propagated as one XCLAIM.

use super::emit::{Given, propagate_read, write_entry, write_id};
use super::ids;
use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::Edit;
use crate::parse;
use crate::types::Stream;
use crate::types::stream::{Group, Id, Pending};
use catalog::events::Classes;
use resp::number::parse_i64;
use resp::{Args, Reply};

/// Entries that XAUTOCLAIM gives at most, unless told otherwise.
const COUNT: usize = 100;
/// Entries that it looks at for each that it may give.
const ATTEMPTS: usize = 10;
/// The most that COUNT may be, and that for which memory can be had.
const COUNT_MAX: i64 = i64::MAX / 16;
const COUNT_HELD_MAX: usize = 1 << 43;

/// What to do with the entries that are claimed.
#[derive(Debug, Clone, Copy)]
struct Terms {
    idle_ms: i64,
    /// When they count as given.
    delivered_ms: u64,
    retries: Option<u64>,
    force: bool,
    just_id: bool,
    /// The time was given in both ways, which a client has no reason to do.
    timed_twice: bool,
}

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    claimed: Vec<Id>,
    /// Entries that are no more, and are not pending any longer either.
    deleted: Vec<Id>,
    /// Each change, and the place of its id in the request.
    changes: Vec<(Given, usize)>,
    made_consumer: bool,
}

impl Terms {
    fn new(idle_ms: i64, now_ms: u64) -> Self {
        let (retries, force, just_id, timed_twice) = (None, false, false, false);
        Self { idle_ms, delivered_ms: now_ms, retries, force, just_id, timed_twice }
    }

    fn is_idle(&self, pending: &Pending, now_ms: u64) -> bool {
        self.idle_ms == 0 || pending.idle_ms(now_ms) >= self.idle_ms
    }

    /// Claims one entry, the `place`th that was asked for; false when it stays where it is.
    fn claim(
        &self,
        stream: &mut Stream,
        names: (&[u8], &[u8]),
        (id, place): (Id, usize),
        (now_ms, outcome): (u64, &mut Outcome),
    ) -> bool {
        let exists = stream.get(id).is_some();
        let done = stream.edit_group(names.0, |group| {
            let Some(pending) = group.pending().find(&id) else {
                if !exists || !self.force {
                    return false;
                }
                self.give(group, names.1, (id, 1), (now_ms, outcome));
                outcome.changes.extend(Given::of(group, id).map(|given| (given, place)));
                return true;
            };
            let pending = *pending;
            if !exists {
                outcome.changes.extend(Given::of(group, id).map(|given| (given, place)));
                group.acknowledge(id);
                outcome.deleted.push(id);
                return true;
            }
            if !self.is_idle(&pending, now_ms) {
                return false;
            }
            self.give(group, names.1, (id, pending.count), (now_ms, outcome));
            outcome.changes.extend(Given::of(group, id).map(|given| (given, place)));
            true
        });
        done == Some(true)
    }

    fn give(
        &self,
        group: &mut Group,
        consumer: &[u8],
        (id, count): (Id, u64),
        (now_ms, outcome): (u64, &mut Outcome),
    ) {
        if outcome.claimed.is_empty() {
            outcome.made_consumer = group.see(consumer, now_ms);
        }
        let counted = if self.just_id { count } else { count.wrapping_add(1) };
        group.give(id, consumer, self.delivered_ms, self.retries.unwrap_or(counted));
        outcome.claimed.push(id);
    }
}

/// XCLAIM's words.
struct Claim {
    ids: Vec<Id>,
    last_id: Id,
    terms: Terms,
    /// IDLE was given.
    timed: bool,
}

impl Claim {
    fn parse(args: Args<'_>, now_ms: u64) -> Result<Self, CommandError> {
        let idle_ms = min_idle(args.at(4), "XCLAIM")?;
        let ids: Vec<Id> = args.from(5).map_while(|word| ids::parse(word, 0).ok()).collect();
        let terms = Terms::new(idle_ms, now_ms);
        let mut words = args.from(5 + ids.len());
        let mut claim = Self { ids, last_id: Id::MIN, terms, timed: false };
        while let Some(word) = words.next() {
            if parse::is(word, "FORCE") {
                claim.terms.force = true;
            } else if parse::is(word, "JUSTID") {
                claim.terms.just_id = true;
            } else {
                claim.valued(word, words.next(), now_ms)?;
            }
        }
        Ok(claim)
    }

    /// An option that has a value.
    fn valued(
        &mut self,
        word: &[u8],
        value: Option<&[u8]>,
        now_ms: u64,
    ) -> Result<(), CommandError> {
        let unknown = || {
            let word = error::shown(word);
            error::other(format!("ERR Unrecognized XCLAIM option '{word}'"))
        };
        let value = value.ok_or_else(unknown)?;
        let number = |name: &str| {
            let text = format!("ERR Invalid {name} option argument for XCLAIM");
            parse_i64(value).ok_or_else(|| error::other(text))
        };
        // A moment that lies ahead, or before all time, is taken for now.
        let moment = |ms: i64| u64::try_from(ms).ok().filter(|ms| *ms <= now_ms).unwrap_or(now_ms);
        let is_time = parse::is(word, "TIME");
        self.terms.timed_twice |= is_time && self.timed;
        self.timed |= parse::is(word, "IDLE");
        if parse::is(word, "IDLE") {
            let idle_ms = number("IDLE")?;
            self.terms.delivered_ms = moment(now_ms.cast_signed().wrapping_sub(idle_ms));
        } else if is_time {
            self.terms.delivered_ms = moment(number("TIME")?);
        } else if parse::is(word, "RETRYCOUNT") {
            self.terms.retries = u64::try_from(number("RETRYCOUNT")?).ok();
        } else if parse::is(word, "LASTID") {
            self.last_id = ids::parse(value, 0)?;
        } else {
            return Err(unknown());
        }
        Ok(())
    }
}

fn min_idle(word: &[u8], command: &str) -> Result<i64, CommandError> {
    let text = || error::other(format!("ERR Invalid min-idle-time argument for {command}"));
    parse_i64(word).map(|idle_ms| idle_ms.max(0)).ok_or_else(text)
}

/// XCLAIM.
///
/// # Errors
/// Bad options, no such group, or the value is no stream.
pub fn xclaim(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (args, now_ms) = (ctx.args, ctx.keys.moment.now_ms);
    let (key, name) = (args.at(1), args.at(2));
    let stream = ctx.keys.get::<Stream>(key)?;
    if stream.is_none_or(|stream| stream.group(name).is_none()) {
        return Err(error::no_group(key, name, ""));
    }
    let claim = Claim::parse(args, now_ms)?;
    let obeys = ctx.keys.moment.dead_ms == 0;
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else { return Ok(()) };
    stream.unchanged();
    if obeys && claim.terms.timed_twice && args.at(3).is_empty() {
        return release(stream, &claim, name, &mut ctx.reply);
    }
    let read = stream.edit_group(name, |group| {
        let moves = claim.last_id > group.last_id;
        group.last_id = group.last_id.max(claim.last_id);
        moves.then_some((group.last_id, group.read))
    });
    let mut outcome = Outcome::default();
    for (place, &id) in claim.ids.iter().enumerate() {
        let names = (name, args.at(3));
        claim.terms.claim(&mut stream, names, (id, place), (now_ms, &mut outcome));
    }
    write_claimed(&mut ctx.reply, &stream, &outcome, claim.terms.just_id);
    drop(stream);
    tell(ctx, &outcome);
    for (given, place) in &outcome.changes {
        given.propagate(ctx, key, name, Some(args.at(5 + place)));
    }
    if let Some(read) = read.flatten().filter(|_| outcome.changes.is_empty()) {
        propagate_read(ctx, key, name, read);
    }
    Ok(())
}

/// Does what XNACK has told a replica; see [`super::emit::propagate_release`].
fn release(
    mut stream: Edit<'_, Stream>,
    claim: &Claim,
    name: &[u8],
    reply: &mut Reply<'_>,
) -> Result<(), CommandError> {
    let count = claim.terms.retries.unwrap_or(0);
    for &id in &claim.ids {
        stream.edit_group(name, |group| group.release(id, count));
    }
    reply.array(claim.ids.len());
    claim.ids.iter().for_each(|id| write_id(reply, *id));
    Ok(())
}

fn write_claimed(reply: &mut Reply<'_>, stream: &Stream, outcome: &Outcome, just_id: bool) {
    reply.array(outcome.claimed.len());
    for id in &outcome.claimed {
        match stream.get(*id).filter(|_| !just_id) {
            Some(entry) => write_entry(reply, &entry),
            None => write_id(reply, *id),
        }
    }
}

fn tell(ctx: &mut Ctx<'_>, outcome: &Outcome) {
    if outcome.made_consumer {
        ctx.keys.event(Classes::STREAM, "xgroup-createconsumer", ctx.args.at(1));
    }
}

/// XAUTOCLAIM's words.
struct AutoClaim {
    start: Id,
    count: usize,
    terms: Terms,
}

impl AutoClaim {
    fn parse(args: Args<'_>, now_ms: u64) -> Result<Self, CommandError> {
        let idle_ms = min_idle(args.at(4), "XAUTOCLAIM")?;
        let start = ids::range_start(args.at(5))?;
        let terms = Terms::new(idle_ms, now_ms);
        let mut claim = Self { start, count: COUNT, terms };
        let mut words = args.from(6);
        while let Some(word) = words.next() {
            if parse::is(word, "JUSTID") {
                claim.terms.just_id = true;
            } else if parse::is(word, "COUNT")
                && let Some(count) = words.next()
            {
                let count = parse_i64(count).filter(|count| (1..=COUNT_MAX).contains(count));
                claim.count = count.ok_or(error::CLAIM_COUNT)? as usize;
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(claim)
    }
}

/// XAUTOCLAIM.
///
/// # Errors
/// As [`xclaim`].
pub fn xautoclaim(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (args, now_ms) = (ctx.args, ctx.keys.moment.now_ms);
    let (key, name) = (args.at(1), args.at(2));
    let claim = AutoClaim::parse(args, now_ms)?;
    let stream = ctx.keys.get::<Stream>(key)?;
    if stream.is_none_or(|stream| stream.group(name).is_none()) {
        return Err(error::no_group(key, name, ""));
    }
    if claim.count > COUNT_HELD_MAX {
        return Err(error::CLAIM_COUNT_TOO_HIGH);
    }
    let Some(mut stream) = ctx.keys.edit::<Stream>(key)? else { return Ok(()) };
    stream.unchanged();
    let next_of = |stream: &Stream, from: Option<Id>| {
        let group = stream.group(name)?;
        group.pending().from(&from?).next().map(|pending| pending.id)
    };
    let (mut outcome, mut left) = (Outcome::default(), claim.count);
    let mut attempts = claim.count.saturating_mul(ATTEMPTS);
    let mut next = next_of(&stream, Some(claim.start));
    while let Some(id) = next.filter(|_| attempts > 0 && left > 0) {
        let names = (name, args.at(3));
        let done = claim.terms.claim(&mut stream, names, (id, 0), (now_ms, &mut outcome));
        left -= usize::from(done);
        attempts -= 1;
        next = next_of(&stream, id.next());
    }
    ctx.reply.array(3);
    write_id(&mut ctx.reply, next.unwrap_or(Id::MIN));
    write_claimed(&mut ctx.reply, &stream, &outcome, claim.terms.just_id);
    ctx.reply.array(outcome.deleted.len());
    outcome.deleted.iter().for_each(|id| write_id(&mut ctx.reply, *id));
    drop(stream);
    tell(ctx, &outcome);
    outcome.changes.iter().for_each(|(given, _)| given.propagate(ctx, key, name, None));
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
        bench.now_ms += 50;
        bench
    }

    #[test]
    fn claims() {
        bench().check(
            r#"
            XCLAIM s g d 100 1-1 => [] ~
            XCLAIM s g d 10 1-1 => [["1-1", ["a", "1"]]] ~ XCLAIM s g d 0 1-1 TIME 1000050 RETRYCOUNT 2 FORCE JUSTID LASTID 2-1
            XCLAIM s g d 0 1 1-1 2-1 3-1 JUSTID => ["1-1", "2-1"]
            XCLAIM s g d 0 3-1 FORCE JUSTID RETRYCOUNT 9 IDLE 20 => ["3-1"] ~ XCLAIM s g d 0 3-1 TIME 1000030 RETRYCOUNT 9 FORCE JUSTID LASTID 2-1
            XPENDING s g - + 9 => [["1-1", "d", :0, :2], ["2-1", "d", :0, :1], ["3-1", "d", :20, :9]]
            XCLAIM s g d 0 9-9 LASTID 3-1 => [] ~ XGROUP SETID s g 3-1 ENTRIESREAD 2
            XDEL s 2-1 => :1
            XCLAIM s g c 0 2-1 => [] ~ XCLAIM s g d 0 2-1 TIME 1000050 RETRYCOUNT 1 FORCE JUSTID LASTID 3-1
            XPENDING s g => [:2, "1-1", "3-1", [["d", "2"]]]
            XCLAIM s g c x 1-1 => -ERR Invalid min-idle-time argument for XCLAIM
            XCLAIM s g c 0 1-1 IDLE x => -ERR Invalid IDLE option argument for XCLAIM
            XCLAIM s g c 0 1-1 WHAT => -ERR Unrecognized XCLAIM option 'WHAT'
            XCLAIM s h c 0 1-1 => -NOGROUP No such key 's' or consumer group 'h'
            "#,
        );
    }

    #[test]
    fn claims_by_itself() {
        bench().check(
            r#"
            XAUTOCLAIM s g d 100 - => ["0-0", [], []] ~
            XAUTOCLAIM s g d 10 - COUNT 1 => ["2-1", [["1-1", ["a", "1"]]], []] ~ XCLAIM s g d 0 1-1 TIME 1000050 RETRYCOUNT 2 FORCE JUSTID LASTID 2-1
            XDEL s 2-1 => :1
            XAUTOCLAIM s g e 0 (1-1 JUSTID => ["0-0", [], ["2-1"]] ~ XCLAIM s g c 0 2-1 TIME 1000000 RETRYCOUNT 1 FORCE JUSTID LASTID 2-1
            XINFO CONSUMERS s g => [["name", "c", "pending", :0, "idle", :50], ["name", "d", "pending", :1, "idle", :0]]
            XAUTOCLAIM s g d 0 - COUNT 0 => -ERR COUNT must be > 0
            XAUTOCLAIM s g d 0 - COUNT 576460752303423487 => -ERR Insufficient memory, failed allocating transient memory, COUNT too high.
            XAUTOCLAIM none g d 0 - COUNT 576460752303423487 => -NOGROUP No such key 'none' or consumer group 'g'
            XAUTOCLAIM s g d 0 - WHAT => -ERR syntax error
            XAUTOCLAIM s g d x - => -ERR Invalid min-idle-time argument for XAUTOCLAIM
            XAUTOCLAIM none g d 0 - => -NOGROUP No such key 'none' or consumer group 'g'
            "#,
        );
    }
}
