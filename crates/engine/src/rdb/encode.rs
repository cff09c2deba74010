//! Writing values. Collections are written as their elements, which every version of Redis loads
//! and packs by its own limits.

use super::{kind, stream};
use crate::keyspace::ValueRef;
use crate::types::Object;
use resp::number::parse_i64;

/// Where bytes go. Failing is its own affair: it keeps the error and swallows what follows.
pub trait Sink {
    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Longest text that may be an integer of 32 bits.
const INTEGER_BYTES_MAX: usize = 11;

/// The number of a value's type.
#[must_use]
pub fn kind_of(value: &ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Bytes(_)
        | ValueRef::Integer(_)
        | ValueRef::Object(Object::Bytes(_) | Object::Pages(_)) => kind::STRING,
        ValueRef::Object(Object::List(_)) => kind::LIST,
        ValueRef::Object(Object::Set(_)) => kind::SET,
        ValueRef::Object(Object::Hash(hash)) if hash.first_death_ms().is_some() => kind::HASH_TIMES,
        ValueRef::Object(Object::Hash(_)) => kind::HASH,
        ValueRef::Object(Object::SortedSet(_)) => kind::SORTED_SET,
        ValueRef::Object(Object::Stream(stream)) if stream.producers().is_some() => {
            kind::STREAM_PRODUCERS
        }
        ValueRef::Object(Object::Stream(_)) => kind::STREAM,
    }
}

/// Writes a value without its type.
pub fn value(sink: &mut impl Sink, value: &ValueRef<'_>) {
    match value {
        ValueRef::Bytes(bytes) => text(sink, bytes),
        ValueRef::Integer(number) => integer(sink, *number),
        ValueRef::Object(object) => self::object(sink, object),
    }
}

fn object(sink: &mut impl Sink, object: &Object) {
    match object {
        Object::Bytes(bytes) => text(sink, bytes),
        Object::Pages(pages) => {
            length(sink, pages.len() as u64);
            pages.range(0, pages.len()).for_each(|piece| sink.put(piece));
        }
        Object::List(list) => {
            length(sink, list.len() as u64);
            list.iter().for_each(|element| text(sink, element));
        }
        Object::Set(set) => {
            length(sink, set.len() as u64);
            set.iter().for_each(|member| member.with(|bytes| text(sink, bytes)));
        }
        Object::Hash(hash) => {
            let first_ms = hash.first_death_ms();
            if let Some(first_ms) = first_ms {
                sink.put(&first_ms.to_le_bytes());
            }
            length(sink, hash.len() as u64);
            for (field, value) in hash.iter() {
                if let Some(first_ms) = first_ms {
                    // 0 is for those that do not die.
                    length(sink, hash.death_ms(field).map_or(0, |at_ms| at_ms - first_ms + 1));
                }
                text(sink, field);
                text(sink, value);
            }
        }
        Object::SortedSet(zset) => {
            length(sink, zset.len() as u64);
            for (member, score) in zset.iter() {
                text(sink, member);
                sink.put(&score.to_le_bytes());
            }
        }
        Object::Stream(stream) => stream::encode(sink, stream),
    }
}

/// Writes a string; one that is an integer of up to 32 bits takes 2 to 5 bytes.
pub fn text(sink: &mut impl Sink, bytes: &[u8]) {
    if bytes.len() <= INTEGER_BYTES_MAX
        && let Some(number) = parse_i64(bytes)
        && small_integer(sink, number)
    {
        return;
    }
    length(sink, bytes.len() as u64);
    sink.put(bytes);
}

fn integer(sink: &mut impl Sink, number: i64) {
    if !small_integer(sink, number) {
        let mut digits = resp::number::Digits::new();
        let digits = digits.format(number);
        length(sink, digits.len() as u64);
        sink.put(digits);
    }
}

fn small_integer(sink: &mut impl Sink, number: i64) -> bool {
    if let Ok(number) = i8::try_from(number) {
        sink.put(&[0xc0, number.cast_unsigned()]);
    } else if let Ok(number) = i16::try_from(number) {
        let [a, b] = number.to_le_bytes();
        sink.put(&[0xc1, a, b]);
    } else if let Ok(number) = i32::try_from(number) {
        let [a, b, c, d] = number.to_le_bytes();
        sink.put(&[0xc2, a, b, c, d]);
    } else {
        return false;
    }
    true
}

/// Writes a length: 6 bits, 14 bits, 32 bits or 64 bits, the highest byte first.
pub fn length(sink: &mut impl Sink, len: u64) {
    match (u16::try_from(len), u32::try_from(len)) {
        (Ok(len @ 0..0x40), _) => sink.put(&[len as u8]),
        (Ok(len @ 0x40..0x4000), _) => sink.put(&(len | 0x4000).to_be_bytes()),
        (_, Ok(len)) => {
            sink.put(&[0x80]);
            sink.put(&len.to_be_bytes());
        }
        (_, Err(_)) => {
            sink.put(&[0x81]);
            sink.put(&len.to_be_bytes());
        }
    }
}
