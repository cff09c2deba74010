//! Reading the forms in which Redis packs small collections into one string: listpack, ziplist,
//! intset and zipmap. Each hands its items in order to `each`, lengths and links checked.

use super::DecodeError;
use super::Word;

/// Receives one item.
pub type Each<'f> = dyn FnMut(Word<'_>) -> Result<(), DecodeError> + 'f;

const LISTPACK: DecodeError = DecodeError::Corrupt("a listpack is damaged");
const ZIPLIST: DecodeError = DecodeError::Corrupt("a ziplist is damaged");
const INTSET: DecodeError = DecodeError::Corrupt("an intset is damaged");
const ZIPMAP: DecodeError = DecodeError::Corrupt("a zipmap is damaged");

const END: u8 = 0xff;
/// A 16-bit count that stands for "count them yourself".
const COUNT_UNKNOWN: u16 = u16::MAX;

/// A place in bytes; every step is checked and fails with `error`.
struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
    error: DecodeError,
}

impl<'b> Cursor<'b> {
    fn take(&mut self, len: usize) -> Result<&'b [u8], DecodeError> {
        let rest = self.bytes.get(self.at..).ok_or(self.error)?;
        let slice = rest.get(..len).ok_or(self.error)?;
        self.at += len;
        Ok(slice)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let slice = self.take(N)?;
        slice.try_into().map_err(|_| self.error)
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<usize, DecodeError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    /// A signed little-endian integer of `len` ≤ 8 bytes.
    fn integer(&mut self, len: usize) -> Result<Word<'b>, DecodeError> {
        let slice = self.take(len)?;
        let bits = slice.iter().rev().fold(0u64, |bits, &byte| (bits << 8) | u64::from(byte));
        let unused = 64 - 8 * len as u32;
        Ok(integer((bits << unused).cast_signed() >> unused))
    }

    fn bytes(&mut self, len: usize) -> Result<Word<'b>, DecodeError> {
        Ok(Word::Bytes(self.take(len)?))
    }

    /// The end: a marker, nothing behind it, and the count that the header announced.
    fn end(&mut self, seen: usize, announced: u16) -> Result<(), DecodeError> {
        let counted = announced == COUNT_UNKNOWN || seen == usize::from(announced);
        if self.byte()? == END && self.at == self.bytes.len() && counted {
            return Ok(());
        }
        Err(self.error)
    }
}

fn integer(value: i64) -> Word<'static> {
    Word::Integer(value)
}

/// Items of a listpack: `bytes·u32 count·u16 (encoding data back_len)… FF`.
///
/// # Errors
/// It is damaged, or `each` failed.
pub fn listpack(bytes: &[u8], each: &mut Each<'_>) -> Result<(), DecodeError> {
    listpack_items(bytes, each)
}

/// As [`listpack`], for those who keep what they are handed.
///
/// # Errors
/// As [`listpack`].
pub fn listpack_items<'b>(
    bytes: &'b [u8],
    mut each: impl FnMut(Word<'b>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut cursor = Cursor { bytes, at: 0, error: LISTPACK };
    let (total, count) = (cursor.u32()?, cursor.u16()?);
    if total != bytes.len() {
        return Err(LISTPACK);
    }
    let mut seen = 0;
    while bytes.get(cursor.at) != Some(&END) {
        let start = cursor.at;
        let item = listpack_item(&mut cursor)?;
        back_len(&mut cursor, start)?;
        each(item)?;
        seen += 1;
    }
    cursor.end(seen, count)
}

fn listpack_item<'b>(cursor: &mut Cursor<'b>) -> Result<Word<'b>, DecodeError> {
    let first = cursor.byte()?;
    let low = usize::from(first);
    match first {
        0..0x80 => Ok(integer(i64::from(first))),
        0x80..0xc0 => cursor.bytes(low & 0x3f),
        0xc0..0xe0 => {
            let bits = (i64::from(first & 0x1f) << 8) | i64::from(cursor.byte()?);
            // 13 bits, the highest of which is the sign.
            Ok(integer(if bits >= 1 << 12 { bits - (1 << 13) } else { bits }))
        }
        0xe0..0xf0 => {
            let len = ((low & 0x0f) << 8) | usize::from(cursor.byte()?);
            cursor.bytes(len)
        }
        0xf0 => {
            let len = cursor.u32()?;
            cursor.bytes(len)
        }
        0xf1 => cursor.integer(2),
        0xf2 => cursor.integer(3),
        0xf3 => cursor.integer(4),
        0xf4 => cursor.integer(8),
        _ => Err(LISTPACK),
    }
}

/// Checks the length of an item that is written behind it for walking backwards: groups of 7 bits,
/// the highest first, all but the first of them with bit 7 set.
fn back_len(cursor: &mut Cursor<'_>, start: usize) -> Result<(), DecodeError> {
    let len = cursor.at - start;
    let width = match len {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    };
    let mut read = 0usize;
    for (place, &byte) in cursor.take(width)?.iter().enumerate() {
        if (byte & 0x80 != 0) != (place > 0) {
            return Err(LISTPACK);
        }
        read = (read << 7) | usize::from(byte & 0x7f);
    }
    if read == len { Ok(()) } else { Err(LISTPACK) }
}

