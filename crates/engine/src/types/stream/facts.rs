//! What a stream knows without looking at its entries, and what follows for how far a group is
//! behind. Knows no group.

use super::id::Id;

/// Numbers of a stream at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Number of entries.
    pub len: u64,
    /// Id of the first entry; 0-0 when there is none.
    pub first_id: Id,
    /// Id of the newest entry there ever was.
    pub last_id: Id,
    /// The highest id that was deleted by name.
    pub deleted_id: Id,
    /// Number of entries there ever were.
    pub added: u64,
}

impl Facts {
    /// True when an entry from `start` on may have been deleted by name.
    #[must_use]
    pub fn may_have_gaps(&self, start: Id) -> bool {
        let none = self.len == 0 || self.deleted_id == Id::MIN || self.first_id > self.deleted_id;
        !none && start <= self.deleted_id
    }

    /// Number of entries there ever were up to this id, where that can be told.
    #[must_use]
    pub fn entries_to(&self, id: Id) -> Option<i64> {
        let added = self.added.cast_signed();
        if self.added == 0 {
            return Some(0);
        }
        if (self.len == 0 && id <= self.last_id) || id == self.last_id {
            return Some(added);
        }
        if id > self.last_id {
            return None;
        }
        if self.deleted_id == Id::MIN || self.deleted_id < self.first_id {
            let before = added - self.len.cast_signed();
            if id < self.first_id {
                return Some(before);
            }
            if id == self.first_id {
                return Some(before + 1);
            }
        }
        None
    }

    /// How many entries a group has not read yet, where that can be told.
    #[must_use]
    pub fn lag(&self, last_id: Id, read: Option<i64>) -> Option<i64> {
        let added = self.added.cast_signed();
        if self.added == 0 {
            return Some(0);
        }
        let known = read.filter(|_| !self.may_have_gaps(last_id));
        known.or_else(|| self.entries_to(last_id)).map(|read| added.wrapping_sub(read))
    }

    /// What a group has read once it was given this entry.
    #[must_use]
    pub fn read_with(&self, id: Id, read: Option<i64>) -> Option<i64> {
        match read {
            Some(read) if !self.may_have_gaps(id) => Some(read.wrapping_add(1)),
            _ if self.added > 0 => self.entries_to(id),
            _ => read,
        }
    }
}
