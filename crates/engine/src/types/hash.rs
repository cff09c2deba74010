//! The value of a hash: few short fields packed, with names of their own or shared with others;
//! else a tree by hash; and when fields die, if any do. Knows no command.

use super::bytes::Bytes;
use super::hashed::{self, Hashed};
use super::limits::{HASH_BYTES, HASH_FIELDS};
use super::mortal::Mortal;
use super::packed::Packed;
use super::uniform::{self, Uniform};

/// Latest time at which a field dies, in Unix milliseconds: 48 bits, as in Redis.
pub const FIELD_DEATH_MS_MAX: u64 = (1 << 48) - 2;

/// Fields with values.
#[derive(Debug, Clone)]
pub struct Hash(Form);

#[derive(Debug, Clone)]
enum Form {
    Packed(Packed),
    Uniform(Uniform),
    Large(Hashed<true>),
    Mortal(Box<Mortal>),
}

impl Default for Hash {
    fn default() -> Self {
        Self(Form::Packed(Packed::default()))
    }
}

impl Hash {
    /// Number of fields.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "Collection::is_empty")]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Packed(packed) => packed.len(),
            Form::Uniform(uniform) => uniform.len(),
            Form::Large(large) => large.len(),
            Form::Mortal(mortal) => mortal.fields.len(),
        }
    }

    /// Name as OBJECT ENCODING gives it.
    #[must_use]
    pub fn encoding(&self) -> &'static str {
        match &self.0 {
            Form::Packed(_) | Form::Uniform(_) => "listpack",
            Form::Large(_) => "hashtable",
            Form::Mortal(mortal) if mortal.fields.encoding() == "listpack" => "listpackex",
            Form::Mortal(_) => "hashtable",
        }
    }

    /// The value of a field.
    #[inline]
    #[must_use]
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        match &self.0 {
            Form::Packed(packed) => packed.find(field).map(|pair| pair.value),
            Form::Uniform(uniform) => uniform.get(field),
            Form::Large(large) => large.get(field),
            Form::Mortal(mortal) => mortal.fields.get(field),
        }
    }

    /// Sets a field, which does not die from now on; true when it is new.
    pub fn insert(&mut self, field: &[u8], value: &[u8]) -> bool {
        let is_new = self.insert_keeping(field, value);
        if !is_new {
            self.set_death(field, None);
        }
        is_new
    }

    /// Sets a field, which dies when it was to die before; true when it is new.
    pub fn insert_keeping(&mut self, field: &[u8], value: &[u8]) -> bool {
        if let Form::Mortal(mortal) = &mut self.0 {
            return mortal.fields.insert(field, value);
        }
        if let Form::Uniform(uniform) = &mut self.0 {
            let longest = HASH_BYTES.get().min(uniform::VALUE_BYTES_MAX);
            match uniform.find(field).filter(|_| value.len() <= longest) {
                Some(at) => {
                    uniform.set(at, value);
                    return false;
                }
                None => self.0 = Form::Packed(uniform.to_packed()),
            }
        }
        if let Form::Packed(packed) = &mut self.0 {
            if field.len().max(value.len()) <= HASH_BYTES.get() {
                if let Some(offset) = packed.find(field).map(|pair| pair.offset) {
                    packed.set_value(offset, value);
                    return false;
                }
                if packed.len() < HASH_FIELDS.get() {
                    packed.insert(packed.end(), field, value);
                    return true;
                }
            }
            self.enlarge();
        }
        let Form::Large(large) = &mut self.0 else { unreachable!("enlarged above") };
        large.insert(field, value)
    }

    /// Removes a field; true when it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        if let Form::Uniform(uniform) = &self.0 {
            if uniform.find(field).is_none() {
                return false;
            }
            self.0 = Form::Packed(uniform.to_packed());
        }
        match &mut self.0 {
            Form::Uniform(_) => unreachable!("packed above"),
            Form::Mortal(mortal) => {
                let existed = mortal.remove(field);
                self.settle();
                existed
            }
            Form::Packed(packed) => {
                let offset = packed.find(field).map(|pair| pair.offset);
                offset.map(|offset| packed.remove(offset)).is_some()
            }
            Form::Large(large) => large.remove(field),
        }
    }

    /// All fields with their values.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        match &self.0 {
            Form::Packed(packed) => Iter(Walk::Packed(packed, 0)),
            Form::Uniform(uniform) => Iter(Walk::Uniform(uniform.iter())),
            Form::Large(large) => Iter(Walk::Large(large.iter())),
            Form::Mortal(mortal) => mortal.fields.iter(),
        }
    }

    /// The field at a place below [`Hash::len`]; places are stable until the hash is changed.
    #[must_use]
    pub fn nth(&self, place: usize) -> Option<(&[u8], &[u8])> {
        match &self.0 {
            Form::Packed(packed) => packed.iter().nth(place).map(|pair| (pair.key, pair.value)),
            Form::Uniform(uniform) => uniform.iter().nth(place),
            Form::Large(large) => large.nth(place),
            Form::Mortal(mortal) => mortal.fields.nth(place),
        }
    }

    /// Visits about `count` fields from a scan position (all, when there are few); returns the
    /// next position, 0 at the end.
    pub fn scan(&self, position: u64, count: usize, mut visit: impl FnMut(&[u8], &[u8])) -> u64 {
        match &self.0 {
            Form::Packed(_) | Form::Uniform(_) => {
                self.iter().for_each(|(field, value)| visit(field, value));
                0
            }
            Form::Large(large) => large.scan(position, count, visit),
            Form::Mortal(mortal) => mortal.fields.scan(position, count, visit),
        }
    }

    /// When a field dies, in Unix milliseconds; `None` when it does not, or is not there.
    #[must_use]
    pub fn death_ms(&self, field: &[u8]) -> Option<u64> {
        if let Form::Mortal(mortal) = &self.0 { mortal.death_ms(field) } else { None }
    }

    /// When the first field dies, in Unix milliseconds; `None` when none does.
    #[inline]
    #[must_use]
    pub fn first_death_ms(&self) -> Option<u64> {
        if let Form::Mortal(mortal) = &self.0 { mortal.first_death_ms() } else { None }
    }

    /// Fields that are dead at `now_ms`, the first to die first, and so many at most.
    #[must_use]
    pub fn dead(&self, now_ms: u64, most: usize) -> Vec<Bytes> {
        let Form::Mortal(mortal) = &self.0 else { return Vec::new() };
        mortal.dead(now_ms, most).map(Bytes::new).collect()
    }

    /// Says when a field dies, or that it does not. Does nothing when it is not there.
    pub fn set_death(&mut self, field: &[u8], at_ms: Option<u64>) {
        let is_mortal = matches!(self.0, Form::Mortal(_));
        if !is_mortal && at_ms.is_none() || self.get(field).is_none() {
            return;
        }
        if !is_mortal {
            let fields = std::mem::take(self);
            self.0 = Form::Mortal(Box::new(Mortal::new(fields)));
        }
        if let Form::Mortal(mortal) = &mut self.0 {
            mortal.set_death(field, at_ms);
        }
        self.settle();
    }

    /// Goes back to a plain form when no field dies any more.
    fn settle(&mut self) {
        if let Form::Mortal(mortal) = &mut self.0
            && mortal.is_immortal()
        {
            *self = std::mem::take(&mut mortal.fields);
        }
    }

    /// Keeps the names of the fields together with other hashes that have the same ones. For those
    /// who have made all of it at once: names that change are not worth it.
    pub fn share_names(&mut self) {
        if let Form::Packed(packed) = &self.0
            && packed.len() > 1
            && let Some(uniform) = Uniform::of(packed)
        {
            self.0 = Form::Uniform(uniform);
        }
    }

    fn enlarge(&mut self) {
        let mut large = Hashed::default();
        for (field, value) in self.iter() {
            large.insert(field, value);
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
            Form::Uniform(uniform) => uniform.check_invariants(),
            Form::Large(large) => large.check_invariants(),
            Form::Mortal(mortal) => mortal.check_invariants(),
        }
    }
}

