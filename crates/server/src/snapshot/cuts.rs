//! The cuts of a node: who wants the data set as it is at one moment, and the one cut in progress.
//! Whoever is to get it attaches at the beginning of a cut or waits for the next. Knows no file.

use super::walk::Walk;
use crate::executor::Locked;
use crate::scripts::Sources;
use crate::shared::Shared;
use engine::keyspace::{Cut, Entry, Keyspace, SHARDS, Saved};
use parking_lot::{Condvar, Mutex};
use persist::PersistError;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use stdx::alloc::aside_bytes;

/// What a cut is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consumer {
    /// The RDB file.
    Save,
    /// The base of an append-only file.
    AppendOnly,
    /// A full synchronisation.
    Replica,
}

/// The moment of a cut.
#[derive(Debug, Clone)]
pub struct CutStart {
    /// Counts the cuts of this process, from 1.
    pub number: u64,
    /// The journal's offset: everything before it is in the cut, nothing behind it.
    pub offset: u64,
    /// Name of the journal's history, 40 hex digits.
    pub replication_id: String,
    /// Database selected in the stream there; `None` while no history is kept.
    pub stream_db: Option<u16>,
    /// Unix milliseconds.
    pub unix_ms: u64,
    /// Memory in use, in bytes.
    pub used_bytes: u64,
    /// Keys of each database, and how many of them have a time of death.
    pub sizes: Vec<(u64, u64)>,
    /// Sources of the libraries of functions.
    pub functions: Sources,
    /// Changes of data that this process has counted before.
    pub changes: u64,
    /// See [`Shared::cleared`].
    pub cleared: u64,
}

/// How a cut ended for one who took part.
#[derive(Debug)]
pub enum End {
    /// Every entry was handed over.
    Complete,
    /// It was cancelled.
    Aborted,
    /// The sink itself refused to go on.
    Failed(PersistError),
}

/// Takes the entries of a cut: on the snapshot thread, which holds nothing and may wait for disks.
pub trait Sink: Send {
    /// Before the first entry.
    ///
    /// # Errors
    /// It takes no part; [`Sink::end`] follows with this error.
    fn begin(&mut self, shared: &Shared, start: &CutStart) -> Result<(), PersistError>;
    /// One entry as it was at the cut, with the number that its database had then. Each key comes
    /// once, in no order; dead ones come too.
    ///
    /// # Errors
    /// It takes no more part; [`Sink::end`] follows with this error.
    fn entry(&mut self, db: u16, entry: &Entry) -> Result<(), PersistError>;
    /// Behind the last entry. The cut stays in progress until this returns.
    fn end(self: Box<Self>, shared: &Shared, end: End);
}

/// Numbers that buckets can tell apart.
const NUMBERS: u64 = u16::MAX as u64;

/// A wish for a cut.
pub struct CutRequest {
    /// What it is for.
    pub consumer: Consumer,
    /// Takes the entries.
    pub sink: Box<dyn Sink>,
    /// Called at the moment itself, in exclusive mode: must not wait for anything.
    pub on_start: Box<dyn FnOnce(&CutStart) + Send>,
}

/// Cuts of a node.
#[derive(Default)]
pub struct Cuts {
    state: Mutex<State>,
    arrived: Condvar,
    /// Bytes set aside when the cut in progress began, plus 1; 0 when there is none.
    aside_before: AtomicI64,
}

#[derive(Default)]
struct State {
    waiting: Vec<CutRequest>,
    active: Option<Active>,
    /// The cut in progress, except while a step of it is being done.
    walk: Option<Walk>,
    /// Take no more part in the cut in progress.
    cancelled: Vec<Consumer>,
    /// Waited, and are to be told that they do in vain.
    lost: Vec<CutRequest>,
    begun: u64,
    /// Cuts begun since one was last completed.
    unfinished: u64,
    woken: bool,
    closed: bool,
}

