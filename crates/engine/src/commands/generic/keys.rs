//! KEYS pattern
//!
//! All keys of the database that match a glob pattern, in no order. Visits one shard after the
//! other while others go on: a key that is renamed meanwhile can be missing. Inside EXEC and
//! scripts nothing goes on meanwhile.

use crate::commands::Ctx;
use crate::error::CommandError;
use crate::glob;
use resp::Reply;

/// KEYS.
///
/// # Errors
/// None but what the tick says.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let pattern = ctx.args.at(1);
    let (mut found, mut items) = (0, Vec::new());
    let mut list = Reply::new(&mut items, ctx.reply.protocol());
    ctx.keys.each(ctx.tick, |entry| {
        if glob::matches(pattern, entry.key()) {
            found += 1;
            list.bulk(entry.key());
        }
    })?;
    ctx.reply.array(found);
    ctx.reply.raw(&items);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;

    #[test]
    fn finds_living_keys_by_pattern() {
        let mut bench = Bench::new();
        bench.check("KEYS * => []");
        bench.check("MSET one 1 two 2 three 3 => +OK");
        bench.check("SET dead 1 PX 5 => +OK");
        bench.now_ms += 5;
        let mut sorted = |pattern: &str| {
            let reply = bench.run(&format!("KEYS {pattern}")).0;
            let mut keys: Vec<_> =
                reply.trim_matches(['[', ']']).split(", ").map(str::to_owned).collect();
            keys.sort();
            keys.join(" ")
        };
        assert_eq!(sorted("*"), r#""one" "three" "two""#);
        assert_eq!(sorted("t*"), r#""three" "two""#);
        assert_eq!(sorted("one"), r#""one""#);
        assert_eq!(sorted("dead"), "");
    }
}
