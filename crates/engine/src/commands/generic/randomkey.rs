//! RANDOMKEY
//!
//! A living key, each with about the same chance; null when the database is empty.

use crate::commands::Ctx;
use crate::error::CommandError;

/// After meeting this many dead keys that may not be removed here, a dead one is returned: on a
/// replica all keys may be dead.
const TRIES: u32 = 100;

/// RANDOMKEY.
///
/// # Errors
/// [`CommandError::Busy`] when another loop holds a shard.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let mut tries = 0;
    let key = loop {
        let Some((key, alive)) = draw(ctx)? else { break None };
        tries += 1;
        if alive || (tries >= TRIES && !ctx.keys.moment.may_expire) {
            break Some(key);
        }
    };
    ctx.reply.bulk_or_null(key.as_deref());
    Ok(())
}

/// A key of a shard chosen by its share of all keys.
fn draw(ctx: &mut Ctx<'_>) -> Result<Option<(Vec<u8>, bool)>, CommandError> {
    let mut sizes = [0usize; crate::keyspace::SHARDS];
    for (id, size) in sizes.iter_mut().enumerate() {
        *size = ctx.keys.shard_len(id as u8)?;
    }
    let total: usize = sizes.iter().sum();
    if total == 0 {
        return Ok(None);
    }
    let mut ticket = ctx.rng.below(total);
    for (id, size) in sizes.iter().enumerate() {
        if ticket < *size {
            return ctx.keys.random_in(id as u8, |bound| ctx.rng.below(bound));
        }
        ticket -= size;
    }
    unreachable!("the ticket is below the sum of the sizes")
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;
    use std::collections::BTreeMap;

    #[test]
    fn every_living_key_has_a_chance() {
        let mut bench = Bench::new();
        bench.check("RANDOMKEY => nil");
        for i in 0..20 {
            bench.check(&format!("SET k{i} v => +OK"));
            bench.check(&format!("SET dead{i} v PX 5 => +OK"));
        }
        bench.now_ms += 5;
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..2_000 {
            *seen.entry(bench.run("RANDOMKEY").0).or_default() += 1;
        }
        assert_eq!(seen.len(), 20, "{seen:?}");
        assert!(seen.values().all(|&n| n > 40), "{seen:?}");
    }

    #[test]
    fn dead_keys_are_removed_on_the_way() {
        let mut bench = Bench::new();
        bench.check("SET k v PX 5 => +OK");
        bench.now_ms += 5;
        bench.check("RANDOMKEY => nil ~ DEL k");
    }
}
