//! A leaf of elements in an order of their own: a slot of fixed size for each, and the bytes of
//! all behind one another; those of long elements apart. Knows neither what orders the elements nor
//! what their bytes mean.

mod apart;

use apart::Apart;

use super::tree::{Edges, Leaf, Leaves, Walk};
use std::fmt::Debug;
use stdx::alloc::class_bytes;
use stdx::random::mix;

/// Elements of a full leaf. Few under test, so that small trees are deep.
const SLOTS_MAX: usize = if cfg!(test) { 5 } else { 128 };
/// Bytes of an element from which on it counts as more than one.
const SLOT_SIZE: usize = 64;

/// Bytes of an element from which on they are kept apart, so that neither a change of its
/// neighbours nor a copy of the leaf moves them.
const APART_BYTES: usize = if cfg!(test) { 100 } else { 2048 };

/// Slots around the guessed place that are looked at first.
const WINDOW: usize = if cfg!(test) { 2 } else { 16 };

/// What is known of an element besides its bytes.
pub trait Slot: Copy + Debug {
    /// See [`Leaf::Key`].
    type Key: Clone + Debug + PartialOrd;
    /// The key of an element.
    fn key(&self, bytes: &[u8]) -> Self::Key;
    /// Where the element's bytes end, at most 65535; 0 when its kind has none.
    fn end(&self) -> usize;
    /// Says where the element's bytes end.
    fn set_end(&mut self, end: usize);
    /// True when these neighbours may not be in different leaves.
    fn are_one(&self, next: &Self) -> bool;
}

/// A run of elements.
#[derive(Debug, Clone)]
pub struct Slots<S> {
    slots: Vec<S>,
    bytes: Vec<u8>,
    apart: Apart,
}

impl<S> Default for Slots<S> {
    fn default() -> Self {
        Self { slots: Vec::new(), bytes: Vec::new(), apart: Apart::default() }
    }
}

impl<S: Slot> Slots<S> {
    /// The slots in order.
    #[inline]
    #[must_use]
    pub fn slots(&self) -> &[S] {
        &self.slots
    }

    /// A slot, to change anything but the order and its end.
    #[inline]
    #[must_use]
    pub fn slot_mut(&mut self, at: usize) -> &mut S {
        &mut self.slots[at]
    }

    /// The bytes of an element.
    #[inline]
    #[must_use]
    pub fn bytes(&self, at: usize) -> &[u8] {
        match &self.bytes[self.start(at)..self.slots[at].end()] {
            [] => self.apart.get(at),
            bytes => bytes,
        }
    }

