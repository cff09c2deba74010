//! RANDOMKEY
//!
//! A living key, each with about the same chance; null when the database is empty.

use crate::commands::Ctx;
use crate::error::CommandError;
use crate::keyspace::SHARDS;

/// Shards among which one is drawn by its size: of all together nobody keeps count.
const LOOKED_AT: usize = 4;
/// After meeting this many dead keys, the shards are searched for one that lives.
const TRIES: u32 = 100;

/// RANDOMKEY.
///
/// # Errors
/// [`CommandError::Busy`] when another loop holds a shard.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    for _ in 0..TRIES {
        let near = draw_shard(ctx, LOOKED_AT)?;
        let Some(id) = near.map_or_else(|| draw_shard(ctx, SHARDS), |id| Ok(Some(id)))? else {
            break;
        };
        let drawn = ctx.keys.random_in(id, |bound| ctx.rng.below(bound))?;
        match drawn {
            Some((key, true)) => {
                ctx.reply.bulk(&key);
                return Ok(());
            }
            Some((key, false)) => ctx.keys.expire_in(id, &key),
            None => {}
        }
    }
    let start = ctx.rng.below(SHARDS);
    for step in 0..SHARDS {
        if let Some(key) = ctx.keys.living_in(((start + step) % SHARDS) as u8)? {
            ctx.reply.bulk(&key);
            return Ok(());
        }
    }
    ctx.reply.null();
    Ok(())
}

/// A shard among `count` in a row, each with the chance of its share of their keys.
fn draw_shard(ctx: &mut Ctx<'_>, count: usize) -> Result<Option<u8>, CommandError> {
    let first = ctx.rng.below(SHARDS);
    let id = |step: usize| ((first + step) % SHARDS) as u8;
    let mut sizes = [0usize; SHARDS];
    let sizes = &mut sizes[..count];
    for (step, size) in sizes.iter_mut().enumerate() {
        *size = ctx.keys.shard_len(id(step))?;
    }
    let total: usize = sizes.iter().sum();
    if total == 0 {
        return Ok(None);
    }
    let mut ticket = ctx.rng.below(total);
    for (step, size) in sizes.iter().enumerate() {
        if ticket < *size {
            return Ok(Some(id(step)));
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
    fn dead_keys_that_are_met_go() {
        let mut bench = Bench::new();
        bench.check("SET a v PX 5 => +OK");
        bench.check("SET b v PX 5 => +OK");
        bench.now_ms += 5;
        let (reply, effects) = bench.run("RANDOMKEY");
        assert_eq!(reply, "nil");
        assert_eq!(effects.matches("DEL ").count(), 2, "{effects}");
    }

    #[test]
    fn the_one_living_key_is_found_among_dead_ones() {
        let mut bench = Bench::new();
        for i in 0..300 {
            bench.check(&format!("SET dead{i} v PX 5 => +OK"));
        }
        bench.now_ms += 5;
        bench.check("RANDOMKEY => nil");
        bench.check("SET alive v => +OK");
        for _ in 0..20 {
            bench.check("RANDOMKEY => \"alive\"");
        }
    }
}
