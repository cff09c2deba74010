//! Items in ascending order with ranks: a B+ tree whose branches count what is below them. The
//! order itself is the caller's: every search takes a predicate "sorts before", true for some
//! leading items and false for the rest. Knows no member, only its number.

use smallvec::SmallVec;

/// Items of a full leaf.
const LEAF_MAX: usize = 64;
/// Branches of a full inner node.
const INNER_MAX: usize = 32;

/// What is kept in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item {
    /// First part of the order.
    pub score: f64,
    /// Number of the member, the second part.
    pub id: u32,
}

/// Items in order.
#[derive(Debug, Clone)]
pub struct Tree {
    root: Node,
    len: usize,
}

#[derive(Debug, Clone)]
enum Node {
    Leaf(Vec<Item>),
    Inner(Vec<Branch>),
}

#[derive(Debug, Clone)]
struct Branch {
    first: Item,
    len: usize,
    node: Node,
}

impl Default for Tree {
    fn default() -> Self {
        Self { root: Node::Leaf(Vec::new()), len: 0 }
    }
}

impl Tree {
    /// Number of items.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds an item behind those that sort before it.
    pub fn insert(&mut self, item: Item, before: impl Fn(&Item) -> bool) {
        self.len += 1;
        if let Some(right) = self.root.insert(item, &before) {
            let left = std::mem::replace(&mut self.root, Node::Inner(Vec::new()));
            let mut branches = Vec::with_capacity(INNER_MAX + 1);
            branches.push(Branch::new(left));
            branches.push(Branch::new(right));
            self.root = Node::Inner(branches);
        }
    }

    /// Number of items that sort before.
    #[must_use]
    pub fn rank(&self, before: impl Fn(&Item) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(items) => return rank + items.partition_point(&before),
                Node::Inner(branches) => {
                    let at = child_of(branches, &before);
                    rank += branches[..at].iter().map(|branch| branch.len).sum::<usize>();
                    node = &branches[at].node;
                }
            }
        }
    }

    /// Removes the item with this rank.
    ///
    /// # Panics
    /// When there is none.
    pub fn remove(&mut self, rank: usize) -> Item {
        assert!(rank < self.len, "the rank exists");
        self.len -= 1;
        let item = self.root.remove(rank);
        while let Node::Inner(branches) = &mut self.root {
            match branches.len() {
                0 => self.root = Node::Leaf(Vec::new()),
                1 => self.root = branches.remove(0).node,
                _ => break,
            }
        }
        item
    }

    /// The items from a rank on, ascending.
    #[must_use]
    pub fn ascend(&self, rank: usize) -> Ascend<'_> {
        let mut walk = Ascend(Walk::default());
        let (mut node, mut rank) = (&self.root, rank);
        loop {
            match node {
                Node::Leaf(items) => {
                    walk.0.leaf = items.get(rank..).unwrap_or_default().iter();
                    return walk;
                }
                Node::Inner(branches) => {
                    let at = skip(branches, &mut rank);
                    let Some(branch) = branches.get(at) else { return walk };
                    walk.0.stack.push(branches[at + 1..].iter());
                    node = &branch.node;
                }
            }
        }
    }

    /// The items from a rank down, descending.
    #[must_use]
    pub fn descend(&self, rank: usize) -> Descend<'_> {
        let mut walk = Descend(Walk::default());
        if self.len == 0 {
            return walk;
        }
        let (mut node, mut rank) = (&self.root, rank.min(self.len - 1));
        loop {
            match node {
                Node::Leaf(items) => {
                    walk.0.leaf = items[..=rank].iter();
                    return walk;
                }
                Node::Inner(branches) => {
                    let at = skip(branches, &mut rank);
                    walk.0.stack.push(branches[..at].iter());
                    node = &branches[at].node;
                }
            }
        }
    }

    /// Checks everything that must hold between calls, but the order.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        assert_eq!(self.root.check(), (self.len, self.root.depth()), "len counts the items");
        assert_eq!(self.ascend(0).count(), self.len, "all items are reached");
    }
}

