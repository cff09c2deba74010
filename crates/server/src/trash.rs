//! Values on their way to the reaper: taken out of the keyspace under its locks, dropped without.

use engine::keyspace::{Entry, shard};
use parking_lot::{Condvar, Mutex};

/// Something whose drop is long work.
#[derive(Debug)]
pub enum Rubbish {
    /// A value.
    Entry(Entry),
    /// A database's part of a shard.
    Db(shard::Db),
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
    /// Adds rubbish.
    pub fn add(&self, items: impl Iterator<Item = Rubbish>) {
        self.heap.lock().items.extend(items);
        self.arrived.notify_one();
    }

    /// Ends [`Trash::take`].
    pub fn close(&self) {
        self.heap.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Waits for rubbish; `None` after [`Trash::close`].
    pub fn take(&self) -> Option<Vec<Rubbish>> {
        let mut heap = self.heap.lock();
        loop {
            if heap.closed {
                return None;
            }
            if !heap.items.is_empty() {
                return Some(std::mem::take(&mut heap.items));
            }
            self.arrived.wait(&mut heap);
        }
    }
}
