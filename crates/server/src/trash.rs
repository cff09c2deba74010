//! What was taken out of the keyspace under its locks, to be dropped without, on a thread of its
//! own: the reaper.

use engine::keyspace::{Entry, shard};
use parking_lot::{Condvar, Mutex};
use std::time::Duration;

/// Without rubbish for so long, what has been dropped goes back to the system.
const QUIET: Duration = Duration::from_secs(1);

/// Something whose drop is long work.
#[derive(Debug)]
pub enum Rubbish {
    /// A value.
    Entry(Entry),
    /// A database's part of a shard.
    Table(shard::Db),
    /// A large buffer.
    Buffer(Vec<u8>),
}

/// What waits for the reaper.
#[derive(Debug, Default)]
pub struct Trash {
    heap: Mutex<Heap>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Heap {
    items: Vec<Rubbish>,
    closed: bool,
}

impl Trash {
    /// How much waits.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.heap.lock().items.len()
    }

    /// Adds rubbish.
    pub fn add(&self, items: impl Iterator<Item = Rubbish>) {
        let mut heap = self.heap.lock();
        heap.items.extend(items);
        if !heap.items.is_empty() {
            self.arrived.notify_one();
        }
    }

    /// Ends [`Trash::reap`].
    pub fn close(&self) {
        self.heap.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Drops what comes until [`Trash::close`].
    pub fn reap(&self) {
        let mut owes = false;
        while let Some(items) = self.take(owes.then_some(QUIET)) {
            owes = !items.is_empty();
            if owes {
                items.into_iter().for_each(dispose);
            } else {
                stdx::alloc::give_back();
            }
        }
    }

    /// Waits for rubbish, and returns none after `limit`; `None` after [`Trash::close`].
    fn take(&self, limit: Option<Duration>) -> Option<Vec<Rubbish>> {
        let mut heap = self.heap.lock();
        let is_quiet = |heap: &mut Heap| !heap.closed && heap.items.is_empty();
        match limit {
            Some(limit) => drop(self.arrived.wait_while_for(&mut heap, is_quiet, limit)),
            None => self.arrived.wait_while(&mut heap, is_quiet),
        }
        (!heap.closed).then(|| std::mem::take(&mut heap.items))
    }
}

fn dispose(item: Rubbish) {
    if let Rubbish::Table(mut table) = item {
        while !table.dismantle(&mut drop) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_comes_once_and_nothing_after_the_end() {
        let trash = Trash::default();
        trash.add((0..3).map(|_| Rubbish::Buffer(vec![0; 100])));
        let taken = |limit| trash.take(limit).map(|items| items.len());
        assert_eq!(taken(None), Some(3));
        assert_eq!(taken(Some(Duration::ZERO)), Some(0));
        trash.close();
        assert_eq!(taken(None), None);
    }
}
