//! SINTER, SUNION and SDIFF, their STORE forms and those that count.
//!
//! Only a union and what is stored are built: all else is members of the smallest set, or of the
//! first of a difference, that are looked up in the others.

use crate::commands::Ctx;
use crate::commands::hyperloglog::estimate::Counter;
use crate::error::{self, CommandError};
use crate::keyspace::{Keys, Ttl, Value};
use crate::parse;
use crate::tick::{Tick, at_step};
use crate::types::set::{Member, Seeker};
use crate::types::{Collection, Set};
use catalog::events::Classes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

/// SINTER key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sinter(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, Operation::Intersection)
}

/// SUNION key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sunion(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, Operation::Union)
}

/// SDIFF key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sdiff(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    reply(ctx, Operation::Difference)
}

/// SINTERSTORE destination key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sinterstore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    store(ctx, Operation::Intersection, "sinterstore")
}

/// SUNIONSTORE destination key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sunionstore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    store(ctx, Operation::Union, "sunionstore")
}

/// SDIFFSTORE destination key [key ...].
///
/// # Errors
/// A value is no set.
pub fn sdiffstore(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    store(ctx, Operation::Difference, "sdiffstore")
}

/// SINTERCARD numkeys key [key ...] [LIMIT limit].
///
/// # Errors
/// Bad numbers or options, or a value is no set.
pub fn sintercard(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    count(ctx, Operation::Intersection)
}

/// SUNIONCARD numkeys key [key ...] [APPROX] [LIMIT limit].
///
/// # Errors
/// As [`sintercard`].
pub fn sunioncard(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    count(ctx, Operation::Union)
}

/// SDIFFCARD numkeys key [key ...] [LIMIT limit].
///
/// # Errors
/// As [`sintercard`].
pub fn sdiffcard(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    count(ctx, Operation::Difference)
}

fn count(ctx: &mut Ctx<'_>, operation: Operation) -> Result<(), CommandError> {
    let keys = parse::positive(ctx.args.at(1)).map_err(|_| error::BAD_KEY_COUNT)?;
    if keys == 0 {
        return Err(error::BAD_KEY_COUNT);
    }
    if keys > ctx.args.len() - 2 {
        return Err(error::TOO_MANY_KEYS);
    }
    let (mut limit, mut approximates) = (0, false);
    let mut options = ctx.args.from(2 + keys);
    while let Some(word) = options.next() {
        if operation == Operation::Union && parse::is(word, "APPROX") {
            approximates = true;
            continue;
        }
        let value = options.next().filter(|_| parse::is(word, "LIMIT")).ok_or(error::SYNTAX)?;
        limit = parse::positive(value).map_err(|_| error::LIMIT_NEGATIVE)?;
    }
    let keys: Vec<&[u8]> = ctx.args.from(2).take(keys).collect();
    let limit = if limit == 0 { usize::MAX } else { limit };
    let mut len = 0;
    if approximates {
        len = approximate(ctx, &keys)?.min(limit);
    } else {
        let members = Members::read(&mut ctx.keys, &keys, operation, ctx.tick)?;
        members.visit(ctx.tick, |_| {
            len += 1;
            len < limit
        })?;
    }
    ctx.reply.int(len as i64);
    Ok(())
}

/// About how many members any set has, without a copy of them.
fn approximate(ctx: &mut Ctx<'_>, names: &[&[u8]]) -> Result<usize, CommandError> {
    let mut counter = Counter::default();
    for name in names {
        let Some(set) = ctx.keys.get::<Set>(name)? else { continue };
        for (number, member) in set.iter().enumerate() {
            at_step(number, ctx.tick)?;
            member.with(|bytes| counter.add(bytes));
        }
    }
    Ok(usize::try_from(counter.cardinality()).unwrap_or(usize::MAX))
}

fn reply(ctx: &mut Ctx<'_>, operation: Operation) -> Result<(), CommandError> {
    let names: Vec<&[u8]> = ctx.args.from(1).collect();
    let members = Members::read(&mut ctx.keys, &names, operation, ctx.tick)?;
    let mut result = Vec::new();
    members.visit(ctx.tick, |member| {
        result.push(member);
        true
    })?;
    ctx.reply.set(result.len());
    for (number, member) in result.iter().enumerate() {
        member.with(|bytes| ctx.reply.bulk(bytes));
        // Whoever has come so far goes on to the end.
        let _ = at_step(number, ctx.tick);
    }
    Ok(())
}

