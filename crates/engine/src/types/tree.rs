//! A persistent counted B+ tree. A clone shares every node; an edit copies the nodes on its way
//! that somebody else holds, and no other. Branches count the elements below them, so an element
//! is found by its number as well as by an order, which the caller gives as a predicate.
//!
//! What a leaf keeps is its own affair ([`Leaf`]): a run of a list, a page of a string, elements
//! in the order of their hashes or scores. The tree only splits leaves that are too large, joins
//! those that are too small, and drops those that are empty.

use smallvec::SmallVec;
use std::fmt::Debug;
use std::sync::Arc;
use stdx::alloc::aside;

/// Branches of a full inner node. Few under test, so that small trees are deep.
const INNER_MAX: usize = if cfg!(test) { 4 } else { 128 };

/// A run of elements.
pub trait Leaf: Clone + Default + Debug {
    /// What a branch knows of the elements below it: a bound that none of them sorts before, and
    /// all to the left do. `()` when elements have places only.
    type Key: Clone + Debug + PartialOrd;
    /// [`Leaf::size`] above which it is split.
    const SIZE_MAX: usize;

    /// Number of elements.
    fn len(&self) -> usize;
    /// The bound of the elements in it, of which there is at least one.
    fn key(&self) -> Self::Key;
    /// How full it is.
    fn size(&self) -> usize;
    /// When it is too large: divides itself into parts that are not, where possible, and returns
    /// those that are to its right.
    fn split(&mut self, edges: Edges) -> Leaves<Self>;
    /// Adds the elements of its right neighbour; sizes add up to no more than [`Leaf::SIZE_MAX`].
    fn join(&mut self, right: &Self);
}

/// Some leaves, mostly none.
pub type Leaves<L> = SmallVec<[L; 1]>;

/// Where in the tree a leaf is. Elements that arrive in order should leave full leaves behind.
#[derive(Debug, Clone, Copy)]
pub struct Edges {
    /// It is the first one.
    pub first: bool,
    /// It is the last one.
    pub last: bool,
}

impl Edges {
    const BOTH: Self = Self { first: true, last: true };

    #[inline]
    fn below(self, at: usize, width: usize) -> Self {
        Self { first: self.first && at == 0, last: self.last && at + 1 == width }
    }

    /// Where to divide `width` things of which at most `max` may stay together.
    #[must_use]
    pub fn cut(self, width: usize, max: usize) -> usize {
        match self {
            Self { last: true, .. } => max.clamp(1, width - 1),
            Self { first: true, .. } => (width - max.min(width)).clamp(1, width - 1),
            _ => width / 2,
        }
    }
}

/// A way to a leaf.
pub trait Place<L: Leaf> {
    /// Which branch to take, by their keys and counts.
    fn branch(&mut self, keys: &[L::Key], counts: &[usize]) -> usize;

    /// What is told to those who search the leaf that was reached.
    fn rest(&self) -> usize {
        0
    }
}

/// The leaf with the element of this number; the last leaf for numbers beyond. The rest is the
/// element's number in the leaf.
#[derive(Debug, Clone, Copy)]
pub struct At(pub usize);

impl<L: Leaf> Place<L> for At {
    #[inline]
    fn branch(&mut self, _: &[L::Key], counts: &[usize]) -> usize {
        let mut at = 0;
        while at + 1 < counts.len() && counts[at] <= self.0 {
            self.0 -= counts[at];
            at += 1;
        }
        at
    }

    #[inline]
    fn rest(&self) -> usize {
        self.0
    }
}

/// The last leaf whose key satisfies the predicate, which holds for some leading keys.
#[derive(Debug, Clone, Copy)]
pub struct Last<F>(pub F);

impl<L: Leaf, F: Fn(&L::Key) -> bool> Place<L> for Last<F> {
    #[inline]
    fn branch(&mut self, keys: &[L::Key], _: &[usize]) -> usize {
        keys[1..].partition_point(&self.0)
    }
}

/// Elements in order.
#[derive(Debug, Clone)]
pub struct Tree<L: Leaf> {
    root: Option<Node<L>>,
    len: usize,
}

#[derive(Debug, Clone)]
enum Node<L: Leaf> {
    Leaf(Arc<L>),
    Inner(Arc<Inner<L>>),
}