/// Iterator of [`Hash::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'h>(Walk<'h>);

#[derive(Debug, Clone)]
enum Walk<'h> {
    Packed(&'h Packed, usize),
    Uniform(uniform::Iter<'h>),
    Large(hashed::Iter<'h, true>),
}

impl<'h> Iterator for Iter<'h> {
    type Item = (&'h [u8], &'h [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Packed(packed, offset) => {
                let pair = packed.at(*offset)?;
                *offset = pair.end();
                Some((pair.key, pair.value))
            }
            Walk::Uniform(fields) => fields.next(),
            Walk::Large(fields) => fields.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use stdx::Rng;

    fn bytes(rng: &mut Rng, kinds: usize, long: bool) -> Vec<u8> {
        let text = format!("f{}", rng.below(kinds));
        if long { text.repeat(30).into_bytes() } else { text.into_bytes() }
    }

    #[test]
    fn behaves_as_a_map() {
        for seed in 0..12 {
            let mut rng = Rng::new(seed);
            let kinds = [10, 100, 400][rng.below(3)];
            let long = rng.below(2) == 0;
            let (mut hash, mut model) = (Hash::default(), BTreeMap::new());
            let mut deaths = BTreeMap::new();
            for _ in 0..600 {
                if rng.below(40) == 0 {
                    // Names are shared when they are met for the second time.
                    (0..2).for_each(|_| hash.share_names());
                }
                let field = bytes(&mut rng, kinds, false);
                if rng.below(3) > 0 {
                    let long = long && rng.below(50) == 0;
                    let value = bytes(&mut rng, 1000, long);
                    let new = model.insert(field.clone(), value.clone()).is_none();
                    assert_eq!(hash.insert(&field, &value), new, "seed {seed}");
                    deaths.remove(&field);
                    if rng.below(4) == 0 {
                        let at_ms = rng.below(50) as u64;
                        hash.set_death(&field, Some(at_ms));
                        deaths.insert(field, at_ms);
                    }
                } else {
                    assert_eq!(hash.remove(&field), model.remove(&field).is_some(), "seed {seed}");
                    deaths.remove(&field);
                }
                let probe = bytes(&mut rng, kinds, false);
                assert_eq!(hash.get(&probe), model.get(&probe).map(Vec::as_slice), "seed {seed}");
                assert_eq!(hash.death_ms(&probe), deaths.get(&probe).copied(), "seed {seed}");
                assert_eq!(hash.first_death_ms(), deaths.values().min().copied(), "seed {seed}");
                let due = deaths.values().filter(|at_ms| **at_ms <= 20).count();
                assert_eq!(hash.dead(20, usize::MAX).len(), due, "seed {seed}");
                assert_eq!(hash.len(), model.len(), "seed {seed}");
                hash.check_invariants();
            }
            let all: BTreeMap<_, _> = hash.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
            assert_eq!(all, model, "seed {seed}");
            let places: BTreeMap<_, _> = (0..hash.len()).filter_map(|at| hash.nth(at)).collect();
            assert_eq!(places.len(), model.len(), "seed {seed}");
        }
    }

    #[test]
    fn is_packed_up_to_the_limits() {
        let check = |fields: usize, longest: usize, want: &str| {
            let mut hash = Hash::default();
            for i in 1..fields {
                hash.insert(format!("{i}").as_bytes(), b"v");
            }
            hash.insert(b"last", &vec![b'x'; longest]);
            assert_eq!(hash.encoding(), want, "{fields} {longest}");
        };
        check(512, 64, "listpack");
        check(513, 1, "hashtable");
        check(1, 65, "hashtable");
    }
}
