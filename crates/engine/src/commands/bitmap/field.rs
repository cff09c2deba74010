//! BITFIELD key [GET type offset | [OVERFLOW WRAP | SAT | FAIL] SET type offset value | INCRBY type
//! offset increment ...] and BITFIELD_RO key [GET type offset ...]: integers of any width at any
//! place of a string.
//!
//! A type is `i` or `u` and a number of bits; an offset with `#` counts in widths of the type.

use crate::commands::Ctx;
use crate::commands::string::append::write;
use crate::commands::view::View;
use crate::error::{self, CommandError};
use crate::keyspace::{Keys, Text};
use crate::parse;
use catalog::events::Classes;
use resp::Args;
use resp::number::parse_i64;
use smallvec::SmallVec;

/// A number's width and whether it can be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Type {
    signed: bool,
    bits: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

/// One operation on a number.
#[derive(Debug, Clone, Copy)]
struct Step {
    kind: Type,
    /// Place of its first bit.
    offset: u64,
    action: Action,
}

impl Type {
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        let (signed, most, digits) = match word {
            [b'i', digits @ ..] => (true, 64, digits),
            [b'u', digits @ ..] => (false, 63, digits),
            _ => return Err(error::BAD_BITFIELD_TYPE),
        };
        let bits = parse_i64(digits).filter(|bits| (1..=most).contains(bits));
        let bits = bits.ok_or(error::BAD_BITFIELD_TYPE)? as u32;
        Ok(Self { signed, bits })
    }

    /// The lowest and the highest number.
    fn limits(self) -> (i128, i128) {
        let half = 1i128 << (self.bits - 1);
        if self.signed { (-half, half - 1) } else { (0, 2 * half - 1) }
    }

    /// The number that the lowest bits of `value` mean.
    fn wrap(self, value: i128) -> i128 {
        let unused = i128::BITS - self.bits;
        if self.signed {
            value << unused >> unused
        } else {
            ((value as u128) << unused >> unused) as i128
        }
    }

    /// What `value` becomes; `None` when it does not fit and must.
    fn fit(self, value: i128, overflow: Overflow) -> Option<i128> {
        let (low, high) = self.limits();
        match overflow {
            _ if low <= value && value <= high => Some(value),
            Overflow::Wrap => Some(self.wrap(value)),
            Overflow::Saturate => Some(value.clamp(low, high)),
            Overflow::Fail => None,
        }
    }
}

impl Step {
    fn first_byte(self) -> usize {
        (self.offset / 8) as usize
    }

    /// Number of bytes that hold its bits, at most 9.
    fn bytes(self) -> usize {
        (self.offset % 8 + u64::from(self.kind.bits)).div_ceil(8) as usize
    }

    /// How far its bits lie from the end of those bytes.
    fn shift(self) -> u32 {
        self.bytes() as u32 * 8 - (self.offset % 8) as u32 - self.kind.bits
    }

    /// The number in the bytes of [`Step::read`].
    fn number(self, window: u128) -> i128 {
        self.kind.wrap((window >> self.shift()) as i128)
    }

    /// Its bytes as one number, the first one weighing most.
    fn read(self, text: Option<Text<'_>>) -> u128 {
        let mut buffer = [0; 16];
        if let Some(text) = text {
            View::of(text).read(self.first_byte(), &mut buffer[16 - self.bytes()..]);
        }
        u128::from_be_bytes(buffer)
    }

    /// The number after its action, and what to reply; `None` when nothing is to be written.
    fn outcome(self, old: i128) -> Option<(i128, i128)> {
        match self.action {
            Action::Get => None,
            Action::Add(by, overflow) => {
                let new = self.kind.fit(old + i128::from(by), overflow)?;
                Some((new, new))
            }
            Action::Set(value, overflow) => {
                // Redis takes a negative value of an unsigned type for a very large one.
                let value =
                    if self.kind.signed { i128::from(value) } else { i128::from(value as u64) };
                let (_, high) = self.kind.limits();
                let value = match overflow {
                    // So far below all that fits that the distance wraps around in Redis.
                    Overflow::Saturate
                        if high - value > i128::from(i64::MAX) && self.kind.bits < 64 =>
                    {
                        high
                    }
                    _ => value,
                };
                Some((self.kind.fit(value, overflow)?, old))
            }
        }
    }
}

/// The whole request.
#[derive(Debug)]
struct Field {
    steps: SmallVec<[Step; 4]>,
    /// Place of the last byte that SET and INCRBY reach.
    last_byte: Option<usize>,
}

