//! A key with its value in one allocation. The only owner of the raw layout; everybody else sees
//! slices and references. Knows no table and no expiry policy.
//!
//! ```text
//! narrow  kind·u8 flags·u8 access·u24 key_len·u8  value_len·u16            [expiry·u64] key value
//! wide    kind·u8 flags·u8 access·u24 0·u8 0·u16  key_len·u32 value_len·u32 [expiry·u64] key value
//! ```
//! `value` is the bytes of a short string, the 8 bytes of an integer, or a boxed [`Object`].

use crate::types::Object;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Strings longer than this live in an [`Object`], where they can grow in place.
pub const INLINE_BYTES_MAX: usize = 1024;

/// Longest string that Redis keeps in one piece with its header.
const EMBEDDED_BYTES_MAX: usize = 44;

const ALIGN: usize = 8;
const NARROW_HEADER: usize = 8;
const WIDE_HEADER: usize = 16;
const EXPIRY: usize = 8;

const KIND_STRING: u8 = 0;
const KIND_INTEGER: u8 = 1;
const KIND_OBJECT: u8 = 2;

const FLAG_EXPIRY: u8 = 1;
const FLAG_WIDE: u8 = 2;
/// A short string that was changed in place once, which Redis keeps in two pieces from then on.
const FLAG_RAW: u8 = 4;
/// A hash some of whose fields die.
const FLAG_FIELDS: u8 = 8;

/// An owned key with its value.
#[derive(Debug)]
pub struct Entry(NonNull<u8>);

// SAFETY: an Entry owns its allocation and the Object in it, and shares neither. The Object is
// Send: what it shares with copies of itself are nodes that nobody changes.
unsafe impl Send for Entry {}

