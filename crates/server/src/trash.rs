//! What was taken out of the keyspace under its locks, to be dropped without. Large values go to
//! the reaper. Tables of small ones are taken apart by the loops, a little in each turn: most of
//! their entries are the loops' own allocations, which another thread could only send back to be
//! freed all at once.

use engine::keyspace::{Entry, shard};
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use stdx::Clock;

/// Something whose drop is long work.
#[derive(Debug)]
pub enum Rubbish {
    /// A value.
    Entry(Entry),
    /// A large buffer.
    Buffer(Vec<u8>),
}

/// What waits for the reaper.
#[derive(Debug, Default)]
pub struct Trash {
    heap: Mutex<Heap>,
    arrived: Condvar,
    tables: Mutex<Vec<shard::Db>>,
    /// Tables waiting or being taken apart.
    unfinished: AtomicUsize,
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

    /// Adds databases' parts of shards, for the loops.
    pub fn add_tables(&self, tables: Vec<shard::Db>) {
        self.unfinished.fetch_add(tables.len(), Relaxed);
        self.tables.lock().extend(tables);
    }

    /// True while tables wait or are being taken apart.
    #[inline]
    pub fn has_tables(&self) -> bool {
        self.unfinished.load(Relaxed) > 0
    }

    /// Takes tables apart for about `limit_us`; true when there is more to do.
    pub fn clean_up(&self, clock: &dyn Clock, limit_us: u64) -> bool {
        let until_us = clock.monotonic_us() + limit_us;
        while clock.monotonic_us() < until_us {
            let Some(mut table) = self.tables.lock().pop() else { return false };
            let mut large = Vec::new();
            let done = loop {
                let done = table.dismantle(&mut |entry| {
                    if entry.is_large() {
                        large.push(Rubbish::Entry(entry));
                    }
                });
                if done || clock.monotonic_us() >= until_us {
                    break done;
                }
            };
            if done {
                self.unfinished.fetch_sub(1, Relaxed);
            } else {
                self.tables.lock().push(table);
            }
            if !large.is_empty() {
                self.add(large.into_iter());
            }
        }
        self.has_tables()
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