/// Branches side by side. The first key is a bound no more once elements were added before it, and
/// is not looked at.
#[derive(Debug, Clone)]
struct Inner<L: Leaf> {
    keys: Vec<L::Key>,
    counts: Vec<usize>,
    nodes: Vec<Node<L>>,
}

impl<L: Leaf> Default for Tree<L> {
    fn default() -> Self {
        Self { root: None, len: 0 }
    }
}

impl<L: Leaf> Tree<L> {
    /// Number of elements.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The leaf at a place and what remains of the place; `None` when the tree is empty.
    #[inline]
    pub fn find(&self, mut place: impl Place<L>) -> Option<(&L, usize)> {
        let mut node = self.root.as_ref()?;
        loop {
            match node {
                Node::Leaf(leaf) => return Some((leaf, place.rest())),
                Node::Inner(inner) => {
                    node = &inner.nodes[place.branch(&inner.keys, &inner.counts)];
                }
            }
        }
    }

    /// As [`Tree::find`], with the number of elements before the leaf.
    #[inline]
    pub fn find_counted(&self, mut place: impl Place<L>) -> Option<(&L, usize)> {
        let (mut node, mut before) = (self.root.as_ref()?, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return Some((leaf, before)),
                Node::Inner(inner) => {
                    let at = place.branch(&inner.keys, &inner.counts);
                    before += inner.counts[..at].iter().sum::<usize>();
                    node = &inner.nodes[at];
                }
            }
        }
    }

    /// Changes the leaf at a place, in any way that keeps the order; `change` gets what remains of
    /// the place. An empty tree has one empty leaf.
    #[inline]
    pub fn edit<R>(
        &mut self,
        mut place: impl Place<L>,
        change: impl FnOnce(&mut L, usize) -> R,
    ) -> R {
        let root = self.root.get_or_insert_with(|| Node::Leaf(Arc::default()));
        let edited = root.edit(&mut place, Edges::BOTH, change);
        self.len = self.len.wrapping_add_signed(edited.grown);
        if edited.is_amiss {
            self.mend();
        }
        edited.result
    }

    /// Adds a leaf with elements behind all others.
    pub fn push_last(&mut self, new: L) {
        self.push(new, Edges { first: false, last: true });
    }

    /// Adds a leaf with elements before all others.
    pub fn push_first(&mut self, new: L) {
        self.push(new, Edges { first: true, last: false });
    }

    fn push(&mut self, new: L, edge: Edges) {
        self.len += new.len();
        let new = Node::Leaf(Arc::new(new));
        self.root = Some(match self.root.take() {
            None => new,
            Some(root @ Node::Leaf(_)) if edge.first => Node::above([new, root]),
            Some(root @ Node::Leaf(_)) => Node::above([root, new]),
            Some(Node::Inner(mut inner)) => {
                Arc::make_mut(&mut inner).push(new, edge);
                Node::Inner(inner)
            }
        });
        self.mend();
    }

    /// Takes out the first leaf.
    pub fn pop_first(&mut self) -> Option<L> {
        self.root.as_ref()?;
        Some(self.edit(At(0), |leaf, _| std::mem::take(leaf)))
    }

    /// Takes out the last leaf.
    pub fn pop_last(&mut self) -> Option<L> {
        self.root.as_ref()?;
        Some(self.edit(At(usize::MAX), |leaf, _| std::mem::take(leaf)))
    }

    /// Takes out the leaves before the one at a place. What is returned is only good for dropping.
    pub fn take_before(&mut self, mut place: impl Place<L>) -> Self {
        let (mut taken, before) = (Vec::new(), self.len);
        if let Some(root) = &mut self.root {
            self.len -= root.take_before(&mut place, &mut taken);
            self.mend();
        }
        let root = (!taken.is_empty()).then(|| Node::above(taken));
        Self { root, len: before - self.len }
    }

    /// Puts a new root above one that is too wide; takes away roots that are needless.
    #[cold]
    fn mend(&mut self) {
        while let Some(root) = &mut self.root {
            match root {
                Node::Leaf(leaf) if leaf.len() == 0 => self.root = None,
                Node::Inner(inner) if inner.nodes.len() < 2 => {
                    self.root = inner.nodes.first().cloned();
                }
                node if node.width() > node.width_max() => {
                    let siblings = node.split(Edges::BOTH);
                    if siblings.is_empty() {
                        return;
                    }
                    let root = self.root.take().into_iter().chain(siblings);
                    self.root = Some(Node::above(root));
                }
                _ => return,
            }
        }
    }

    /// A walk over the leaves that begins at a place, and what remains of the place.
    pub fn walk(&self, mut place: impl Place<L>) -> (Walk<'_, L>, usize) {
        let mut walk = Walk { path: SmallVec::new(), leaf: None };
        let Some(mut node) = self.root.as_ref() else { return (walk, 0) };
        loop {
            match node {
                Node::Leaf(leaf) => {
                    walk.leaf = Some(leaf);
                    return (walk, place.rest());
                }
                Node::Inner(inner) => {
                    let at = place.branch(&inner.keys, &inner.counts);
                    walk.path.push((inner, at));
                    node = &inner.nodes[at];
                }
            }
        }
    }

    /// The leaves in order.
    pub fn leaves(&self) -> LeafIter<'_, L> {
        LeafIter {
            front: self.walk(At(0)).0,
            back: self.walk(At(usize::MAX)).0,
            remaining: self.len,
        }
    }

    /// Checks everything that must hold between calls, but the order.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        let Some(root) = &self.root else { return assert_eq!(self.len, 0, "nothing is counted") };
        assert_eq!(root.check().0, self.len, "len counts the elements");
        assert!(root.width() > 1 || matches!(root, Node::Leaf(_)), "no root is needless");
        assert_eq!(self.leaves().map(Leaf::len).sum::<usize>(), self.len, "all are reached");
        assert_eq!(self.leaves().rev().map(Leaf::len).sum::<usize>(), self.len, "backwards too");
    }
}

