//! SRANDMEMBER key [count]: members chosen at random; a negative count may repeat them.

use crate::commands::Ctx;
use crate::commands::walk::{choose, sample_count};
use crate::error::{self, CommandError};
use crate::types::Set;

/// SRANDMEMBER.
///
/// # Errors
/// The value is no set, or the count no number.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let count = match ctx.args.len() {
        2 => None,
        3 => Some(sample_count(ctx.args.at(2))?),
        _ => return Err(error::SYNTAX),
    };
    let (rng, reply) = (&mut *ctx.rng, &mut ctx.reply);
    let set = ctx.keys.get::<Set>(ctx.args.at(1))?;
    match (set, count) {
        (None, None) => reply.null(),
        (None, Some(_)) => reply.array(0),
        (Some(set), None) => {
            if let Some(member) = set.random(rng) {
                member.with(|bytes| reply.bulk(bytes));
            }
        }
        (Some(set), Some(count)) => {
            let places = choose(rng, set.len(), count);
            reply.array(places.len());
            for place in places {
                set.nth(place).with(|bytes| reply.bulk(bytes));
            }
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
            SRANDMEMBER none => nil
            SRANDMEMBER none 5 => []
            SRANDMEMBER none -5 => []
            SADD s a => :1
            SRANDMEMBER s => "a" ~
            SRANDMEMBER s 0 => []
            SRANDMEMBER s -3 => ["a", "a", "a"]
            SRANDMEMBER s 3 => ["a"]
            SRANDMEMBER s x => -ERR value is not an integer or out of range
            SRANDMEMBER s 1 2 => -ERR syntax error
            "#,
        );
        check(concat!(
            "SRANDMEMBER s -9223372036854775808 => -ERR value is out of range, value must between ",
            "-9223372036854775807 and 9223372036854775807",
        ));
    }

    #[test]
    fn a_positive_count_repeats_nothing() {
        let mut bench = Bench::new();
        bench.check("SADD s a b c d e f g h i j => :10");
        for count in 0..12 {
            let (reply, _) = bench.run(&format!("SRANDMEMBER s {count}"));
            let seen: std::collections::BTreeSet<_> = reply.matches(char::is_alphabetic).collect();
            assert_eq!(seen.len(), count.min(10), "{reply}");
        }
    }
}
