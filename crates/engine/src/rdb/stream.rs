//! Streams as Redis keeps them: nodes of entries, each under the id that its entries are counted
//! from and packed into a listpack, then numbers and groups.
//!
//! ```text
//! listpack: count deleted fields field… 0 (flags ms seq [fields field…] value… items)…
//! ```
//! Everything read is checked: order, counts, and that lists of what is pending agree.

use super::packed::listpack_items;
use super::{DecodeError, Decoder, Sink, Source, Word, encode, kind};
use crate::types::Stream;
use crate::types::stream::{Group, Id, NodeBuilder, Producers, Text};
use resp::number::{Digits, parse_i64};

/// Which of Redis' forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Of Redis 5.0.
    One,
    /// Of Redis 7.0: with what was deleted and added.
    Two,
    /// Of Redis 7.2: with when consumers were last given something.
    Three,
    /// Our own: as [`Version::Two`], and then what is known of producers.
    Producers,
}

impl Version {
    /// The form that a type number stands for.
    pub fn of(kind: u8) -> Option<Self> {
        match kind {
            15 => Some(Self::One),
            19 => Some(Self::Two),
            21 => Some(Self::Three),
            kind::STREAM_PRODUCERS => Some(Self::Producers),
            _ => None,
        }
    }
}

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// When the consumer was seen that has what nobody has. Redis 7.0 wants an owner for everything,
/// and takes a consumer without a name, or one whose name is as many NULs as make it another one.
const NOBODY_SEEN_MS: u64 = u64::MAX;

/// Writes a stream as Redis 7.0 has it, and then what is known of producers, if anything is.
pub fn encode(sink: &mut impl Sink, stream: &Stream) {
    let mut nodes = 0;
    stream.each_block(|_, _, _| nodes += 1);
    encode::length(sink, nodes);
    stream.each_block(|base, names, entries| {
        let mut pack = Pack::default();
        pack.integer(entries.clone().count() as i64);
        pack.integer(0);
        pack.integer(names.len() as i64);
        names.for_each(|name| pack.text(name));
        pack.integer(0);
        for entry in entries {
            let before = pack.items;
            pack.integer(if entry.is_alike() { SAME_FIELDS } else { 0 });
            pack.integer(entry.id.ms.wrapping_sub(base.ms).cast_signed());
            pack.integer(entry.id.seq.wrapping_sub(base.seq).cast_signed());
            if !entry.is_alike() {
                pack.integer(entry.len as i64);
            }
            for (field, value) in entry.pairs() {
                if !entry.is_alike() {
                    pack.text(field);
                }
                pack.text(value);
            }
            pack.integer(i64::from(pack.items - before));
        }
        encode::length(sink, 16);
        sink.put(&base.to_bytes());
        let bytes = pack.finish();
        encode::length(sink, bytes.len() as u64);
        sink.put(&bytes);
    });
    encode::length(sink, stream.len() as u64);
    for id in [stream.last_id, stream.first_id(), stream.deleted_id] {
        encode_id(sink, id);
    }
    encode::length(sink, stream.added);
    encode::length(sink, stream.groups().len() as u64);
    stream.groups().iter().for_each(|group| encode_group(sink, group));
    stream.producers().into_iter().for_each(|producers| encode_producers(sink, producers));
}

fn encode_producers(sink: &mut impl Sink, producers: &Producers) {
    let numbers = [u64::from(producers.duration_s), u64::from(producers.ids_max)];
    let numbers = numbers.into_iter().chain([producers.added, producers.duplicates]);
    numbers.for_each(|number| encode::length(sink, number));
    encode::length(sink, producers.len() as u64);
    for (name, ids) in producers.iter() {
        encode::text(sink, name);
        encode::length(sink, ids.len() as u64);
        for (id, entry) in ids {
            encode::text(sink, id);
            encode_id(sink, *entry);
        }
    }
}

fn encode_id(sink: &mut impl Sink, id: Id) {
    encode::length(sink, id.ms);
    encode::length(sink, id.seq);
}

