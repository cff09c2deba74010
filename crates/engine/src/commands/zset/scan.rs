//! ZSCAN key cursor [MATCH pattern] [COUNT count]: some members with their scores, and where to go
//! on.

use crate::commands::Ctx;
use crate::commands::walk::{Cursor, Filter};
use crate::error::CommandError;
use crate::types::SortedSet;
use resp::double::Decimal;

/// ZSCAN.
///
/// # Errors
/// A bad cursor or option, or the value is no sorted set.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let cursor = Cursor::parse(ctx.args.at(2))?;
    let Some(zset) = ctx.keys.get::<SortedSet>(ctx.args.at(1))? else {
        cursor.reply_missing(&mut ctx.reply);
        return Ok(());
    };
    let filter = Filter::parse(ctx.args, 3)?;
    let mut matches = 0;
    let next = zset.scan(cursor.0, filter.count, |member, _| {
        matches += usize::from(filter.accepts(member));
    });
    let reply = &mut ctx.reply;
    Cursor(next).reply_head(reply, 2 * matches);
    zset.scan(cursor.0, filter.count, |member, score| {
        if filter.accepts(member) {
            reply.bulk(member);
            reply.bulk(Decimal::new().format(score).as_bytes());
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
            ZSCAN none 0 => ["0", []]
            ZADD z 1 a 2.5 b => :2
            ZSCAN z 0 => ["0", ["a", "1", "b", "2.5"]]
            ZSCAN z 0 MATCH b => ["0", ["b", "2.5"]]
            ZSCAN z 0 COUNT 0 => -ERR syntax error
            ZSCAN z x => -ERR invalid cursor
            "#,
        );
        let mut bench = Bench::new();
        let pairs: Vec<_> = (0..200).map(|i| format!("{i} m{i}")).collect();
        bench.check(&format!("ZADD z {} => :200", pairs.join(" ")));
        let (reply, _) = bench.run("ZSCAN z 0 COUNT 150");
        let members = reply.matches('m').count();
        assert!((150..200).contains(&members) && !reply.starts_with("[\"0\""), "{reply}");
    }
}