/// What an entry holds.
#[derive(Debug)]
pub enum ValueRef<'e> {
    /// A string kept as bytes.
    Bytes(&'e [u8]),
    /// A string kept as an integer.
    Integer(i64),
    /// Everything else, long strings too.
    Object(&'e Object),
}

/// A value on its way into an entry.
#[derive(Debug)]
pub enum Value<'v> {
    /// A string kept as bytes, at most [`INLINE_BYTES_MAX`].
    Bytes(&'v [u8]),
    /// A string kept as an integer.
    Integer(i64),
    /// Everything else.
    Object(Box<Object>),
}

impl<'v> Value<'v> {
    /// The smallest form of a string.
    #[inline]
    #[must_use]
    pub fn string(bytes: &'v [u8]) -> Self {
        if bytes.len() <= 20
            && let Some(value) = resp::number::parse_i64(bytes)
        {
            return Self::Integer(value);
        }
        Self::bytes(bytes)
    }

    /// A string that stays bytes even when it looks like a number.
    #[must_use]
    pub fn bytes(bytes: &'v [u8]) -> Self {
        if bytes.len() <= INLINE_BYTES_MAX {
            Self::Bytes(bytes)
        } else {
            Self::Object(Box::new(Object::string(bytes)))
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Integer(_) | Self::Object(_) => 8,
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Bytes(_) => KIND_STRING,
            Self::Integer(_) => KIND_INTEGER,
            Self::Object(_) => KIND_OBJECT,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    wide: bool,
    expires: bool,
    key_len: usize,
    value_len: usize,
}

impl Shape {
    fn new(key_len: usize, value_len: usize, expires: bool) -> Self {
        let wide = key_len > usize::from(u8::MAX) || value_len > usize::from(u16::MAX);
        Self { wide, expires, key_len, value_len }
    }

    fn expiry_at(self) -> usize {
        if self.wide { WIDE_HEADER } else { NARROW_HEADER }
    }

    fn key_at(self) -> usize {
        self.expiry_at() + if self.expires { EXPIRY } else { 0 }
    }

    fn value_at(self) -> usize {
        self.key_at() + self.key_len
    }

    fn layout(self) -> Layout {
        let size = self.value_at() + self.value_len;
        Layout::from_size_align(size.next_multiple_of(ALIGN), ALIGN)
            .expect("keys and values are below the limits of the protocol")
    }
}

impl Entry {
    /// Packs a key and its value.
    #[must_use]
    pub fn new(key: &[u8], value: Value<'_>, expiry_ms: Option<u64>) -> Self {
        let shape = Shape::new(key.len(), value.len(), expiry_ms.is_some());
        let layout = shape.layout();
        // SAFETY: the layout has at least the 8 bytes of a header, so it is not of size zero.
        let Some(pointer) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        let mut entry = Self(pointer);
        entry.write_header(shape, value.kind());
        if let Some(at_ms) = expiry_ms {
            entry.write(shape.expiry_at(), &at_ms.to_ne_bytes());
        }
        entry.write(shape.key_at(), key);
        entry.write_value(shape, value);
        entry.note_fields();
        entry
    }

    /// The key.
    #[inline]
    #[must_use]
    pub fn key(&self) -> &[u8] {
        let shape = self.shape();
        self.slice(shape.key_at(), shape.key_len)
    }

    /// Asks the processor to fetch the first two cache lines of the entry.
    #[inline]
    pub fn prefetch(&self) {
        let start = self.0.as_ptr().cast_const();
        prefetch(start);
        prefetch(start.wrapping_add(64));
    }

    /// When the key dies, in Unix milliseconds.
    #[inline]
    #[must_use]
    pub fn expiry_ms(&self) -> Option<u64> {
        if self.byte(1) & FLAG_EXPIRY == 0 {
            return None;
        }
        let at = self.shape().expiry_at();
        Some(u64::from_ne_bytes(self.array(at)))
    }

    /// True when neither the key nor a part of its value ever dies.
    #[inline]
    #[must_use]
    pub fn is_immortal(&self) -> bool {
        self.byte(1) & (FLAG_EXPIRY | FLAG_FIELDS) == 0
    }

    /// True for a hash some of whose fields die, as [`Entry::note_fields`] found.
    #[inline]
    #[must_use]
    pub fn has_mortal_fields(&self) -> bool {
        self.byte(1) & FLAG_FIELDS != 0
    }

    /// When the first field of a hash dies, in Unix milliseconds.
    #[inline]
    #[must_use]
    pub fn fields_death_ms(&self) -> Option<u64> {
        if !self.has_mortal_fields() {
            return None;
        }
        let ValueRef::Object(Object::Hash(hash)) = self.value() else { return None };
        hash.first_death_ms()
    }

    /// Looks whether fields die, after a change of the value.
    pub fn note_fields(&mut self) {
        let dies = match self.value() {
            ValueRef::Object(Object::Hash(hash)) => hash.first_death_ms().is_some(),
            _ => false,
        };
        self.write(1, &[self.byte(1) & !FLAG_FIELDS | if dies { FLAG_FIELDS } else { 0 }]);
    }

    /// Moves the time of death of an entry that has one.
    ///
    /// # Panics
    /// When it has none: that needs another allocation, see [`Entry::with_expiry`].
    pub fn set_expiry_ms(&mut self, at_ms: u64) {
        let shape = self.shape();
        assert!(shape.expires, "the entry has room for a time of death");
        self.write(shape.expiry_at(), &at_ms.to_ne_bytes());
    }

    /// The value.
    #[inline]
    #[must_use]
    pub fn value(&self) -> ValueRef<'_> {
        let shape = self.shape();
        match self.byte(0) {
            KIND_STRING => ValueRef::Bytes(self.slice(shape.value_at(), shape.value_len)),
            KIND_INTEGER => ValueRef::Integer(i64::from_ne_bytes(self.array(shape.value_at()))),
            _ => {
                let pointer = self.object_pointer(shape);
                // SAFETY: the pointer came from Box::into_raw in write_value and is freed only by
                // drop or take_object, both of which need the entry itself.
                ValueRef::Object(unsafe { &*pointer })
            }
        }
    }

    /// The boxed value, to change it.
    #[inline]
    #[must_use]
    pub fn object_mut(&mut self) -> Option<&mut Object> {
        if self.byte(0) != KIND_OBJECT {
            return None;
        }
        let pointer = self.object_pointer(self.shape());
        // SAFETY: as in `value`; the exclusive borrow of the entry makes this one exclusive.
        Some(unsafe { &mut *pointer })
    }

    /// Overwrites the value where it lies. False, and nothing done, when it does not fit exactly.
    #[inline]
    #[must_use]
    pub fn overwrite(&mut self, value: &Value<'_>, expiry_ms: Option<u64>) -> bool {
        let shape = self.shape();
        let same_room = value.len() == shape.value_len && shape.expires == expiry_ms.is_some();
        if self.byte(0) == KIND_OBJECT || value.kind() == KIND_OBJECT || !same_room {
            return false;
        }
        if let Some(at_ms) = expiry_ms {
            self.write(shape.expiry_at(), &at_ms.to_ne_bytes());
        }
        self.write(0, &[value.kind(), self.byte(1) & !FLAG_RAW]);
        match value {
            Value::Bytes(bytes) => self.write(shape.value_at(), bytes),
            Value::Integer(number) => self.write(shape.value_at(), &number.to_ne_bytes()),
            Value::Object(_) => unreachable!("refused above"),
        }
        true
    }

    /// The same key and value with another time of death, or none.
    #[must_use]
    pub fn with_expiry(mut self, expiry_ms: Option<u64>) -> Self {
        match (self.expiry_ms(), expiry_ms) {
            (Some(_), Some(at_ms)) => {
                self.set_expiry_ms(at_ms);
                self
            }
            (None, None) => self,
            _ => self.moved_to(None, expiry_ms),
        }
    }

    /// The same value and time of death under another key.
    #[must_use]
    pub fn with_key(self, key: &[u8]) -> Self {
        let expiry_ms = self.expiry_ms();
        self.moved_to(Some(key), expiry_ms)
    }

    /// A copy under another key, with the same time of death. It shares what is large, see
    /// [`Object::duplicate`].
    #[must_use]
    pub fn duplicate(&self, key: &[u8]) -> Self {
        let value = match self.value() {
            ValueRef::Bytes(bytes) => Value::Bytes(bytes),
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Object(object) => Value::Object(Box::new(object.duplicate())),
        };
        let mut copy = Self::new(key, value, self.expiry_ms());
        if self.is_raw() {
            copy.mark_raw();
        }
        copy
    }

    /// Bytes of the entry's own allocation, without those of a boxed value.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shape().layout().size()
    }

    /// True when dropping the value takes long.
    #[must_use]
    pub fn is_large(&self) -> bool {
        matches!(self.value(), ValueRef::Object(object) if object.is_large())
    }

    /// Name of the value's type as TYPE gives it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.value() {
            ValueRef::Bytes(_) | ValueRef::Integer(_) => "string",
            ValueRef::Object(object) => object.type_name(),
        }
    }

    /// Notes that the string was changed in place.
    pub fn mark_raw(&mut self) {
        self.write(1, &[self.byte(1) | FLAG_RAW]);
    }

    fn is_raw(&self) -> bool {
        self.byte(1) & FLAG_RAW != 0
    }

    /// Name of the value's form as OBJECT ENCODING gives it.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match self.value() {
            ValueRef::Integer(_) if self.is_raw() => "raw",
            ValueRef::Integer(_) => "int",
            ValueRef::Bytes(bytes) if bytes.len() <= EMBEDDED_BYTES_MAX && !self.is_raw() => {
                "embstr"
            }
            ValueRef::Bytes(_) => "raw",
            ValueRef::Object(object) => object.encoding(),
        }
    }

    /// Access clock, 24 bits.
    #[must_use]
    pub fn access(&self) -> u32 {
        u32::from_le_bytes([self.byte(2), self.byte(3), self.byte(4), 0])
    }

    /// Sets the access clock; the upper 8 bits are dropped.
    #[inline]
    pub fn set_access(&mut self, clock: u32) {
        let [a, b, c, _] = clock.to_le_bytes();
        self.write(2, &[a, b, c]);
    }

    fn moved_to(mut self, key: Option<&[u8]>, expiry_ms: Option<u64>) -> Self {
        let object = self.take_object();
        let value = match (object, self.value()) {
            (Some(object), _) => Value::Object(object),
            (None, ValueRef::Bytes(bytes)) => Value::Bytes(bytes),
            (None, ValueRef::Integer(number)) => Value::Integer(number),
            (None, ValueRef::Object(_)) => unreachable!("the object was taken"),
        };
        let mut moved = Self::new(key.unwrap_or(self.key()), value, expiry_ms);
        moved.set_access(self.access());
        if self.is_raw() {
            moved.mark_raw();
        }
        moved
    }

    /// Takes the object out and leaves an integer of the same size in its place.
    fn take_object(&mut self) -> Option<Box<Object>> {
        if self.byte(0) != KIND_OBJECT {
            return None;
        }
        let pointer = self.object_pointer(self.shape());
        self.write(0, &[KIND_INTEGER]);
        // SAFETY: the pointer came from Box::into_raw; the kind written above makes sure that
        // nobody reads or frees it again.
        Some(unsafe { Box::from_raw(pointer) })
    }

    fn object_pointer(&self, shape: Shape) -> *mut Object {
        let bytes: [u8; 8] = self.array(shape.value_at());
        std::ptr::with_exposed_provenance_mut(usize::from_ne_bytes(bytes))
    }

    fn write_header(&mut self, shape: Shape, kind: u8) {
        let flags = if shape.expires { FLAG_EXPIRY } else { 0 };
        if shape.wide {
            self.write(0, &[kind, flags | FLAG_WIDE, 0, 0, 0, 0, 0, 0]);
            self.write(8, &(shape.key_len as u32).to_ne_bytes());
            self.write(12, &(shape.value_len as u32).to_ne_bytes());
        } else {
            let [a, b] = (shape.value_len as u16).to_ne_bytes();
            self.write(0, &[kind, flags, 0, 0, 0, shape.key_len as u8, a, b]);
        }
    }

    fn write_value(&mut self, shape: Shape, value: Value<'_>) {
        match value {
            Value::Bytes(bytes) => self.write(shape.value_at(), bytes),
            Value::Integer(number) => self.write(shape.value_at(), &number.to_ne_bytes()),
            Value::Object(object) => {
                let pointer = Box::into_raw(object).expose_provenance();
                self.write(shape.value_at(), &pointer.to_ne_bytes());
            }
        }
    }

    #[inline]
    fn shape(&self) -> Shape {
        let flags = self.byte(1);
        let expires = flags & FLAG_EXPIRY != 0;
        if flags & FLAG_WIDE != 0 {
            let key_len = u32::from_ne_bytes(self.array(8)) as usize;
            let value_len = u32::from_ne_bytes(self.array(12)) as usize;
            return Shape { wide: true, expires, key_len, value_len };
        }
        let value_len = usize::from(u16::from_ne_bytes(self.array(6)));
        Shape { wide: false, expires, key_len: usize::from(self.byte(5)), value_len }
    }

    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.array::<1>(at)[0]
    }

    #[inline]
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        // SAFETY: all callers read fields of the header, or a value whose length the header says;
        // both lie within the allocation and were initialised by `new`.
        unsafe { self.0.add(at).cast::<[u8; N]>().read_unaligned() }
    }

    #[inline]
    fn slice(&self, at: usize, len: usize) -> &[u8] {
        // SAFETY: at and len come from the header and lie within the allocation, whose bytes were
        // initialised by `new`; the borrow keeps the entry alive and unchanged.
        unsafe { std::slice::from_raw_parts(self.0.add(at).as_ptr(), len) }
    }

    #[inline]
    fn write(&mut self, at: usize, bytes: &[u8]) {
        // SAFETY: callers write fields at the places their shape gives them, within the allocation
        // made for that shape; `bytes` cannot overlap it because the borrow is exclusive.
        unsafe {
            let target = self.0.add(at).as_ptr();
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
        }
    }
}

