//! BITCOUNT key [start end [BYTE | BIT]]: how many bits of a string are set.

use super::range::{Bits, Unit};
use crate::commands::Ctx;
use crate::commands::view::{Pace, View};
use crate::error::{self, CommandError};
use crate::parse;
use crate::tick::Tick;

/// BITCOUNT.
///
/// # Errors
/// The value is no string, or the ends are no places.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (args, tick) = (ctx.args, &mut *ctx.tick);
    let Some(text) = ctx.keys.text(args.at(1))? else {
        ctx.reply.int(0);
        return Ok(());
    };
    let view = View::of(text);
    let bits = match args.len() {
        2 => Bits::between(0, -1, Unit::Byte, view.len()),
        4 | 5 => {
            let (start, end) = (parse::integer(args.at(2))?, parse::integer(args.at(3))?);
            // Redis: two negative places in the wrong order are empty, whatever the unit.
            let wrong = start < 0 && end < 0 && start > end;
            let unit = if wrong { Unit::Byte } else { Unit::parse(args.find(4))? };
            if wrong { None } else { Bits::between(start, end, unit, view.len()) }
        }
        _ => return Err(error::SYNTAX),
    };
    let count = bits.map_or(Ok(0), |bits| count(&view, bits, tick))?;
    ctx.reply.int(count as i64);
    Ok(())
}

fn count(view: &View<'_>, bits: Bits, tick: &mut dyn Tick) -> Result<u64, CommandError> {
    let (first, last) = (bits.first_byte(), bits.last_byte());
    let (mut count, mut pace) = (0, Pace::default());
    for piece in view.pieces(first, last + 1) {
        pace.spend(piece.len(), tick)?;
        count += ones(piece);
    }
    let mut ends = [first, last];
    let ends = if first == last { &mut ends[..1] } else { &mut ends[..] };
    for &mut byte in ends {
        let mut outside = [0];
        view.read(byte, &mut outside);
        count -= u64::from((outside[0] & !bits.mask(byte)).count_ones());
    }
    Ok(count)
}

fn ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()));
    words.sum::<u64>() + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn counts() {
        check(
            r#"
            BITCOUNT none => :0
            BITCOUNT none 0 => :0
            SET k foobar => +OK
            BITCOUNT k => :26
            BITCOUNT k 0 0 => :4
            BITCOUNT k 1 1 => :6
            BITCOUNT k 1 1 BYTE => :6
            BITCOUNT k 5 30 BIT => :17
            BITCOUNT k -8 -1 bit => :4
            BITCOUNT k -1 -2 => :0
            BITCOUNT k -2 -9 => :0
            BITCOUNT k -2 -9 x => :0
            BITCOUNT k 3 -9 => :0
            BITCOUNT k 100 200 => :0
            BITCOUNT k 9223372036854775807 -9223372036854775808 => :0
            SET n 111 => +OK
            BITCOUNT n => :9
            BITCOUNT k 0 => -ERR syntax error
            BITCOUNT k 0 1 BITS => -ERR syntax error
            BITCOUNT k a b => -ERR value is not an integer or out of range
            RPUSH l x => :1
            BITCOUNT l => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn counts_in_pages() {
        let mut bench = Bench::new();
        bench.check("SETBIT k 100000 1 => :0");
        bench.check("SETBIT k 99999 1 => :0");
        bench.check("SETBIT k 1 1 => :0");
        bench.check("BITCOUNT k => :3");
        bench.check("BITCOUNT k 100000 100000 BIT => :1");
        bench.check("BITCOUNT k 2 99999 BIT => :1");
    }
}