fn store(ctx: &mut Ctx<'_>, operation: Operation, event: &'static str) -> Result<(), CommandError> {
    let destination = ctx.args.at(1);
    let names: Vec<&[u8]> = ctx.args.from(2).collect();
    let members = Members::read(&mut ctx.keys, &names, operation, ctx.tick)?;
    let mut result = members.into_set(ctx.tick)?;
    result.compact();
    let len = result.len();
    let changed = if len == 0 {
        ctx.keys.remove(destination)
    } else {
        let value = Value::Object(Box::new(result.into_object()));
        ctx.keys.set(destination, value, Ttl::Clear);
        true
    };
    if len > 0 {
        ctx.keys.event(Classes::SET, event, destination);
    } else if changed {
        ctx.keys.event(Classes::GENERIC, "del", destination);
    }
    if changed {
        ctx.propagate_verbatim();
    }
    ctx.reply.int(len as i64);
    Ok(())
}

/// Where the members of a result are.
enum Members<'k> {
    /// In the first set, as far as each of the others has them (`present`), or none has.
    Looked { first: &'k Set, others: Vec<&'k Set>, present: bool },
    /// In a set of their own.
    Built(Set),
}

impl<'k> Members<'k> {
    fn read(
        keys: &'k mut Keys<'_>,
        names: &[&[u8]],
        operation: Operation,
        tick: &mut dyn Tick,
    ) -> Result<Self, CommandError> {
        for name in names {
            keys.get::<Set>(name)?;
        }
        let mut sets: Vec<Option<&Set>> = names.iter().map(|name| keys.beside(name)).collect();
        match operation {
            Operation::Union => {
                // The largest is copied, which is faster than adding its members.
                sets.sort_by_key(|set| std::cmp::Reverse(set.map_or(0, Set::len)));
                let mut result = sets[0].cloned().unwrap_or_default();
                for set in sets[1..].iter().copied().flatten() {
                    for (number, member) in set.iter().enumerate() {
                        at_step(number, tick)?;
                        result.add(&member);
                    }
                }
                return Ok(Self::Built(result));
            }
            Operation::Intersection if sets.iter().any(Option::is_none) => return Ok(Self::none()),
            Operation::Intersection => sets.sort_by_key(|set| set.map_or(0, Set::len)),
            Operation::Difference => {}
        }
        let Some(first) = sets[0] else { return Ok(Self::none()) };
        let others = sets[1..].iter().copied().flatten().collect();
        Ok(Self::Looked { first, others, present: operation == Operation::Intersection })
    }

    fn none() -> Self {
        Self::Built(Set::default())
    }

    /// Shows each member until `more` is false.
    fn visit<'m>(
        &'m self,
        tick: &mut dyn Tick,
        mut more: impl FnMut(Member<'m>) -> bool,
    ) -> Result<(), CommandError> {
        self.judge(tick, |member, wanted| !wanted || more(member))
    }

    /// Shows each member of the first set, and whether it is one of the result's, until `more` is
    /// false.
    fn judge<'m>(
        &'m self,
        tick: &mut dyn Tick,
        mut more: impl FnMut(Member<'m>, bool) -> bool,
    ) -> Result<(), CommandError> {
        let (first, others, present): (_, &[&Set], _) = match self {
            Self::Looked { first, others, present } => (*first, others, *present),
            Self::Built(set) => (set, &[], true),
        };
        let mut others: Vec<Seeker<'_>> =
            others.iter().map(|set| Seeker::new(set, first)).collect();
        for (number, member) in first.iter().enumerate() {
            at_step(number, tick)?;
            let wanted = others.iter_mut().all(|set| set.has(&member) == present);
            if !more(member, wanted) {
                break;
            }
        }
        Ok(())
    }

