//! HSCAN key cursor [MATCH pattern] [COUNT count]: some fields with their values, and where to go
//! on.

use crate::commands::Ctx;
use crate::commands::walk::{Cursor, Filter};
use crate::error::CommandError;
use crate::types::Hash;

/// HSCAN.
///
/// # Errors
/// A bad cursor or option, or the value is no hash.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let cursor = Cursor::parse(ctx.args.at(2))?;
    let Some(hash) = ctx.keys.get::<Hash>(ctx.args.at(1))? else {
        cursor.reply_missing(&mut ctx.reply);
        return Ok(());
    };
    let filter = Filter::parse(ctx.args, 3)?;
    let mut matches = 0;
    let next = hash.scan(cursor.0, filter.count, |field, _| {
        matches += usize::from(filter.accepts(field));
    });
    let reply = &mut ctx.reply;
    Cursor(next).reply_head(reply, 2 * matches);
    hash.scan(cursor.0, filter.count, |field, value| {
        if filter.accepts(field) {
            reply.bulk(field);
            reply.bulk(value);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn scans() {
        check(
            r#"
            HSCAN none 0 => ["0", []]
            HSET h a 1 b 2 ab 3 => :3
            HSCAN h 0 => ["0", ["a", "1", "b", "2", "ab", "3"]]
            HSCAN h 0 MATCH a* COUNT 1 => ["0", ["a", "1", "ab", "3"]]
            HSCAN h 0 MATCH => -ERR syntax error
            HSCAN h x => -ERR invalid cursor
            "#,
        );
        let mut bench = Bench::new();
        let fields: Vec<_> = (0..600).map(|i| format!("f{i} v")).collect();
        bench.check(&format!("HSET h {} => :600", fields.join(" ")));
        let (seen, calls) = scan_all(&mut bench, "HSCAN h", 150);
        assert!(seen == 600 && (2..=4).contains(&calls), "{seen} {calls}");
    }

    /// Goes through all of it; returns what was seen and the number of calls.
    fn scan_all(bench: &mut Bench, scan: &str, count: usize) -> (usize, usize) {
        let (mut cursor, mut seen, mut calls) = ("0".to_owned(), 0, 0);
        loop {
            let (reply, _) = bench.run(&format!("{scan} {cursor} COUNT {count}"));
            let mut words = reply.split('"').skip(1).step_by(2);
            cursor = words.next().expect("a cursor comes first").to_owned();
            (seen, calls) = (seen + words.count() / 2, calls + 1);
            if cursor == "0" {
                return (seen, calls);
            }
        }
    }
}