type Siblings<L> = SmallVec<[Node<L>; 1]>;

/// What became of a node.
struct Edited<R> {
    result: R,
    /// Elements added below it.
    grown: isize,
    /// It is too wide, too thin or empty.
    is_amiss: bool,
}

/// A node to change: a copy of it when others have it, too. What they keep is set aside, since most
/// of them are cuts, and gone soon.
#[inline]
fn own<T: Clone>(node: &mut Arc<T>) -> &mut T {
    if Arc::strong_count(node) == 1 { Arc::make_mut(node) } else { aside(|| Arc::make_mut(node)) }
}

#[inline]
fn is_amiss(width: usize, max: usize) -> bool {
    width > max || width * 4 <= max
}

impl<L: Leaf> Node<L> {
    fn edit<R>(
        &mut self,
        place: &mut impl Place<L>,
        edges: Edges,
        change: impl FnOnce(&mut L, usize) -> R,
    ) -> Edited<R> {
        match self {
            Self::Leaf(leaf) => {
                let leaf = own(leaf);
                let before = leaf.len();
                let result = change(leaf, place.rest());
                let grown = leaf.len().wrapping_sub(before).cast_signed();
                Edited { result, grown, is_amiss: is_amiss(leaf.size(), L::SIZE_MAX) }
            }
            Self::Inner(inner) => {
                let inner = own(inner);
                let at = place.branch(&inner.keys, &inner.counts);
                let below = edges.below(at, inner.nodes.len());
                let mut edited = inner.nodes[at].edit(place, below, change);
                inner.counts[at] = inner.counts[at].wrapping_add_signed(edited.grown);
                edited.is_amiss = edited.is_amiss && inner.mend(at, below);
                edited
            }
        }
    }

    /// Moves what is before a place out; returns the number of elements in it.
    fn take_before(&mut self, place: &mut impl Place<L>, taken: &mut Vec<Self>) -> usize {
        let Self::Inner(inner) = self else { return 0 };
        let inner = own(inner);
        let at = place.branch(&inner.keys, &inner.counts);
        inner.keys.drain(..at);
        let count: usize = inner.counts.drain(..at).sum();
        taken.extend(inner.nodes.drain(..at));
        let below = inner.nodes[0].take_before(place, taken);
        inner.counts[0] -= below;
        count + below
    }

    fn above(nodes: impl IntoIterator<Item = Self>) -> Self {
        let mut inner = Inner::with_room();
        inner.insert(0, nodes.into_iter());
        Self::Inner(Arc::new(inner))
    }