/// The cut in progress as others may see it.
#[derive(Clone)]
pub struct Active {
    /// Who takes part.
    pub consumers: Vec<Consumer>,
    /// Its moment.
    pub start: Arc<CutStart>,
    /// Entries handed over.
    pub entries: Arc<AtomicU64>,
    /// What writers set aside.
    pub saved: Arc<Saved>,
}

impl Active {
    /// True when it is for an RDB file, as Redis counts them.
    #[must_use]
    pub fn writes_rdb(&self) -> bool {
        self.consumers.iter().any(|consumer| *consumer != Consumer::AppendOnly)
    }

    /// Keys in the cut.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.start.sizes.iter().map(|(keys, _)| keys).sum()
    }

    /// Milliseconds since its moment.
    #[must_use]
    pub fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.start.unix_ms)
    }
}

/// What the snapshot thread is to do next.
pub(super) enum Work {
    /// Go on with the cut in progress, without those who have been cancelled since.
    Walk(Box<Walk>, Vec<Consumer>),
    /// Begin a cut: somebody waits for one.
    Begin,
    /// Tell these, who waited, that they were cancelled.
    Lost(Vec<CutRequest>),
    /// Nothing.
    Rest,
    /// End everything.
    Close(Option<Box<Walk>>, Vec<CutRequest>),
}

