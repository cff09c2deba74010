//! The value of a set: few integers in order, or few short members packed, else a tree by hash.
//! Knows no command.

use super::bytes::Bytes;
use super::hashed::{self, Hashed};
use super::limits::SET_INTEGERS;
use super::packed::Packed;
use resp::number::{Digits, parse_i64};
use stdx::Rng;

/// Members above which a set is no longer packed. Redis has no such form, so it is not told.
const PACKED_MEMBERS_MAX: usize = 16;
/// Bytes of a member above which a set is no longer packed.
const PACKED_BYTES_MAX: usize = 64;

/// Distinct byte strings.
#[derive(Debug, Clone)]
pub struct Set(Form);

#[derive(Debug, Clone)]
enum Form {
    Integers(Vec<i64>),
    Packed(Packed),
    Large(Hashed<false>),
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
    /// Kept as bytes, with what the tree knows of them.
    Hashed(&'s [u8], u32),
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
            Self::Bytes(bytes) | Self::Hashed(bytes, _) => f(bytes),
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

/// Looks members of a set up in another, in the order in which their set shows them.
pub struct Seeker<'s> {
    set: &'s Set,
    /// When both are in the order of hashes and of about one size, they are read side by side.
    beside: Option<Beside<'s>>,
}

/// The next element, and those behind it.
type Beside<'s> = (Option<(&'s [u8], u32)>, hashed::Hashes<'s, false>);

impl<'s> Seeker<'s> {
    /// Looks members of `of` up in `set`.
    #[must_use]
    pub fn new(set: &'s Set, of: &Set) -> Self {
        /// So many elements are read in the time of one lookup.
        const READS: usize = 4;
        let beside = match (&set.0, &of.0) {
            (Form::Large(large), Form::Large(of)) if large.len() <= READS * of.len() => {
                let mut hashes = large.hashes();
                Some((hashes.next(), hashes))
            }
            _ => None,
        };
        Self { set, beside }
    }

    /// True when the set has the next member.
    #[inline]
    pub fn has(&mut self, member: &Member<'_>) -> bool {
        let (Some((next, rest)), Member::Hashed(bytes, hash)) = (&mut self.beside, member) else {
            return self.set.has(member);
        };
        while next.is_some_and(|(_, other)| other < *hash) {
            *next = rest.next();
        }
        match next {
            Some((other, at)) if at == hash => {
                other == bytes
                    || rest
                        .clone()
                        .take_while(|(_, at)| at == hash)
                        .any(|(other, _)| other == *bytes)
            }
            _ => false,
        }
    }
}

impl Set {
    /// An empty one for `len` members of this one.
    #[must_use]
    pub fn part(&self, len: usize) -> Self {
        match self.0 {
            Form::Large(_) if len > PACKED_MEMBERS_MAX => Self(Form::Large(Hashed::default())),
            _ => Self::default(),
        }
    }

