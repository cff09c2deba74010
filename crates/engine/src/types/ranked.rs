//! Members in the order of (score, member), in one tree, and the scores by the hash of the member,
//! in another. A member's bytes are kept once: what the second tree finds is looked up in the
//! first.

use super::bytes::{Bytes, order_of};
use super::hashed::{ByHash, hash_of};
use super::slots::{Ascend, Descend, Slot, Slots, guess, search};
use super::tree::{At, Last, Place, Tree};
use std::cmp::Ordering;

/// Members with equal scores from which on a scan takes more members at a time.
const LONG_RUN: usize = 1024;
/// Calls in which a scan is done whose members all have the same score.
const LONG_RUN_CALLS: usize = 512;

/// The order of members.
#[inline]
#[must_use]
pub fn compare(a: (&[u8], f64), b: (&[u8], f64)) -> Ordering {
    a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal).then_with(|| order_of(a.0, b.0))
}

/// Distinct members with scores.
#[derive(Debug, Clone, Default)]
pub struct Ranked {
    order: Tree<Slots<Ranking>>,
    scores: Tree<Slots<Score>>,
}

/// What is known of a member besides its bytes.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(2))]
struct Ranking {
    score: f64,
    hash: u32,
    end: u16,
}

/// The first member of a leaf.
#[derive(Debug, Clone)]
struct First {
    score: f64,
    member: Bytes,
}

impl PartialEq for First {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for First {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(compare((&self.member, self.score), (&other.member, other.score)))
    }
}

impl Slot for Ranking {
    type Key = First;

    fn key(&self, bytes: &[u8]) -> First {
        First { score: self.score, member: Bytes::new(bytes) }
    }

    #[inline]
    fn end(&self) -> usize {
        usize::from(self.end)
    }

    #[inline]
    fn set_end(&mut self, end: usize) {
        self.end = end as u16;
    }

    fn are_one(&self, _: &Self) -> bool {
        false
    }
}

/// The score of a member that has this hash.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(4))]
struct Score {
    hash: u32,
    score: f64,
}

impl Slot for Score {
    type Key = u32;

    fn key(&self, _: &[u8]) -> u32 {
        self.hash
    }

    #[inline]
    fn end(&self) -> usize {
        0
    }

    #[inline]
    fn set_end(&mut self, _: usize) {}

    fn are_one(&self, next: &Self) -> bool {
        self.hash == next.hash
    }
}

type Run = Slots<Ranking>;

/// Neighbours with equal scores up to which all are looked at.
const FEW: usize = if cfg!(test) { 2 } else { 16 };

/// The guess of those who have none.
const HALF: usize = 1 << 15;

