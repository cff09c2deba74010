//! Reading values of every type that Redis has written since its first release, as far as there is
//! a type for them. Memory is bounded by what has really been read.

use super::{DecodeError, Source, Word, lzf, packed, stream};
use crate::keyspace::{Entry, Value};
use crate::parse;
use crate::types::hash::FIELD_DEATH_MS_MAX;
use crate::types::{Collection, Hash, List, Object, Set, SortedSet};

/// A length, or the mark of a string in another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// A number.
    Plain(u64),
    /// The form's number.
    Form(u8),
}

/// What a type number stands for.
#[derive(Debug, Clone, Copy)]
enum Shape {
    List,
    Set,
    Hash,
    SortedSet,
}

/// How a collection's elements lie in the bytes.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// A count and as many strings (twice as many in a hash).
    Strings,
    /// A count, and as many strings with scores as text.
    TextScores,
    /// A count, and as many strings with scores as doubles.
    BinaryScores,
    /// One string of a packed form.
    Packed(Packed),
    /// A count and as many packed strings.
    Nodes(Packed),
    /// A count, and as many strings that are each marked as one element or packed.
    MarkedNodes,
    /// A time, a count, and as many fields with values, each behind how much later it dies.
    Times,
    /// A time that is not needed, and a packed string of fields, values and times of death.
    PackedTimes,
}

