//! Who may run what, and when: one small lock per shard, one pass per loop, one token.
//!
//! *Shared mode*: a loop holds its own pass and the shards of its command's keys, taken in
//! ascending order without waiting. *Exclusive mode*: the holder of the token has collected every
//! pass; nobody else runs. Gate state lives in the passes: each loop reads its own copy, and only
//! the exclusive holder, who has them all, can change it. Knows no command.

use crate::gate::GateState;
use engine::keyspace::{Keyspace, SHARDS, Shard, shard_of};
use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use stdx::Padded;
use stdx::hash::HashSeed;

/// Attempts at a held shard before a command is deferred; together below 2 µs.
const SPINS: usize = 64;

/// The locks of a node.
pub struct Executor {
    shards: Vec<Padded<Mutex<Shard>>>,
    passes: Vec<Padded<Mutex<Pass>>>,
    token: Mutex<()>,
    /// Threads that want exclusive mode; loops give way while it is not 0.
    wanted: AtomicUsize,
    seed: HashSeed,
}

/// What a loop must hold to run commands.
#[derive(Debug, Clone)]
pub struct Pass {
    /// This loop's copy of the gate state.
    pub gate: GateState,
}

/// Every pass, and so the whole node.
pub struct Exclusive<'e> {
    executor: &'e Executor,
    passes: SmallVec<[MutexGuard<'e, Pass>; 8]>,
    _token: MutexGuard<'e, ()>,
}

/// Shards held for one command.
pub struct Locked<'e> {
    executor: &'e Executor,
    held: SmallVec<[(u8, MutexGuard<'e, Shard>); 2]>,
    reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Only what was locked at the start.
    Keys,
    /// Any one shard at a time, without waiting.
    Walk,
    /// Any shard: nobody else holds one.
    All,
}

/// A shard was held by another loop: defer the connection, never the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contended;

impl Executor {
    /// An empty keyspace for `loops` loops, all of which start from `gate`.
    #[must_use]
    pub fn new(loops: usize, seed: HashSeed, gate: &GateState) -> Self {
        let pass = || Padded(Mutex::new(Pass { gate: gate.clone() }));
        Self {
            shards: (0..SHARDS).map(|_| Padded(Mutex::new(Shard::new(seed)))).collect(),
            passes: (0..loops).map(|_| pass()).collect(),
            token: Mutex::new(()),
            wanted: AtomicUsize::new(0),
            seed,
        }
    }

    /// The seed of all key hashes.
    #[must_use]
    pub fn seed(&self) -> HashSeed {
        self.seed
    }

    /// Takes a loop's own pass. Waits only for an exclusive holder; the caller holds nothing.
    #[inline]
    pub fn pass(&self, loop_id: usize) -> MutexGuard<'_, Pass> {
        self.passes[loop_id].lock()
    }

    /// Gives a pass back, directly to an exclusive holder-to-be when there is one.
    #[inline]
    pub fn give_back(&self, pass: MutexGuard<'_, Pass>) {
        if self.wanted.load(Relaxed) > 0 {
            MutexGuard::unlock_fair(pass);
        }
    }

    /// True when a loop should end its batch and give its pass back.
    #[inline]
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Relaxed) > 0
    }

    /// Collects every pass. The caller holds no pass and no shard.
    pub fn exclusive(&self) -> Exclusive<'_> {
        self.wanted.fetch_add(1, Relaxed);
        let token = self.token.lock();
        let passes = self.passes.iter().map(|pass| pass.lock()).collect();
        self.wanted.fetch_sub(1, Relaxed);
        Exclusive { executor: self, passes, _token: token }
    }

    /// Locks the shards in `ids`, which are ascending and unique.
    ///
    /// # Errors
    /// [`Contended`] when one stays held by another loop; then none is held.
    #[inline]
    pub fn lock(&self, ids: &[u8]) -> Result<Locked<'_>, Contended> {
        debug_assert!(ids.is_sorted(), "locks are taken in one order");
        let mut held = SmallVec::new();
        for &id in ids {
            held.push((id, self.try_shard(id).ok_or(Contended)?));
        }
        Ok(Locked { executor: self, held, reach: Reach::Keys })
    }

    /// Waits for one shard. For the loader, which holds nothing, while others look at the shards
    /// for moments only.
    #[must_use]
    pub fn wait_for(&self, id: u8) -> Locked<'_> {
        let mut held = SmallVec::new();
        held.push((id, self.shards[usize::from(id)].lock()));
        Locked { executor: self, held, reach: Reach::Keys }
    }

    /// For a command that visits shards one after the other.
    #[must_use]
    pub fn walk(&self) -> Locked<'_> {
        Locked { executor: self, held: SmallVec::new(), reach: Reach::Walk }
    }

    /// Asks the processor to fetch the buckets of keys that are about to be used, then their
    /// entries: a pipeline's cache misses overlap instead of following each other. `hashes` are
    /// those of keys in database `db`.
    pub fn prefetch(&self, db: u16, hashes: impl Iterator<Item = u64> + Clone) {
        for hash in hashes.clone() {
            if let Some(shard) = self.shards[usize::from(shard_of(hash))].try_lock() {
                shard.prefetch_bucket(db, hash);
            }
        }
        for hash in hashes {
            if let Some(shard) = self.shards[usize::from(shard_of(hash))].try_lock() {
                shard.prefetch_entry(db, hash);
            }
        }
    }

    #[inline]
    fn try_shard(&self, id: u8) -> Option<MutexGuard<'_, Shard>> {
        let shard = &self.shards[usize::from(id)];
        shard.try_lock().or_else(|| {
            (0..SPINS).find_map(|_| {
                std::hint::spin_loop();
                shard.try_lock()
            })
        })
    }
}