impl Ranked {
    /// Number of members.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// The score of a member.
    #[must_use]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.score_of(hash_of(member), member)
    }

    fn score_of(&self, hash: u32, member: &[u8]) -> Option<f64> {
        let (run, guess) = self.scores.find(ByHash::new(hash))?;
        let mut scores = alike(run, guess, hash).map(|at| run.slots()[at].score);
        scores.find(|score| holds(&self.order, (hash, member, *score)))
    }

    /// Sets the score of a member; returns the one it had.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let (hash, order) = (hash_of(member), &mut self.order);
        let old = self.scores.edit(ByHash::new(hash), |run, guess| {
            for at in alike(run, guess, hash) {
                let old = run.slots()[at].score;
                if old == score {
                    if holds(order, (hash, member, score)) {
                        return Some(old);
                    }
                } else if remove_ranking(order, (hash, member, old)) {
                    *run.slot_mut(at) = Score { hash, score };
                    return Some(old);
                }
            }
            let at = search(run.slots(), guess, |slot| slot.hash < hash);
            run.insert(at, Score { hash, score }, &[]);
            None
        });
        if old != Some(score) {
            order.edit(ByRank::new(score, member), |run, guess| {
                let at = place_of(run, guess, member, score);
                run.insert(at, Ranking { score, end: 0, hash }, &[member]);
            });
        }
        old
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let (hash, order) = (hash_of(member), &mut self.order);
        self.scores.edit(ByHash::new(hash), |run, guess| {
            let mut alike = alike(run, guess, hash);
            let is_it = |at: &usize| remove_ranking(order, (hash, member, run.slots()[*at].score));
            let at = alike.find(is_it)?;
            Some(run.remove(at).score)
        })
    }

    /// Takes out the member with this rank.
    ///
    /// # Panics
    /// When there is none.
    pub fn take(&mut self, rank: usize) -> (Bytes, f64) {
        let (member, slot) = self.order.edit(At(rank), |run, at| {
            let member = Bytes::new(run.bytes(at));
            (member, run.remove(at))
        });
        self.scores.edit(ByHash::new(slot.hash), |run, guess| {
            let is_it = |at: &usize| run.slots()[*at].score == slot.score;
            let at = alike(run, guess, slot.hash).find(is_it);
            run.remove(at.expect("every member has its score"));
        });
        (member, slot.score)
    }

    /// Number of members that sort before this one.
    #[must_use]
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        let hash = hash_of(member);
        let score = self.score_of(hash, member)?;
        let (run, before) = self.order.find_counted(ByRank::new(score, member))?;
        find(run, HALF, (hash, member, score)).map(|at| before + at)
    }

    /// Number of leading members that satisfy `before`, which must hold for none behind them.
    #[must_use]
    pub fn count_before(&self, before: impl Fn(&[u8], f64) -> bool) -> usize {
        let place = Last(|first: &First| before(&first.member, first.score));
        let found = self.order.find_counted(place);
        found.map_or(0, |(run, count)| {
            count + run.partition_point(|slot, bytes| before(bytes, slot.score))
        })
    }

    /// Members with their scores from a rank on, ascending.
    #[must_use]
    pub fn ascend(&self, rank: usize) -> Up<'_> {
        let (walk, at) = self.order.walk(At(rank));
        Up(Ascend::new(walk, at))
    }

    /// Members with their scores from a rank down, descending.
    #[must_use]
    pub fn descend(&self, rank: usize) -> Down<'_> {
        let (walk, at) = self.order.walk(At(rank.min(self.len().saturating_sub(1))));
        Down(Descend::new(walk, at))
    }

    /// Visits at least `count` members from a scan position, 0 being the start; returns the next
    /// position, 0 at the end.
    ///
    /// The position is a hash, which a member keeps whatever becomes of its score. Members are
    /// found through their scores; where many have the same, they are searched, so that it pays to
    /// return more of them at a time.
    pub fn scan(&self, position: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        let Ok(from) = u32::try_from(position) else { return 0 };
        let (mut scores, mut next) = self.scores_from(from, count);
        let long = scores.iter().filter(|score| self.run_of(**score).nth(LONG_RUN).is_some());
        let longest = long.map(|score| self.run_of(*score).count()).max().unwrap_or(0);
        if longest / LONG_RUN_CALLS > count {
            (scores, next) = self.scores_from(from, longest / LONG_RUN_CALLS);
        }
        let below = next.map_or(1 << 32, u64::from);
        for score in scores {
            for (slot, member) in self.run_of(score) {
                if from <= slot.hash && u64::from(slot.hash) < below {
                    visit(member, slot.score);
                }
            }
        }
        next.map_or(0, u64::from)
    }

    /// The different scores of `count` or more members from a hash on, and the hash behind them.
    fn scores_from(&self, from: u32, count: usize) -> (Vec<f64>, Option<u32>) {
        let (walk, guess) = self.scores.walk(ByHash::new(from));
        let at = walk.leaf().map_or(0, |run| search(run.slots(), guess, |slot| slot.hash < from));
        let (mut scores, mut last, mut next) = (Vec::new(), from, None);
        for (slot, _) in Ascend::new(walk, at) {
            if scores.len() >= count.max(1) && slot.hash != last {
                next = Some(slot.hash);
                break;
            }
            scores.push(slot.score);
            last = slot.hash;
        }
        scores.sort_unstable_by(f64::total_cmp);
        // Not by their bits: 0 and -0 are one place in the order.
        scores.dedup_by(|a, b| a == b);
        (scores, next)
    }

    /// The members with this score, of which there is at least one.
    fn run_of(&self, score: f64) -> impl Iterator<Item = (&Ranking, &[u8])> {
        let (walk, guess) = self.order.walk(ByRank::new(score, b""));
        let at = walk.leaf().map_or(0, |run| start_of(run.slots(), guess, score));
        Ascend::new(walk, at).take_while(move |(slot, _)| slot.score == score)
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        self.order.check_invariants();
        self.scores.check_invariants();
        self.order.leaves().for_each(Slots::check_invariants);
        self.scores.leaves().for_each(Slots::check_invariants);
        assert_eq!(self.order.len(), self.scores.len(), "both hold the same members");
        let mut hashes = Ascend::new(self.scores.walk(At(0)).0, 0).map(|(slot, _)| slot.hash);
        assert!(hashes.by_ref().is_sorted(), "hashes are in order");
        for (rank, (slot, member)) in Ascend::new(self.order.walk(At(0)).0, 0).enumerate() {
            assert!(slot.hash == hash_of(member), "hashes are kept");
            assert!(self.score(member) == Some(slot.score), "every member is found");
            assert_eq!(self.rank(member), Some(rank), "and where it is");
        }
    }
}

