//! BITOP AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE destination key [key ...]: strings
//! combined bit by bit, short ones continued with zeros.
//!
//! DIFF has the bits of the first string that no other has, DIFF1 those of the others that the
//! first does not have, ANDOR those of the first that some other has, ONE those that exactly one
//! has. A long result is made in blocks, for each of which all strings are visited: so none is
//! copied, and blocks of zeros take no memory.

use crate::commands::Ctx;
use crate::commands::view::{Pace, View};
use crate::error::{self, CommandError};
use crate::keyspace::entry::INLINE_BYTES_MAX;
use crate::keyspace::{Keys, Text, Ttl, Value};
use crate::parse;
use crate::types::Object;
use catalog::events::Classes;
use smallvec::SmallVec;

/// Bytes of the result that are made at a time.
const BLOCK_BYTES: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
    Diff,
    Diff1,
    AndOr,
    One,
}

impl Operation {
    const NAMES: [(&'static str, Self); 8] = [
        ("AND", Self::And),
        ("OR", Self::Or),
        ("XOR", Self::Xor),
        ("NOT", Self::Not),
        ("DIFF", Self::Diff),
        ("DIFF1", Self::Diff1),
        ("ANDOR", Self::AndOr),
        ("ONE", Self::One),
    ];

    fn parse(word: &[u8], sources: usize) -> Result<Self, CommandError> {
        let found = Self::NAMES.iter().find(|(name, _)| parse::is(word, name));
        let &(name, operation) = found.ok_or(error::SYNTAX)?;
        match operation {
            Self::Not if sources != 1 => Err(error::BITOP_NOT_OF_MANY),
            Self::Diff | Self::Diff1 | Self::AndOr if sources < 2 => {
                Err(error::bitop_needs_two(name))
            }
            _ => Ok(operation),
        }
    }
}

/// A block of the result while strings are added to it.
struct Block {
    operation: Operation,
    /// The first string, or the result so far.
    bits: Buffer,
    /// What any string but the first has; of ONE, what more than one has.
    others: Buffer,
    /// A string on its way.
    next: Buffer,
}

type Buffer = SmallVec<[u8; 128]>;

impl Block {
    fn new(operation: Operation) -> Self {
        let empty = SmallVec::new;
        Self { operation, bits: empty(), others: empty(), next: empty() }
    }

    /// Makes it `len` bytes long; new ones are zeros.
    fn resize(&mut self, len: usize) {
        if self.bits.len() != len {
            self.bits.resize(len, 0);
            self.others.resize(len, 0);
            self.next.resize(len, 0);
        }
    }

    /// Adds the part of a string that begins at `start`.
    fn add(&mut self, number: usize, text: Option<Text<'_>>, start: usize) {
        let Self { operation, bits, others, next } = self;
        let buffer = if number == 0 { &mut *bits } else { &mut *next };
        match text {
            Some(text) => View::of(text).read(start, buffer),
            None => buffer.fill(0),
        }
        if number == 0 {
            others.fill(0);
            return;
        }
        match operation {
            Operation::And => each(bits, next, |bits, next| bits & next),
            Operation::Or => each(bits, next, |bits, next| bits | next),
            Operation::Xor => each(bits, next, |bits, next| bits ^ next),
            Operation::Diff | Operation::Diff1 | Operation::AndOr => {
                each(others, next, |others, next| others | next);
            }
            Operation::One => {
                for ((bits, others), next) in bits.iter_mut().zip(others).zip(next) {
                    *others |= *bits & *next;
                    *bits |= *next;
                }
            }
            Operation::Not => unreachable!("NOT is of one string"),
        }
    }

    /// The bytes of the result.
    fn finish(&mut self) -> &[u8] {
        let Self { operation, bits, others, .. } = self;
        match operation {
            Operation::And | Operation::Or | Operation::Xor => {}
            Operation::Not => bits.iter_mut().for_each(|bits| *bits = !*bits),
            Operation::Diff | Operation::One => each(bits, others, |bits, others| bits & !others),
            Operation::Diff1 => each(bits, others, |bits, others| !bits & others),
            Operation::AndOr => each(bits, others, |bits, others| bits & others),
        }
        bits
    }
}

fn each(to: &mut [u8], from: &[u8], combine: impl Fn(u8, u8) -> u8) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = combine(*to, *from));
}