fn encode_group(sink: &mut impl Sink, group: &Group) {
    encode::text(sink, group.name());
    encode_id(sink, group.last_id);
    encode::length(sink, group.read.unwrap_or(-1).cast_unsigned());
    encode::length(sink, group.pending().len() as u64);
    for pending in group.pending().iter() {
        sink.put(&pending.id.to_bytes());
        sink.put(&pending.delivered_ms().to_le_bytes());
        encode::length(sink, pending.count);
    }
    let released: Vec<Id> = group.released().collect();
    let consumers = group.consumers().len() + usize::from(!released.is_empty());
    encode::length(sink, consumers as u64);
    if !released.is_empty() {
        let names = (0..).map(|len| vec![0; len]);
        let free = |name: &Vec<u8>| group.consumer(name).is_none();
        encode::text(sink, &names.into_iter().find(free).unwrap_or_default());
        sink.put(&NOBODY_SEEN_MS.to_le_bytes());
        encode::length(sink, released.len() as u64);
        released.iter().for_each(|id| sink.put(&id.to_bytes()));
    }
    for consumer in group.consumers().iter() {
        encode::text(sink, consumer.name());
        sink.put(&consumer.seen_ms.to_le_bytes());
        encode::length(sink, consumer.pending().len() as u64);
        consumer.pending().iter().for_each(|id| sink.put(&id.to_bytes()));
    }
}

/// A listpack that grows.
#[derive(Default)]
struct Pack {
    bytes: Vec<u8>,
    items: u32,
}

impl Pack {
    fn text(&mut self, text: Text<'_>) {
        match text {
            Text::Integer(number) => self.integer(number),
            // Redis looks at the bytes alone when it decides what is a number.
            Text::Bytes(bytes) => match parse_i64(bytes) {
                Some(number) => self.integer(number),
                None => self.bytes(bytes),
            },
        }
    }