/// Items of a ziplist: `bytes·u32 tail·u32 count·u16 (prev_len encoding data)… FF`.
///
/// # Errors
/// It is damaged, or `each` failed.
pub fn ziplist(bytes: &[u8], each: &mut Each<'_>) -> Result<(), DecodeError> {
    let mut cursor = Cursor { bytes, at: 0, error: ZIPLIST };
    let (total, _tail, count) = (cursor.u32()?, cursor.u32()?, cursor.u16()?);
    if total != bytes.len() {
        return Err(ZIPLIST);
    }
    let (mut seen, mut previous) = (0, 0);
    while bytes.get(cursor.at) != Some(&END) {
        let start = cursor.at;
        let back = match cursor.byte()? {
            254 => cursor.u32()?,
            len => usize::from(len),
        };
        if back != previous {
            return Err(ZIPLIST);
        }
        each(ziplist_item(&mut cursor)?)?;
        previous = cursor.at - start;
        seen += 1;
    }
    cursor.end(seen, count)
}

fn ziplist_item<'b>(cursor: &mut Cursor<'b>) -> Result<Word<'b>, DecodeError> {
    let first = cursor.byte()?;
    let low = usize::from(first);
    match first {
        0..0x40 => cursor.bytes(low),
        0x40..0x80 => {
            let len = ((low & 0x3f) << 8) | usize::from(cursor.byte()?);
            cursor.bytes(len)
        }
        0x80 => {
            let len = u32::from_be_bytes(cursor.array()?) as usize;
            cursor.bytes(len)
        }
        0xc0 => cursor.integer(2),
        0xd0 => cursor.integer(4),
        0xe0 => cursor.integer(8),
        0xf0 => cursor.integer(3),
        0xfe => cursor.integer(1),
        0xf1..=0xfd => Ok(integer(i64::from(first & 0x0f) - 1)),
        _ => Err(ZIPLIST),
    }
}

/// Members of an intset: `width·u32 count·u32 integer…`.
///
/// # Errors
/// It is damaged, or `each` failed.
pub fn intset(bytes: &[u8], each: &mut Each<'_>) -> Result<(), DecodeError> {
    let mut cursor = Cursor { bytes, at: 0, error: INTSET };
    let (width, count) = (cursor.u32()?, cursor.u32()?);
    let whole = count.checked_mul(width).and_then(|len| len.checked_add(8));
    if !matches!(width, 2 | 4 | 8) || whole != Some(bytes.len()) {
        return Err(INTSET);
    }
    (0..count).try_for_each(|_| each(cursor.integer(width)?))
}

/// Fields and values of a zipmap: `count·u8 (len field len free·u8 value unused)… FF`.
///
/// # Errors
/// It is damaged, or `each` failed.
pub fn zipmap(bytes: &[u8], each: &mut Each<'_>) -> Result<(), DecodeError> {
    let mut cursor = Cursor { bytes, at: 0, error: ZIPMAP };
    let count = cursor.byte()?;
    let mut seen = 0;
    while bytes.get(cursor.at) != Some(&END) {
        let len = zipmap_len(&mut cursor)?;
        each(cursor.bytes(len)?)?;
        let len = zipmap_len(&mut cursor)?;
        let free = usize::from(cursor.byte()?);
        each(cursor.bytes(len)?)?;
        cursor.take(free)?;
        seen += 1;
    }
    // From 254 fields on the count is not kept.
    let announced = if count < 254 { u16::from(count) } else { COUNT_UNKNOWN };
    cursor.end(seen, announced)
}