type Packed = fn(&[u8], &mut packed::Each<'_>) -> Result<(), DecodeError>;

/// The collections by type number.
const COLLECTIONS: &[(u8, Shape, Form)] = &[
    (1, Shape::List, Form::Strings),
    (2, Shape::Set, Form::Strings),
    (3, Shape::SortedSet, Form::TextScores),
    (4, Shape::Hash, Form::Strings),
    (5, Shape::SortedSet, Form::BinaryScores),
    (9, Shape::Hash, Form::Packed(packed::zipmap)),
    (10, Shape::List, Form::Packed(packed::ziplist)),
    (11, Shape::Set, Form::Packed(packed::intset)),
    (12, Shape::SortedSet, Form::Packed(packed::ziplist)),
    (13, Shape::Hash, Form::Packed(packed::ziplist)),
    (14, Shape::List, Form::Nodes(packed::ziplist)),
    (16, Shape::Hash, Form::Packed(packed::listpack)),
    (17, Shape::SortedSet, Form::Packed(packed::listpack)),
    (18, Shape::List, Form::MarkedNodes),
    (20, Shape::Set, Form::Packed(packed::listpack)),
    (24, Shape::Hash, Form::Times),
    (25, Shape::Hash, Form::PackedTimes),
];

/// Types that exist but cannot be held here.
const UNSUPPORTED: &[(u8, &str)] = &[
    (6, "module values"),
    (7, "module values"),
    (22, "hashes with times to live of fields, in a form of no release"),
    (23, "hashes with times to live of fields, in a form of no release"),
];

const NODE_PLAIN: u64 = 1;
const NODE_PACKED: u64 = 2;

/// Reads values from a source.
#[derive(Debug)]
pub struct Decoder<S> {
    /// Where the bytes come from.
    pub source: S,
    unpacked: Vec<u8>,
}

impl<S: Source> Decoder<S> {
    /// A reader at the present place of `source`.
    pub fn new(source: S) -> Self {
        Self { source, unpacked: Vec::new() }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// As [`Source::take`].
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.source.take(N as u64)?.try_into().map_err(|_| DecodeError::Truncated)
    }

    /// The next byte.
    ///
    /// # Errors
    /// As [`Source::take`].
    #[inline]
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    /// A length or a form.
    ///
    /// # Errors
    /// It is neither.
    #[inline]
    pub fn length(&mut self) -> Result<Length, DecodeError> {
        let first = self.byte()?;
        let low = first & 0x3f;
        match (first >> 6, first) {
            (0, _) => Ok(Length::Plain(u64::from(low))),
            (1, _) => Ok(Length::Plain((u64::from(low) << 8) | u64::from(self.byte()?))),
            (2, 0x80) => Ok(Length::Plain(u64::from(u32::from_be_bytes(self.array()?)))),
            (2, 0x81) => Ok(Length::Plain(u64::from_be_bytes(self.array()?))),
            (3, _) => Ok(Length::Form(low)),
            _ => Err(DecodeError::Corrupt("a length has an unknown form")),
        }
    }

    /// A length that is a number.
    ///
    /// # Errors
    /// It is not.
    pub fn count(&mut self) -> Result<u64, DecodeError> {
        match self.length()? {
            Length::Plain(count) => Ok(count),
            Length::Form(_) => Err(DecodeError::Corrupt("a number is missing")),
        }
    }

    /// A string.
    ///
    /// # Errors
    /// It is damaged.
    #[inline]
    pub fn text(&mut self) -> Result<Word<'_>, DecodeError> {
        let number = match self.length()? {
            Length::Plain(len) => return Ok(Word::Bytes(self.source.take(len)?)),
            Length::Form(0) => i64::from(i8::from_le_bytes(self.array()?)),
            Length::Form(1) => i64::from(i16::from_le_bytes(self.array()?)),
            Length::Form(2) => i64::from(i32::from_le_bytes(self.array()?)),
            Length::Form(3) => return self.unpack(),
            Length::Form(_) => return Err(DecodeError::Corrupt("a string has an unknown form")),
        };
        Ok(Word::Integer(number))
    }

    /// A key with its value of type `kind`; `None` when it is a collection without elements, which
    /// some versions of Redis have written by mistake.
    ///
    /// # Errors
    /// It is damaged, or of a type that cannot be held.
    pub fn entry(
        &mut self,
        kind: u8,
        key: &[u8],
        expiry_ms: Option<u64>,
    ) -> Result<Option<Entry>, DecodeError> {
        if kind == super::kind::STRING {
            let value = match self.text()? {
                Word::Bytes(bytes) => Value::string(bytes),
                Word::Integer(number) => Value::Integer(number),
            };
            return Ok(Some(Entry::new(key, value, expiry_ms)));
        }
        let object = match stream::Version::of(kind) {
            Some(version) => Some(stream::decode(self, version)?.into_object()),
            None => self.collection(kind)?,
        };
        Ok(object.map(|object| Entry::new(key, Value::Object(Box::new(object)), expiry_ms)))
    }

    fn collection(&mut self, kind: u8) -> Result<Option<Object>, DecodeError> {
        let Some(&(_, shape, form)) = COLLECTIONS.iter().find(|row| row.0 == kind) else {
            return Err(match UNSUPPORTED.iter().find(|row| row.0 == kind) {
                Some(&(kind, what)) => DecodeError::Unsupported { kind, what },
                None => DecodeError::Corrupt("a value has an unknown type"),
            });
        };
        let mut builder = Builder::new(shape);
        match form {
            Form::Strings => {
                let per_element = if matches!(shape, Shape::Hash) { 2 } else { 1 };
                for _ in 0..self.count()? {
                    (0..per_element).try_for_each(|_| builder.add(self.text()?))?;
                }
            }
            Form::TextScores | Form::BinaryScores => {
                for _ in 0..self.count()? {
                    builder.add(self.text()?)?;
                    let score = match form {
                        Form::TextScores => self.text_score()?,
                        _ => f64::from_le_bytes(self.array()?),
                    };
                    builder.add_score(score)?;
                }
            }
            Form::Packed(read) => read(self.packed()?, &mut |item| builder.add(item))?,
            Form::Nodes(read) => {
                for _ in 0..self.count()? {
                    read(self.packed()?, &mut |item| builder.add(item))?;
                }
            }
            Form::MarkedNodes => {
                for _ in 0..self.count()? {
                    self.marked_node(&mut builder)?;
                }
            }
            Form::Times => self.times(&mut builder)?,
            Form::PackedTimes => self.packed_times(&mut builder)?,
        }
        builder.finish()
    }

    fn times(&mut self, builder: &mut Builder) -> Result<(), DecodeError> {
        let first_ms = u64::from_le_bytes(self.array()?);
        for _ in 0..self.count()? {
            let later_ms = self.count()?;
            builder.add(self.text()?)?;
            builder.add(self.text()?)?;
            if later_ms > 0 {
                let at_ms = first_ms.checked_add(later_ms - 1);
                builder.add_death(at_ms.ok_or(NOT_A_TIME)?)?;
            }
        }
        Ok(())
    }

    fn packed_times(&mut self, builder: &mut Builder) -> Result<(), DecodeError> {
        self.array::<8>()?;
        let mut part = 0;
        packed::listpack(self.packed()?, &mut |item| {
            part = (part + 1) % 3;
            if part > 0 {
                return builder.add(item);
            }
            let Word::Integer(at_ms) = item else { return Err(NOT_A_TIME) };
            match u64::try_from(at_ms).map_err(|_| NOT_A_TIME)? {
                0 => Ok(()),
                at_ms => builder.add_death(at_ms),
            }
        })?;
        if part == 0 { Ok(()) } else { Err(ODD) }
    }

    fn marked_node(&mut self, builder: &mut Builder) -> Result<(), DecodeError> {
        match self.count()? {
            NODE_PLAIN => builder.add(self.text()?),
            NODE_PACKED => packed::listpack(self.packed()?, &mut |item| builder.add(item)),
            _ => Err(DecodeError::Corrupt("a part of a list has an unknown form")),
        }
    }

    /// A string that holds something packed.
    ///
    /// # Errors
    /// It is damaged, or a number.
    pub(super) fn packed(&mut self) -> Result<&[u8], DecodeError> {
        match self.text()? {
            Word::Bytes(bytes) => Ok(bytes),
            Word::Integer(_) => Err(DecodeError::Corrupt("a packed collection is a number")),
        }
    }

    /// A score as the first versions wrote it: text with its length, or a mark.
    fn text_score(&mut self) -> Result<f64, DecodeError> {
        match self.byte()? {
            255 => Ok(f64::NEG_INFINITY),
            254 => Ok(f64::INFINITY),
            253 => Err(NOT_A_SCORE),
            len => parse::double_text(self.source.take(u64::from(len))?).ok_or(NOT_A_SCORE),
        }
    }

    fn unpack(&mut self) -> Result<Word<'_>, DecodeError> {
        let (packed_len, len) = (self.count()?, self.count()?);
        if len > packed_len.saturating_mul(lzf::RATIO_MAX) {
            return Err(DecodeError::Corrupt("a packed string claims too much"));
        }
        let packed = self.source.take(packed_len)?;
        lzf::unpack(packed, len, &mut self.unpacked)?;
        Ok(Word::Bytes(&self.unpacked))
    }
}