    /// Number of leading elements that satisfy `before`, which must hold for none behind them.
    #[inline]
    pub fn partition_point(&self, before: impl Fn(&S, &[u8]) -> bool) -> usize {
        let (mut low, mut high) = (0, self.slots.len());
        while low < high {
            let middle = (low + high) / 2;
            if before(&self.slots[middle], self.bytes(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    #[inline]
    fn start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.slots[at - 1].end() }
    }

    /// Puts an element, whose bytes are those of `parts` joined, before the one at `at`.
    pub fn insert(&mut self, at: usize, mut slot: S, parts: &[&[u8]]) {
        let start = self.start(at);
        self.apart.open(at);
        let parts = self.set_apart(at, 0, parts);
        let len = total(parts);
        self.open(start, len);
        write(&mut self.bytes[start..start + len], parts);
        if len > 0 {
            self.slots[at..].iter_mut().for_each(|slot| slot.set_end(slot.end() + len));
        }
        slot.set_end(start + len);
        make_room(&mut self.slots, 1);
        self.slots.insert(at, slot);
    }

    /// Removes an element.
    ///
    /// # Panics
    /// When there is none.
    pub fn remove(&mut self, at: usize) -> S {
        let (start, slot) = (self.start(at), self.slots.remove(at));
        let end = slot.end().max(start);
        self.apart.close(at);
        self.bytes.drain(start..end);
        let len = end - start;
        if len > 0 {
            self.slots[at..].iter_mut().for_each(|slot| slot.set_end(slot.end() - len));
        }
        slim(&mut self.slots);
        slim(&mut self.bytes);
        slot
    }

    /// Gives an element other bytes.
    pub fn replace(&mut self, at: usize, parts: &[&[u8]]) {
        let (start, old_end) = (self.start(at), self.slots[at].end());
        let parts = self.set_apart(at, old_end - start, parts);
        let end = start + total(parts);
        if end > old_end {
            self.open(old_end, end - old_end);
        } else {
            self.bytes.drain(end..old_end);
        }
        if end != old_end {
            let moved = |slot: &mut S| slot.set_end(slot.end() + end - old_end);
            self.slots[at..].iter_mut().for_each(moved);
            slim(&mut self.bytes);
        }
        write(&mut self.bytes[start..end], parts);
    }

    /// Keeps the bytes of an element apart if they are many, or more than slots can count beside
    /// the others'; what is left of them for here. `old` bytes go.
    fn set_apart<'p>(&mut self, at: usize, old: usize, parts: &'p [&'p [u8]]) -> &'p [&'p [u8]] {
        let len = total(parts);
        let has_place = self.bytes.len() - old + len <= usize::from(u16::MAX);
        if len < APART_BYTES && has_place {
            self.apart.set(at, None);
            return parts;
        }
        self.apart.set(at, Some(parts.concat().into()));
        &[]
    }

    /// Makes a hole of `len` bytes.
    fn open(&mut self, at: usize, len: usize) {
        make_room(&mut self.bytes, len);
        let end = self.bytes.len();
        self.bytes.resize(end + len, 0);
        self.bytes.copy_within(at..end, at + len);
    }

    /// Where to divide it, if it can be divided.
    fn cut(&self, edges: Edges) -> Option<usize> {
        let len = self.slots.len();
        let middle = if len * SLOT_SIZE >= self.bytes.len() {
            if edges.first || edges.last { edges.cut(len, SLOTS_MAX) } else { self.uneven() }
        } else {
            let half = self.bytes.len() / 2;
            self.slots.partition_point(|slot| slot.end() <= half).clamp(1, len - 1)
        };
        let may_cut = |cut: &usize| !self.slots[cut - 1].are_one(&self.slots[*cut]);
        (middle..len).find(may_cut).or_else(|| (1..middle).rev().find(may_cut))
    }

    /// Somewhere in the middle, as the bytes happen to be. Leaves that fill up evenly and are cut
    /// in the same place are all full at the same time; allocations of each size are then needed
    /// by all of them or by none, and a third of the memory is lost to those that lie idle.
    fn uneven(&self) -> usize {
        let (len, mut word) = (self.slots.len(), [0; 8]);
        let some = &self.bytes[self.bytes.len().saturating_sub(8)..];
        word[..some.len()].copy_from_slice(some);
        let part = mix(u64::from_le_bytes(word)) as usize % 256;
        (len * (384 + part) / 1024).clamp(1, len - 1)
    }

    fn split_off(&mut self, cut: usize) -> Self {
        let start = self.start(cut);
        let mut right = Self {
            slots: self.slots[cut..].to_vec(),
            bytes: self.bytes[start..].to_vec(),
            apart: self.apart.split_off(cut),
        };
        if start > 0 {
            right.slots.iter_mut().for_each(|slot| slot.set_end(slot.end() - start));
        }
        self.slots.truncate(cut);
        self.slots.shrink_to_fit();
        self.bytes.truncate(start);
        self.bytes.shrink_to_fit();
        right
    }
}

impl<S: Slot> Leaf for Slots<S> {
    type Key = S::Key;
    const SIZE_MAX: usize = SLOTS_MAX * SLOT_SIZE;

    #[inline]
    fn len(&self) -> usize {
        self.slots.len()
    }

    fn key(&self) -> S::Key {
        self.slots[0].key(self.bytes(0))
    }

    #[inline]
    fn size(&self) -> usize {
        self.bytes.len().max(self.slots.len() * SLOT_SIZE)
    }

    fn split(&mut self, edges: Edges) -> Leaves<Self> {
        let mut leaves = Leaves::new();
        while self.size() > Self::SIZE_MAX && self.slots.len() > 1 {
            let Some(cut) = self.cut(edges) else { break };
            let mut right = self.split_off(cut);
            leaves.insert_many(0, right.split(edges));
            leaves.insert(0, right);
        }
        leaves
    }

    fn join(&mut self, right: &Self) {
        let start = self.bytes.len();
        self.bytes.reserve_exact(right.bytes.len());
        self.bytes.extend_from_slice(&right.bytes);
        let first = self.slots.len();
        self.apart.append(first, &right.apart);
        self.slots.reserve_exact(right.slots.len());
        self.slots.extend_from_slice(&right.slots);
        if start > 0 {
            self.slots[first..].iter_mut().for_each(|slot| slot.set_end(slot.end() + start));
        }
    }
}

/// A guess for [`search`]: where in the leaf something should be that is at `part` of `whole`.
#[inline]
#[must_use]
pub fn guess(part: f64, whole: f64) -> usize {
    (part / whole * 65536.0) as usize
}

/// Number of leading slots that satisfy `before`, which must hold for none behind them. A good
/// guess saves cache misses.
#[inline]
#[must_use]
pub fn search<S>(slots: &[S], guess: usize, before: impl Fn(&S) -> bool) -> usize {
    let last = slots.len().saturating_sub(WINDOW);
    let middle = (guess.min(1 << 16) * slots.len()) >> 16;
    let start = middle.saturating_sub(WINDOW / 2).min(last);
    let window = &slots[start..slots.len().min(start + WINDOW)];
    // Counting all takes no branches.
    let count = window.iter().filter(|slot| before(slot)).count();
    let is_inside = (count > 0 || start == 0) && (count < window.len() || start == last);
    if is_inside { start + count } else { slots.partition_point(before) }
}

/// Makes room for `more` and for what fits into the same allocation: there are many leaves, and
/// what they keep free adds up.
#[inline]
fn make_room<T>(items: &mut Vec<T>, more: usize) {
    let wanted = items.len() + more;
    if items.capacity() < wanted {
        items.reserve_exact(fitting::<T>(wanted) - items.len());
    }
}

#[inline]
fn slim<T>(items: &mut Vec<T>) {
    if items.len() * 2 < items.capacity() {
        items.shrink_to(fitting::<T>(items.len()));
    }
}

/// How many fit into the allocation that `wanted` need.
fn fitting<T>(wanted: usize) -> usize {
    class_bytes(wanted * size_of::<T>()) / size_of::<T>()
}

fn total(parts: &[&[u8]]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

fn write(mut place: &mut [u8], parts: &[&[u8]]) {
    for part in parts {
        let (head, tail) = place.split_at_mut(part.len());
        head.copy_from_slice(part);
        place = tail;
    }
}

/// Elements of a tree in order, from a place on.
#[derive(Debug, Clone)]
pub struct Ascend<'t, S: Slot> {
    walk: Walk<'t, Slots<S>>,
    at: usize,
}

impl<'t, S: Slot> Ascend<'t, S> {
    /// From the element number `at` of the leaf that `walk` is at.
    #[must_use]
    pub fn new(walk: Walk<'t, Slots<S>>, at: usize) -> Self {
        Self { walk, at }
    }
}

impl<'t, S: Slot> Iterator for Ascend<'t, S> {
    type Item = (&'t S, &'t [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut leaf = self.walk.leaf()?;
        while self.at >= leaf.slots.len() {
            leaf = self.walk.forward()?;
            self.at = 0;
        }
        self.at += 1;
        Some((&leaf.slots[self.at - 1], leaf.bytes(self.at - 1)))
    }
}

/// Elements of a tree against the order, from a place on.
#[derive(Debug, Clone)]
pub struct Descend<'t, S: Slot> {
    walk: Walk<'t, Slots<S>>,
    /// Elements of the leaf that are still to come.
    left: usize,
}

impl<'t, S: Slot> Descend<'t, S> {
    /// From the element number `at` of the leaf that `walk` is at.
    #[must_use]
    pub fn new(walk: Walk<'t, Slots<S>>, at: usize) -> Self {
        Self { walk, left: at + 1 }
    }
}

impl<'t, S: Slot> Iterator for Descend<'t, S> {
    type Item = (&'t S, &'t [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut leaf = self.walk.leaf()?;
        while self.left == 0 {
            leaf = self.walk.backward()?;
            self.left = leaf.slots.len();
        }
        self.left -= 1;
        Some((&leaf.slots[self.left], leaf.bytes(self.left)))
    }
}

impl<S: Slot> Slots<S> {
    /// Checks everything that must hold between calls, but the order.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        let ends = self.slots.iter().map(Slot::end);
        assert!(ends.is_sorted(), "elements lie behind one another");
        let end = self.slots.last().map_or(0, Slot::end);
        assert_eq!(end, self.bytes.len(), "elements fill the bytes");
        self.apart.check_invariants(|at| self.start(at) == self.slots[at].end());
        let few = self.slots.len() <= SLOTS_MAX && self.bytes.len() <= Self::SIZE_MAX;
        let is_one = |pair: &[S]| pair[0].are_one(&pair[1]);
        assert!(few || self.slots.windows(2).all(is_one), "leaves are small");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::Rng;

    #[derive(Debug, Clone, Copy)]
    struct Plain(u16);

    impl Slot for Plain {
        type Key = ();
        fn key(&self, _: &[u8]) {}
        fn end(&self) -> usize {
            usize::from(self.0)
        }
        fn set_end(&mut self, end: usize) {
            self.0 = u16::try_from(end).expect("ends are small");
        }
        fn are_one(&self, _: &Self) -> bool {
            false
        }
    }

    /// Bytes that are kept here, apart, or apart because there is no room here.
    fn bytes(rng: &mut Rng) -> Vec<u8> {
        let len = [0, 30, 60, 150, 99][rng.below(5)];
        vec![rng.below(256) as u8; len]
    }

    #[test]
    fn behaves_as_a_list() {
        for seed in 0..20 {
            println!("seed {seed}");
            let mut rng = Rng::new(seed);
            // Leaves that are never cut grow beyond what ends can count.
            let steps = [60, 5_000][rng.below(2)];
            let (mut leaf, mut model) = (Slots::default(), Vec::<Vec<u8>>::new());
            for _ in 0..steps {
                let at = rng.below(model.len() + 1);
                let new = bytes(&mut rng);
                let (head, tail) = new.split_at(new.len() / 2);
                match rng.below(12) {
                    0 if at < model.len() => {
                        leaf.remove(at);
                        model.remove(at);
                    }
                    1 if at < model.len() => {
                        leaf.replace(at, &[head, tail]);
                        model[at] = new;
                    }
                    2 if 0 < at && at < model.len() => {
                        let right = leaf.split_off(at);
                        let same = (0..right.len()).all(|i| right.bytes(i) == model[at + i]);
                        assert!(same, "seed {seed}");
                        leaf.join(&right);
                    }
                    _ => {
                        leaf.insert(at, Plain(0), &[head, tail]);
                        model.insert(at, new);
                    }
                }
                leaf.apart.check_invariants(|at| leaf.start(at) == leaf.slots[at].end());
            }
            assert_eq!(leaf.len(), model.len());
            assert!(steps == 60 || leaf.bytes.len() + 99 > 1 << 16, "seed {seed}: it is full");
            assert!((0..leaf.len()).all(|at| leaf.bytes(at) == model[at]), "seed {seed}");
        }
    }
}
