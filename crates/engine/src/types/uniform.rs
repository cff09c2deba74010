//! A small hash whose field names are kept once for all hashes that have the same ones in the same
//! order, as rows of a table have columns.
//!
//! ```text
//! names, shared    len·u8 name │ len·u8 name │ …
//! values           len·u8 value │ len·u8 value │ …
//! ```
//! Names that a thread meets for the second time are worth sharing; it remembers a few that it met
//! lately. What it remembers decides how much memory hashes take, and nothing else.

use super::packed::Packed;
use std::cell::RefCell;
use std::sync::Arc;
use stdx::alloc::class_bytes;
use stdx::random::mix;

/// Bytes of a value in here.
pub const VALUE_BYTES_MAX: usize = u8::MAX as usize;
/// Bytes of names up to which they are shared.
const NAMES_BYTES_MAX: usize = 1024;
/// Lists of names that a thread remembers.
const MET: usize = 256;

/// Names of fields in order.
#[derive(Debug)]
struct Names {
    run: Box<[u8]>,
    len: usize,
}

/// Values of fields whose names others have, too.
#[derive(Debug, Clone)]
pub struct Uniform {
    names: Arc<Names>,
    values: Vec<u8>,
}

/// Names that were met once, by their hash, or more often.
#[derive(Debug, Clone, Default)]
struct Met {
    hash: u64,
    names: Option<Arc<Names>>,
}

thread_local! {
    static MET_LATELY: RefCell<Vec<Met>> = RefCell::new(vec![Met::default(); MET]);
}

impl Uniform {
    /// The same fields, if their names were met before.
    #[must_use]
    pub fn of(packed: &Packed) -> Option<Self> {
        let names = packed.iter().map(|pair| pair.key);
        let is_long = |part: &[u8]| part.len() > VALUE_BYTES_MAX;
        if names.clone().map(|name| name.len() + 1).sum::<usize>() > NAMES_BYTES_MAX
            || packed.iter().any(|pair| is_long(pair.key) || is_long(pair.value))
        {
            return None;
        }
        let names = MET_LATELY.with_borrow_mut(|met| meet(met, names))?;
        let values = packed.iter().map(|pair| pair.value);
        let bytes = values.clone().map(|value| value.len() + 1).sum();
        let mut uniform = Self { names, values: Vec::with_capacity(class_bytes(bytes)) };
        values.for_each(|value| put(&mut uniform.values, value));
        Some(uniform)
    }

    /// The same fields, with names of their own.
    #[must_use]
    pub fn to_packed(&self) -> Packed {
        let mut packed = Packed::default();
        self.iter().for_each(|(name, value)| packed.insert(packed.end(), name, value));
        packed
    }

    /// Number of fields.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len
    }

    /// Number of the field with this name.
    #[inline]
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<usize> {
        Run(&self.names.run).position(|each| each == name)
    }

    /// The value of a field.
    #[inline]
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        Run(&self.values).nth(self.find(name)?)
    }

    /// Replaces the value of the field number `at`.
    ///
    /// # Panics
    /// When there is none, or the value is longer than 255 bytes.
    pub fn set(&mut self, at: usize, value: &[u8]) {
        let start = Run(&self.values).take(at).map(|value| value.len() + 1).sum::<usize>();
        let (head, old) = (start + 1, usize::from(self.values[start]));
        self.values[start] = u8::try_from(value.len()).expect("values are short");
        if old == value.len() {
            self.values[head..head + old].copy_from_slice(value);
            return;
        }
        let (len, more) = (self.values.len(), value.len().saturating_sub(old));
        if self.values.capacity() - len < more {
            self.values.reserve_exact(class_bytes(len + more) - len);
        }
        self.values.splice(head..head + old, value.iter().copied());
    }

    /// The fields in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { names: Run(&self.names.run), values: Run(&self.values) }
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self) {
        assert_eq!(Run(&self.names.run).count(), self.names.len, "len counts the names");
        assert_eq!(Run(&self.values).count(), self.names.len, "every name has a value");
    }
}