    fn bytes(&mut self, text: &[u8]) {
        let start = self.bytes.len();
        let len = text.len();
        match len {
            0..64 => self.bytes.push(0x80 | len as u8),
            64..4096 => self.bytes.extend_from_slice(&[0xe0 | (len >> 8) as u8, len as u8]),
            _ => {
                self.bytes.push(0xf0);
                self.bytes.extend_from_slice(&(len as u32).to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(text);
        self.end(start);
    }

    fn integer(&mut self, number: i64) {
        let start = self.bytes.len();
        let bytes = number.to_le_bytes();
        let (mark, width) = match number {
            0..=127 => (number as u8, 0),
            -4096..=4095 => {
                let bits = (number & 0x1fff) as u16;
                self.bytes.push(0xc0 | (bits >> 8) as u8);
                (bits as u8, 0)
            }
            -32_768..=32_767 => (0xf1, 2),
            -8_388_608..=8_388_607 => (0xf2, 3),
            -2_147_483_648..=2_147_483_647 => (0xf3, 4),
            _ => (0xf4, 8),
        };
        self.bytes.push(mark);
        self.bytes.extend_from_slice(&bytes[..width]);
        self.end(start);
    }

    /// Writes an item's length behind it, 7 bits a byte, the highest first.
    fn end(&mut self, start: usize) {
        let len = self.bytes.len() - start;
        let width = match len {
            0..=127 => 1,
            128..=16_382 => 2,
            16_383..=2_097_150 => 3,
            2_097_151..=268_435_454 => 4,
            _ => 5,
        };
        for place in (0..width).rev() {
            let more = if place + 1 < width { 0x80 } else { 0 };
            self.bytes.push((len >> (7 * place)) as u8 & 0x7f | more);
        }
        self.items += 1;
    }

    fn finish(self) -> Vec<u8> {
        let count = u16::try_from(self.items).unwrap_or(u16::MAX);
        let total = self.bytes.len() as u32 + 7;
        [&total.to_le_bytes()[..], &count.to_le_bytes(), &self.bytes, &[0xff]].concat()
    }
}

const DAMAGED: DecodeError = DecodeError::Corrupt("a node of a stream is damaged");
const DISORDER: DecodeError = DecodeError::Corrupt("ids of a stream are not in order");
const MISCOUNT: DecodeError = DecodeError::Corrupt("a stream is not as long as it says");
const OWNERS: DecodeError = DecodeError::Corrupt("lists of pending entries contradict each other");
const TWICE: DecodeError = DecodeError::Corrupt("a stream holds the same name twice");

/// Reads a stream.
///
/// # Errors
/// It is damaged, or contradicts itself.
pub fn decode<S: Source>(
    decoder: &mut Decoder<S>,
    version: Version,
) -> Result<Stream, DecodeError> {
    let mut stream = Stream::default();
    let mut newest = Id::MIN;
    for _ in 0..decoder.count()? {
        let base = decoder.packed()?.try_into().map_err(|_| DAMAGED)?;
        decode_node(decoder.packed()?, Id::from_bytes(base), &mut stream, &mut newest)?;
    }
    let len = decoder.count()?;
    stream.last_id = id(decoder)?;
    stream.added = len;
    if version >= Version::Two {
        id(decoder)?;
        stream.deleted_id = id(decoder)?;
        stream.added = decoder.count()?;
    }
    if len != stream.len() as u64 {
        return Err(MISCOUNT);
    }
    if stream.top_id() > stream.last_id {
        return Err(DISORDER);
    }
    stream.added = stream.added.max(len);
    for _ in 0..decoder.count()? {
        let group = decode_group(decoder, version, &stream)?;
        if !stream.add_group(group) {
            return Err(TWICE);
        }
    }
    if version == Version::Producers {
        decode_producers(decoder, stream.producers_mut())?;
    }
    Ok(stream)
}

fn decode_producers<S: Source>(
    decoder: &mut Decoder<S>,
    producers: &mut Producers,
) -> Result<(), DecodeError> {
    let small = |number: u64| u32::try_from(number).ok().filter(|n| *n > 0).ok_or(DAMAGED);
    producers.configure(small(decoder.count()?)?, small(decoder.count()?)?);
    let (added, duplicates) = (decoder.count()?, decoder.count()?);
    for _ in 0..decoder.count()? {
        let name = decoder.text()?.into_vec();
        for _ in 0..decoder.count()? {
            let own = decoder.text()?.into_vec();
            // At this moment nothing is too old: that is for those who ask.
            producers.note(&name, &own, id(decoder)?, 0);
        }
    }
    (producers.added, producers.duplicates) = (added, duplicates);
    Ok(())
}

fn id<S: Source>(decoder: &mut Decoder<S>) -> Result<Id, DecodeError> {
    Ok(Id { ms: decoder.count()?, seq: decoder.count()? })
}

/// Items of a node, one after the other.
struct Items<'i, 'b> {
    items: &'i [Word<'b>],
}

impl<'i, 'b> Items<'i, 'b> {
    fn take(&mut self, count: usize) -> Result<&'i [Word<'b>], DecodeError> {
        let (taken, rest) = self.items.split_at_checked(count).ok_or(DAMAGED)?;
        self.items = rest;
        Ok(taken)
    }

    fn integer(&mut self) -> Result<i64, DecodeError> {
        match self.take(1)? {
            [Word::Integer(number)] => Ok(*number),
            [Word::Bytes(bytes)] => parse_i64(bytes).ok_or(DAMAGED),
            _ => Err(DAMAGED),
        }
    }

    fn count(&mut self) -> Result<usize, DecodeError> {
        usize::try_from(self.integer()?).map_err(|_| DAMAGED)
    }
}

fn decode_node(
    packed: &[u8],
    base: Id,
    stream: &mut Stream,
    newest: &mut Id,
) -> Result<(), DecodeError> {
    let mut items = Vec::new();
    listpack_items(packed, |item| {
        items.push(item);
        Ok(())
    })?;
    let mut items = Items { items: &items };
    let (live, deleted) = (items.count()?, items.count()?);
    let names = items.count()?;
    let names = items.take(names)?;
    let mut node = NodeBuilder::new(base);
    if items.integer()? != 0 || base < *newest {
        return Err(DAMAGED);
    }
    let mut seen = (0, 0);
    while !items.items.is_empty() {
        let before = items.items.len();
        let flags = items.integer()?;
        let (ms, seq) = (items.integer()?, items.integer()?);
        let id = Id {
            ms: base.ms.wrapping_add(ms.cast_unsigned()),
            seq: base.seq.wrapping_add(seq.cast_unsigned()),
        };
        let is_live = flags & DELETED == 0;
        // XSETID may have gone back behind ids that were deleted.
        if is_live && id <= *newest {
            return Err(DISORDER);
        }
        let alike = flags & SAME_FIELDS != 0;
        let count = if alike { names.len() } else { items.count()? };
        let texts = items.take(if alike { count } else { count.saturating_mul(2) })?;
        let used = before - items.items.len();
        if items.count()? != used || count == 0 {
            return Err(DAMAGED);
        }
        let mut room = Vec::with_capacity(2 * count);
        if alike {
            room.extend(names.iter().zip(texts).flat_map(|(name, value)| [name, value]));
        } else {
            room.extend(texts);
        }
        if is_live {
            *newest = id;
            seen.0 += 1;
            with_words(&room, |words| node.push(stream, id, words));
        } else {
            seen.1 += 1;
            with_words(&room, |words| node.push_deleted(stream, id, words));
        }
    }
    if seen != (live, deleted) { Err(MISCOUNT) } else { Ok(()) }
}

/// Runs `f` on the texts as bytes.
fn with_words(items: &[&Word<'_>], f: impl FnOnce(&[&[u8]])) {
    let numbers: Vec<Digits> = items.iter().map(|_| Digits::new()).collect();
    let mut numbers = numbers;
    let words: Vec<&[u8]> = items
        .iter()
        .zip(&mut numbers)
        .map(|(item, digits)| match item {
            Word::Bytes(bytes) => *bytes,
            Word::Integer(number) => digits.format(*number),
        })
        .collect();
    f(&words);
}

fn decode_group<S: Source>(
    decoder: &mut Decoder<S>,
    version: Version,
    stream: &Stream,
) -> Result<Group, DecodeError> {
    let name = decoder.text()?.into_vec();
    let last_id = id(decoder)?;
    let read = if version >= Version::Two {
        Some(decoder.count()?.cast_signed()).filter(|&read| read != -1)
    } else {
        stream.facts().entries_to(last_id)
    };
    let mut group = Group::new(&name, last_id, read);
    let mut pending = std::collections::BTreeMap::new();
    for _ in 0..decoder.count()? {
        let id = Id::from_bytes(decoder.array()?);
        let delivered_ms = u64::from_le_bytes(decoder.array()?);
        if pending.insert(id, (delivered_ms, decoder.count()?)).is_some() {
            return Err(OWNERS);
        }
    }
    for _ in 0..decoder.count()? {
        let name = decoder.text()?.into_vec();
        let seen_ms = u64::from_le_bytes(decoder.array()?);
        if version == Version::Three {
            // When it was last given something; 7.0 does not know that.
            decoder.array::<8>()?;
        }
        if seen_ms == NOBODY_SEEN_MS && name.iter().all(|byte| *byte == 0) {
            for _ in 0..decoder.count()? {
                let id = Id::from_bytes(decoder.array()?);
                let (_, count) = pending.remove(&id).ok_or(OWNERS)?;
                group.release(id, count);
            }
            continue;
        }
        if !group.create_consumer(&name, seen_ms) {
            return Err(TWICE);
        }
        for _ in 0..decoder.count()? {
            let id = Id::from_bytes(decoder.array()?);
            let (delivered_ms, count) = pending.remove(&id).ok_or(OWNERS)?;
            group.give(id, &name, delivered_ms, count);
        }
    }
    if pending.is_empty() { Ok(group) } else { Err(OWNERS) }
}
