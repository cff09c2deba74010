//! The bytes of a leaf's long elements, each in an allocation that copies of the leaf share. Knows
//! which elements they belong to by their numbers alone.

use std::sync::Arc;

/// Mostly none. In the order of the elements' numbers.
#[derive(Debug, Clone, Default)]
pub struct Apart(Option<Box<List>>);

#[derive(Debug, Clone, Default)]
struct List(Vec<(usize, Arc<[u8]>)>);

impl Apart {
    /// The bytes of the element number `at`; none when they are not kept here.
    #[inline]
    #[must_use]
    pub fn get(&self, at: usize) -> &[u8] {
        let Some(list) = &self.0 else { return &[] };
        match list.0.binary_search_by_key(&at, |long| long.0) {
            Ok(found) => &list.0[found].1,
            Err(_) => &[],
        }
    }

    /// An element is put before the one number `at`.
    #[inline]
    pub fn open(&mut self, at: usize) {
        if let Some(list) = &mut self.0 {
            list.0.iter_mut().filter(|long| at <= long.0).for_each(|long| long.0 += 1);
        }
    }

    /// The element number `at` is removed.
    #[inline]
    pub fn close(&mut self, at: usize) {
        if self.0.is_some() {
            self.set(at, None);
        }
        if let Some(list) = &mut self.0 {
            list.0.iter_mut().filter(|long| at < long.0).for_each(|long| long.0 -= 1);
        }
    }

    /// The element number `at` has these bytes here, or none.
    #[inline]
    pub fn set(&mut self, at: usize, bytes: Option<Arc<[u8]>>) {
        if self.0.is_some() || bytes.is_some() {
            self.change(at, bytes);
        }
    }

    #[cold]
    fn change(&mut self, at: usize, bytes: Option<Arc<[u8]>>) {
        let list = &mut self.0.get_or_insert_default().0;
        match (list.binary_search_by_key(&at, |long| long.0), bytes) {
            (Ok(found), Some(bytes)) => list[found].1 = bytes,
            (Ok(found), None) => drop(list.remove(found)),
            (Err(place), Some(bytes)) => list.insert(place, (at, bytes)),
            (Err(_), None) => {}
        }
        if list.is_empty() {
            self.0 = None;
        }
    }

    /// Those of the elements from number `at` on, which are counted anew.
    pub fn split_off(&mut self, at: usize) -> Self {
        let Some(list) = self.0.take() else { return Self::default() };
        let (left, right): (Vec<_>, Vec<_>) = list.0.into_iter().partition(|long| long.0 < at);
        *self = Self::of(left);
        Self::of(right.into_iter().map(|(number, bytes)| (number - at, bytes)).collect())
    }

    /// Adds those of elements that are put behind the first `len`.
    pub fn append(&mut self, len: usize, right: &Self) {
        let Some(right) = &right.0 else { return };
        let moved = right.0.iter().map(|(at, bytes)| (len + at, bytes.clone()));
        self.0.get_or_insert_default().0.extend(moved);
    }

    fn of(list: Vec<(usize, Arc<[u8]>)>) -> Self {
        Self((!list.is_empty()).then(|| Box::new(List(list))))
    }

    /// Checks everything that must hold between calls.
    ///
    /// # Panics
    /// When something does not.
    pub fn check_invariants(&self, has_none_here: impl Fn(usize) -> bool) {
        let Some(list) = &self.0 else { return };
        assert!(list.0.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order, each once");
        assert!(!list.0.is_empty(), "no list is empty");
        assert!(list.0.iter().all(|(at, _)| has_none_here(*at)), "bytes are in one place");
    }
}
