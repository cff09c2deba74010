//! SCAN cursor [MATCH pattern] [COUNT n] [TYPE type]
//!
//! Some keys of the database and where to go on; the cursor 0 starts and ends. Every key that is
//! there all the time is returned at least once. The cursor is `position << 8 | shard`, where the
//! position is that of [`crate::keyspace::table::Table::scan`]: below 2⁵³, which is as far as some
//! clients can count.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::glob;
use crate::parse;
use crate::tick::at_step;
use resp::{Args, Reply};

/// Buckets visited per key that was asked for: small databases have mostly empty buckets.
const BUCKETS_PER_KEY: u64 = 64;

struct Scan<'a> {
    cursor: u64,
    pattern: Option<&'a [u8]>,
    count: u64,
    type_name: Option<&'a [u8]>,
}

impl<'a> Scan<'a> {
    fn parse(args: Args<'a>) -> Result<Self, CommandError> {
        let cursor = parse::cursor(args.at(1))?;
        let mut scan = Self { cursor, pattern: None, count: 10, type_name: None };
        let mut words = args.from(2);
        while let Some(word) = words.next() {
            let value = words.next().ok_or(error::SYNTAX)?;
            if parse::is(word, "MATCH") {
                // `*` is left out because everything matches it.
                scan.pattern = Some(value).filter(|pattern| *pattern != b"*");
            } else if parse::is(word, "COUNT") {
                let count = parse::integer(value)?;
                scan.count = u64::try_from(count).unwrap_or(0);
                if scan.count == 0 {
                    return Err(error::SYNTAX);
                }
            } else if parse::is(word, "TYPE") {
                scan.type_name = Some(value);
            } else {
                return Err(error::SYNTAX);
            }
        }
        Ok(scan)
    }

    fn wants(&self, entry: &crate::keyspace::Entry) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, entry.key()))
            && self.type_name.is_none_or(|name| parse::is(name, entry.type_name()))
    }
}

/// SCAN.
///
/// # Errors
/// A bad cursor or bad options; [`CommandError::Busy`] when another loop holds the first shard.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let scan = Scan::parse(ctx.args)?;
    let (mut found, mut items) = (0, Vec::new());
    let mut list = Reply::new(&mut items, ctx.reply.protocol());
    let (mut met, mut visited) = (0, 0);
    let mut cursor = scan.cursor;
    loop {
        let (shard, position) = (cursor as u8, cursor >> 8);
        let next = ctx.keys.scan(shard, position, |entry| {
            met += 1;
            if scan.wants(entry) {
                found += 1;
                list.bulk(entry.key());
            }
        });
        cursor = match next {
            Ok(next) => after(shard, next),
            // What was seen already is returned; the next call goes on at the shard that is held.
            Err(CommandError::Busy) if visited > 0 => break,
            Err(error) => return Err(error),
        };
        at_step(visited as usize, ctx.tick)?;
        visited += 1;
        if cursor == 0 || met >= scan.count || visited >= scan.count.saturating_mul(BUCKETS_PER_KEY)
        {
            break;
        }
    }
    ctx.reply.array(2);
    ctx.reply.bulk_int(cursor as i64);
    ctx.reply.array(found);
    ctx.reply.raw(&items);
    Ok(())
}

/// The cursor behind `position` of a shard; a position of 0 means that the shard is done.
fn after(shard: u8, position: u64) -> u64 {
    match (position, shard.checked_add(1)) {
        (0, None) => 0,
        (0, Some(next)) => u64::from(next),
        _ => (position << 8) | u64::from(shard),
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};
    use std::collections::BTreeSet;

    /// Runs a whole scan; returns the keys, whether any came twice, and the number of calls.
    fn scan(bench: &mut Bench, options: &str) -> (BTreeSet<String>, usize) {
        let (mut keys, mut calls, mut cursor) = (BTreeSet::new(), 0, "0".to_owned());
        loop {
            let reply = bench.run(&format!("SCAN {cursor} {options}")).0;
            let (next, list) = reply
                .strip_prefix("[\"")
                .and_then(|rest| rest.strip_suffix("]]"))
                .and_then(|rest| rest.split_once("\", ["))
                .expect("a cursor and a list");
            keys.extend(list.split(", ").filter(|key| !key.is_empty()).map(str::to_owned));
            assert!(next.parse::<u64>().expect("a cursor is a number") < 1 << 53);
            calls += 1;
            if next == "0" {
                return (keys, calls);
            }
            cursor = next.to_owned();
        }
    }

    #[test]
    fn returns_everything() {
        for (size, options) in
            [(0, ""), (10, ""), (1_000, ""), (1_000, "COUNT 1"), (50, "COUNT 999999")]
        {
            let mut bench = Bench::new();
            (0..size).for_each(|i| bench.check(&format!("SET key:{i} v => +OK")));
            assert_eq!(scan(&mut bench, options).0.len(), size, "{size} {options}");
        }
    }

    #[test]
    fn few_keys_take_few_calls() {
        let mut bench = Bench::new();
        (0..8).for_each(|i| bench.check(&format!("SET key:{i} v => +OK")));
        assert_eq!(scan(&mut bench, "").1, 1);
        assert!(scan(&mut bench, "COUNT 1").1 > 1);
    }

    #[test]
    fn filters() {
        let mut bench = Bench::new();
        (0..100).for_each(|i| bench.check(&format!("SET key:{i} v => +OK")));
        assert_eq!(scan(&mut bench, "MATCH key:1?").0.len(), 10);
        assert_eq!(scan(&mut bench, "MATCH *").0.len(), 100);
        assert_eq!(scan(&mut bench, "TYPE STRING COUNT 7").0.len(), 100);
        assert_eq!(scan(&mut bench, "TYPE list").0.len(), 0);
    }

    #[test]
    fn dead_keys_are_removed_on_the_way() {
        let mut bench = Bench::new();
        bench.check("SET k v PX 5 => +OK");
        bench.now_ms += 5;
        bench.check("SCAN 0 COUNT 1000 => [\"0\", []] ~ DEL k");
    }

    #[test]
    fn bad_words() {
        check(
            r#"
            SCAN x => -ERR invalid cursor
            SCAN -1 => ["0", []]
            SCAN "" COUNT 100000 => ["0", []]
            SCAN 0 COUNT 0 => -ERR syntax error
            SCAN 0 COUNT -5 => -ERR syntax error
            SCAN 0 COUNT x => -ERR value is not an integer or out of range
            SCAN 0 COUNT => -ERR syntax error
            SCAN 0 FOO bar => -ERR syntax error
            SCAN 18446744073709551615 COUNT 100000 => ["0", []]
            "#,
        );
    }
}
