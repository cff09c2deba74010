//! The value of a stream: entries in the order of their ids, in blocks of a counted tree, and the
//! consumer groups that read them. A clone shares all of it. Knows no command.
//!
//! What Redis shows of its own structure, nodes of up to `stream-node-max-entries` entries, is kept
//! exactly: approximate trims take whole nodes.

mod block;
mod facts;
pub mod group;
pub mod id;
mod listpack;
mod load;
mod producers;
pub mod sorted;
mod text;
mod trim;

pub use block::Entry;
pub use facts::Facts;
pub use group::{Consumer, Group, Pending};
pub use id::Id;
pub use load::NodeBuilder;
pub use producers::Producers;
pub use sorted::Sorted;
pub use text::Text;
pub use trim::{Reach, Trim};

use super::limits::{STREAM_BYTES, STREAM_ENTRIES};
use super::tree::{At, Last, Leaf, Tree, Walk};
use block::{Block, Entries};
use smallvec::SmallVec;
use std::sync::Arc;

/// The most bytes that Redis puts into one node, and that the texts of an entry may have together.
pub const NODE_BYTES_MAX: usize = 1 << 30;

/// Entries in order, and who reads them.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    entries: Tree<Block>,
    /// Id of the newest entry there ever was.
    pub last_id: Id,
    /// The highest id that was deleted by name.
    pub deleted_id: Id,
    /// Number of entries there ever were.
    pub added: u64,
    groups: Sorted<Group>,
    producers: Option<Arc<Producers>>,
}

impl Stream {
    /// Number of entries.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "Collection::is_empty")]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when dropping it takes long.
    #[must_use]
    pub fn is_large(&self) -> bool {
        // Each producer has up to some thousand ids.
        let producers = self.producers().map_or(0, Producers::len);
        self.len() > super::LARGE
            || producers > super::LARGE / 64
            || self.groups.iter().any(Group::is_large)
    }

    /// Id of the first entry; 0-0 when there is none.
    #[must_use]
    pub fn first_id(&self) -> Id {
        self.entries.find(At(0)).map_or(Id::MIN, |(block, _)| block.first())
    }

    /// Id of the last entry that is there; 0-0 when there is none.
    #[must_use]
    pub fn top_id(&self) -> Id {
        self.entries.find(At(usize::MAX)).map_or(Id::MIN, |(block, _)| block.last())
    }