/// BITOP.
///
/// # Errors
/// No such operation, too few or too many strings, or a value is no string.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let operation = Operation::parse(ctx.args.at(1), ctx.args.len() - 3)?;
    let target = ctx.args.at(2);
    let (mut len, mut block) = (0, Block::new(operation));
    for (number, key) in ctx.args.from(3).enumerate() {
        let text = ctx.keys.text(key)?;
        len = len.max(text.as_ref().map_or(0, Text::len));
        if len <= BLOCK_BYTES {
            block.resize(len);
            block.add(number, text, 0);
        }
    }
    if len > 0 {
        if len <= BLOCK_BYTES {
            store_short(&mut ctx.keys, target, block.finish());
        } else {
            let result = combine(ctx, &mut block, len)?;
            ctx.keys.set(target, Value::Object(Box::new(result)), Ttl::Clear);
        }
        ctx.keys.event(Classes::STRING, "set", target);
        ctx.propagate_verbatim();
    } else if ctx.keys.remove(target) {
        ctx.keys.event(Classes::GENERIC, "del", target);
        ctx.propagate_verbatim();
    }
    ctx.reply.int(len as i64);
    Ok(())
}

/// A result of more than one block.
fn combine(ctx: &mut Ctx<'_>, block: &mut Block, len: usize) -> Result<Object, CommandError> {
    let (mut result, mut pace) = (Object::Bytes(Vec::new()), Pace::default());
    for start in (0..len).step_by(BLOCK_BYTES) {
        block.resize(BLOCK_BYTES.min(len - start));
        for (number, key) in ctx.args.from(3).enumerate() {
            pace.spend(block.bits.len(), ctx.tick)?;
            block.add(number, ctx.keys.text_quietly(key)?, start);
        }
        result.write(start, block.finish());
    }
    Ok(result)
}

fn store_short(keys: &mut Keys<'_>, key: &[u8], result: &[u8]) {
    keys.set(key, Value::bytes(result), Ttl::Clear);
    if result.len() <= INLINE_BYTES_MAX {
        keys.mark_raw(key);
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn combines() {
        check(
            r#"
            SET a "\x0f\xff" => +OK
            SET b "\x33" => +OK
            BITOP AND d a b => :2 ~ BITOP AND d a b
            GETRANGE d 0 0 => "\u{3}"
            BITCOUNT d => :2
            BITOP or d a b none => :2
            BITCOUNT d => :14
            BITOP XOR d a b => :2
            BITCOUNT d 0 0 => :4
            BITOP NOT d a => :2
            BITPOS d 1 => :0
            BITCOUNT d => :4
            BITOP DIFF d a b => :2
            BITCOUNT d => :10
            BITOP DIFF1 d a b => :2
            BITCOUNT d => :2
            BITOP ANDOR d a b none => :2
            BITCOUNT d => :2
            BITOP ONE d a b a => :2
            BITCOUNT d => :2
            BITOP ONE d b => :1
            BITCOUNT d => :4
            OBJECT ENCODING d => "raw"
            SET n 5 => +OK
            BITOP OR d n => :1
            GET d => "5"
            EXPIRE d 10 => :1
            BITOP OR d n => :1
            TTL d => :-1
            BITOP OR d none => :0 ~ BITOP OR d none
            BITOP OR d none => :0 ~
            BITOP NOT d a b => -ERR BITOP NOT must be called with a single source key.
            BITOP DIFF d a => -ERR BITOP DIFF must be called with at least two source keys.
            BITOP andor d a => -ERR BITOP ANDOR must be called with at least two source keys.
            BITOP FOO d a => -ERR syntax error
            RPUSH l x => :1
            BITOP OR d a l => -WRONGTYPE Operation against a key holding the wrong kind of value
            BITOP OR l a => :2
            TYPE l => +string
            "#,
        );
    }

    #[test]
    fn combines_pages_and_short_strings() {
        let mut bench = Bench::new();
        bench.check("SETBIT a 2000000 1 => :0");
        bench.check("SETBIT a 7 1 => :0");
        bench.check("SETBIT b 1700000 1 => :0");
        bench.check("SETBIT c 7 1 => :0");
        bench.check("BITOP OR d a b c => :250001");
        bench.check("BITCOUNT d => :3");
        bench.check("BITOP XOR d d a => :250001");
        bench.check("BITPOS d 1 => :1700000");
        bench.check("BITOP NOT d a => :250001");
        bench.check("BITCOUNT d => :2000006");
    }
}
