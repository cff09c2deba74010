//! A run of a stream's entries in one buffer. Entries that have the block's field names keep their
//! values only; ids are kept as differences to the entry before.
//!
//! ```text
//! entry:      head seq │ values                      own = 0
//!             head seq │ count, fields and values    own = 1
//! head:       number: milliseconds behind the entry before (the first: behind the base), own
//! seq:        number: behind that of the entry before if it has the same milliseconds, else itself
//! ```
//! Also counts what the entries would take in Redis, whose nodes decide what approximate trims
//! leave: a block is one such node, or a part of one that is too large for a block. Knows neither
//! its neighbours nor groups.

use super::id::Id;
use super::listpack::{FRAME_BYTES, integer_bytes, text_bytes};
use super::text::{Cursor, Text, put_number, put_text};
use crate::types::tree::{Edges, Leaf, Leaves};
use smallvec::SmallVec;
use std::sync::Arc;

/// Bytes of a full block; a longer entry has a block of its own. Few under test, so that small
/// streams are deep trees.
pub const BLOCK_BYTES: usize = if cfg!(test) { 160 } else { 4096 };

/// The field names that entries of a block share.
#[derive(Debug, Default)]
pub struct Fields {
    count: usize,
    bytes: Box<[u8]>,
    /// What they take at the head of a node of Redis.
    packed: u64,
}

impl Fields {
    /// The names among `words`, which are names and values in turns.
    fn of(words: &[&[u8]]) -> Self {
        let (mut bytes, mut packed) = (Vec::new(), integer_bytes(0));
        for name in words.iter().step_by(2) {
            put_text(&mut bytes, name);
            packed += text_bytes(name);
        }
        let count = words.len() / 2;
        Self { count, bytes: bytes.into(), packed: packed + integer_bytes(count as i64) }
    }

    fn are_in(&self, words: &[&[u8]]) -> bool {
        let mut names = Cursor { bytes: &self.bytes, at: 0 };
        words.len() == 2 * self.count && words.iter().step_by(2).all(|name| names.text().is(name))
    }
}

/// Entries in order.
#[derive(Debug, Clone, Default)]
pub struct Block {
    fields: Arc<Fields>,
    bytes: Vec<u8>,
    /// What the first entry's id is counted from: that of the first entry there ever was.
    base: Id,
    first: Id,
    last: Id,
    /// Id of the last entry there ever was.
    newest: Id,
    len: u32,
    /// Entries that were deleted.
    deleted: u32,
    /// What its entries take in a node of Redis, those deleted included.
    packed: u64,
    /// It goes on with the node of the block before.
    continues: bool,
    /// Entries and their bytes in earlier blocks of the node.
    before: (u64, u64),
}

/// An entry where it lies.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'b> {
    /// Its id.
    pub id: Id,
    /// Number of fields.
    pub len: usize,
    names: Option<Cursor<'b>>,
    texts: Cursor<'b>,
}

impl<'b> Entry<'b> {
    /// Its fields with their values.
    pub fn pairs(&self) -> impl Iterator<Item = (Text<'b>, Text<'b>)> + use<'b> {
        let (mut names, mut texts) = (self.names, self.texts);
        (0..self.len).map(move |_| {
            let name = names.as_mut().map(Cursor::text);
            (name.unwrap_or_else(|| texts.text()), texts.text())
        })
    }

    /// True when it has the field names of its block.
    #[must_use]
    pub fn is_alike(&self) -> bool {
        self.names.is_some()
    }
}

impl Leaf for Block {
    type Key = Id;
    const SIZE_MAX: usize = 16;

    fn len(&self) -> usize {
        self.len as usize
    }

    fn key(&self) -> Id {
        self.base
    }

    /// Blocks are closed by whoever adds entries, and stay as they are: never too large for the
    /// tree, nor so small that it joins them.
    fn size(&self) -> usize {
        if self.len == 0 { 0 } else { Self::SIZE_MAX / 2 }
    }

    fn split(&mut self, _: Edges) -> Leaves<Self> {
        Leaves::new()
    }

    fn join(&mut self, _: &Self) {
        unreachable!("no block is small enough");
    }
}

