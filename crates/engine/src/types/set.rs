//! The value of a set: few integers in order, else an index over members. Knows no command.

use super::bytes::Bytes;
use super::indexed::Indexed;
use super::limits::SET_INTEGERS;
use resp::number::{Digits, parse_i64};
use stdx::Rng;

/// Distinct byte strings.
#[derive(Debug, Clone)]
pub struct Set(Form);

#[derive(Debug, Clone)]
enum Form {
    Integers(Vec<i64>),
    Large(Box<Indexed<Bytes>>),
}

impl Default for Set {
    fn default() -> Self {
        Self(Form::Integers(Vec::new()))
    }
}

/// A member as bytes: borrowed, or the digits of an integer.
#[derive(Debug)]
pub enum Member<'s> {
    /// Kept as bytes.
    Bytes(&'s [u8]),
    /// Kept as an integer.
    Integer(i64),
    /// Taken out of a set.
    Taken(Bytes),
}

impl Member<'_> {
    /// Runs `f` on the bytes.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::Bytes(bytes) => f(bytes),
            Self::Integer(value) => f(Digits::new().format(*value)),
            Self::Taken(bytes) => f(bytes),
        }
    }

    /// The bytes, copied.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }
}

impl Set {
    /// Number of members.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "Collection::is_empty")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Integers(integers) => integers.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Name as OBJECT ENCODING gives it.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Integers(_) => "intset",
            Form::Large(_) => "hashtable",
        }
    }

    /// True when `member` is in the set.
    #[inline]
    #[must_use]
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.0 {
            Form::Integers(integers) => {
                parse_i64(member).is_some_and(|value| integers.binary_search(&value).is_ok())
            }
            Form::Large(large) => large.locate(member).is_ok(),
        }
    }

    /// Adds a member; true when it is new.
    #[inline]
    pub fn insert(&mut self, member: &[u8]) -> bool {
        if let Form::Integers(integers) = &mut self.0 {
            if let Some(value) = parse_i64(member) {
                let Err(place) = integers.binary_search(&value) else { return false };
                if integers.len() < SET_INTEGERS.get() {
                    integers.insert(place, value);
                    return true;
                }
            }
            self.enlarge();
        }
        let Form::Large(large) = &mut self.0 else { unreachable!("enlarged above") };
        match large.locate(member) {
            Ok(_) => false,
            Err(missing) => {
                large.push(&missing, Bytes::new(member));
                true
            }
        }
    }

    /// Removes a member; true when it was there.
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Form::Integers(integers) => {
                let place = parse_i64(member).and_then(|value| integers.binary_search(&value).ok());
                place.map(|place| integers.remove(place)).is_some()
            }
            Form::Large(large) => large.remove(member).is_some(),
        }
    }

    /// All members.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Member<'_>> + Clone {
        (0..self.len()).map(|place| self.nth(place))
    }

    /// The member at a place; places are stable until the set is changed.
    ///
    /// # Panics
    /// When `place` is not below [`Set::len`].
    #[inline]
    #[must_use]
    pub fn nth(&self, place: usize) -> Member<'_> {
        match &self.0 {
            Form::Integers(integers) => Member::Integer(integers[place]),
            Form::Large(large) => Member::Bytes(&large.items()[place]),
        }
    }

    /// A member chosen at random; `None` when there is none.
    pub fn random(&self, rng: &mut Rng) -> Option<Member<'_>> {
        (self.len() > 0).then(|| self.nth(rng.below(self.len())))
    }

    /// Takes out the member at a place.
    ///
    /// # Panics
    /// When `place` is not below [`Set::len`].
    pub fn take(&mut self, place: usize) -> Member<'static> {
        match &mut self.0 {
            Form::Integers(integers) => Member::Integer(integers.remove(place)),
            Form::Large(large) => Member::Taken(large.remove_at(place)),
        }
    }

    /// Keeps the members that `wanted` accepts.
    pub fn retain(&mut self, wanted: impl Fn(&[u8]) -> bool) {
        match &mut self.0 {
            Form::Integers(integers) => {
                integers.retain(|value| wanted(Digits::new().format(*value)));
            }
            Form::Large(large) => {
                for place in (0..large.len()).rev() {
                    if !wanted(&large.items()[place]) {
                        large.remove_at(place);
                    }
                }
            }
        }
    }

    /// Visits about `count` members from a scan position (all, when they are integers); returns
    /// the next position, 0 at the end.
    pub fn scan(&self, position: u64, count: usize, mut visit: impl FnMut(&[u8])) -> u64 {
        match &self.0 {
            Form::Integers(_) => {
                self.iter().for_each(|member| member.with(&mut visit));
                0
            }
            Form::Large(large) => large.scan(position, count, |member| visit(member)),
        }
    }

    /// Keeps the members as integers if they are few integers; for results of other commands.
    pub fn compact(&mut self) {
        let Form::Large(large) = &self.0 else { return };
        if large.len() <= SET_INTEGERS.get() {
            let integers = large.items().iter().map(|member| parse_i64(member));
            if let Some(mut integers) = integers.collect::<Option<Vec<i64>>>() {
                integers.sort_unstable();
                self.0 = Form::Integers(integers);
            }
        }
    }

    fn enlarge(&mut self) {
        let mut large = Box::<Indexed<Bytes>>::default();
        for member in self.iter() {
            member.with(|bytes| {
                let missing = large.locate(bytes).expect_err("members are unique");
                large.push(&missing, Bytes::new(bytes));
            });
        }
        self.0 = Form::Large(large);
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        match &self.0 {
            Form::Integers(integers) => {
                assert!(integers.is_sorted_by(|a, b| a < b), "integers are in order");
            }
            Form::Large(large) => large.check_invariants(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn behaves_as_a_set() {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let kinds = [10, 100, 900][rng.below(3)];
            let strings = rng.below(2) == 0;
            let (mut set, mut model) = (Set::default(), BTreeSet::new());
            for _ in 0..1500 {
                let number = rng.below(kinds) as i64 - 5;
                let text = strings && rng.below(9) == 0;
                let member = if text { format!("m{number}") } else { number.to_string() };
                let member = member.into_bytes();
                match rng.below(7) {
                    0..4 => {
                        assert_eq!(set.insert(&member), model.insert(member), "seed {seed}");
                    }
                    4..6 => assert_eq!(set.remove(&member), model.remove(&member), "seed {seed}"),
                    _ if set.len() > 0 => {
                        let taken = set.take(rng.below(set.len())).to_vec();
                        assert!(model.remove(&taken), "seed {seed}");
                    }
                    _ => {}
                }
                let probe = rng.below(kinds).to_string().into_bytes();
                assert_eq!(set.contains(&probe), model.contains(&probe), "seed {seed}");
            }
            set.check_invariants();
            let all: BTreeSet<_> = set.iter().map(|member| member.to_vec()).collect();
            assert_eq!(all, model, "seed {seed}");
            assert_eq!(set.len(), model.len(), "seed {seed}");
        }
    }

    #[test]
    fn random_reaches_every_member() {
        let mut rng = Rng::new(5);
        let mut set = Set::default();
        for i in 0..50 {
            set.insert(format!("m{i}").as_bytes());
        }
        let seen: BTreeSet<_> =
            (0..2_000).filter_map(|_| set.random(&mut rng).map(|member| member.to_vec())).collect();
        assert_eq!(seen.len(), 50);
    }

    #[test]
    fn integers_stay_integers_up_to_the_limit() {
        let mut set = Set::default();
        for i in 0..512 {
            set.insert(i.to_string().as_bytes());
        }
        assert_eq!(set.encoding(), "intset");
        set.insert(b"512");
        assert_eq!(set.encoding(), "hashtable");
        set.check_invariants();
    }
}