/// The leaf for a member with a score. What remains is a guess for [`search`]: neighbouring scores
/// are often spread evenly.
struct ByRank<'m> {
    score: f64,
    member: &'m [u8],
    /// Between which scores those in the leaf are.
    between: (f64, f64),
}

impl<'m> ByRank<'m> {
    fn new(score: f64, member: &'m [u8]) -> Self {
        Self { score, member, between: (f64::NEG_INFINITY, f64::INFINITY) }
    }
}

impl Place<Run> for ByRank<'_> {
    #[inline]
    fn branch(&mut self, keys: &[First], _: &[usize]) -> usize {
        let next = &keys[1..];
        // Equal scores are common.
        let mut at = match next.first() {
            Some(first) if first.score >= self.score => 0,
            _ => next.partition_point(|first| first.score < self.score),
        };
        if next.get(at).is_some_and(|first| first.score == self.score) {
            let alike = match next.last() {
                Some(last) if last.score == self.score => next.len() - at,
                _ => next[at..].partition_point(|first| first.score == self.score),
            };
            at += next[at..at + alike]
                .partition_point(|first| order_of(&first.member, self.member) != Ordering::Greater);
        }
        if at > 0 {
            self.between.0 = keys[at].score;
        }
        if let Some(first) = next.get(at) {
            self.between.1 = first.score;
        }
        at
    }

    #[inline]
    fn rest(&self) -> usize {
        guess(self.score - self.between.0, self.between.1 - self.between.0)
    }
}

/// Where in a run those with this score begin.
#[inline]
fn start_of(slots: &[Ranking], guess: usize, score: f64) -> usize {
    // Equal scores are common, and then no guess is any good.
    if slots.first().is_none_or(|slot| slot.score >= score) {
        return 0;
    }
    search(slots, guess, |slot| slot.score < score)
}

/// Where in a run a member is.
#[inline]
fn find(run: &Run, guess: usize, (hash, member, score): (u32, &[u8], f64)) -> Option<usize> {
    let (slots, start) = (run.slots(), start_of(run.slots(), guess, score));
    if slots.get(start + FEW).is_some_and(|slot| slot.score == score) {
        let at = place_of(run, guess, member, score);
        let is_it = |slot: &Ranking| slot.score == score && run.bytes(at) == member;
        return slots.get(at).is_some_and(is_it).then_some(at);
    }
    // Comparing the hashes of a few with this score is faster than a search by members.
    let alike = slots[start..].iter().take_while(|slot| slot.score == score);
    let mut found = (start..).zip(alike).filter(|(_, slot)| slot.hash == hash);
    found.find(|(at, _)| run.bytes(*at) == member).map(|(at, _)| at)
}

/// Where in a run a member that is not there would be.
#[inline]
fn place_of(run: &Run, guess: usize, member: &[u8], score: f64) -> usize {
    let slots = run.slots();
    let mut low = start_of(slots, guess, score);
    if slots.get(low).is_none_or(|slot| slot.score > score) {
        return low;
    }
    let mut high = match slots.last() {
        Some(slot) if slot.score == score => slots.len(),
        _ => low + slots[low..].partition_point(|slot| slot.score <= score),
    };
    while low < high {
        let middle = (low + high) / 2;
        if order_of(run.bytes(middle), member) == Ordering::Less {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Where in a run the scores of this hash are.
#[inline]
fn alike(run: &Slots<Score>, guess: usize, hash: u32) -> std::ops::Range<usize> {
    let start = search(run.slots(), guess, |slot| slot.hash < hash);
    let mut end = start;
    while run.slots().get(end).is_some_and(|slot| slot.hash == hash) {
        end += 1;
    }
    start..end
}

fn holds(order: &Tree<Run>, ranking: (u32, &[u8], f64)) -> bool {
    let found = order.find(ByRank::new(ranking.2, ranking.1));
    found.is_some_and(|(run, guess)| find(run, guess, ranking).is_some())
}

fn remove_ranking(order: &mut Tree<Run>, ranking: (u32, &[u8], f64)) -> bool {
    order.edit(ByRank::new(ranking.2, ranking.1), |run, guess| {
        find(run, guess, ranking).map(|at| run.remove(at)).is_some()
    })
}

/// Iterator of [`Ranked::ascend`].
#[derive(Debug, Clone)]
pub struct Up<'r>(Ascend<'r, Ranking>);

/// Iterator of [`Ranked::descend`].
#[derive(Debug, Clone)]
pub struct Down<'r>(Descend<'r, Ranking>);

impl<'r> Iterator for Up<'r> {
    type Item = (&'r [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(slot, member)| (member, slot.score))
    }
}

impl<'r> Iterator for Down<'r> {
    type Item = (&'r [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(slot, member)| (member, slot.score))
    }
}
