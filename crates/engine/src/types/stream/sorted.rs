//! Records in the order of their keys, in a tree that clones share. Knows nothing of what the
//! records are.

use crate::types::tree::{At, Edges, Last, Leaf, Leaves, Tree, Walk};
use std::cmp::Ordering;
use std::fmt::Debug;

/// Records of a full leaf. Few under test.
const RUN_MAX: usize = if cfg!(test) { 5 } else { 128 };

/// Something with a key.
pub trait Record: Clone + Debug {
    /// What the tree keeps of a leaf's first record.
    type Key: Clone + Debug + PartialOrd;
    /// What one searches with.
    type Query: ?Sized;

    /// Its key.
    fn key(&self) -> Self::Key;
    /// Where a key sorts, seen from what is searched.
    fn order(key: &Self::Key, query: &Self::Query) -> Ordering;
    /// Where the record sorts.
    fn place(&self, query: &Self::Query) -> Ordering;
}

/// Distinct records in order. A clone shares them until either is changed.
#[derive(Debug, Clone)]
pub struct Sorted<R: Record>(Tree<Run<R>>);

#[derive(Debug, Clone)]
struct Run<R>(Vec<R>);

impl<R> Default for Run<R> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<R: Record> Default for Sorted<R> {
    fn default() -> Self {
        Self(Tree::default())
    }
}

impl<R: Record> Leaf for Run<R> {
    type Key = R::Key;
    const SIZE_MAX: usize = RUN_MAX;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn key(&self) -> R::Key {
        self.0[0].key()
    }

    fn size(&self) -> usize {
        self.0.len()
    }

    fn split(&mut self, edges: Edges) -> Leaves<Self> {
        let cut = edges.cut(self.0.len(), RUN_MAX);
        let right = self.0.split_off(cut);
        // Full leaves that are left behind should have no room for more.
        self.0.shrink_to_fit();
        Leaves::from_iter([Self(right)])
    }

    fn join(&mut self, right: &Self) {
        self.0.extend_from_slice(&right.0);
    }
}

impl<R> Run<R>
where
    R: Record,
{
    fn search(&self, query: &R::Query) -> Result<usize, usize> {
        self.0.binary_search_by(|record| record.place(query))
    }
}

impl<R: Record> Sorted<R> {
    /// Number of records.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// A record.
    #[must_use]
    pub fn find(&self, query: &R::Query) -> Option<&R> {
        let (run, _) = self.0.find(Last(|key: &R::Key| R::order(key, query).is_le()))?;
        run.search(query).ok().map(|at| &run.0[at])
    }

    /// Changes a record, but never its key; `None` when there is none.
    pub fn edit<T>(&mut self, query: &R::Query, change: impl FnOnce(&mut R) -> T) -> Option<T> {
        self.find(query)?;
        self.0.edit(Last(|key: &R::Key| R::order(key, query).is_le()), |run, _| {
            run.search(query).ok().map(|at| change(&mut run.0[at]))
        })
    }

    /// Adds a record, which `query` finds, in place of the one that was there; true when there was
    /// none.
    pub fn insert(&mut self, query: &R::Query, record: R) -> bool {
        self.replace(query, record).is_none()
    }

    /// Adds a record, which `query` finds; returns the one that was there.
    pub fn replace(&mut self, query: &R::Query, record: R) -> Option<R> {
        self.0.edit(Last(|key: &R::Key| R::order(key, query).is_le()), |run, _| {
            match run.search(query) {
                Ok(at) => Some(std::mem::replace(&mut run.0[at], record)),
                Err(at) => {
                    run.0.insert(at, record);
                    None
                }
            }
        })
    }

    /// Takes a record out.
    pub fn remove(&mut self, query: &R::Query) -> Option<R> {
        self.find(query)?;
        self.0.edit(Last(|key: &R::Key| R::order(key, query).is_le()), |run, _| {
            run.search(query).ok().map(|at| run.0.remove(at))
        })
    }

    /// All records in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, R> {
        Iter { walk: self.0.walk(At(0)).0, at: 0 }
    }

    /// The records that do not sort before `query`.
    #[must_use]
    pub fn from(&self, query: &R::Query) -> Iter<'_, R> {
        let (walk, _) = self.0.walk(Last(|key: &R::Key| R::order(key, query).is_le()));
        let at = walk.leaf().map_or(0, |run| run.search(query).unwrap_or_else(|at| at));
        Iter { walk, at }
    }

    /// The last record.
    #[must_use]
    pub fn last(&self) -> Option<&R> {
        self.0.find(At(usize::MAX)).and_then(|(run, _)| run.0.last())
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        self.0.check_invariants();
        assert!(self.iter().map(Record::key).is_sorted_by(|a, b| a < b), "in order, and distinct");
    }
}

/// Records one after the other.
#[derive(Debug, Clone)]
pub struct Iter<'s, R: Record> {
    walk: Walk<'s, Run<R>>,
    at: usize,
}

impl<'s, R: Record> Iterator for Iter<'s, R> {
    type Item = &'s R;

    fn next(&mut self) -> Option<&'s R> {
        let mut run = self.walk.leaf()?;
        while self.at == run.0.len() {
            run = self.walk.forward()?;
            self.at = 0;
        }
        self.at += 1;
        Some(&run.0[self.at - 1])
    }
}
