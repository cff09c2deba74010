//! Hard case: random operations on every collection against a plain model. After each step all
//! invariants are checked, and clones taken at random moments must stay as they were. Runs with
//! the small nodes of the crate's own tests, where few elements make trees of several levels, and
//! again from `tests/collections.rs` with nodes of their real size.

use super::list::End;
use super::pages::Pages;
use super::{Hash, List, Set, SortedSet};
use std::collections::{BTreeMap, VecDeque};
use stdx::Rng;

/// A structure beside a model of it that nobody doubts.
trait Pair: Clone {
    const NAME: &'static str;

    fn empty() -> Self;
    /// Does something to both and compares what they say. Few elements are kept: about `size`.
    fn step(&mut self, rng: &mut Rng, size: usize);
    /// Compares all of both, and checks all invariants.
    fn check(&self);
}

/// Clones that are alive at a time.
const CLONES: usize = 3;

fn run<T: Pair>(steps: usize, seed: u64, size: usize) {
    let name = T::NAME;
    println!("{name}: seed {seed}, {steps} steps, about {size} elements");
    let mut rng = Rng::new(seed);
    let (mut pair, mut clones) = (T::empty(), VecDeque::<T>::new());
    for step in 0..steps {
        pair.step(&mut rng, size);
        pair.check();
        match rng.below(60) {
            0 => clones.push_back(pair.clone()),
            1 if rng.below(20) == 0 => pair = clones.pop_front().unwrap_or(pair),
            2 if rng.below(20) == 0 => pair = T::empty(),
            _ => {}
        }
        if clones.len() > CLONES || step + 1 == steps {
            clones.iter().for_each(T::check);
            clones.pop_front();
        }
    }
}

/// Runs `steps` steps in all, on collections of several sizes.
pub fn run_all(steps: usize, sizes: &[usize]) {
    const KINDS: usize = 5;
    let each = steps / KINDS / sizes.len();
    std::thread::scope(|scope| {
        for (seed, &size) in (1..).zip(sizes) {
            scope.spawn(move || {
                run::<Lists>(each, seed, size);
                run::<Strings>(each, seed, size * 16);
            });
            scope.spawn(move || run::<Hashes>(each, seed, size));
            scope.spawn(move || {
                run::<Sets>(each, seed, size);
                run::<SortedSets>(each, seed, size);
            });
        }
    });
}

/// True when something is to be added, so that about `size` elements are there.
fn grows(rng: &mut Rng, len: usize, size: usize) -> bool {
    rng.below(2 * size) > len
}

fn bytes(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.below(50) {
        0 => 200 + rng.below(200),
        1..5 => rng.below(90),
        _ => rng.below(8),
    };
    vec![b'a' + rng.below(26) as u8; len]
}

/// One of some byte strings, so that many are met again.
fn name(rng: &mut Rng, size: usize) -> Vec<u8> {
    let number = rng.below(size * 3);
    let mut name = number.to_string().into_bytes();
    if number.is_multiple_of(29) {
        name.extend([b'x'; 70]);
    }
    name
}

#[derive(Clone)]
struct Lists(List, VecDeque<Vec<u8>>);

impl Pair for Lists {
    const NAME: &'static str = "list";

    fn empty() -> Self {
        Self(List::default(), VecDeque::new())
    }

    fn step(&mut self, rng: &mut Rng, size: usize) {
        let Self(list, model) = self;
        let end = if rng.below(2) == 0 { End::Front } else { End::Back };
        let at = rng.below(model.len() + 1);
        if grows(rng, model.len(), size) {
            let value = bytes(rng);
            if rng.below(2) == 0 {
                list.insert(at, &value);
                model.insert(at, value);
            } else {
                list.push(&value, end);
                let at = if end == End::Front { 0 } else { model.len() };
                model.insert(at, value);
            }
            return;
        }
        match rng.below(12) {
            0..5 => assert_eq!(list.remove(at), model.remove(at).is_some()),
            5 | 6 => {
                let want = if end == End::Front { model.pop_front() } else { model.pop_back() };
                assert_eq!(list.pop(end), want);
            }
            7..10 => {
                let value = bytes(rng);
                assert_eq!(list.set(at, &value), at < model.len());
                model.get_mut(at).into_iter().for_each(|place| place.clone_from(&value));
            }
            10 if rng.below(20) == 0 => {
                let odds = 2 + rng.below(30);
                let places: Vec<_> = (0..model.len()).rev().filter(|p| p % odds == 0).collect();
                list.remove_each(&places);
                places.iter().for_each(|&place| _ = model.remove(place));
            }
            _ => {
                let count = rng.below(6).min(model.len());
                list.drop_many(count, end);
                let from = if end == End::Front { 0 } else { model.len() - count };
                model.drain(from..from + count);
            }
        }
    }