    fn split(&mut self, edges: Edges) -> Siblings<L> {
        match self {
            Self::Leaf(leaf) => {
                let more = Arc::make_mut(leaf).split(edges);
                more.into_iter().map(|leaf| Self::Leaf(Arc::new(leaf))).collect()
            }
            Self::Inner(inner) => Arc::make_mut(inner).split(edges),
        }
    }

    fn key(&self) -> L::Key {
        match self {
            Self::Leaf(leaf) => leaf.key(),
            Self::Inner(inner) => inner.keys[0].clone(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.len(),
            Self::Inner(inner) => inner.counts.iter().sum(),
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Leaf(leaf) => leaf.size(),
            Self::Inner(inner) => inner.nodes.len(),
        }
    }

    fn width_max(&self) -> usize {
        if matches!(self, Self::Leaf(_)) { L::SIZE_MAX } else { INNER_MAX }
    }

    /// Number of elements and of levels, both checked.
    fn check(&self) -> (usize, usize) {
        let Self::Inner(inner) = self else {
            assert!(self.len() > 0, "no leaf is empty");
            return (self.len(), 1);
        };
        let width = inner.nodes.len();
        assert!(0 < width && width <= INNER_MAX, "no node is too wide");
        assert_eq!((inner.keys.len(), inner.counts.len()), (width, width), "side by side");
        let levels = inner.nodes[0].check().1;
        for (node, &count) in inner.nodes.iter().zip(&inner.counts) {
            assert_eq!(node.check(), (count, levels), "even, and counted");
        }
        for (key, node) in inner.keys.iter().zip(&inner.nodes).skip(1) {
            let is_bound = !matches!(node, Self::Leaf(leaf) if leaf.key() < *key);
            assert!(is_bound, "keys are bounds");
        }
        assert!(inner.keys[1..].is_sorted(), "keys are in order");
        (inner.counts.iter().sum(), levels + 1)
    }
}

impl<L: Leaf> Inner<L> {
    fn with_room() -> Self {
        let room = INNER_MAX + 1;
        Self {
            keys: Vec::with_capacity(room),
            counts: Vec::with_capacity(room),
            nodes: Vec::with_capacity(room),
        }
    }

    /// Adds a leaf at an edge.
    fn push(&mut self, new: Node<L>, edge: Edges) {
        let at = if edge.first { 0 } else { self.nodes.len() - 1 };
        if let Node::Inner(inner) = &mut self.nodes[at] {
            self.counts[at] += new.len();
            Arc::make_mut(inner).push(new, edge);
            self.mend(at, edge);
            return;
        }
        // The key of what was first is a bound again.
        self.keys[0] = self.nodes[0].key();
        self.insert(if edge.first { 0 } else { at + 1 }, std::iter::once(new));
    }

    fn insert(&mut self, at: usize, nodes: impl Iterator<Item = Node<L>>) {
        for (at, node) in (at..).zip(nodes) {
            self.keys.insert(at, node.key());
            self.counts.insert(at, node.len());
            self.nodes.insert(at, node);
        }
    }

    fn split(&mut self, edges: Edges) -> Siblings<L> {
        let mut siblings = Siblings::new();
        while self.nodes.len() > INNER_MAX {
            let cut = edges.cut(self.nodes.len(), INNER_MAX);
            let mut right = Self::with_room();
            right.keys.extend(self.keys.drain(cut..));
            right.counts.extend(self.counts.drain(cut..));
            right.nodes.extend(self.nodes.drain(cut..));
            let more = right.split(edges);
            siblings.insert_many(0, more);
            siblings.insert(0, Node::Inner(Arc::new(right)));
        }
        siblings
    }

    /// Splits the branch at `at` if it has become too wide, removes it if it is empty, joins it
    /// with a neighbour if it is thin and they fit. True when this node is now amiss itself.
    #[cold]
    fn mend(&mut self, at: usize, edges: Edges) -> bool {
        let node = &mut self.nodes[at];
        if node.width() > node.width_max() {
            let siblings = node.split(edges);
            self.counts[at] -= siblings.iter().map(Node::len).sum::<usize>();
            self.insert(at + 1, siblings.into_iter());
        } else if node.width() == 0 {
            self.remove(at);
        } else {
            self.join(at);
        }
        is_amiss(self.nodes.len(), INNER_MAX)
    }

