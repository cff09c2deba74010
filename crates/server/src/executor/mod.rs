//! Who may run what, and when: one small lock per shard, one pass per slot, one queue.
//!
//! *Shared mode*: a loop holds its own pass and the shards of its command's keys, taken in
//! ascending order without waiting. A command that proves to be long goes on in a slot of its own,
//! beside the loop. *Exclusive mode*: its holder waited until no long command was in flight and
//! then collected every pass; nobody else runs. Gate state lives in the passes: each loop reads its
//! own copy, and only the exclusive holder, who has them all, can change it. Knows no command.

mod queue;

pub use queue::{Kind, Ticket};

use crate::gate::GateState;
use crate::sync::{AtomicBool, AtomicUsize, Mutex, MutexGuard};
use engine::keyspace::{Keyspace, SHARDS, Shard, shard_of};
use queue::Queue;
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use stdx::Padded;
use stdx::hash::HashSeed;

/// Attempts at a held shard before a command is deferred; together below 2 µs.
const SPINS: usize = 64;
/// How long a loop waits for its pass before it looks whether the holder has become long.
const PASS_PATIENCE: Duration = Duration::from_millis(1);
/// How long a walk beside the loops waits for a shard before it ticks.
const WALK_PATIENCE: Duration = Duration::from_millis(1);

/// The locks of a node.
pub struct Executor {
    shards: Vec<Padded<Mutex<Shard>>>,
    /// One per loop, then one per slot of long commands.
    passes: Vec<Padded<Mutex<Pass>>>,
    queue: Queue,
    /// Threads that collect passes; loops give way while it is not 0.
    wanted: AtomicUsize,
    /// The exclusive holder takes longer than others should wait for it.
    long: AtomicBool,
    /// The gate state in force, for those who cannot have a pass.
    published: Mutex<Arc<GateState>>,
    seed: HashSeed,
}

/// What a loop must hold to run commands.
#[derive(Debug, Clone)]
pub struct Pass {
    /// This slot's copy of the gate state.
    pub gate: GateState,
}

/// Every pass, and so the whole node.
pub struct Exclusive<'e> {
    executor: &'e Executor,
    passes: SmallVec<[MutexGuard<'e, Pass>; 8]>,
}

/// The pass of a long command.
pub struct LongPass<'e> {
    executor: &'e Executor,
    slot: usize,
    pass: Option<MutexGuard<'e, Pass>>,
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
    /// Any one shard at a time, waiting for it a little.
    Stroll,
    /// Any shard: nobody else holds one.
    All,
}

/// A shard was held by another loop: defer the connection, never the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contended;

impl Executor {
    /// An empty keyspace for `loops` loops and as many long commands as there are `slots` beside
    /// them, all of which start from `gate`.
    #[must_use]
    pub fn new(loops: usize, slots: usize, seed: HashSeed, gate: &GateState) -> Self {
        let pass = || Padded(Mutex::new(Pass { gate: gate.clone() }));
        Self {
            shards: (0..SHARDS).map(|_| Padded(Mutex::new(Shard::new(seed)))).collect(),
            passes: (0..loops + slots).map(|_| pass()).collect(),
            queue: Queue::new(loops, slots),
            wanted: AtomicUsize::new(0),
            long: AtomicBool::new(false),
            published: Mutex::new(Arc::new(gate.clone())),
            seed,
        }
    }

    /// The seed of all key hashes.
    #[must_use]
    pub fn seed(&self) -> HashSeed {
        self.seed
    }