impl Block {
    /// The first block of a node whose first entry will be `words` under `id`. Field names that are
    /// those of `alike` are shared with it.
    pub fn begin(id: Id, words: &[&[u8]], alike: Option<&Self>) -> Self {
        let alike = alike.filter(|block| block.fields.are_in(words));
        let fields =
            alike.map_or_else(|| Arc::new(Fields::of(words)), |block| Arc::clone(&block.fields));
        Self { fields, base: id, ..Self::default() }
    }

    /// A further block of the node that `before` ends.
    pub fn go_on(id: Id, before: &Self) -> Self {
        let node = (before.node_len(), before.before.1 + before.packed);
        let fields = Arc::clone(&before.fields);
        Self { fields, base: id, continues: true, before: node, ..Self::default() }
    }

    /// True when it goes on with the node of the block before.
    pub fn continues(&self) -> bool {
        self.continues
    }

    /// The block before is gone: a node begins here.
    pub fn lead(&mut self) {
        self.continues = false;
    }

    /// What ids are counted from.
    pub fn base(&self) -> Id {
        self.base
    }

    /// Id of the first entry.
    pub fn first(&self) -> Id {
        self.first
    }

    /// Id of the last entry.
    pub fn last(&self) -> Id {
        self.last
    }

    /// Id of the last entry there ever was.
    pub fn newest(&self) -> Id {
        self.newest
    }

    /// Entries of the node up to here, deleted ones included.
    pub fn node_len(&self) -> u64 {
        self.before.0 + u64::from(self.len + self.deleted)
    }

    /// Bytes of the node up to here, as Redis packs it.
    pub fn node_bytes(&self) -> u64 {
        let counts = integer_bytes((self.node_len() - u64::from(self.deleted)) as i64)
            + integer_bytes(i64::from(self.deleted));
        FRAME_BYTES + self.fields.packed + counts + self.before.1 + self.packed
    }

    /// True when `bytes` more would make it too large.
    pub fn is_full(&self, bytes: usize) -> bool {
        self.len > 0 && self.bytes.len() + bytes > BLOCK_BYTES
    }

    /// Bytes that it takes beside itself.
    pub fn room(&self) -> usize {
        self.bytes.capacity()
    }

    /// Adds an entry behind all others.
    pub fn push(&mut self, id: Id, words: &[&[u8]]) {
        let own = !self.fields.are_in(words);
        let previous = if self.len == 0 { self.base } else { self.last };
        put_head(&mut self.bytes, previous, id, own);
        if own {
            put_number(&mut self.bytes, words.len() as u128 / 2);
        }
        let (skipped, step) = if own { (0, 1) } else { (1, 2) };
        for word in words.iter().skip(skipped).step_by(step) {
            put_text(&mut self.bytes, word);
        }
        self.packed += self.packed_bytes(id, words, own);
        self.first = if self.len == 0 { id } else { self.first };
        (self.last, self.newest) = (id, id);
        self.len += 1;
    }

    /// Counts an entry that was added and deleted again.
    pub fn push_deleted(&mut self, id: Id, words: &[&[u8]]) {
        let own = !self.fields.are_in(words);
        self.packed += self.packed_bytes(id, words, own);
        self.newest = id;
        self.deleted += 1;
    }

    /// What an entry takes in a node of Redis.
    fn packed_bytes(&self, id: Id, words: &[&[u8]], own: bool) -> u64 {
        let fields = words.len() as i64 / 2;
        let behind = |now: u64, base: u64| integer_bytes(now.wrapping_sub(base).cast_signed());
        let mut bytes =
            integer_bytes(2) + behind(id.ms, self.base.ms) + behind(id.seq, self.base.seq);
        if own {
            bytes += integer_bytes(fields) + integer_bytes(2 * fields + 4);
            bytes + words.iter().map(|word| text_bytes(word)).sum::<u64>()
        } else {
            bytes += integer_bytes(fields + 3);
            bytes + words.iter().skip(1).step_by(2).map(|word| text_bytes(word)).sum::<u64>()
        }
    }

    /// No more entries will come.
    pub fn close(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// The entries in order.
    pub fn entries(&self) -> Entries<'_> {
        let cursor = Cursor { bytes: &self.bytes, at: 0 };
        Entries { block: self, cursor, previous: self.base, left: self.len }
    }