/// Names that were met before; `None` for those that are new or were forgotten.
fn meet<'n>(met: &mut [Met], names: impl Iterator<Item = &'n [u8]> + Clone) -> Option<Arc<Names>> {
    let hash = hash_of(names.clone());
    let place = &mut met[hash as usize % MET];
    let are_these = |known: &Arc<Names>| Run(&known.run).eq(names.clone());
    if let Some(known) = place.names.as_ref().filter(|known| are_these(known)) {
        return Some(known.clone());
    }
    if place.hash != hash {
        *place = Met { hash, names: None };
        return None;
    }
    let mut run = Vec::new();
    let len = names.map(|name| put(&mut run, name)).count();
    place.names = Some(Arc::new(Names { run: run.into_boxed_slice(), len }));
    place.names.clone()
}

/// Those whose names have the same hash only share less.
fn hash_of<'n>(names: impl Iterator<Item = &'n [u8]>) -> u64 {
    names.fold(0, |hash, name| {
        let words = name.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        words.fold(mix(hash ^ name.len() as u64), |hash, word| mix(hash.rotate_left(5) ^ word))
    })
}

fn put(run: &mut Vec<u8>, part: &[u8]) {
    run.push(u8::try_from(part.len()).expect("parts are short"));
    run.extend_from_slice(part);
}

/// What is left of parts behind one another.
#[derive(Debug, Clone)]
struct Run<'r>(&'r [u8]);

impl<'r> Iterator for Run<'r> {
    type Item = &'r [u8];

    #[inline]
    fn next(&mut self) -> Option<&'r [u8]> {
        let (len, rest) = self.0.split_first()?;
        let (part, rest) = rest.split_at(usize::from(*len));
        self.0 = rest;
        Some(part)
    }
}

/// Iterator of [`Uniform::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'u> {
    names: Run<'u>,
    values: Run<'u>,
}

impl<'u> Iterator for Iter<'u> {
    type Item = (&'u [u8], &'u [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.names.next()?, self.values.next()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(fields: &[(&str, &str)]) -> Packed {
        let mut packed = Packed::default();
        for (name, value) in fields {
            packed.insert(packed.end(), name.as_bytes(), value.as_bytes());
        }
        packed
    }

    #[test]
    fn names_that_come_again_are_shared() {
        let first = packed(&[("shared-name", "1"), ("shared-mail", "")]);
        assert!(Uniform::of(&first).is_none(), "met for the first time");
        let second = Uniform::of(&first).expect("met again");
        let third = packed(&[("shared-name", "2"), ("shared-mail", "x@y")]);
        let third = Uniform::of(&third).expect("met again");
        assert!(Arc::ptr_eq(&second.names, &third.names));
        assert_eq!((third.get(b"shared-mail"), third.get(b"mail")), (Some(&b"x@y"[..]), None));
        let other = packed(&[("shared-mail", ""), ("shared-name", "1")]);
        assert!(Uniform::of(&other).is_none(), "the order is part of it");
        assert!(first.iter().map(|pair| (pair.key, pair.value)).eq(second.iter()));
        assert!(second.to_packed().iter().map(|pair| (pair.key, pair.value)).eq(second.iter()));
    }

    #[test]
    fn many_kinds_of_names_are_forgotten_not_kept() {
        for kind in 0..10_000 {
            let name = format!("only-{kind}");
            assert!(Uniform::of(&packed(&[(&name, "1"), ("b", "2")])).is_none(), "{kind}");
        }
        let long = "x".repeat(200);
        let fields: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(|n| format!("{n}{long}")).into();
        let fields: Vec<_> = fields.iter().map(|name| (name.as_str(), "")).collect();
        assert!((0..3).all(|_| Uniform::of(&packed(&fields)).is_none()), "too long to share");
    }

    #[test]
    fn values_change_in_place() {
        let fields = packed(&[("set-a", "1"), ("set-b", "2"), ("set-c", "3")]);
        let _ = Uniform::of(&fields);
        let mut uniform = Uniform::of(&fields).expect("met again");
        for (at, value) in [(1, "longer than before"), (0, ""), (2, "9"), (1, "short")] {
            uniform.set(at, value.as_bytes());
            uniform.check_invariants();
            assert_eq!(uniform.iter().nth(at).expect("there").1, value.as_bytes());
        }
        let all: Vec<_> = uniform.iter().map(|(_, value)| value).collect();
        assert_eq!(all, [&b""[..], b"short", b"9"]);
    }
}