    fn check(&self) {
        let Self(list, model) = self;
        list.check_invariants();
        assert!(list.len() == model.len() && list.iter().eq(model.iter().map(Vec::as_slice)));
        let at = model.len() / 3;
        assert_eq!(list.get(at), model.get(at).map(Vec::as_slice));
        assert!(list.range(at, 5).eq(model.iter().skip(at).take(5).map(Vec::as_slice)));
        assert_eq!(list.peek(End::Back), model.back().map(Vec::as_slice));
    }
}

#[derive(Clone)]
struct Strings(Pages, Vec<u8>);

impl Pair for Strings {
    const NAME: &'static str = "string";

    fn empty() -> Self {
        Self(Pages::default(), Vec::new())
    }

    fn step(&mut self, rng: &mut Rng, size: usize) {
        let Self(pages, model) = self;
        let beyond = if rng.below(4) == 0 { rng.below(size / 4) } else { 0 };
        let offset = match rng.below(4) {
            _ if model.len() > 2 * size => return *self = Self::empty(),
            0 => model.len() + beyond,
            _ => rng.below(model.len() + 1),
        };
        let patch = vec![b'a' + rng.below(26) as u8; rng.below(200)];
        pages.write(offset, &patch);
        let end = offset + patch.len();
        model.resize(model.len().max(end), 0);
        model[offset..end].copy_from_slice(&patch);
    }

    fn check(&self) {
        let Self(pages, model) = self;
        pages.check_invariants();
        assert!(pages.to_vec() == *model, "the bytes are the same");
        let (start, count) = (model.len() / 3, model.len() / 4);
        assert!(pages.range(start, count).flatten().eq(&model[start..start + count]));
    }
}

#[derive(Clone)]
struct Hashes(Hash, BTreeMap<Vec<u8>, Vec<u8>>);

impl Pair for Hashes {
    const NAME: &'static str = "hash";

    fn empty() -> Self {
        let mut pair = Self(Hash::default(), BTreeMap::new());
        // Too long for the packed form.
        pair.0.insert(b"long", &[b'v'; 256]);
        pair.1.insert(b"long".to_vec(), vec![b'v'; 256]);
        pair
    }

    fn step(&mut self, rng: &mut Rng, size: usize) {
        let Self(hash, model) = self;
        let field = name(rng, size);
        if grows(rng, model.len(), size) || rng.below(3) == 0 {
            let value = bytes(rng);
            assert_eq!(hash.insert(&field, &value), model.insert(field, value).is_none());
        } else {
            assert_eq!(hash.remove(&field), model.remove(&field).is_some());
        }
        let probe = name(rng, size);
        assert_eq!(hash.get(&probe), model.get(&probe).map(Vec::as_slice));
    }

    fn check(&self) {
        let Self(hash, model) = self;
        hash.check_invariants();
        assert_eq!(hash.len(), model.len());
        let all = hash
            .iter()
            .filter(|(field, value)| model.get(*field).is_some_and(|other| other == value));
        assert_eq!(all.count(), model.len(), "the fields are the same");
        let at = model.len() / 2;
        assert_eq!(hash.nth(at), hash.iter().nth(at));
    }
}

#[derive(Clone)]
struct Sets(Set, BTreeMap<Vec<u8>, ()>);

impl Pair for Sets {
    const NAME: &'static str = "set";

    fn empty() -> Self {
        let mut set = Set::default();
        set.insert(b"no number");
        Self(set, [(b"no number".to_vec(), ())].into())
    }