    /// The names that entries share.
    pub fn names(&self) -> impl ExactSizeIterator<Item = Text<'_>> {
        let mut names = Cursor { bytes: &self.fields.bytes, at: 0 };
        (0..self.fields.count).map(move |_| names.text())
    }

    /// Takes out an entry; false when it is not there.
    pub fn remove(&mut self, id: Id) -> bool {
        let mut entries = self.entries();
        loop {
            let (start, previous) = (entries.cursor.at, entries.previous);
            let Some(entry) = entries.next().filter(|entry| entry.id <= id) else { return false };
            if entry.id == id {
                let end = entries.cursor.at;
                self.cut(start, end, (previous, id), 1);
                return true;
            }
        }
    }

    /// Takes out the first `count` entries, or all.
    pub fn remove_first(&mut self, count: usize) {
        let mut entries = self.entries();
        let removed = entries.by_ref().take(count).count();
        let (end, last) = (entries.cursor.at, entries.previous);
        if removed > 0 {
            self.cut(0, end, (self.base, last), removed as u32);
        }
    }

    /// Number of entries before `id`.
    pub fn count_before(&self, id: Id) -> usize {
        self.entries().take_while(|entry| entry.id < id).count()
    }

    /// Takes out the bytes of `count` entries, the last of which had the second id; the first is
    /// that of the entry before them.
    fn cut(&mut self, start: usize, end: usize, (previous, removed): (Id, Id), count: u32) {
        self.len -= count;
        self.deleted += count;
        let mut cursor = Cursor { bytes: &self.bytes, at: end };
        if end < self.bytes.len() {
            let (id, own) = read_head(&mut cursor, removed);
            let (mut head, rest) = (Vec::new(), cursor.at);
            put_head(&mut head, previous, id, own);
            self.bytes.splice(start..rest, head);
            self.first = if start == 0 { id } else { self.first };
        } else {
            self.bytes.truncate(start);
            self.last = previous;
        }
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        let ids: Vec<Id> = self.entries().map(|entry| entry.id).collect();
        assert_eq!(ids.len(), self.len as usize, "entries are counted");
        assert_eq!(ids.first(), Some(&self.first), "the first is known");
        assert_eq!(ids.last(), Some(&self.last), "and the last");
        assert!(ids.is_sorted_by(|a, b| a < b), "ids are in order");
        assert!(self.base <= self.first && self.last <= self.newest, "bounds are bounds");
        assert!(!self.continues || self.before.0 > 0, "a node begins somewhere");
    }
}

fn put_head(out: &mut Vec<u8>, previous: Id, id: Id, own: bool) {
    let behind_ms = id.ms - previous.ms;
    put_number(out, u128::from(behind_ms) << 1 | u128::from(own));
    let seq = if behind_ms == 0 { id.seq - previous.seq } else { id.seq };
    put_number(out, u128::from(seq));
}

#[inline]
fn read_head(cursor: &mut Cursor<'_>, previous: Id) -> (Id, bool) {
    let head = cursor.number();
    let (behind_ms, seq) = ((head >> 1) as u64, cursor.number() as u64);
    let seq = if behind_ms == 0 { previous.seq + seq } else { seq };
    (Id { ms: previous.ms + behind_ms, seq }, head & 1 == 1)
}

/// Iterator over the entries of a block.
#[derive(Debug, Clone)]
pub struct Entries<'b> {
    block: &'b Block,
    cursor: Cursor<'b>,
    previous: Id,
    left: u32,
}

impl<'b> Entries<'b> {
    /// All up to `end`, the last one first.
    pub fn back_from(self, end: Id) -> SmallVec<[Entry<'b>; 8]> {
        self.take_while(|entry| entry.id <= end).collect()
    }
}

impl<'b> Iterator for Entries<'b> {
    type Item = Entry<'b>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'b>> {
        self.left = self.left.checked_sub(1)?;
        let (id, own) = read_head(&mut self.cursor, self.previous);
        self.previous = id;
        let fields = &self.block.fields;
        let (len, names) = if own {
            (self.cursor.number() as usize, None)
        } else {
            (fields.count, Some(Cursor { bytes: &fields.bytes, at: 0 }))
        };
        let texts = self.cursor;
        self.cursor.skip_texts(if own { 2 * len } else { len });
        Some(Entry { id, len, names, texts })
    }
}
