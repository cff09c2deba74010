//! MEMORY USAGE key [SAMPLES count]: the bytes that a key and its value take, estimated from a few
//! of its elements; 0 samples mean all of them.

use crate::commands::Ctx;
use crate::error::{self, CommandError};
use crate::keyspace::{Entry, ValueRef};
use crate::parse;
use crate::types::Object;
use crate::types::stream::{Consumer, Group, Id, Pending};

const SAMPLES: usize = 5;
/// What an entry takes in its table, at the usual filling.
const PLACE: usize = 12;
/// What an element takes beside its bytes.
const ELEMENT: usize = 4;
const MEMBER: usize = 16;
/// What a consumer group, a consumer and an entry given out to one take.
const GROUP: usize = size_of::<Group>();
const CONSUMER: usize = size_of::<Consumer>();
const PENDING: usize = size_of::<Pending>() + size_of::<Id>();

/// MEMORY USAGE.
///
/// # Errors
/// Bad options.
pub fn usage(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let mut samples = SAMPLES;
    let mut words = ctx.args.from(3);
    while let Some(word) = words.next() {
        if !parse::is(word, "SAMPLES") {
            return Err(error::SYNTAX);
        }
        let count = parse::integer(words.next().ok_or(error::SYNTAX)?)?;
        samples = match usize::try_from(count).map_err(|_| error::SYNTAX)? {
            0 => usize::MAX,
            count => count,
        };
    }
    match ctx.keys.look(ctx.args.at(2)).map(|entry| bytes(entry, samples)) {
        Some(bytes) => ctx.reply.int(bytes as i64),
        None => ctx.reply.null(),
    }
    Ok(())
}

fn bytes(entry: &Entry, samples: usize) -> usize {
    let value = match entry.value() {
        ValueRef::Bytes(_) | ValueRef::Integer(_) => 0,
        ValueRef::Object(object) => size_of::<Object>() + of_object(object, samples),
    };
    PLACE + entry.bytes() + value
}

fn of_object(object: &Object, samples: usize) -> usize {
    match object {
        Object::Bytes(bytes) => bytes.capacity(),
        Object::Pages(pages) => pages.len(),
        Object::List(list) => {
            scale(list.iter().map(|element| ELEMENT + element.len()), list.len(), samples)
        }
        Object::Set(set) => {
            let sizes = set.iter().map(|member| MEMBER + member.with(<[u8]>::len));
            scale(sizes, set.len(), samples)
        }
        Object::Hash(hash) => {
            let sizes = hash.iter().map(|(field, value)| MEMBER + field.len() + value.len());
            scale(sizes, hash.len(), samples)
        }
        Object::SortedSet(zset) => {
            let sizes = zset.iter().map(|(member, _)| MEMBER + ELEMENT + 8 + member.len());
            scale(sizes, zset.len(), samples)
        }
        Object::Stream(stream) => {
            let groups = stream.groups().iter().map(|group| {
                let consumers: usize =
                    group.consumers().iter().map(|one| CONSUMER + one.name().len()).sum();
                GROUP + group.name().len() + consumers + PENDING * group.pending().len()
            });
            stream.bytes() + groups.sum::<usize>()
        }
    }
}

/// The size of `len` elements, by the average of the first few.
fn scale(sizes: impl Iterator<Item = usize>, len: usize, samples: usize) -> usize {
    let (mut sum, mut seen) = (0, 0);
    for size in sizes.take(samples) {
        sum += size;
        seen += 1;
    }
    (sum * len).checked_div(seen).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Bench;

    #[test]
    fn grows_with_the_value() {
        let mut bench = Bench::new();
        bench.check("MEMORY USAGE none => nil");
        let mut usage = |line: &str| {
            bench.run(line);
            let (reply, _) = bench.run("MEMORY USAGE k SAMPLES 0");
            reply[1..].parse::<usize>().expect("a number")
        };
        let one = usage("RPUSH k a");
        assert!((40..200).contains(&one), "{one}");
        assert!(usage(&format!("RPUSH k {}", "x".repeat(5000))) > 5000);
        bench.check("MEMORY USAGE k SAMPLES -1 => -ERR syntax error");
    }
}
