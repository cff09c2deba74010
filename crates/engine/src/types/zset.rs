//! The value of a sorted set: few short members packed in order, else trees. Knows no command.

use super::bytes::Bytes;
use super::limits::{ZSET_BYTES, ZSET_MEMBERS};
use super::packed::Packed;
use super::ranked::{Down, Ranked, Up, compare};
use std::cmp::Ordering;

/// Distinct members in the order of their scores, then of their bytes.
#[derive(Debug, Clone)]
pub struct SortedSet(Form);

#[derive(Debug, Clone)]
enum Form {
    Packed(Packed),
    Large(Box<Ranked>),
}

impl Default for SortedSet {
    fn default() -> Self {
        Self(Form::Packed(Packed::default()))
    }
}

impl SortedSet {
    /// An empty one that keeps negative zeros, as Redis collects results, until
    /// [`Self::compact`].
    #[must_use]
    pub fn result() -> Self {
        Self(Form::Large(Box::default()))
    }

    /// An empty one in the form that suits so many members.
    #[must_use]
    pub fn for_len(len: usize) -> Self {
        if len > ZSET_MEMBERS.get() { Self::result() } else { Self::default() }
    }

    /// Number of members.
    #[inline]
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "Collection::is_empty")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Name as OBJECT ENCODING gives it.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Packed(_) => "listpack",
            Form::Large(_) => "skiplist",
        }
    }

    /// The score of a member.
    #[inline]
    #[must_use]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Form::Packed(packed) => packed.find(member).map(|pair| score_of(pair.value)),
            Form::Large(large) => large.score(member),
        }
    }

    /// Sets the score of a member; returns the one it had.
    ///
    /// # Panics
    /// When the score is NaN.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        assert!(!score.is_nan(), "a score has a place in the order");
        if let Form::Packed(packed) = &mut self.0 {
            let found = packed.find(member).map(|pair| (pair.offset, score_of(pair.value)));
            if let Some((offset, old)) = found {
                if old != score {
                    packed.remove(offset);
                    insert_packed(packed, member, score);
                }
                return Some(old);
            }
            if packed.len() < ZSET_MEMBERS.get() && member.len() <= ZSET_BYTES.get() {
                insert_packed(packed, member, score);
                return None;
            }
            self.enlarge();
        }
        let Form::Large(large) = &mut self.0 else { unreachable!("enlarged above") };
        large.insert(member, score)
    }

    /// Removes a member; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Form::Packed(packed) => {
                let pair = packed.find(member)?;
                let (offset, score) = (pair.offset, score_of(pair.value));
                packed.remove(offset);
                Some(score)
            }
            Form::Large(large) => large.remove(member),
        }
    }

    /// Number of members that sort before this one.
    #[must_use]
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        match &self.0 {
            Form::Packed(packed) => packed.iter().position(|pair| pair.key == member),
            Form::Large(large) => large.rank(member),
        }
    }

    /// Number of leading members that satisfy `before`, which must hold for none behind them.
    #[must_use]
    pub fn count_before(&self, before: impl Fn(&[u8], f64) -> bool) -> usize {
        match &self.0 {
            Form::Packed(packed) => {
                packed.iter().take_while(|pair| before(pair.key, score_of(pair.value))).count()
            }
            Form::Large(large) => large.count_before(before),
        }
    }

    /// All members with their scores, ascending.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.ascend(0)
    }

    /// Members with their scores from a rank on, ascending.
    #[must_use]
    pub fn ascend(&self, rank: usize) -> Iter<'_> {
        Iter(match &self.0 {
            Form::Packed(packed) => Walk::PackedUp(packed, packed.offset_of(rank)),
            Form::Large(large) => Walk::Up(large.ascend(rank)),
        })
    }

    /// Members with their scores from a rank down, descending.
    #[must_use]
    pub fn descend(&self, rank: usize) -> Iter<'_> {
        Iter(match &self.0 {
            Form::Packed(packed) => {
                let offsets = packed.iter().take(rank.saturating_add(1));
                Walk::PackedDown(packed, offsets.map(|pair| pair.offset as u32).collect())
            }
            Form::Large(large) => Walk::Down(large.descend(rank)),
        })
    }

    /// Takes out the member with this rank.
    ///
    /// # Panics
    /// When there is none.
    pub fn take(&mut self, rank: usize) -> (Bytes, f64) {
        match &mut self.0 {
            Form::Packed(packed) => {
                let pair = packed.at(packed.offset_of(rank)).expect("the rank exists");
                let (taken, offset) = ((Bytes::new(pair.key), score_of(pair.value)), pair.offset);
                packed.remove(offset);
                taken
            }
            Form::Large(large) => large.take(rank),
        }
    }

    /// Visits about `count` members from a scan position (all, when there are few); returns the
    /// next position, 0 at the end.
    pub fn scan(&self, position: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        match &self.0 {
            Form::Packed(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
            Form::Large(large) => large.scan(position, count, visit),
        }
    }

    /// Packs the members if they are few and short enough; for results of other commands.
    pub fn compact(&mut self) {
        let Form::Large(large) = &self.0 else { return };
        let few = large.len() <= ZSET_MEMBERS.get();
        if few && self.iter().all(|(member, _)| member.len() <= ZSET_BYTES.get()) {
            let mut packed = Packed::default();
            for (member, score) in self.iter() {
                packed.insert(packed.end(), member, &(score + 0.0).to_le_bytes());
            }
            self.0 = Form::Packed(packed);
        }
    }

    fn enlarge(&mut self) {
        let mut large = Box::<Ranked>::default();
        for (member, score) in self.iter() {
            large.insert(member, score);
        }
        self.0 = Form::Large(large);
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        match &self.0 {
            Form::Packed(packed) => packed.check_invariants(),
            Form::Large(large) => large.check_invariants(),
        }
        let mut pairs = self.iter().zip(self.iter().skip(1));
        assert!(pairs.all(|(a, b)| compare(a, b) == Ordering::Less), "members are in order");
    }
}

