//! A shard's part in a cut: its databases as they were, whatever became of them since.

use super::super::entry::Entry;
use super::super::table::cut::{Budget, Cut};
use super::{Db, Shard};

/// What a visit takes out of a shard.
#[derive(Debug, Default)]
pub struct Taken {
    /// Entries as they were at the cut, each with the number its database had then.
    pub entries: Vec<(u16, Entry)>,
    /// Databases emptied since, which nobody needs any more: dropping them is long work.
    pub dbs: Vec<Db>,
}

impl Shard {
    /// Begins to owe all entries as they are now. No cut is in progress.
    pub fn begin_cut(&mut self, cut: &Cut) {
        debug_assert!(!self.in_cut(), "one cut at a time");
        for (number, db) in self.dbs.iter_mut().enumerate() {
            db.table.begin_cut(cut, number as u16);
        }
    }

    /// True until everything that the cut found here has been taken.
    #[must_use]
    pub fn in_cut(&self) -> bool {
        self.dbs.iter().chain(&self.leaving).any(|db| db.table.in_cut())
    }

    /// Takes entries as they were at the cut, within a budget; true when that was the last of
    /// them. Each key of each database is taken exactly once.
    pub fn visit_cut(&mut self, budget: &mut Budget, taken: &mut Taken) -> bool {
        while let Some(db) = self.leaving.last_mut() {
            db.table.visit_cut(budget, &mut taken.entries);
            if db.table.in_cut() {
                break;
            }
            taken.dbs.extend(self.leaving.pop());
        }
        for db in &mut self.dbs {
            db.table.visit_cut(budget, &mut taken.entries);
        }
        !self.in_cut()
    }

    /// Takes only what writers have set aside.
    pub fn take_saved(&mut self, taken: &mut Taken) {
        for db in self.dbs.iter_mut().chain(&mut self.leaving) {
            db.table.take_saved(&mut taken.entries);
        }
    }

    /// Gives the cut up; what is left of it is taken, to be dropped elsewhere.
    pub fn end_cut(&mut self, taken: &mut Taken) {
        for (number, db) in self.dbs.iter_mut().chain(&mut self.leaving).enumerate() {
            let saved = db.table.end_cut();
            taken.entries.extend(saved.into_iter().map(|entry| (number as u16, entry)));
        }
        taken.dbs.append(&mut self.leaving);
    }

    /// Forgets the numbers of all cuts there were, so that they can be used again.
    pub fn forget_cuts(&mut self) {
        self.dbs.iter_mut().for_each(|db| db.table.forget_cuts());
    }

    /// A database that has been emptied: the cut keeps it when it still needs it.
    pub(super) fn release(&mut self, db: Db) -> Option<Db> {
        if db.table.in_cut() {
            self.leaving.push(db);
            return None;
        }
        Some(db)
    }
}