    /// What can be told of groups without looking at entries.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts {
            len: self.len() as u64,
            first_id: self.first_id(),
            last_id: self.last_id,
            deleted_id: self.deleted_id,
            added: self.added,
        }
    }

    /// Adds an entry of fields and values in turns.
    ///
    /// # Panics
    /// When its id is not above all others.
    pub fn add(&mut self, id: Id, words: &[&[u8]]) {
        assert!(id > self.last_id, "ids only grow");
        self.append(id, words);
        self.last_id = id;
        self.added += 1;
    }

    fn append(&mut self, id: Id, words: &[&[u8]]) {
        let bytes: usize = words.iter().map(|word| word.len()).sum();
        let last = self.entries.find(At(usize::MAX)).map(|(block, _)| block);
        let mut new = match last {
            Some(last) if node_has_room(last, bytes) => {
                if !last.is_full(bytes) {
                    self.entries.edit(At(usize::MAX), |block, _| block.push(id, words));
                    return;
                }
                Block::go_on(id, last)
            }
            last => Block::begin(id, words, last),
        };
        if last.is_some() {
            self.entries.edit(At(usize::MAX), |block, _| block.close());
        }
        new.push(id, words);
        self.entries.push_last(new);
    }

    /// Deletes an entry; false when it is not there.
    pub fn delete(&mut self, id: Id) -> bool {
        let place = || Last(|base: &Id| *base <= id);
        if self.get(id).is_none() {
            return false;
        }
        let (removed, led) = self.entries.edit(place(), |block, _| {
            let led = !block.continues();
            (block.remove(id), led && block.len() == 0)
        });
        if led && self.entries.len() > 0 {
            self.lead_behind(id);
        }
        self.deleted_id = self.deleted_id.max(id);
        removed
    }

    /// The block that began a node is gone: the next one begins it, if it was part of it.
    fn lead_behind(&mut self, id: Id) {
        let base = {
            let (mut walk, _) = self.entries.walk(Last(|base: &Id| *base <= id));
            let here = walk.leaf().filter(|block| block.base() > id);
            let next = here.or_else(|| walk.forward());
            next.filter(|block| block.continues()).map(Block::base)
        };
        if let Some(base) = base {
            self.entries.edit(Last(|other: &Id| *other <= base), |block, _| block.lead());
        }
    }

    /// An entry.
    #[must_use]
    pub fn get(&self, id: Id) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// The entries from one id to another, both included.
    #[must_use]
    pub fn range(&self, start: Id, end: Id) -> Range<'_> {
        let (walk, _) = self.entries.walk(Last(|base: &Id| *base <= start));
        let entries = walk.leaf().map(Block::entries);
        Range { walk, entries, start, end }
    }

    /// Number of entries from one id to another.
    #[must_use]
    pub fn count(&self, start: Id, end: Id) -> usize {
        let to = end.next().map_or(self.len() as u64, |next| self.count_before(next));
        to.saturating_sub(self.count_before(start)) as usize
    }

    /// As [`Stream::range`], the last one first.
    #[must_use]
    pub fn range_back(&self, start: Id, end: Id) -> RangeBack<'_> {
        let (walk, _) = self.entries.walk(Last(|base: &Id| *base <= end));
        let entries = walk.leaf().map(|block| block.entries().back_from(end));
        RangeBack { walk, entries: entries.unwrap_or_default(), start }
    }

    /// The groups in the order of their names.
    #[must_use]
    pub fn groups(&self) -> &Sorted<Group> {
        &self.groups
    }

    /// A group.
    #[must_use]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.find(name)
    }

    /// Changes a group; `None` when there is none of this name.
    pub fn edit_group<T>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&mut Group) -> T,
    ) -> Option<T> {
        self.groups.edit(name, change)
    }

    /// Adds a group; false when there is one of its name.
    pub fn add_group(&mut self, group: Group) -> bool {
        let name = group.name().clone();
        self.groups.find(&name).is_none() && self.groups.insert(&name, group)
    }

    /// Takes a group out, in a stream of its own, which can be dropped elsewhere.
    pub fn take_group(&mut self, name: &[u8]) -> Option<Self> {
        let mut taken = Self::default();
        taken.add_group(self.groups.remove(name)?);
        Some(taken)
    }

    /// True when a group has yet to read an entry, or has given it out and nobody acknowledged it.
    #[must_use]
    pub fn is_referenced(&self, id: Id) -> bool {
        let refers = |group: &Group| group.last_id < id || group.pending().find(&id).is_some();
        self.groups.iter().any(refers)
    }

    /// What producers have sent, once there was one or something was said of them.
    #[must_use]
    pub fn producers(&self) -> Option<&Producers> {
        self.producers.as_deref()
    }

    /// As [`Stream::producers`], to change it.
    pub fn producers_mut(&mut self) -> &mut Producers {
        Arc::make_mut(self.producers.get_or_insert_default())
    }

    /// Bytes of its entries and of what keeps them, without groups.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |block: &Block| block.room() + size_of::<Block>();
        self.entries.leaves().map(of).sum()
    }

    /// Takes a consumer out of a group with what is left of all it was given, in a stream of its
    /// own, which can be dropped elsewhere.
    pub fn take_consumer(&mut self, group: &[u8], name: &[u8]) -> Option<Self> {
        let mut taken = Self::default();
        taken.add_group(self.edit_group(group, |group| group.remove_consumer(name)).flatten()?);
        Some(taken)
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        self.entries.check_invariants();
        self.entries.leaves().for_each(Block::check_invariants);
        let ids = self.range(Id::MIN, Id::MAX).map(|entry| entry.id);
        assert!(ids.is_sorted_by(|a, b| a < b), "ids are in order");
        assert!(self.top_id() <= self.last_id, "the last id is the last");
        assert!(self.added >= self.len() as u64, "all entries were added");
        self.groups.check_invariants();
        self.groups.iter().for_each(Group::check_invariants);
        self.producers().into_iter().for_each(Producers::check_invariants);
    }
}

/// True when the node that ends with this block takes an entry with texts of so many bytes.
fn node_has_room(last: &Block, bytes: usize) -> bool {
    let (len_max, mut bytes_max) = (STREAM_ENTRIES.get() as u64, STREAM_BYTES.get());
    if bytes_max == 0 || bytes_max > NODE_BYTES_MAX {
        bytes_max = NODE_BYTES_MAX;
    }
    last.node_bytes() + (bytes as u64) < bytes_max as u64
        && (len_max == 0 || last.node_len() < len_max)
}

/// Iterator of [`Stream::range`].
#[derive(Debug, Clone)]
pub struct Range<'s> {
    walk: Walk<'s, Block>,
    entries: Option<Entries<'s>>,
    start: Id,
    end: Id,
}

impl<'s> Iterator for Range<'s> {
    type Item = Entry<'s>;

    fn next(&mut self) -> Option<Entry<'s>> {
        loop {
            let (start, entries) = (self.start, self.entries.as_mut()?);
            if let Some(entry) = entries.find(|entry| entry.id >= start) {
                if entry.id <= self.end {
                    return Some(entry);
                }
                self.entries = None;
                return None;
            }
            self.entries = self.walk.forward().map(Block::entries);
        }
    }
}

/// Iterator of [`Stream::range_back`].
#[derive(Debug, Clone)]
pub struct RangeBack<'s> {
    walk: Walk<'s, Block>,
    /// Entries of a block that are to come, the next one last.
    entries: SmallVec<[Entry<'s>; 8]>,
    start: Id,
}

impl<'s> Iterator for RangeBack<'s> {
    type Item = Entry<'s>;

    fn next(&mut self) -> Option<Entry<'s>> {
        while self.entries.is_empty() {
            let block = self.walk.backward().filter(|block| block.last() >= self.start)?;
            self.entries = block.entries().back_from(Id::MAX);
        }
        self.entries.pop().filter(|entry| entry.id >= self.start)
    }
}

#[cfg(test)]
mod tests;