fn zipmap_len(cursor: &mut Cursor<'_>) -> Result<usize, DecodeError> {
    match cursor.byte()? {
        254 => cursor.u32(),
        END => Err(ZIPMAP),
        len => Ok(usize::from(len)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = fn(&[u8], &mut Each<'_>) -> Result<(), DecodeError>;

    fn items(read: Read, bytes: &[u8]) -> Option<String> {
        let mut all = Vec::new();
        let result = read(bytes, &mut |text| {
            all.push(String::from_utf8_lossy(&text.into_vec()).into_owned());
            Ok(())
        });
        result.is_ok().then(|| all.join(" "))
    }

    /// Puts a header of `count` and an end around listpack items.
    fn listpack_of(count: u16, items: &[u8]) -> Vec<u8> {
        let total = (items.len() + 7) as u32;
        [&total.to_le_bytes()[..], &count.to_le_bytes(), items, &[END]].concat()
    }

    #[test]
    fn listpacks() {
        let long = [&[0xe0, 200][..], &[b'x'; 200], &[0x01, 0xca]].concat();
        for (count, body, want) in [
            (0, &b""[..], Some("".to_owned())),
            (1, b"\x7f\x01", Some("127".into())),
            (2, b"\x82hi\x03\xdf\xff\x02", Some("hi -1".into())),
            (1, b"\xcf\xff\x02", Some("4095".into())),
            (1, b"\xf1\x00\x80\x03", Some("-32768".into())),
            (1, b"\xf2\xff\xff\x7f\x04", Some("8388607".into())),
            (1, b"\xf3\xff\xff\xff\xff\x05", Some("-1".into())),
            (1, b"\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09", Some("-9223372036854775808".into())),
            (1, b"\xf0\x01\x00\x00\x00x\x06", Some("x".into())),
            (u16::MAX, b"\x01\x01\x02\x01", Some("1 2".into())),
            (1, &long, Some("x".repeat(200))),
            (2, b"\x7f\x01", None),
            (1, b"\x7f\x02", None),
            (1, b"\xf5\x01", None),
            (1, b"\x85hi\x03", None),
            (1, b"\xf0\xff\xff\xff\xffx\x06", None),
        ] {
            assert_eq!(items(listpack, &listpack_of(count, body)), want, "{body:?}");
        }
        assert_eq!(items(listpack, b"\x08\0\0\0\0\0\xff"), None);
        assert_eq!(items(listpack, b"\x08\0\0\0\0\0\xff\xff"), None);
        assert_eq!(items(listpack, b""), None);
    }

    #[test]
    fn ziplists() {
        let around = |count: u16, body: &[u8]| {
            let total = (body.len() + 11) as u32;
            [&total.to_le_bytes()[..], &[0; 4], &count.to_le_bytes(), body, &[END]].concat()
        };
        for (count, body, want) in [
            (0, &b""[..], Some("")),
            (2, b"\x00\x02hi\x04\xf1", Some("hi 0")),
            (2, b"\x00\xfd\x02\xfe\x80", Some("12 -128")),
            (1, b"\x00\xc0\x00\x80", Some("-32768")),
            (1, b"\x00\xf0\xff\xff\xff", Some("-1")),
            (1, b"\x00\xd0\x01\x00\x00\x00", Some("1")),
            (1, b"\x00\xe0\x01\x00\x00\x00\x00\x00\x00\x80", Some("-9223372036854775807")),
            (1, b"\x00\x40\x01x", Some("x")),
            (1, b"\x00\x80\x00\x00\x00\x01x", Some("x")),
            (1, b"\x00\x80\xff\xff\xff\xffx", None),
            (1, b"\x01\x02hi", None),
            (2, b"\x00\x02hi\x05\xf1", None),
            (1, b"\x00\xff", None),
            (3, b"\x00\x02hi\x04\xf1", None),
        ] {
            assert_eq!(items(ziplist, &around(count, body)).as_deref(), want, "{body:?}");
        }
    }

    #[test]
    fn intsets_and_zipmaps() {
        for (bytes, want) in [
            (&b"\x02\0\0\0\x02\0\0\0\xff\xff\x05\0"[..], Some("-1 5")),
            (b"\x08\0\0\0\x00\0\0\0", Some("")),
            (b"\x03\0\0\0\x01\0\0\0\x01\0\0", None),
            (b"\x02\0\0\0\xff\xff\xff\xff\x01\0", None),
            (b"\x02\0\0\0", None),
        ] {
            assert_eq!(items(intset, bytes).as_deref(), want, "{bytes:?}");
        }
        for (bytes, want) in [
            (&b"\x01\x01a\x02\x01bc?\xff"[..], Some("a bc")),
            (b"\x00\xff", Some("")),
            (b"\xfe\x01a\xfe\x01\0\0\0\x00b\xff", Some("a b")),
            (b"\x02\x01a\x01\x00b\xff", None),
            (b"\x01\x01a\xff", None),
            (b"\x01\x01a", None),
        ] {
            assert_eq!(items(zipmap, bytes).as_deref(), want, "{bytes:?}");
        }
    }

    #[test]
    fn damaged_bytes_never_panic() {
        let seeds: [(Read, Vec<u8>); 4] = [
            (listpack, listpack_of(3, b"\x82hi\x03\xdf\xff\x02\xf3\xff\xff\xff\xff\x05")),
            (ziplist, b"\x11\0\0\0\x0e\0\0\0\x02\0\x00\x02hi\x04\xf1\xff".to_vec()),
            (intset, b"\x02\0\0\0\x02\0\0\0\xff\xff\x05\0".to_vec()),
            (zipmap, b"\x01\x01a\x02\x01bc?\xff".to_vec()),
        ];
        for (read, seed) in &seeds {
            assert!(items(*read, seed).is_some(), "{seed:?}");
            for at in 0..seed.len() {
                assert!(items(*read, &seed[..at]).is_none(), "cut at {at}: {seed:?}");
                for byte in 0..=255 {
                    let mut damaged = seed.clone();
                    damaged[at] = byte;
                    items(*read, &damaged);
                }
            }
        }
    }
}