    /// Joins the branch at `at` with a neighbour if it is thin and they fit.
    fn join(&mut self, at: usize) {
        if self.nodes[at].width() * 4 > self.nodes[at].width_max() {
            return;
        }
        let max = self.nodes[at].width_max();
        let fits = |at: usize| {
            let pair = self.nodes.get(at..at + 2);
            // Not to the brim, or the next element would split them again.
            pair.is_some_and(|pair| (pair[0].width() + pair[1].width()) * 4 <= max * 3)
        };
        let left = match at {
            _ if fits(at) => at,
            1.. if fits(at - 1) => at - 1,
            _ => return,
        };
        let (key, count, right) = self.remove(left + 1);
        self.counts[left] += count;
        match (&mut self.nodes[left], right) {
            (Node::Leaf(leaf), Node::Leaf(right)) => Arc::make_mut(leaf).join(&right),
            (Node::Inner(inner), Node::Inner(right)) => {
                let (inner, mut right) = (Arc::make_mut(inner), Arc::unwrap_or_clone(right));
                // Elements below its own first key may have come in since that was the bound.
                right.keys[0] = key;
                inner.keys.append(&mut right.keys);
                inner.counts.append(&mut right.counts);
                inner.nodes.append(&mut right.nodes);
            }
            _ => unreachable!("neighbours have the same depth"),
        }
    }

    fn remove(&mut self, at: usize) -> (L::Key, usize, Node<L>) {
        (self.keys.remove(at), self.counts.remove(at), self.nodes.remove(at))
    }
}

/// A place among the leaves that moves both ways.
#[derive(Debug, Clone)]
pub struct Walk<'t, L: Leaf> {
    path: SmallVec<[(&'t Inner<L>, usize); 5]>,
    leaf: Option<&'t L>,
}

impl<'t, L: Leaf> Walk<'t, L> {
    /// The leaf it is at; `None` beyond the ends and in an empty tree.
    #[inline]
    #[must_use]
    pub fn leaf(&self) -> Option<&'t L> {
        self.leaf
    }

    /// Moves on to the next leaf.
    pub fn forward(&mut self) -> Option<&'t L> {
        self.turn(|inner, at| (at + 1 < inner.nodes.len()).then_some(at + 1), |_| 0)
    }

    /// Moves back to the leaf before.
    pub fn backward(&mut self) -> Option<&'t L> {
        self.turn(|_, at| at.checked_sub(1), |inner| inner.nodes.len() - 1)
    }

    fn turn(
        &mut self,
        next: impl Fn(&Inner<L>, usize) -> Option<usize>,
        end: impl Fn(&Inner<L>) -> usize,
    ) -> Option<&'t L> {
        self.leaf = None;
        while let Some((inner, at)) = self.path.pop() {
            let Some(at) = next(inner, at) else { continue };
            self.path.push((inner, at));
            let mut node = &inner.nodes[at];
            while let Node::Inner(inner) = node {
                let at = end(inner);
                self.path.push((inner, at));
                node = &inner.nodes[at];
            }
            if let Node::Leaf(leaf) = node {
                self.leaf = Some(leaf);
            }
            break;
        }
        self.leaf
    }
}

/// Iterator of [`Tree::leaves`].
#[derive(Debug, Clone)]
pub struct LeafIter<'t, L: Leaf> {
    front: Walk<'t, L>,
    back: Walk<'t, L>,
    /// Elements in the leaves between the two.
    remaining: usize,
}

impl<'t, L: Leaf> Iterator for LeafIter<'t, L> {
    type Item = &'t L;

    fn next(&mut self) -> Option<&'t L> {
        let leaf = self.front.leaf().filter(|_| self.remaining > 0)?;
        self.remaining -= leaf.len();
        self.front.forward();
        Some(leaf)
    }
}

impl<L: Leaf> DoubleEndedIterator for LeafIter<'_, L> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let leaf = self.back.leaf().filter(|_| self.remaining > 0)?;
        self.remaining -= leaf.len();
        self.back.backward();
        Some(leaf)
    }
}