impl Field {
    fn parse(args: Args<'_>, bulk_bytes_max: u64) -> Result<Self, CommandError> {
        let mut field = Self { steps: SmallVec::new(), last_byte: None };
        let mut overflow = Overflow::Wrap;
        let mut words = args.from(2);
        while let Some(word) = words.next() {
            if parse::is(word, "OVERFLOW") && words.len() >= 1 {
                overflow = match words.next().ok_or(error::SYNTAX)? {
                    word if parse::is(word, "WRAP") => Overflow::Wrap,
                    word if parse::is(word, "SAT") => Overflow::Saturate,
                    word if parse::is(word, "FAIL") => Overflow::Fail,
                    _ => return Err(error::BAD_OVERFLOW),
                };
                continue;
            }
            let (get, set) = (parse::is(word, "GET"), parse::is(word, "SET"));
            let known = get || set || parse::is(word, "INCRBY");
            if !known || words.len() < if get { 2 } else { 3 } {
                return Err(error::SYNTAX);
            }
            let mut next = || words.next().ok_or(error::SYNTAX);
            let kind = Type::parse(next()?)?;
            let offset = offset(next()?, kind, bulk_bytes_max)?;
            let action = match get {
                true => Action::Get,
                false if set => Action::Set(parse::integer(next()?)?, overflow),
                false => Action::Add(parse::integer(next()?)?, overflow),
            };
            let step = Step { kind, offset, action };
            if !get {
                let last = step.first_byte() + step.bytes() - 1;
                field.last_byte = field.last_byte.max(Some(last));
            }
            field.steps.push(step);
        }
        Ok(field)
    }
}

fn offset(word: &[u8], kind: Type, bulk_bytes_max: u64) -> Result<u64, CommandError> {
    let (unit, number) = match word {
        [b'#', number @ ..] => (i64::from(kind.bits), number),
        _ => (1, word),
    };
    let offset = parse_i64(number).and_then(|offset| offset.checked_mul(unit));
    let offset = offset.and_then(|offset| u64::try_from(offset).ok());
    offset.filter(|offset| offset / 8 < bulk_bytes_max).ok_or(error::BAD_BIT_OFFSET)
}

/// BITFIELD.
///
/// # Errors
/// Bad operations, or the value is no string.
pub fn bitfield(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let field = Field::parse(ctx.args, ctx.keys.moment.bulk_bytes_max)?;
    let Some(last_byte) = field.last_byte else { return read(ctx, &field) };
    let key = ctx.args.at(1);
    let len = ctx.keys.text_quietly(key)?.map_or(0, |text| text.len());
    let grows = len <= last_byte;
    if grows {
        write(&mut ctx.keys, key, last_byte, &[0]);
    }
    ctx.reply.array(field.steps.len());
    let mut changes = 0;
    for step in &field.steps {
        match apply(&mut ctx.keys, key, *step)? {
            Some((reply, changed)) => {
                changes += u64::from(changed || (grows && step.action != Action::Get));
                ctx.reply.int(reply as i64);
            }
            None => ctx.reply.null(),
        }
    }
    if changes == 0 {
        ctx.keys.mark_raw(key);
    }
    // Redis keeps a string that grew although every write failed, and tells nobody of it. Here it
    // is propagated, so that replicas have what their primary has.
    if changes > 0 || grows {
        ctx.propagate_verbatim();
        ctx.keys.effects.dirty += changes.saturating_sub(1);
    }
    if changes > 0 {
        ctx.keys.event(Classes::STRING, "setbit", key);
    }
    Ok(())
}

/// BITFIELD_RO.
///
/// # Errors
/// Bad operations, others than GET, or the value is no string.
pub fn bitfield_ro(ctx: &mut Ctx<'_>) -> Result<(), CommandError> {
    let field = Field::parse(ctx.args, ctx.keys.moment.bulk_bytes_max)?;
    if field.last_byte.is_some() {
        return Err(error::BITFIELD_READS_ONLY);
    }
    read(ctx, &field)
}

fn read(ctx: &mut Ctx<'_>, field: &Field) -> Result<(), CommandError> {
    let key = ctx.args.at(1);
    ctx.keys.text(key)?;
    ctx.reply.array(field.steps.len());
    for step in &field.steps {
        let window = step.read(ctx.keys.text_quietly(key)?);
        ctx.reply.int(step.number(window) as i64);
    }
    Ok(())
}