    /// Takes a loop's own pass; the caller holds nothing. Waits for an exclusive holder, unless
    /// that one has become long: `None`, and the loop has other things to do.
    #[inline]
    pub fn pass(&self, slot: usize) -> Option<MutexGuard<'_, Pass>> {
        self.passes[slot].try_lock().or_else(|| self.wait_for_pass(slot))
    }

    #[cold]
    fn wait_for_pass(&self, slot: usize) -> Option<MutexGuard<'_, Pass>> {
        while !self.long.load(Ordering::Acquire) {
            if let Some(pass) = self.passes[slot].try_lock_for(PASS_PATIENCE) {
                return Some(pass);
            }
        }
        None
    }

    /// Gives a pass back, directly to an exclusive holder-to-be when there is one.
    #[inline]
    pub fn give_back(&self, pass: MutexGuard<'_, Pass>) {
        if self.is_wanted() {
            MutexGuard::unlock_fair(pass);
        }
    }

    /// Looks at the gate state in force, without running anything by it.
    pub fn look<T>(&self, slot: usize, look: impl FnOnce(&GateState) -> T) -> T {
        match self.pass(slot) {
            Some(pass) => {
                let seen = look(&pass.gate);
                self.give_back(pass);
                seen
            }
            None => look(&self.published()),
        }
    }

    /// True when a loop should end its batch and give its pass back.
    #[inline]
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    /// Goes to the end of the queue of those who want to run beside the loops, or alone.
    pub fn draw(&self, kind: Kind) -> Ticket {
        self.queue.draw(kind)
    }

    /// Leaves the queue.
    pub fn leave(&self, ticket: Ticket) {
        self.queue.leave(ticket);
    }

    /// Begins a long command, if there is room now. The caller holds nothing.
    pub fn try_long(&self, ticket: Ticket) -> Option<LongPass<'_>> {
        let slot = self.queue.begin_long(ticket)?;
        Some(LongPass { executor: self, slot, pass: Some(self.passes[slot].lock()) })
    }

    /// Collects every pass, unless long commands are in flight or others who want them all take
    /// longer than `patience`. The caller holds no pass and no shard.
    pub fn try_exclusive(&self, ticket: Ticket, patience: Duration) -> Option<Exclusive<'_>> {
        self.queue.begin_alone(ticket, patience).then(|| self.collect())
    }

    /// Collects every pass, however long it takes. The caller holds no pass and no shard, and is
    /// no loop.
    pub fn exclusive(&self) -> Exclusive<'_> {
        let ticket = self.queue.draw(Kind::Exclusive);
        self.queue.begin_alone_at_last(ticket);
        self.collect()
    }

    fn collect(&self) -> Exclusive<'_> {
        self.wanted.fetch_add(1, Ordering::Relaxed);
        let passes = self.passes.iter().map(|pass| pass.lock()).collect();
        self.wanted.fetch_sub(1, Ordering::Relaxed);
        Exclusive { executor: self, passes }
    }

    /// The exclusive holder declares that it takes long: loops stop waiting for their passes.
    pub fn declare_long(&self) {
        self.long.store(true, Ordering::Release);
    }

    /// The gate state in force, without a pass: it may have changed when the caller looks at it.
    #[must_use]
    pub fn published(&self) -> Arc<GateState> {
        Arc::clone(&self.published.lock())
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

    /// As [`Executor::walk`], for a command beside the loops: it waits a little for a shard, and
    /// ticks before it tries again.
    #[must_use]
    pub fn stroll(&self) -> Locked<'_> {
        Locked { executor: self, held: SmallVec::new(), reach: Reach::Stroll }
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

impl<'e> Exclusive<'e> {
    /// Changes the gate state of every loop.
    pub fn change_gate(&mut self, change: impl Fn(&mut GateState)) {
        self.passes.iter_mut().for_each(|pass| change(&mut pass.gate));
        *self.executor.published.lock() = Arc::new(self.gate().clone());
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
    /// True when anybody is interested in some key of the held shards.
    #[inline]
    #[must_use]
    pub fn has_interest(&self) -> bool {
        self.held.iter().any(|(_, shard)| shard.has_interest())
    }

    /// Newest journal offset at which one of the shards was changed; `None` when others than those
    /// held may have been visited.
    #[must_use]
    pub fn changed_at(&self) -> Option<u64> {
        let newest = || self.held.iter().map(|(_, shard)| shard.changed_at).max().unwrap_or(0);
        (self.reach == Reach::Keys).then(newest)
    }

    /// Notes that the shards were changed up to a journal offset; false when others than those held
    /// may have been.
    pub fn set_changed_at(&mut self, offset: u64) -> bool {
        self.held.iter_mut().for_each(|(_, shard)| shard.changed_at = offset);
        self.reach == Reach::Keys
    }

    /// Lets go of shards that a command of lock class walk or exclusive has visited; they can be
    /// visited again.
    pub fn release(&mut self) {
        if self.reach != Reach::Keys {
            self.held.clear();
        }
    }
}

impl Drop for Exclusive<'_> {
    fn drop(&mut self) {
        let executor = self.executor;
        if executor.long.load(Ordering::Relaxed) {
            executor.long.store(false, Ordering::Relaxed);
        }
        self.passes.clear();
        executor.queue.end_alone();
    }
}

impl<'e> LongPass<'e> {
    /// Which slot it runs in.
    #[must_use]
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// The gate state in force.
    ///
    /// # Panics
    /// Never: it is held until it is dropped.
    #[must_use]
    pub fn gate(&self) -> &GateState {
        &self.pass.as_ref().expect("it is held until it is dropped").gate
    }
}

impl Drop for LongPass<'_> {
    fn drop(&mut self) {
        self.pass = None;
        self.executor.queue.end_long(self.slot);
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
            Reach::Stroll => {
                self.held.clear();
                let shard = &self.executor.shards[usize::from(id)];
                let guard = shard.try_lock_for(WALK_PATIENCE)?;
                self.held.push((id, guard));
            }
            Reach::All => {
                let guard = self.executor.shards[usize::from(id)].lock();
                self.held.push((id, guard));
            }
        }
        self.held.last_mut().map(|(_, shard)| &mut **shard)
    }

    #[inline]
    fn held(&self, id: u8) -> Option<&Shard> {
        self.held.iter().find(|(held, _)| *held == id).map(|(_, shard)| &**shard)
    }

    fn seed(&self) -> HashSeed {
        self.executor.seed
    }
}

#[cfg(all(test, not(feature = "shuttle")))]
mod tests {
    use super::*;

    fn executor(loops: usize) -> Executor {
        Executor::new(loops, 2, HashSeed::from_bytes([3; 16]), &GateState::default())
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
        assert!((0..3).all(|id| executor.pass(id).is_some_and(|pass| pass.gate.generation == 9)));
        assert!(!executor.is_wanted());
        assert_eq!(executor.published().generation, 9);
    }

    #[test]
    fn nobody_waits_for_a_long_exclusive_holder() {
        let executor = executor(1);
        let exclusive = executor.exclusive();
        executor.declare_long();
        assert!(executor.pass(0).is_none());
        drop(exclusive);
        assert!(executor.pass(0).is_some());
    }

    #[test]
    fn exclusive_mode_waits_for_long_commands_and_stops_nobody_meanwhile() {
        let executor = executor(1);
        let long = executor.try_long(executor.draw(Kind::Long)).expect("there is room");
        assert_eq!(long.slot(), 1);
        let ticket = executor.draw(Kind::Exclusive);
        assert!(executor.try_exclusive(ticket, Duration::from_secs(10)).is_none());
        assert!(!executor.is_wanted() && executor.pass(0).is_some());
        drop(long);
        assert!(executor.try_exclusive(ticket, Duration::ZERO).is_some());
    }
}
