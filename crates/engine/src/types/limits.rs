//! Sizes up to which small collections keep their packed form. One set for the whole process, as
//! the parameters that set them are; a change concerns what is written from then on.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// One size.
#[derive(Debug)]
pub struct Limit {
    now: AtomicUsize,
    most: usize,
}

/// The most that one part of a packed pair may hold, whatever the parameter says: a search goes
/// over all of them.
const PART_BYTES_MAX: usize = 1 << 20;

/// Fields of a packed hash.
pub static HASH_FIELDS: Limit = Limit::new(512, usize::MAX);
/// Bytes of a field or value of a packed hash.
pub static HASH_BYTES: Limit = Limit::new(64, PART_BYTES_MAX);
/// Members of a packed sorted set.
pub static ZSET_MEMBERS: Limit = Limit::new(128, usize::MAX);
/// Bytes of a member of a packed sorted set.
pub static ZSET_BYTES: Limit = Limit::new(64, PART_BYTES_MAX);
/// Members of a set that is kept as integers.
pub static SET_INTEGERS: Limit = Limit::new(512, usize::MAX);
/// Bytes of a HyperLogLog that is kept as runs.
pub static SKETCH_SPARSE_BYTES: Limit = Limit::new(3000, usize::MAX);
/// Entries of a node of a stream; 0 is any number.
pub static STREAM_ENTRIES: Limit = Limit::new(100, usize::MAX);
/// Bytes of a node of a stream; 0 is the most there can be.
pub static STREAM_BYTES: Limit = Limit::new(4096, usize::MAX);

/// Seconds for which a stream remembers what a producer sent, unless told otherwise.
pub static STREAM_PRODUCER_S: Limit = Limit::new(100, 86_400);
/// Ids of one producer that a stream remembers, unless told otherwise.
pub static STREAM_PRODUCER_IDS: Limit = Limit::new(100, 10_000);

impl Limit {
    const fn new(now: usize, most: usize) -> Self {
        Self { now: AtomicUsize::new(now), most }
    }

    /// The size in force.
    #[inline]
    #[must_use]
    pub fn get(&self) -> usize {
        self.now.load(Relaxed)
    }

    /// Sets the size, as far as the packed form allows it.
    pub fn set(&self, size: u64) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.now.store(size.min(self.most), Relaxed);
    }
}
