//! Taking entries off the beginning of a stream: exactly, or by whole nodes as Redis would have
//! them. Also counts those nodes.

use super::Stream;
use super::block::Block;
use super::id::Id;
use crate::types::tree::{At, Last, Leaf};

/// What is to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// So many entries.
    Len(u64),
    /// Entries from this id on.
    From(Id),
}

/// How to trim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// What is to stay.
    pub reach: Reach,
    /// Only whole nodes go.
    pub by_nodes: bool,
    /// Entries to take at most; 0 is any number.
    pub limit: u64,
}

/// Nodes of Redis' tree, from the first on.
struct Nodes<'s> {
    blocks: std::iter::Peekable<crate::types::tree::LeafIter<'s, Block>>,
}

struct Node {
    base: Id,
    /// Id of the last entry there ever was in it.
    newest: Id,
    len: u64,
}

impl Node {
    /// One entry by itself.
    fn of(id: Id) -> Self {
        Self { base: id, newest: id, len: 1 }
    }
}

impl Iterator for Nodes<'_> {
    type Item = Node;

    fn next(&mut self) -> Option<Node> {
        let first = self.blocks.next()?;
        let (base, newest) = (first.base(), first.newest());
        let mut node = Node { base, newest, len: first.len() as u64 };
        while let Some(block) = self.blocks.next_if(|block| block.continues()) {
            node.newest = block.newest();
            node.len += block.len() as u64;
        }
        Some(node)
    }
}

impl Stream {
    fn nodes(&self) -> Nodes<'_> {
        Nodes { blocks: self.entries.leaves().peekable() }
    }

    /// Takes entries off the beginning. Returns how many, and a stream that holds most of them,
    /// which can be dropped elsewhere.
    pub fn trim(&mut self, trim: Trim) -> (u64, Self) {
        let len = self.len() as u64;
        let count = match trim.reach {
            _ if trim.by_nodes => self.count_nodes(trim),
            Reach::Len(keep) => len.saturating_sub(keep),
            Reach::From(id) => self.count_before(id),
        };
        let mut taken = Self::default();
        if count == len {
            taken.entries = std::mem::take(&mut self.entries);
        } else if count > 0 {
            taken.entries = self.entries.take_before(At(count as usize));
            let rest = count as usize - taken.entries.len();
            self.entries.edit(At(0), |block, _| {
                block.lead();
                block.remove_first(rest);
            });
        }
        (count, taken)
    }

    /// The entries that a trim comes to: those before this id.
    #[must_use]
    pub fn trim_end(&self, trim: Trim) -> Id {
        let count = match trim.reach {
            _ if trim.by_nodes => self.count_nodes(trim),
            Reach::Len(keep) => (self.len() as u64).saturating_sub(keep),
            Reach::From(id) => return id,
        };
        let (mut walk, mut at) = self.entries.walk(At(count as usize));
        while walk.leaf().is_some_and(|block| at >= block.len()) {
            at -= walk.leaf().map_or(0, Leaf::len);
            walk.forward();
        }
        let first = walk.leaf().and_then(|block| block.entries().nth(at));
        first.map_or(Id::MAX, |entry| entry.id)
    }

    /// The entries that a trim comes to when it passes over those that groups refer to.
    #[must_use]
    pub fn trim_unreferenced(&self, trim: Trim) -> Vec<Id> {
        let mut gone = Vec::new();
        // Groups refer to all that they have not read.
        let unread = self.groups.iter().map(|group| group.last_id).min().unwrap_or(Id::MAX);
        let mut entries = self.range(Id::MIN, unread).map(|entry| entry.id);
        let mut nodes = self.nodes();
        loop {
            let left = self.len() as u64 - gone.len() as u64;
            let node =
                if trim.by_nodes { nodes.next() } else { entries.clone().next().map(Node::of) };
            let Some(node) = node else { return gone };
            let goes = match trim.reach {
                Reach::Len(keep) => left > keep && left - node.len.min(left) >= keep,
                Reach::From(id) => node.newest < id,
            };
            if !goes || (trim.limit > 0 && gone.len() as u64 + node.len > trim.limit) {
                return gone;
            }
            let ids = entries.by_ref().take(node.len as usize);
            gone.extend(ids.filter(|id| !self.is_referenced(*id)));
        }
    }

    pub(super) fn count_before(&self, id: Id) -> u64 {
        let found = self.entries.find_counted(Last(|base: &Id| *base < id));
        found.map_or(0, |(block, before)| (before + block.count_before(id)) as u64)
    }

    /// Entries in the nodes that an approximate trim takes.
    fn count_nodes(&self, trim: Trim) -> u64 {
        let (len, mut count) = (self.len() as u64, 0);
        for node in self.nodes() {
            let goes = match trim.reach {
                Reach::Len(keep) => len - count > keep && len - count - node.len >= keep,
                Reach::From(id) => node.newest < id,
            };
            if !goes || (trim.limit > 0 && count + node.len > trim.limit) {
                break;
            }
            count += node.len;
        }
        count
    }

    /// Id of the first entry of the first node there ever was, deleted or not.
    #[must_use]
    pub fn base_id(&self) -> Option<Id> {
        self.entries.find(At(0)).map(|(block, _)| block.base())
    }

    /// Keys and nodes of the radix tree that Redis would have.
    #[must_use]
    pub fn radix_tree(&self) -> (usize, usize) {
        let (mut keys, mut path) = (0, RadixPath::default());
        for node in self.nodes() {
            keys += 1;
            path.add(node.base.to_bytes());
        }
        (keys, path.finish())
    }
}

/// Counts the nodes of a compressed radix tree over keys of one length that come in order: one for
/// each key, one for each place where keys part, one for each run of bytes between those.
#[derive(Debug, Default)]
pub(super) struct RadixPath {
    last: Option<[u8; 16]>,
    /// Places on the way to the last key where it parts from earlier ones.
    forks: Vec<usize>,
    nodes: usize,
}

impl RadixPath {
    pub(super) fn add(&mut self, key: [u8; 16]) {
        let Some(last) = self.last.replace(key) else { return };
        let common = last.iter().zip(key).take_while(|(a, b)| **a == *b).count();
        self.close(&mut Some(common));
        if self.forks.last() != Some(&common) {
            self.forks.push(common);
        }
    }

    /// The last key's way above `to` is complete: counts what is below its forks.
    fn close(&mut self, to: &mut Option<usize>) {
        // The key itself, and the run of bytes that leads to it.
        let floor = self.forks.last().copied();
        let lowest = floor.max(*to);
        self.nodes += 1 + run(lowest, 16);
        while let Some(fork) = self.forks.pop() {
            if to.is_some_and(|to| fork <= to) {
                self.forks.push(fork);
                break;
            }
            let above = self.forks.last().copied().max(*to);
            self.nodes += 1 + run(above, fork);
        }
    }

    pub(super) fn finish(mut self) -> usize {
        if self.last.is_none() {
            return 1;
        }
        self.close(&mut None);
        self.nodes
    }
}

/// Nodes that lead from a fork (or the root) to depth `to`: one, unless the two are neighbours.
fn run(fork: Option<usize>, to: usize) -> usize {
    usize::from(fork.map_or(0, |fork| fork + 1) < to)
}