fn score_of(value: &[u8]) -> f64 {
    f64::from_le_bytes(*value.first_chunk().expect("a packed score has 8 bytes"))
}

fn insert_packed(packed: &mut Packed, member: &[u8], score: f64) {
    // Redis packs whole numbers as integers, which have no negative zero.
    let score = score + 0.0;
    let behind = packed.iter().find(|pair| {
        compare((pair.key, score_of(pair.value)), (member, score)) == Ordering::Greater
    });
    let offset = behind.map_or(packed.end(), |pair| pair.offset);
    packed.insert(offset, member, &score.to_le_bytes());
}

/// Iterator over members with their scores.
#[derive(Debug, Clone)]
pub struct Iter<'z>(Walk<'z>);

#[derive(Debug, Clone)]
enum Walk<'z> {
    PackedUp(&'z Packed, usize),
    PackedDown(&'z Packed, Vec<u32>),
    Up(Up<'z>),
    Down(Down<'z>),
}

impl<'z> Iterator for Iter<'z> {
    type Item = (&'z [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let pair = match &mut self.0 {
            Walk::PackedUp(packed, offset) => {
                let pair = packed.at(*offset)?;
                *offset = pair.end();
                pair
            }
            Walk::PackedDown(packed, offsets) => packed.at(offsets.pop()? as usize)?,
            Walk::Up(members) => return members.next(),
            Walk::Down(members) => return members.next(),
        };
        Some((pair.key, score_of(pair.value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use stdx::Rng;

    fn sorted(model: &BTreeMap<Vec<u8>, f64>) -> Vec<(Vec<u8>, f64)> {
        let mut all: Vec<_> = model.iter().map(|(m, s)| (m.clone(), *s)).collect();
        all.sort_by(|a, b| compare((&a.0, a.1), (&b.0, b.1)));
        all
    }

    fn check(zset: &SortedSet, model: &BTreeMap<Vec<u8>, f64>, rng: &mut Rng) {
        zset.check_invariants();
        let want = sorted(model);
        let owned = |(m, s): (&[u8], f64)| (m.to_vec(), s);
        assert!(zset.iter().map(owned).eq(want.iter().cloned()));
        let rank = rng.below(want.len() + 1);
        assert!(zset.ascend(rank).map(owned).eq(want[rank..].iter().cloned()));
        if rank < want.len() {
            assert!(zset.descend(rank).map(owned).eq(want[..=rank].iter().rev().cloned()));
            assert_eq!(zset.rank(&want[rank].0), Some(rank));
        }
        let bound = rng.below(10) as f64;
        let below = want.iter().filter(|(_, score)| *score < bound).count();
        assert_eq!(zset.count_before(|_, score| score < bound), below);
    }

    #[test]
    fn behaves_as_a_sorted_map() {
        for seed in 0..12 {
            println!("seed {seed}");
            let mut rng = Rng::new(seed);
            let kinds = [20, 120, 1_000][rng.below(3)];
            let (mut zset, mut model) = (SortedSet::default(), BTreeMap::new());
            for round in 0..2_500 {
                let member = format!("m{}", rng.below(kinds)).into_bytes();
                match rng.below(8) {
                    0..5 => {
                        let score = [rng.below(10) as f64, f64::INFINITY, -1.5][rng.below(3)];
                        assert_eq!(zset.insert(&member, score), model.insert(member, score));
                    }
                    5 | 6 => assert_eq!(zset.remove(&member), model.remove(&member)),
                    _ if zset.len() > 0 => {
                        let (member, score) = zset.take(rng.below(zset.len()));
                        assert_eq!(model.remove(&*member), Some(score));
                    }
                    _ => {}
                }
                let probe = format!("m{}", rng.below(kinds)).into_bytes();
                assert_eq!(zset.score(&probe), model.get(&probe).copied());
                if round % 25 == 0 {
                    check(&zset, &model, &mut rng);
                }
            }
            check(&zset, &model, &mut rng);
        }
    }

    #[test]
    fn a_scan_returns_all_that_stay() {
        let mut rng = Rng::new(3);
        let mut zset = SortedSet::default();
        for i in 0..300 {
            zset.insert(format!("stay{i}").as_bytes(), 1.0);
            zset.insert(format!("go{i}").as_bytes(), 2.0);
        }
        let (mut position, mut seen) = (0, std::collections::BTreeSet::new());
        loop {
            position = zset.scan(position, 10, |member, _| {
                seen.insert(member.to_vec());
            });
            for _ in 0..20 {
                zset.remove(format!("go{}", rng.below(300)).as_bytes());
                zset.insert(format!("go{}", rng.below(300)).as_bytes(), 0.0);
                zset.insert(format!("stay{}", rng.below(300)).as_bytes(), rng.below(9) as f64);
            }
            if position == 0 {
                break;
            }
        }
        assert!((0..300).all(|i| seen.contains(format!("stay{i}").as_bytes())));
    }
}
