//! A value alone on its cache lines, so that two cores never fight over neighbours.

use std::ops::{Deref, DerefMut};

/// Aligned to 128 bytes: the adjacent-line prefetcher pulls lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Padded<T>(pub T);

impl<T> Deref for Padded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Padded<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