/// Asks the processor to fetch the cache line at `address`, if it knows how.
#[inline]
pub fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint; it reads nothing and faults on no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

impl Drop for Entry {
    fn drop(&mut self) {
        drop(self.take_object());
        let layout = self.shape().layout();
        // SAFETY: allocated in `new` with the layout of the same shape: lengths and flags that
        // make up the shape are written nowhere else.
        unsafe { dealloc(self.0.as_ptr(), layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(entry: &Entry) -> Vec<u8> {
        match entry.value() {
            ValueRef::Bytes(bytes) => bytes.to_vec(),
            ValueRef::Integer(number) => number.to_string().into_bytes(),
            ValueRef::Object(Object::Bytes(bytes)) => bytes.clone(),
            ValueRef::Object(Object::Pages(pages)) => pages.to_vec(),
            ValueRef::Object(_) => panic!("not a string"),
        }
    }

    #[test]
    fn every_shape_holds_what_it_was_given() {
        let values = ["", "v", "123", "-5", "0123", &"x".repeat(1024), &"y".repeat(5000)];
        for key in ["", "k", &"k".repeat(255), &"k".repeat(256), &"k".repeat(70_000)] {
            for value in values {
                for expiry in [None, Some(0), Some(1_700_000_000_123)] {
                    let entry = Entry::new(key.as_bytes(), Value::string(value.as_bytes()), expiry);
                    assert_eq!(entry.key(), key.as_bytes());
                    assert_eq!(bytes(&entry), value.as_bytes());
                    assert_eq!(entry.expiry_ms(), expiry);
                    let moved = entry.with_expiry(Some(7)).with_key(b"other");
                    assert_eq!(moved.key(), b"other");
                    assert_eq!(bytes(&moved), value.as_bytes());
                    assert_eq!(moved.with_expiry(None).expiry_ms(), None);
                }
            }
        }
    }

    #[test]
    fn overwrites_only_what_fits() {
        let mut entry = Entry::new(b"k", Value::string(b"abcdefgh"), None);
        assert!(entry.overwrite(&Value::Bytes(b"12345678"), None));
        assert!(entry.overwrite(&Value::Integer(5), None));
        assert_eq!(bytes(&entry), b"5");
        assert!(!entry.overwrite(&Value::Bytes(b"longer than"), None));
        assert!(!entry.overwrite(&Value::Integer(5), Some(1)));
        assert_eq!(bytes(&entry), b"5");
        entry.set_access(0x00ab_cdef);
        assert_eq!(entry.access(), 0x00ab_cdef);
        assert_eq!(entry.key(), b"k");
        let moved = entry.with_key(b"other").with_expiry(Some(1));
        assert_eq!(moved.access(), 0x00ab_cdef);
        assert_eq!(bytes(&moved.duplicate(b"third")), b"5");
    }
}
