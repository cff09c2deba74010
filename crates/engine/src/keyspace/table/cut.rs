//! A table's part in a cut: which of its buckets have been handed out, and what a writer set aside
//! before it changed one that had not. Knows neither the other tables nor who takes the entries.

use super::super::entry::{Entry, ValueRef, prefetch};
use super::{Bucket, Table};
use crate::types::Object;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use stdx::alloc::aside;

/// A collection's own bytes, for the budget: its clone shares what is large.
const COLLECTION_BYTES: usize = 512;
/// Strings above this share their pages, too.
const SHARED_BYTES: usize = 1 << 20;
/// Buckets between the one that is visited and the one that is fetched.
const AHEAD: usize = 4;

/// One cut: a moment whose state is being handed out while writers go on.
#[derive(Debug, Clone)]
pub struct Cut {
    /// Never 0, and other than that of the cuts before. A bucket with this epoch was visited.
    pub number: u16,
    /// What writers set aside.
    pub saved: Arc<Saved>,
}

/// What writers set aside in all tables, in bytes.
#[derive(Debug, Default)]
pub struct Saved {
    /// Not taken yet.
    pub waiting_bytes: AtomicUsize,
    /// Since the cut.
    pub total_bytes: AtomicUsize,
}

/// How much one visit may do before the shard is somebody else's turn.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Buckets and entries.
    pub steps: usize,
    /// Bytes copied; a single entry may exceed it.
    pub bytes: usize,
}

impl Budget {
    /// True when nothing more may be done.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.steps == 0 || self.bytes == 0
    }

    fn spend(&mut self, steps: usize, bytes: usize) {
        self.steps = self.steps.saturating_sub(steps);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// What a table still owes to a cut.
#[derive(Debug)]
pub(super) struct Debt {
    cut: Cut,
    /// The number that the database had at the cut.
    db: u16,
    /// All buckets below have been visited.
    next: usize,
    /// Entries of visited buckets as they were at the cut, set aside by writers.
    saved: Vec<Entry>,
    saved_bytes: usize,
}

impl Debt {
    fn save(&mut self, entry: &Entry) {
        let bytes = weight(entry);
        self.saved.push(entry.duplicate(entry.key()));
        self.saved_bytes += bytes;
        self.cut.saved.waiting_bytes.fetch_add(bytes, Relaxed);
        self.cut.saved.total_bytes.fetch_add(bytes, Relaxed);
    }

    /// Takes what was set aside.
    fn take_saved(&mut self) -> Vec<Entry> {
        let bytes = mem::take(&mut self.saved_bytes);
        if bytes > 0 {
            self.cut.saved.waiting_bytes.fetch_sub(bytes, Relaxed);
        }
        mem::take(&mut self.saved)
    }
}

impl Drop for Debt {
    fn drop(&mut self) {
        self.take_saved();
    }
}

impl Table {
    /// Begins to owe its entries as they are now, as those of database `db`. Nothing is owed when
    /// there are none.
    pub fn begin_cut(&mut self, cut: &Cut, db: u16) {
        if self.is_empty() {
            // Buckets that no cut visits must not keep the epoch of one that is long past.
            self.forget_cuts();
            return;
        }
        let (cut, saved) = (cut.clone(), Vec::new());
        self.debt = Some(Box::new(Debt { cut, db, next: 0, saved, saved_bytes: 0 }));
    }

    /// True until everything that a cut found here has been handed out.
    #[inline]
    #[must_use]
    pub fn in_cut(&self) -> bool {
        self.debt.is_some()
    }

    /// Hands out entries as they were at the cut, each with its database, those set aside first.
    pub fn visit_cut(&mut self, budget: &mut Budget, out: &mut Vec<(u16, Entry)>) {
        self.take_saved(out);
        let Some(debt) = &self.debt else { return };
        let (number, db, mut next) = (debt.cut.number, debt.db, debt.next);
        let buckets = self.buckets();
        while next < buckets && !budget.is_spent() {
            self.fetch_ahead(next + AHEAD);
            let mut bytes = 0;
            if self.bucket(next).epoch != number {
                self.bucket_mut(next).epoch = number;
                let before = out.len();
                self.visit_chain(next, &mut |entry| {
                    bytes += weight(entry);
                    out.push((db, entry.duplicate(entry.key())));
                });
                budget.spend(out.len() - before, bytes);
            }
            budget.spend(1, 0);
            next += 1;
        }
        if next >= buckets {
            self.debt = None;
        } else if let Some(debt) = &mut self.debt {
            debt.next = next;
        }
    }

    /// Hands out only what writers have set aside.
    pub fn take_saved(&mut self, out: &mut Vec<(u16, Entry)>) {
        if let Some(debt) = &mut self.debt {
            let db = debt.db;
            out.extend(debt.take_saved().into_iter().map(|entry| (db, entry)));
        }
    }

    /// Owes nothing any more; returns what was set aside, to be dropped elsewhere.
    pub fn end_cut(&mut self) -> Vec<Entry> {
        self.debt.take().map_or_else(Vec::new, |mut debt| debt.take_saved())
    }

    /// Forgets which cuts visited which buckets, so that their numbers can be used again.
    pub fn forget_cuts(&mut self) {
        for bucket in self.segments.iter_mut().flat_map(|segment| segment.iter_mut()) {
            bucket.epoch = 0;
        }
    }

    /// To be called before anything in a bucket changes, except access clocks: sets the bucket
    /// aside when a cut still needs it.
    #[inline]
    pub(super) fn touch(&mut self, bucket: usize) {
        if self.debt.is_some() {
            self.set_aside(bucket);
        }
    }

    #[cold]
    fn set_aside(&mut self, bucket: usize) {
        let Some(mut debt) = self.debt.take() else { return };
        if self.bucket(bucket).epoch != debt.cut.number {
            self.bucket_mut(bucket).epoch = debt.cut.number;
            aside(|| self.visit_chain(bucket, &mut |entry| debt.save(entry)));
        }
        self.debt = Some(debt);
    }

    /// Asks the processor for a bucket, and for the entries of one that was asked for earlier.
    fn fetch_ahead(&self, number: usize) {
        if number < self.buckets() {
            prefetch(std::ptr::from_ref(self.bucket(number)).cast());
            let near = self.bucket(number - AHEAD / 2);
            near.slots.iter().flatten().for_each(Entry::prefetch);
        }
    }

    pub(super) fn check_cut(&self) {
        let Some(debt) = &self.debt else { return };
        let is_visited = |bucket: &Bucket| bucket.epoch == debt.cut.number;
        let visited = (0..debt.next.min(self.buckets())).all(|n| is_visited(self.bucket(n)));
        assert!(visited, "all buckets below the walker have been visited");
        let bytes: usize = debt.saved.iter().map(weight).sum();
        assert_eq!(bytes, debt.saved_bytes, "what is set aside is counted");
        let all = debt.cut.saved.waiting_bytes.load(Relaxed);
        assert!(all >= bytes, "it is counted in the sum");
    }
}

/// About how many bytes a duplicate of `entry` takes.
fn weight(entry: &Entry) -> usize {
    let object = match entry.value() {
        ValueRef::Object(Object::Bytes(bytes)) if bytes.len() <= SHARED_BYTES => bytes.len(),
        ValueRef::Object(_) => COLLECTION_BYTES,
        ValueRef::Bytes(_) | ValueRef::Integer(_) => 0,
    };
    entry.bytes() + object
}