/// The branch that an item belongs to.
#[inline]
fn child_of(branches: &[Branch], before: impl Fn(&Item) -> bool) -> usize {
    branches.partition_point(|branch| before(&branch.first)).saturating_sub(1)
}

/// The branch that holds the item of a rank, which becomes relative to that branch.
#[inline]
fn skip(branches: &[Branch], rank: &mut usize) -> usize {
    let mut at = 0;
    while at < branches.len() && branches[at].len <= *rank {
        *rank -= branches[at].len;
        at += 1;
    }
    at
}

impl Branch {
    fn new(node: Node) -> Self {
        Self { first: node.first(), len: node.len(), node }
    }
}

impl Node {
    fn first(&self) -> Item {
        match self {
            Self::Leaf(items) => items[0],
            Self::Inner(branches) => branches[0].first,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(branches) => branches.iter().map(|branch| branch.len).sum(),
        }
    }

    /// Adds an item; returns the right half when the node was full.
    fn insert(&mut self, item: Item, before: &impl Fn(&Item) -> bool) -> Option<Self> {
        match self {
            Self::Leaf(items) => insert_in_leaf(items, item, before),
            Self::Inner(branches) => {
                let at = child_of(branches, before);
                let branch = &mut branches[at];
                if !before(&branch.first) {
                    branch.first = item;
                }
                branch.len += 1;
                let right = Branch::new(branch.node.insert(item, before)?);
                branch.len -= right.len;
                let last = at + 1 == branches.len();
                branches.insert(at + 1, right);
                if branches.len() <= INNER_MAX {
                    return None;
                }
                let split = if last { INNER_MAX } else { INNER_MAX / 2 };
                let mut tail = Vec::with_capacity(INNER_MAX + 1);
                tail.extend(branches.drain(split..));
                Some(Self::Inner(tail))
            }
        }
    }

    fn remove(&mut self, mut rank: usize) -> Item {
        match self {
            Self::Leaf(items) => items.remove(rank),
            Self::Inner(branches) => {
                let at = skip(branches, &mut rank);
                let branch = &mut branches[at];
                let item = branch.node.remove(rank);
                branch.len -= 1;
                if branch.len == 0 {
                    branches.remove(at);
                    return item;
                }
                if rank == 0 {
                    branch.first = branch.node.first();
                }
                join_if_thin(branches, at);
                item
            }
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(branches) => branches.len(),
        }
    }

    fn width_max(&self) -> usize {
        if matches!(self, Self::Leaf(_)) { LEAF_MAX } else { INNER_MAX }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Inner(branches) => 1 + branches[0].node.depth(),
        }
    }

    /// Number of items and depth, both checked.
    fn check(&self) -> (usize, usize) {
        assert!(self.width() <= self.width_max(), "no node is too wide");
        let Self::Inner(branches) = self else { return (self.width(), 0) };
        for branch in branches {
            assert_eq!(branch.node.check(), (branch.len, self.depth() - 1), "even, and counted");
            assert!(branch.len > 0 && branch.node.first() == branch.first, "firsts are known");
        }
        (self.len(), self.depth())
    }
}

fn insert_in_leaf(
    items: &mut Vec<Item>,
    item: Item,
    before: &impl Fn(&Item) -> bool,
) -> Option<Node> {
    let at = items.partition_point(before);
    if items.len() < LEAF_MAX {
        items.insert(at, item);
        return None;
    }
    // Items that arrive in order leave full leaves behind.
    let split = if at == LEAF_MAX { LEAF_MAX } else { LEAF_MAX / 2 };
    let mut tail = Vec::with_capacity(LEAF_MAX);
    tail.extend(items.drain(split..));
    if at <= split && split < LEAF_MAX {
        items.insert(at, item);
    } else {
        tail.insert(at - split, item);
    }
    Some(Node::Leaf(tail))
}

