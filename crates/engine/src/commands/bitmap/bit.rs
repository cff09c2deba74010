//! SETBIT key offset 0|1, GETBIT key offset: single bits of a string, the highest of the first
//! byte first. SETBIT replies with the bit that was there.

use crate::commands::Ctx;
use crate::commands::string::append::write;
use crate::commands::view::View;
use crate::error::{self, CommandError};
use crate::keyspace::Text;
use catalog::events::Classes;
use resp::number::parse_i64;

/// A bit's byte, and its mask in there.
struct Place {
    byte: usize,
    mask: u8,
}

impl Place {
    fn parse(word: &[u8], bulk_bytes_max: u64) -> Result<Self, CommandError> {
        let offset = parse_i64(word).and_then(|offset| u64::try_from(offset).ok());
        let offset = offset.filter(|offset| offset / 8 < bulk_bytes_max);
        let offset = offset.ok_or(error::BAD_BIT_OFFSET)?;
        Ok(Self { byte: (offset / 8) as usize, mask: 0x80 >> (offset % 8) })
    }

    fn look(&self, text: Text<'_>) -> u8 {
        let mut byte = [0];
        View::of(text).read(self.byte, &mut byte);
        byte[0]
    }
}

/// GETBIT.
///
/// # Errors
/// The value is no string, or the offset is no offset.
pub fn getbit(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let place = Place::parse(ctx.args.at(2), ctx.keys.moment.bulk_bytes_max)?;
    let byte = ctx.keys.text(ctx.args.at(1))?.map_or(0, |text| place.look(text));
    ctx.reply.int(i64::from(byte & place.mask != 0));
    Ok(())
}

/// SETBIT.
///
/// # Errors
/// The value is no string, the offset is no offset, or the bit is no bit.
pub fn setbit(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    let place = Place::parse(ctx.args.at(2), ctx.keys.moment.bulk_bytes_max)?;
    let on = match ctx.args.at(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(error::BAD_BIT),
    };
    let text = ctx.keys.text(key)?;
    let len = text.as_ref().map_or(0, Text::len);
    let byte = text.map_or(0, |text| place.look(text));
    let was = byte & place.mask != 0;
    if was != on || len <= place.byte {
        let byte = if on { byte | place.mask } else { byte & !place.mask };
        write(&mut ctx.keys, key, place.byte, &[byte]);
        ctx.keys.event(Classes::STRING, "setbit", key);
        ctx.propagate_verbatim();
    } else {
        // Redis had it ready to be changed by then.
        ctx.keys.mark_raw(key);
    }
    ctx.reply.int(i64::from(was));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::check;

    #[test]
    fn sets_and_reads() {
        check(
            r#"
            SETBIT k 1 1 => :0 ~ SETBIT k 1 1
            GET k => "@"
            SETBIT k 1 1 => :1 ~
            SET number 12 => +OK
            SETBIT number 2 1 => :1 ~
            OBJECT ENCODING number => "raw"
            INCR number => :13
            OBJECT ENCODING number => "int"
            SETBIT k 20 0 => :0 ~ SETBIT k 20 0
            STRLEN k => :3
            SETBIT k 1 0 => :1
            GETBIT k 1 => :0
            GETBIT k 4000000000 => :0
            SET n 1 => +OK
            GETBIT n 2 => :1
            SETBIT n 6 1 => :0
            GET n => "3"
            SETBIT long 100000 1 => :0
            GETBIT long 100000 => :1
            SETBIT k x 1 => -ERR bit offset is not an integer or out of range
            SETBIT k 4294967296 1 => -ERR bit offset is not an integer or out of range
            SETBIT k 0 2 => -ERR bit is not an integer or out of range
            GETBIT k -1 => -ERR bit offset is not an integer or out of range
            LPUSH l x => :1
            SETBIT l 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