const NOT_A_SCORE: DecodeError = DecodeError::Corrupt("a score is not a number");
const NOT_A_TIME: DecodeError = DecodeError::Corrupt("a field dies at no time");
const ODD: DecodeError = DecodeError::Corrupt("a collection of pairs ends within a pair");
const TWICE: DecodeError = DecodeError::Corrupt("a collection holds the same element twice");

/// A collection that grows by the items of its encoded form, in order.
struct Builder {
    target: Target,
    /// First half of a pair.
    first: Vec<u8>,
    halfway: bool,
    elements: usize,
}

enum Target {
    List(List),
    Set(Set),
    Hash(Hash),
    SortedSet(SortedSet),
}

impl Builder {
    fn new(shape: Shape) -> Self {
        let target = match shape {
            Shape::List => Target::List(List::new()),
            Shape::Set => Target::Set(Set::new()),
            Shape::Hash => Target::Hash(Hash::new()),
            Shape::SortedSet => Target::SortedSet(SortedSet::new()),
        };
        Self { target, first: Vec::new(), halfway: false, elements: 0 }
    }

    fn add(&mut self, item: Word<'_>) -> Result<(), DecodeError> {
        let paired = matches!(self.target, Target::Hash(_) | Target::SortedSet(_));
        if paired && !self.halfway {
            self.halfway = true;
            self.first.clear();
            item.with(|bytes| self.first.extend_from_slice(bytes));
            return Ok(());
        }
        if matches!(self.target, Target::SortedSet(_)) {
            let score = match item {
                Word::Bytes(bytes) => parse::double_text(bytes).ok_or(NOT_A_SCORE)?,
                Word::Integer(number) => number as f64,
            };
            return self.add_score(score);
        }
        self.halfway = false;
        self.elements += 1;
        let first = &self.first;
        item.with(|bytes| match &mut self.target {
            Target::List(list) => list.push_back(bytes),
            Target::Set(set) => _ = set.insert(bytes),
            Target::Hash(hash) => _ = hash.insert(first, bytes),
            Target::SortedSet(_) => unreachable!("handled above"),
        });
        Ok(())
    }

    fn add_score(&mut self, score: f64) -> Result<(), DecodeError> {
        if score.is_nan() {
            return Err(NOT_A_SCORE);
        }
        self.halfway = false;
        self.elements += 1;
        if let Target::SortedSet(zset) = &mut self.target {
            _ = zset.insert(&self.first, score);
        }
        Ok(())
    }

    /// The field that was added last dies.
    fn add_death(&mut self, at_ms: u64) -> Result<(), DecodeError> {
        if at_ms > FIELD_DEATH_MS_MAX {
            return Err(NOT_A_TIME);
        }
        if let Target::Hash(hash) = &mut self.target {
            hash.set_death(&self.first, Some(at_ms));
        }
        Ok(())
    }

    fn finish(self) -> Result<Option<Object>, DecodeError> {
        if self.halfway {
            return Err(ODD);
        }
        let (object, len) = match self.target {
            Target::List(list) => {
                let len = list.len();
                (list.into_object(), len)
            }
            Target::Set(set) => {
                let len = set.len();
                (set.into_object(), len)
            }
            Target::Hash(mut hash) => {
                hash.share_names();
                let len = hash.len();
                (hash.into_object(), len)
            }
            Target::SortedSet(zset) => {
                let len = zset.len();
                (zset.into_object(), len)
            }
        };
        if len != self.elements {
            return Err(TWICE);
        }
        Ok((len > 0).then_some(object))
    }
}
