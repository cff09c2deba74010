//! Building a stream from nodes as files hold them, and handing its blocks out for files. Knows no
//! file.

use super::Stream;
use super::block::{Block, Entries};
use super::id::Id;
use super::text::Text;
use crate::types::tree::{At, Leaf};

/// A node that grows, entry by entry.
#[derive(Debug)]
pub struct NodeBuilder {
    base: Id,
    /// Entries that were deleted before the first one that was not; only their number matters.
    deleted: u32,
    begun: bool,
}

impl NodeBuilder {
    /// A node whose entries are counted from `base`. Nodes come in order.
    #[must_use]
    pub fn new(base: Id) -> Self {
        Self { base, deleted: 0, begun: false }
    }

    /// Adds an entry. Ids come in order.
    pub fn push(&mut self, stream: &mut Stream, id: Id, words: &[&[u8]]) {
        let last = stream.entries.find(At(usize::MAX)).map(|(block, _)| block);
        let bytes = words.iter().map(|word| word.len()).sum();
        let mut new = match last {
            Some(last) if self.begun => {
                if !last.is_full(bytes) {
                    stream.entries.edit(At(usize::MAX), |block, _| block.push(id, words));
                    return;
                }
                Block::go_on(id, last)
            }
            last => Block::begin(self.base.min(id), words, last),
        };
        if last.is_some() {
            stream.entries.edit(At(usize::MAX), |block, _| block.close());
        }
        if !self.begun {
            (0..self.deleted).for_each(|_| new.push_deleted(self.base, words));
        }
        self.begun = true;
        new.push(id, words);
        debug_assert!(new.len() == 1, "a new block");
        stream.entries.push_last(new);
    }

    /// Counts an entry that was deleted.
    pub fn push_deleted(&mut self, stream: &mut Stream, id: Id, words: &[&[u8]]) {
        if self.begun {
            stream.entries.edit(At(usize::MAX), |block, _| block.push_deleted(id, words));
        } else {
            self.deleted += 1;
        }
    }
}

impl Stream {
    /// Visits its blocks: what ids are counted from, shared names, entries.
    pub fn each_block<'s>(
        &'s self,
        mut visit: impl FnMut(Id, &mut dyn ExactSizeIterator<Item = Text<'s>>, Entries<'s>),
    ) {
        for block in self.entries.leaves() {
            visit(block.base(), &mut block.names(), block.entries());
        }
    }
}