    fn into_set(self, tick: &mut dyn Tick) -> Result<Set, CommandError> {
        let first = match self {
            Self::Built(set) => return Ok(set),
            Self::Looked { first, .. } => first,
        };
        let (mut members, mut others) = (Vec::new(), Vec::new());
        self.judge(tick, |member, wanted| {
            if wanted {
                members.push(member)
            } else {
                others.push(member)
            }
            true
        })?;
        // Whichever is less work: taking few out of a copy, or adding few to nothing.
        if others.len() < members.len() {
            let mut result = first.clone();
            for (number, member) in others.iter().enumerate() {
                at_step(number, tick)?;
                member.with(|bytes| result.remove(bytes));
            }
            return Ok(result);
        }
        let mut result = first.part(members.len());
        for (number, member) in members.iter().enumerate() {
            at_step(number, tick)?;
            result.add(member);
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};
    use std::collections::BTreeSet;

    #[test]
    fn dead_sets_are_none() {
        let mut bench = Bench::new();
        bench.check("SADD a 1 2 => :2");
        bench.check("SADD b 2 3 => :2");
        bench.check("PEXPIRE b 5 => :1");
        bench.check("SINTER a b => [\"2\"]");
        bench.now_ms += 5;
        bench.check("SINTER a b => []");
        bench.check("SINTERCARD 2 a b => :0");
        bench.check("SDIFF a b => [\"1\", \"2\"]");
        bench.check("SUNION b a b => [\"1\", \"2\"]");
    }

    #[test]
    fn combines() {
        check(
            r#"
            SADD a 1 2 3 4 => :4
            SADD b 3 4 5 x => :4
            SADD c 4 => :1
            SINTER a b => ["3", "4"]
            SINTER a b c => ["4"]
            SINTER a none => []
            SUNION a c none => ["1", "2", "3", "4"]
            SDIFF a b => ["1", "2"]
            SDIFF a b none c => ["1", "2"]
            SDIFF none a => []
            SDIFF a a => []
            SINTERSTORE d a b => :2 ~ SINTERSTORE d a b
            SMEMBERS d => ["3", "4"]
            SUNIONSTORE d a c => :4 ~ SUNIONSTORE d a c
            SDIFFSTORE d a b => :2 ~ SDIFFSTORE d a b
            SMEMBERS d => ["1", "2"]
            SINTERSTORE d a none => :0 ~ SINTERSTORE d a none
            SINTERSTORE d a none => :0 ~
            EXISTS d => :0
            SET k v => +OK
            SINTER none k => -WRONGTYPE Operation against a key holding the wrong kind of value
            SUNIONSTORE k a => :4
            TYPE k => +set
            "#,
        );
    }

    /// Sets of all forms and sizes, beside plain ones.
    #[test]
    fn agrees_with_plain_sets() {
        for seed in 0..60 {
            let mut rng = stdx::Rng::new(seed);
            let mut bench = Bench::new();
            let words = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(" ");
            let mut plain: Vec<BTreeSet<String>> = Vec::new();
            for name in ["a", "b", "c"] {
                let (len, letter) = ([3, 15, 60, 900][rng.below(4)], ["", "m"][rng.below(2)]);
                let one = |_| format!("{letter}{}", rng.below(2 * len));
                let all: BTreeSet<String> = (0..len).map(one).collect();
                bench.run(&format!("SADD {name} {}", words(&all)));
                plain.push(all);
            }
            let [a, b, c] = &plain[..] else { unreachable!("three were made") };
            for (command, want) in
                [("SINTER", &(a & b) & c), ("SDIFF", &(a - b) - c), ("SUNION", &(a | b) | c)]
            {
                let len = bench.run(&format!("{command}STORE to a b c")).0;
                assert_eq!(len, format!(":{}", want.len()), "{command}, seed {seed}");
                let card = bench.run(&format!("{command}CARD 3 a b c")).0;
                assert_eq!(card, len, "{command}, seed {seed}");
                for member in &want {
                    bench.check(&format!("SISMEMBER to {member} => :1"));
                }
                bench.run(&format!("SREM to none {}", words(&want)));
                bench.check("EXISTS to => :0");
                let listed = bench.run(&format!("{command} a b c")).0;
                assert_eq!(listed.matches('"').count(), 2 * want.len(), "{command}, seed {seed}");
            }
        }
    }

    #[test]
    fn counts() {
        check(
            r#"
            SADD a 1 2 3 4 => :4
            SADD b 2 3 4 x => :4
            SINTERCARD 2 a b => :3
            SINTERCARD 2 a b LIMIT 2 => :2
            SINTERCARD 2 a b LIMIT 0 => :3
            SINTERCARD 2 a none => :0
            SUNIONCARD 3 a b none => :5
            SUNIONCARD 2 a b LIMIT 3 => :3
            SUNIONCARD 2 a b LIMIT 9 approx => :5
            SUNIONCARD 1 none => :0
            SDIFFCARD 2 a b => :1
            SDIFFCARD 1 a LIMIT 2 => :2
            SDIFFCARD 2 none a => :0
            SDIFFCARD 1 a APPROX => -ERR syntax error
            SINTERCARD 1 a APPROX => -ERR syntax error
            SUNIONCARD 0 a => -ERR numkeys should be greater than 0
            SINTERCARD 0 a b => -ERR numkeys should be greater than 0
            SINTERCARD x a b => -ERR numkeys should be greater than 0
            SINTERCARD 3 a b => -ERR Number of keys can't be greater than number of args
            SINTERCARD 1 a b => -ERR syntax error
            SINTERCARD 1 a LIMIT => -ERR syntax error
            SINTERCARD 1 a LIMIT -1 => -ERR LIMIT can't be negative
            "#,
        );
    }
}