    fn step(&mut self, rng: &mut Rng, size: usize) {
        let Self(set, model) = self;
        let member = name(rng, size);
        match rng.below(20) {
            _ if grows(rng, model.len(), size) => {
                assert_eq!(set.insert(&member), model.insert(member, ()).is_none());
            }
            0..10 => assert_eq!(set.remove(&member), model.remove(&member).is_some()),
            10 if rng.below(20) == 0 => {
                set.retain(|member| member.len() % 3 > 0);
                model.retain(|member, ()| member.len() % 3 > 0);
            }
            _ if set.len() > 0 => {
                let taken = set.take(rng.below(set.len())).to_vec();
                assert!(model.remove(&taken).is_some());
            }
            _ => {}
        }
        let probe = name(rng, size);
        assert_eq!(set.contains(&probe), model.contains_key(&probe));
    }

    fn check(&self) {
        let Self(set, model) = self;
        set.check_invariants();
        assert_eq!((set.len(), set.iter().len()), (model.len(), model.len()));
        let all = set.iter().filter(|member| member.with(|bytes| model.contains_key(bytes)));
        assert_eq!(all.count(), model.len(), "the members are the same");
    }
}

type Member<'z> = (&'z [u8], f64);
type Ranked = (f64, Vec<u8>);

#[derive(Clone)]
struct SortedSets(SortedSet, BTreeMap<Vec<u8>, f64>, Vec<Ranked>);

impl SortedSets {
    fn put(&mut self, member: &[u8], score: Option<f64>) -> Option<f64> {
        let Self(_, scores, order) = self;
        let place = |order: &Vec<Ranked>, score: f64| {
            order.partition_point(|(s, m)| *s < score || (*s == score && **m < *member))
        };
        let old = match score {
            Some(score) => scores.insert(member.to_vec(), score),
            None => scores.remove(member),
        };
        if let Some(old) = old {
            order.remove(place(order, old));
        }
        if let Some(score) = score {
            order.insert(place(order, score), (score, member.to_vec()));
        }
        old
    }
}

impl Pair for SortedSets {
    const NAME: &'static str = "sorted set";

    fn empty() -> Self {
        let mut pair = Self(SortedSet::default(), BTreeMap::new(), Vec::new());
        let long = [b'l'; 256];
        pair.0.insert(&long, 0.0);
        pair.put(&long, Some(0.0));
        pair
    }

    fn step(&mut self, rng: &mut Rng, size: usize) {
        let member = name(rng, size);
        let score = [rng.below(4) as f64, rng.below(1 << 20) as f64, f64::INFINITY][rng.below(3)];
        if grows(rng, self.1.len(), size) || rng.below(3) == 0 {
            assert_eq!(self.0.insert(&member, score), self.put(&member, Some(score)));
        } else if rng.below(2) == 0 || self.0.len() == 0 {
            assert_eq!(self.0.remove(&member), self.put(&member, None));
        } else {
            let rank = [0, self.0.len() - 1, rng.below(self.0.len())][rng.below(3)];
            let (taken, score) = self.0.take(rank);
            assert_eq!(self.2[rank], (score, taken.to_vec()));
            self.put(&taken, None);
        }
        let probe = name(rng, size);
        assert_eq!(self.0.score(&probe), self.1.get(&probe).copied());
        let below = self.2.partition_point(|(other, _)| *other < score);
        assert_eq!(self.0.count_before(|_, other| other < score), below);
    }

    fn check(&self) {
        let Self(zset, _, order) = self;
        zset.check_invariants();
        assert_eq!(zset.len(), order.len());
        let equal = |(a, b): (Member<'_>, &Ranked)| a.1 == b.0 && *a.0 == *b.1;
        assert!(zset.iter().zip(order).all(equal), "the members are the same");
        let rank = order.len() / 3;
        assert!(zset.ascend(rank).zip(&order[rank..]).take(3).all(equal));
        assert!(zset.descend(rank).zip(order[..order.len().min(rank + 1)].iter().rev()).all(equal));
        if let Some((_, member)) = order.get(rank) {
            assert_eq!(zset.rank(member), Some(rank));
        }
    }
}