/// Carries out one step; returns its reply and whether the number is another one now. `None` when
/// the number would not fit.
fn apply(
    keys: &mut Keys<'_>,
    key: &[u8],
    step: Step,
) -> Result<Option<(i128, bool)>, CommandError> {
    let window = step.read(keys.text_quietly(key)?);
    let old = step.number(window);
    if step.action == Action::Get {
        return Ok(Some((old, false)));
    }
    let Some((new, reply)) = step.outcome(old) else { return Ok(None) };
    if new != old {
        let mask = (u128::MAX >> (u128::BITS - step.kind.bits)) << step.shift();
        let window = (window & !mask) | ((new as u128) << step.shift() & mask);
        let bytes = window.to_be_bytes();
        write(keys, key, step.first_byte(), &bytes[bytes.len() - step.bytes()..]);
    }
    Ok(Some((reply, new != old)))
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::{Bench, check};

    #[test]
    fn reads_and_writes() {
        check(
            r#"
            BITFIELD k => [] ~
            BITFIELD k GET u8 0 GET i5 100 => [:0, :0] ~
            EXISTS k => :0
            BITFIELD k SET u8 0 255 GET u8 0 GET i8 0 GET u4 #1 => [:0, :255, :-1, :15] ~ BITFIELD k SET u8 0 255 GET u8 0 GET i8 0 GET u4 #1
            BITFIELD k SET u8 0 255 => [:255] ~
            BITFIELD k INCRBY i5 100 1 GET u4 0 => [:1, :15]
            STRLEN k => :14
            BITFIELD k SET i64 3 -1 GET i64 3 GET u63 4 => [:-576460752303423488, :-1, :9223372036854775807]
            BITFIELD_RO k GET i64 3 => [:-1] ~
            BITFIELD_RO k GET u2 #1 => [:3]
            BITFIELD_RO k SET u8 0 1 => -ERR BITFIELD_RO only supports the GET subcommand
            BITFIELD k GET u64 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            BITFIELD k GET i0 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            BITFIELD k GET x8 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
            BITFIELD k GET u8 -1 => -ERR bit offset is not an integer or out of range
            BITFIELD k GET u8 4294967296 => -ERR bit offset is not an integer or out of range
            BITFIELD k GET u8 #9223372036854775807 => -ERR bit offset is not an integer or out of range
            BITFIELD k SET u8 0 x => -ERR value is not an integer or out of range
            BITFIELD k SET u8 0 => -ERR syntax error
            BITFIELD k OVERFLOW FOO => -ERR Invalid OVERFLOW type specified
            BITFIELD k OVERFLOW => -ERR syntax error
            RPUSH l x => :1
            BITFIELD l GET u8 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
            BITFIELD l SET u8 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
            SET n 12 => +OK
            BITFIELD n GET u8 0 INCRBY u8 8 1 => [:49, :51]
            GET n => "13"
            "#,
        );
    }

    #[test]
    fn overflows() {
        check(
            r#"
            BITFIELD u SET u8 0 250 => [:0]
            BITFIELD u INCRBY u8 0 10 => [:4]
            BITFIELD u INCRBY u8 0 -10 => [:250]
            BITFIELD u OVERFLOW SAT INCRBY u8 0 10 INCRBY u8 0 -256 => [:255, :0]
            BITFIELD u OVERFLOW FAIL INCRBY u8 0 -1 INCRBY u8 0 7 => [nil, :7] ~ BITFIELD u OVERFLOW FAIL INCRBY u8 0 -1 INCRBY u8 0 7
            BITFIELD u OVERFLOW FAIL INCRBY u8 0 -9 => [nil] ~
            BITFIELD u OVERFLOW SAT SET u8 0 -1 GET u8 0 => [:7, :255]
            BITFIELD u OVERFLOW FAIL SET u8 0 256 => [nil]
            BITFIELD u SET u8 0 257 GET u8 0 => [:255, :1]
            BITFIELD i SET i8 0 127 => [:0]
            BITFIELD i INCRBY i8 0 1 => [:-128]
            BITFIELD i OVERFLOW SAT INCRBY i8 0 -1 INCRBY i8 0 300 => [:-128, :127]
            BITFIELD i OVERFLOW SAT SET i8 0 -129 SET i8 0 -9223372036854775808 GET i8 0 => [:127, :-128, :127]
            BITFIELD i SET i8 0 200 GET i8 0 => [:127, :-56]
            BITFIELD w SET i64 0 9223372036854775807 => [:0]
            BITFIELD w INCRBY i64 0 9223372036854775807 => [:-2]
            BITFIELD w OVERFLOW SAT INCRBY i64 0 -9223372036854775808 => [:-9223372036854775808]
            BITFIELD w OVERFLOW FAIL INCRBY i64 0 -1 => [nil] ~
            BITFIELD new OVERFLOW FAIL SET u8 16 256 => [nil] ~ BITFIELD new OVERFLOW FAIL SET u8 16 256
            STRLEN new => :3
            "#,
        );
    }

    #[test]
    fn numbers_lie_across_pages() {
        let mut bench = Bench::new();
        bench.check("SETRANGE k 4000 x => :4001");
        bench.check("BITFIELD k SET i64 28669 -5 => [:0]");
        bench.check("BITFIELD k GET i64 28669 GET u3 28666 => [:-5, :0]");
        bench.check("BITFIELD k SET u8 40000 3 GET u8 40000 => [:0, :3]");
        bench.check("STRLEN k => :5001");
    }
}