    /// Number of members.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "Collection::is_empty")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Integers(integers) => integers.len(),
            Form::Packed(packed) => packed.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Name as OBJECT ENCODING gives it.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Integers(_) => "intset",
            Form::Packed(_) | Form::Large(_) => "hashtable",
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
            Form::Packed(packed) => packed.find(member).is_some(),
            Form::Large(large) => large.get(member).is_some(),
        }
    }

    /// As [`Set::contains`], for a member of any set.
    #[inline]
    #[must_use]
    pub fn has(&self, member: &Member<'_>) -> bool {
        match (&self.0, member) {
            (Form::Large(large), Member::Hashed(bytes, hash)) => {
                large.get_hashed(bytes, *hash).is_some()
            }
            (Form::Integers(integers), Member::Integer(value)) => {
                integers.binary_search(value).is_ok()
            }
            _ => member.with(|bytes| self.contains(bytes)),
        }
    }

    /// As [`Set::insert`], for a member of any set.
    #[inline]
    pub fn add(&mut self, member: &Member<'_>) -> bool {
        match (&mut self.0, member) {
            (Form::Large(large), Member::Hashed(bytes, hash)) => {
                large.insert_hashed(bytes, *hash, b"")
            }
            _ => member.with(|bytes| self.insert(bytes)),
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
            self.enlarge(member.len());
        }
        if let Form::Packed(packed) = &mut self.0 {
            if packed.find(member).is_some() {
                return false;
            }
            if packed.len() < PACKED_MEMBERS_MAX && member.len() <= PACKED_BYTES_MAX {
                packed.insert(packed.end(), member, b"");
                return true;
            }
            self.enlarge(member.len());
        }
        let Form::Large(large) = &mut self.0 else { unreachable!("enlarged above") };
        large.insert(member, b"")
    }

    /// Removes a member; true when it was there.
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.0 {
            Form::Integers(integers) => {
                let place = parse_i64(member).and_then(|value| integers.binary_search(&value).ok());
                place.map(|place| integers.remove(place)).is_some()
            }
            Form::Packed(packed) => {
                let offset = packed.find(member).map(|pair| pair.offset);
                offset.map(|offset| packed.remove(offset)).is_some()
            }
            Form::Large(large) => large.remove(member),
        }
    }

    /// All members.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        let walk = match &self.0 {
            Form::Integers(integers) => Walk::Integers(integers.iter()),
            Form::Packed(packed) => Walk::Packed(packed, 0),
            Form::Large(large) => Walk::Large(large.hashes()),
        };
        Iter { walk, remaining: self.len() }
    }

    /// The member at a place; places are stable until the set is changed.
    ///
    /// # Panics
    /// When `place` is not below [`Set::len`].
    #[inline]
    #[must_use]
    pub fn nth(&self, place: usize) -> Member<'_> {
        const ANY: &str = "the place is below the length";
        match &self.0 {
            Form::Integers(integers) => Member::Integer(integers[place]),
            Form::Packed(packed) => Member::Bytes(packed.iter().nth(place).expect(ANY).key),
            Form::Large(large) => Member::Bytes(large.nth(place).expect(ANY).0),
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
            Form::Packed(packed) => {
                let pair = packed.at(packed.offset_of(place)).expect("the place exists");
                let (taken, offset) = (Bytes::new(pair.key), pair.offset);
                packed.remove(offset);
                Member::Taken(taken)
            }
            Form::Large(large) => Member::Taken(large.take(place)),
        }
    }

    /// Keeps the members that `wanted` accepts.
    pub fn retain(&mut self, mut wanted: impl FnMut(&[u8]) -> bool) {
        match &mut self.0 {
            Form::Integers(integers) => {
                integers.retain(|value| wanted(Digits::new().format(*value)));
            }
            Form::Packed(_) | Form::Large(_) => {
                let unwanted = |member: Member<'_>| {
                    member.with(|bytes| (!wanted(bytes)).then(|| Bytes::new(bytes)))
                };
                let gone: Vec<Bytes> = self.iter().filter_map(unwanted).collect();
                gone.iter().for_each(|member| _ = self.remove(member));
            }
        }
    }

    /// Visits about `count` members from a scan position (all, when they are few); returns
    /// the next position, 0 at the end.
    pub fn scan(&self, position: u64, count: usize, mut visit: impl FnMut(&[u8])) -> u64 {
        match &self.0 {
            Form::Integers(_) | Form::Packed(_) => {
                self.iter().for_each(|member| member.with(&mut visit));
                0
            }
            Form::Large(large) => large.scan(position, count, |member, _| visit(member)),
        }
    }

    /// Keeps the members as integers if they are few integers; for results of other commands.
    pub fn compact(&mut self) {
        if self.len() <= SET_INTEGERS.get() && !matches!(self.0, Form::Integers(_)) {
            let integers = self.iter().map(|member| member.with(parse_i64));
            if let Some(mut integers) = integers.collect::<Option<Vec<i64>>>() {
                integers.sort_unstable();
                self.0 = Form::Integers(integers);
            }
        }
    }

    /// Makes room for a member of `len` bytes that does not fit the present form.
    fn enlarge(&mut self, len: usize) {
        let few = self.len() < PACKED_MEMBERS_MAX && len <= PACKED_BYTES_MAX;
        let mut larger = match self.0 {
            Form::Integers(_) if few => Form::Packed(Packed::default()),
            _ => Form::Large(Hashed::default()),
        };
        for member in self.iter() {
            member.with(|bytes| match &mut larger {
                Form::Packed(packed) => packed.insert(packed.end(), bytes, b""),
                Form::Large(large) => _ = large.insert(bytes, b""),
                Form::Integers(_) => unreachable!("chosen above"),
            });
        }
        self.0 = larger;
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
            Form::Packed(packed) => {
                packed.check_invariants();
                assert!(packed.len() <= PACKED_MEMBERS_MAX, "many members are in a tree");
            }
            Form::Large(large) => large.check_invariants(),
        }
    }
}

/// Iterator of [`Set::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'s> {
    walk: Walk<'s>,
    remaining: usize,
}

#[derive(Debug, Clone)]
enum Walk<'s> {
    Integers(std::slice::Iter<'s, i64>),
    Packed(&'s Packed, usize),
    Large(hashed::Hashes<'s, false>),
}

impl<'s> Iterator for Iter<'s> {
    type Item = Member<'s>;

    #[inline]
    fn next(&mut self) -> Option<Member<'s>> {
        let member = match &mut self.walk {
            Walk::Integers(integers) => Member::Integer(*integers.next()?),
            Walk::Packed(packed, offset) => {
                let pair = packed.at(*offset)?;
                *offset = pair.end();
                Member::Bytes(pair.key)
            }
            Walk::Large(members) => {
                let (bytes, hash) = members.next()?;
                Member::Hashed(bytes, hash)
            }
        };
        self.remaining -= 1;
        Some(member)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for Iter<'_> {}

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