impl Locked<'_> {
    /// True when anybody is interested in some key of the held shards.
    #[inline]
    #[must_use]
    pub fn has_interest(&self) -> bool {
        self.held.iter().any(|(_, shard)| shard.has_interest())
    }
}

impl<'e> Exclusive<'e> {
    /// Changes the gate state of every loop.
    pub fn change_gate(&mut self, change: impl Fn(&mut GateState)) {
        self.passes.iter_mut().for_each(|pass| change(&mut pass.gate));
    }

    /// The gate state in force.
    #[must_use]
    pub fn gate(&self) -> &GateState {
        &self.passes[0].gate
    }

    /// All shards, taken as they are needed.
    #[must_use]
    pub fn space(&self) -> Locked<'e> {
        Locked { executor: self.executor, held: SmallVec::new(), reach: Reach::All }
    }
}

impl Locked<'_> {
    /// Lets go of shards that a command of lock class walk or exclusive has visited; they can be
    /// visited again.
    pub fn release(&mut self) {
        if self.reach != Reach::Keys {
            self.held.clear();
        }
    }
}

impl Keyspace for Locked<'_> {
    #[inline]
    fn shard(&mut self, id: u8) -> Option<&mut Shard> {
        // An index instead of a reference: the borrow checker does not let a found guard escape
        // from the loop that looks for it.
        if let Some(at) = self.held.iter().position(|(held, _)| *held == id) {
            return Some(&mut self.held[at].1);
        }
        match self.reach {
            Reach::Keys => return None,
            Reach::Walk => {
                self.held.clear();
                let guard = self.executor.try_shard(id)?;
                self.held.push((id, guard));
            }
            Reach::All => {
                let guard = self.executor.shards[usize::from(id)].lock();
                self.held.push((id, guard));
            }
        }
        self.held.last_mut().map(|(_, shard)| &mut **shard)
    }

    fn seed(&self) -> HashSeed {
        self.executor.seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn executor(loops: usize) -> Executor {
        Executor::new(loops, HashSeed::from_bytes([3; 16]), &GateState::default())
    }

    #[test]
    fn a_held_shard_defers_instead_of_waiting() {
        let executor = executor(2);
        let first = executor.lock(&[3, 7]).expect("free");
        assert_eq!(executor.lock(&[5, 7]).err(), Some(Contended));
        assert!(executor.lock(&[5]).is_ok(), "a refused set holds nothing");
        assert!(executor.walk().shard(3).is_none());
        drop(first);
        assert!(executor.lock(&[5, 7]).is_ok());
    }

    #[test]
    fn keys_mode_reaches_only_what_it_locked() {
        let executor = executor(1);
        let mut locked = executor.lock(&[3]).expect("free");
        assert!(locked.shard(3).is_some());
        assert!(locked.shard(4).is_none());
    }

    #[test]
    fn the_exclusive_holder_has_everything_and_changes_every_gate() {
        let executor = executor(3);
        let mut exclusive = executor.exclusive();
        assert!(executor.passes.iter().all(|pass| pass.try_lock().is_none()));
        exclusive.change_gate(|gate| gate.generation = 9);
        let mut space = exclusive.space();
        assert!((0..=255).all(|id| space.shard(id).is_some()));
        drop(space);
        drop(exclusive);
        assert!((0..3).all(|id| executor.pass(id).gate.generation == 9));
        assert!(!executor.is_wanted());
    }
}
