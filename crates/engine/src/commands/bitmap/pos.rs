//! BITPOS key bit [start [end [BYTE | BIT]]]: where the first bit that is set or clear is.
//!
//! A string without an end that was asked for goes on with zeros: whoever looks for a clear bit in
//! a string of ones finds it behind the last one.

use super::range::{Bits, Unit};
use crate::commands::Ctx;
use crate::commands::view::{Pace, View};
use crate::error::{self, CommandError};
use crate::parse;
use crate::tick::Tick;

/// BITPOS.
///
/// # Errors
/// The value is no string, the bit is no bit, or the ends are no places.
pub fn run(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let (args, tick) = (ctx.args, &mut *ctx.tick);
    let wanted = match parse::integer(args.at(2))? {
        0 => false,
        1 => true,
        _ => return Err(error::BIT_NOT_0_OR_1),
    };
    let Some(text) = ctx.keys.text(args.at(1))? else {
        ctx.reply.int(if wanted { -1 } else { 0 });
        return Ok(());
    };
    if args.len() > 6 {
        return Err(error::SYNTAX);
    }
    let view = View::of(text);
    let start = args.find(3).map_or(Ok(0), parse::integer)?;
    let unit = Unit::parse(args.find(5))?;
    let end = args.find(4).map(parse::integer).transpose()?;
    let place = match Bits::between(start, end.unwrap_or(-1), unit, view.len()) {
        None => None,
        Some(bits) => match find(&view, bits, wanted, tick)? {
            None if !wanted && end.is_none() => Some(bits.last + 1),
            found => found,
        },
    };
    ctx.reply.int(place.map_or(-1, |place| place as i64));
    Ok(())
}

fn find(
    view: &View<'_>,
    bits: Bits,
    wanted: bool,
    tick: &mut dyn Tick,
) -> Result<Option<u64>, CommandError> {
    // With its bits turned over, a byte is searched for a one in either case.
    let flip = if wanted { 0 } else { 0xff };
    let (mut base, mut pace) = (bits.first_byte(), Pace::default());
    for piece in view.pieces(base, bits.last_byte() + 1) {
        pace.spend(piece.len(), tick)?;
        let mut at = skip(piece, 0, flip);
        while at < piece.len() {
            let byte = (piece[at] ^ flip) & bits.mask(base + at);
            if byte != 0 {
                return Ok(Some((base + at) as u64 * 8 + u64::from(byte.leading_zeros())));
            }
            at = skip(piece, at + 1, flip);
        }
        base += piece.len();
    }
    Ok(None)
}

/// Place of the first byte from `from` on that is not `dull`, or the end.
fn skip(bytes: &[u8], from: usize, dull: u8) -> usize {
    let (words, _) = bytes[from..].as_chunks::<8>();
    let dull_word = u64::from_ne_bytes([dull; 8]);
    let words = words.iter().take_while(|word| u64::from_ne_bytes(**word) == dull_word).count();
    let from = from + 8 * words;
    let rest = bytes[from..].iter().position(|&byte| byte != dull);
    rest.map_or(bytes.len(), |at| from + at)
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn finds() {
        check(
            r#"
            BITPOS none 0 => :0
            BITPOS none 1 => :-1
            BITPOS none 1 0 0 0 0 0 => :-1
            SET k "\xff\xf0\x00" => +OK
            BITPOS k 0 => :12
            BITPOS k 1 => :0
            BITPOS k 1 2 => :-1
            BITPOS k 1 1 => :8
            BITPOS k 0 0 0 => :-1
            BITPOS k 0 0 11 BIT => :-1
            BITPOS k 0 0 12 BIT => :12
            BITPOS k 1 7 15 BIT => :7
            BITPOS k 1 12 15 BIT => :-1
            BITPOS k 0 13 -1 BIT => :13
            SET ones "\xff\xff\xff" => +OK
            BITPOS ones 0 => :24
            BITPOS ones 0 1 => :24
            BITPOS ones 0 0 -1 => :-1
            BITPOS ones 0 3 => :-1
            BITPOS k 2 => -ERR The bit argument must be 1 or 0.
            BITPOS k x => -ERR value is not an integer or out of range
            BITPOS k 1 x => -ERR value is not an integer or out of range
            BITPOS k 1 0 x => -ERR value is not an integer or out of range
            BITPOS k 1 0 x y => -ERR syntax error
            BITPOS k 1 0 1 BIT x => -ERR syntax error
            RPUSH l x => :1
            BITPOS l 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn finds_in_pages() {
        let mut bench = Bench::new();
        bench.check("SETBIT k 100000 1 => :0");
        bench.check("BITPOS k 1 => :100000");
        bench.check("BITPOS k 1 100001 -1 BIT => :-1");
        bench.check("BITPOS k 0 100000 -1 BIT => :100001");
    }
}
