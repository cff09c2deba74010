//! HRANDFIELD key [count [WITHVALUES]]: fields chosen at random; a negative count may repeat them.

use crate::commands::Ctx;
use crate::commands::walk::{choose, sample_count};
use crate::error::{self, CommandError};
use crate::parse;
use crate::types::Hash;
use resp::Protocol;

/// HRANDFIELD.
///
/// # Errors
/// Bad options, or the value is no hash.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    if ctx.args.len() == 2 {
        let rng = &mut *ctx.rng;
        let hash = ctx.keys.get::<Hash>(ctx.args.at(1))?;
        let field = hash.and_then(|hash| hash.nth(rng.below(hash.len())));
        ctx.reply.bulk_or_null(field.map(|(field, _)| field));
        return Ok(());
    }
    let count = sample_count(ctx.args.at(2))?;
    let with_values = match ctx.args.find(3) {
        None => false,
        Some(word) if ctx.args.len() == 4 && parse::is(word, "WITHVALUES") => true,
        Some(_) => return Err(error::SYNTAX),
    };
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(error::OUT_OF_RANGE);
    }
    let reply = &mut ctx.reply;
    let Some(hash) = ctx.keys.get::<Hash>(ctx.args.at(1))? else {
        reply.array(0);
        return Ok(());
    };
    let places = choose(ctx.rng, hash.len(), count);
    let nested = with_values && reply.protocol() == Protocol::Three;
    let flat = with_values && !nested;
    reply.array(if flat { places.len() * 2 } else { places.len() });
    for (field, value) in places.into_iter().filter_map(|place| hash.nth(place)) {
        if nested {
            reply.array(2);
        }
        reply.bulk(field);
        if with_values {
            reply.bulk(value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn edges() {
        check(
            r#"
            HRANDFIELD none => nil
            HRANDFIELD none 3 => []
            HSET h a 1 => :1
            HRANDFIELD h => "a"
            HRANDFIELD h 3 => ["a"]
            HRANDFIELD h 0 => []
            HRANDFIELD h -2 => ["a", "a"]
            HRANDFIELD h -2 WITHVALUES => ["a", "1", "a", "1"]
            HRANDFIELD h 2 withvalues => ["a", "1"]
            HRANDFIELD h x => -ERR value is not an integer or out of range
            HRANDFIELD h 1 VALUES => -ERR syntax error
            HRANDFIELD h 1 WITHVALUES 2 => -ERR syntax error
            HRANDFIELD h -9223372036854775807 WITHVALUES => -ERR value is out of range
            "#,
        );
    }

    #[test]
    fn a_positive_count_repeats_nothing() {
        let mut bench = Bench::new();
        bench.check("HSET h a 1 b 2 c 3 d 4 e 5 f 6 g 7 h 8 i 9 => :9");
        for count in 0..11 {
            let (reply, _) = bench.run(&format!("HRANDFIELD h {count}"));
            let seen: std::collections::BTreeSet<_> = reply.matches(char::is_alphabetic).collect();
            assert_eq!(seen.len(), count.min(9), "{reply}");
        }
    }
}