impl Cuts {
    /// Cuts begun since the start.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.state.lock().begun
    }

    /// Asks for a cut. The snapshot thread begins one when none is in progress.
    pub fn request(&self, request: CutRequest) {
        self.state.lock().waiting.push(request);
        self.wake();
    }

    /// Begins a cut at once, for `request` and all who wait. `space` is that of the exclusive
    /// holder, between two outermost commands.
    ///
    /// # Errors
    /// A cut is in progress, or the node ends: the request comes back.
    pub fn begin(
        &self,
        shared: &Shared,
        space: &mut Locked<'_>,
        request: CutRequest,
    ) -> Result<(), CutRequest> {
        let mut state = self.state.lock();
        if state.active.is_some() || state.closed {
            return Err(request);
        }
        state.waiting.push(request);
        drop(state);
        self.begin_waiting(shared, space);
        Ok(())
    }

    /// As [`Cuts::begin`], for those who wait only.
    pub(super) fn begin_waiting(&self, shared: &Shared, space: &mut Locked<'_>) {
        let sizes = sizes(space, shared.config.lock().number("databases") as u16);
        let (requests, number, forgets) = {
            let mut state = self.state.lock();
            if state.active.is_some() || state.waiting.is_empty() {
                return;
            }
            state.begun += 1;
            state.unfinished += 1;
            // A number may come again only where every bucket has met a newer one.
            let forgets = state.unfinished.is_multiple_of(NUMBERS);
            (mem::take(&mut state.waiting), state.begun, forgets)
        };
        let start = Arc::new(CutStart {
            number,
            offset: shared.journal.offset(),
            replication_id: shared.journal.identity().id,
            stream_db: shared.links.stream_db(shared),
            unix_ms: shared.host.clock().unix_ms(),
            used_bytes: stdx::alloc::used_bytes(),
            sizes,
            functions: shared.scripts.sources(),
            changes: shared.total(|stats| &stats.changes),
            cleared: shared.cleared.load(Relaxed),
        });
        self.aside_before.store(aside_bytes() + 1, Relaxed);
        let cut = Cut { number: (number % NUMBERS) as u16 + 1, saved: Arc::default() };
        for id in 0..SHARDS {
            let shard = space.shard(id as u8).expect("the exclusive holder has all shards");
            if forgets {
                shard.forget_cuts();
            }
            shard.begin_cut(&cut);
        }
        let active = Active {
            consumers: requests.iter().map(|request| request.consumer).collect(),
            start: Arc::clone(&start),
            entries: Arc::default(),
            saved: Arc::clone(&cut.saved),
        };
        let mut guests = Vec::new();
        for request in requests {
            (request.on_start)(&start);
            guests.push((request.consumer, request.sink));
        }
        let mut state = self.state.lock();
        state.walk = Some(Walk::new(&active, guests));
        state.active = Some(active);
        drop(state);
        self.wake();
    }

    /// Bytes in use for the sake of the cut in progress: they are no data, and go with it.
    #[inline]
    #[must_use]
    pub fn extra_bytes(&self) -> u64 {
        match self.aside_before.load(Relaxed) {
            0 => 0,
            before => u64::try_from(aside_bytes() - (before - 1)).unwrap_or(0),
        }
    }

    /// The cut in progress, if there is one.
    #[must_use]
    pub fn active(&self) -> Option<Active> {
        self.state.lock().active.clone()
    }

    /// True when a cut for `consumer` is in progress or wanted.
    #[must_use]
    pub fn is_busy_for(&self, consumer: Consumer) -> bool {
        let state = self.state.lock();
        let active = state.active.iter().flat_map(|active| &active.consumers);
        let waiting = state.waiting.iter().map(|request| &request.consumer);
        active.chain(waiting).any(|found| *found == consumer)
    }

    /// Ends all part of `consumer` in cuts, soon: its sinks are told that they were aborted.
    pub fn cancel(&self, consumer: Consumer) {
        let mut state = self.state.lock();
        if state.active.iter().any(|active| active.consumers.contains(&consumer)) {
            state.cancelled.push(consumer);
        }
        let waiting = mem::take(&mut state.waiting).into_iter();
        let (lost, waiting): (Vec<_>, _) =
            waiting.partition(|request| request.consumer == consumer);
        state.waiting = waiting;
        state.lost.extend(lost);
        drop(state);
        self.wake();
    }

    /// Ends the snapshot thread, soon; every sink is told that it was aborted.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.wake();
    }

    /// Ends [`Cuts::rest`].
    pub fn wake(&self) {
        self.state.lock().woken = true;
        self.arrived.notify_all();
    }

    /// Waits until something happened since the last rest, at most for `limit`.
    pub fn rest(&self, limit: Duration) {
        let mut state = self.state.lock();
        if !state.woken {
            self.arrived.wait_for(&mut state, limit);
        }
        state.woken = false;
    }

    /// Takes what there is to do; a walk comes back by [`Cuts::put_back`] or [`Cuts::finish`].
    pub(super) fn next(&self) -> Work {
        let mut state = self.state.lock();
        if state.closed {
            let walk = state.walk.take().map(Box::new);
            return Work::Close(walk, mem::take(&mut state.waiting));
        }
        if !state.lost.is_empty() {
            return Work::Lost(mem::take(&mut state.lost));
        }
        if let Some(walk) = state.walk.take() {
            let cancelled = mem::take(&mut state.cancelled);
            if let Some(active) = &mut state.active {
                active.consumers.retain(|consumer| !cancelled.contains(consumer));
            }
            return Work::Walk(Box::new(walk), cancelled);
        }
        if state.waiting.is_empty() { Work::Rest } else { Work::Begin }
    }

    pub(super) fn put_back(&self, walk: Walk) {
        self.state.lock().walk = Some(walk);
    }

    /// The cut in progress has ended.
    pub(super) fn finish(&self, complete: bool) {
        self.aside_before.store(0, Relaxed);
        let mut state = self.state.lock();
        state.active = None;
        if complete {
            state.unfinished = 0;
        }
    }
}

/// Keys of each database: all, and those with a time of death. Shards held elsewhere do not count.
#[must_use]
pub fn sizes(space: &mut Locked<'_>, dbs: u16) -> Vec<(u64, u64)> {
    let mut sizes = vec![(0, 0); usize::from(dbs)];
    for id in 0..SHARDS {
        let Some(shard) = space.shard(id as u8) else { continue };
        for (number, (keys, mortal)) in sizes.iter_mut().enumerate() {
            let Some(db) = shard.db(number as u16) else { break };
            *keys += db.table().len() as u64;
            *mortal += db.mortal_len() as u64;
        }
    }
    sizes
}