/// Joins the branch at `at` with a neighbour when it is less than a quarter full and both fit.
fn join_if_thin(branches: &mut Vec<Branch>, at: usize) {
    let (width, max) = (branches[at].node.width(), branches[at].node.width_max());
    if width * 4 >= max {
        return;
    }
    let fits = |other: usize| branches.get(other).is_some_and(|b| b.node.width() + width <= max);
    let left = if fits(at + 1) {
        at
    } else if at > 0 && fits(at - 1) {
        at - 1
    } else {
        return;
    };
    let right = branches.remove(left + 1);
    let branch = &mut branches[left];
    branch.len += right.len;
    match (&mut branch.node, right.node) {
        (Node::Leaf(items), Node::Leaf(more)) => items.extend(more),
        (Node::Inner(inner), Node::Inner(more)) => inner.extend(more),
        _ => unreachable!("neighbours have the same depth"),
    }
}

#[derive(Debug, Default, Clone)]
struct Walk<'t> {
    stack: SmallVec<[std::slice::Iter<'t, Branch>; 6]>,
    leaf: std::slice::Iter<'t, Item>,
}

/// Iterator of [`Tree::ascend`].
#[derive(Debug, Clone)]
pub struct Ascend<'t>(Walk<'t>);

/// Iterator of [`Tree::descend`].
#[derive(Debug, Clone)]
pub struct Descend<'t>(Walk<'t>);

macro_rules! walk {
    ($name:ident, $next:ident) => {
        impl Iterator for $name<'_> {
            type Item = Item;

            #[inline]
            fn next(&mut self) -> Option<Item> {
                loop {
                    if let Some(item) = self.0.leaf.$next() {
                        return Some(*item);
                    }
                    match self.0.stack.last_mut()?.$next().map(|branch| &branch.node) {
                        None => drop(self.0.stack.pop()),
                        Some(Node::Leaf(items)) => self.0.leaf = items.iter(),
                        Some(Node::Inner(branches)) => self.0.stack.push(branches.iter()),
                    }
                }
            }
        }
    };
}

walk!(Ascend, next);
walk!(Descend, next_back);

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::Rng;

    fn put(tree: &mut Tree, model: &mut Vec<Item>, item: Item) {
        let before = |x: &Item| (x.score, x.id) < (item.score, item.id);
        let rank = model.partition_point(before);
        assert_eq!(tree.rank(before), rank);
        if model.get(rank) != Some(&item) {
            tree.insert(item, before);
            model.insert(rank, item);
        }
    }

    #[test]
    fn behaves_as_a_sorted_vector() {
        for seed in 0..12 {
            println!("seed {seed}");
            let mut rng = Rng::new(seed);
            let (mut tree, mut model) = (Tree::default(), Vec::new());
            let (kinds, bias) = ([50, 5_000, 1][rng.below(3)], 3 + rng.below(5));
            for round in 0..6_000 {
                if rng.below(10) < bias || model.is_empty() {
                    let score = rng.below(kinds) as f64;
                    let item = Item { score, id: rng.below(5_000) as u32 };
                    put(&mut tree, &mut model, item);
                } else {
                    let rank = if bias == 5 { 0 } else { rng.below(model.len()) };
                    assert_eq!(tree.remove(rank), model.remove(rank));
                }
                if round % 50 == 0 {
                    tree.check_invariants();
                    let rank = rng.below(model.len() + 1);
                    assert!(tree.ascend(rank).eq(model[rank..].iter().copied()));
                    let down = model[..model.len().min(rank + 1)].iter().rev().copied();
                    assert!(tree.descend(rank).eq(down));
                }
            }
            while !model.is_empty() {
                let rank = rng.below(model.len());
                assert_eq!(tree.remove(rank), model.remove(rank));
            }
            tree.check_invariants();
        }
    }

    #[test]
    fn items_in_order_fill_the_leaves() {
        let mut tree = Tree::default();
        for id in 0..10_000 {
            tree.insert(Item { score: 0.0, id }, |x| x.id < id);
        }
        tree.check_invariants();
        assert_eq!(tree.root.depth(), 2);
    }
}
