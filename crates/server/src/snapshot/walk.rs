//! The walk through the shards of a cut: takes what each owes in short turns, and hands it to those
//! who take part. Holds one shard for some microseconds, and none while it hands over.

use super::cuts::{Active, Consumer, CutStart, End, Sink};
use crate::executor::Locked;
use crate::shared::Shared;
use engine::keyspace::{Budget, Entry, Keyspace, SHARDS, Saved, Taken};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What one turn in a shard may do: some tens of microseconds.
const TURN: Budget = Budget { steps: 64, bytes: 64 << 10 };
/// Bytes set aside by writers above which they are taken before anything else.
const SAVED_BYTES_MAX: usize = 4 << 20;
/// A directive makes the walk slow: it rests at least this long.
const REST_US_MIN: u64 = 1_000;

/// A cut in progress.
pub(super) struct Walk {
    start: Arc<CutStart>,
    guests: Vec<(Consumer, Box<dyn Sink>)>,
    has_begun: bool,
    saved: Arc<Saved>,
    entries: Arc<AtomicU64>,
    /// Shards that still owe something.
    owing: VecDeque<u8>,
    /// Entries taken and not handed over yet.
    queue: VecDeque<(u16, Entry)>,
    rest_until_us: u64,
}

/// What becomes of a walk.
pub(super) enum Progress {
    /// It goes on, after a rest.
    Going(Walk, Duration),
    /// It has come to its end.
    Complete,
    /// Nobody takes part any more.
    Abandoned,
}

impl Walk {
    /// A walk from the beginning.
    pub(super) fn new(active: &Active, guests: Vec<(Consumer, Box<dyn Sink>)>) -> Self {
        Self {
            start: Arc::clone(&active.start),
            guests,
            has_begun: false,
            saved: Arc::clone(&active.saved),
            entries: Arc::clone(&active.entries),
            owing: (0..SHARDS).map(|id| id as u8).collect(),
            queue: VecDeque::new(),
            rest_until_us: 0,
        }
    }

    /// Goes on a little. `cancelled` take no more part; `delay_us` passes after each entry.
    pub(super) fn step(
        mut self,
        shared: &Shared,
        cancelled: &[Consumer],
        delay_us: u64,
    ) -> Progress {
        self.dismiss(shared, cancelled);
        if !self.has_begun {
            self.has_begun = true;
            let start = Arc::clone(&self.start);
            self.each_guest(shared, |sink| sink.begin(shared, &start));
        }
        if self.guests.is_empty() {
            self.abandon(shared);
            return Progress::Abandoned;
        }
        let now_us = shared.host.clock().monotonic_us();
        if delay_us > 0 && now_us < self.rest_until_us {
            let rest = Duration::from_micros(self.rest_until_us - now_us);
            return Progress::Going(self, rest);
        }
        if self.queue.is_empty() {
            self.take(shared);
        }
        if let Some(entries) = REST_US_MIN.checked_div(delay_us) {
            let entries = 0..entries.max(1);
            let handed = entries.take_while(|_| self.hand_over(shared)).count() as u64;
            self.rest_until_us = now_us + handed * delay_us;
        } else {
            while self.hand_over(shared) {}
        }
        // The last entry is followed by a rest as every other is.
        let rests = delay_us > 0 && self.rest_until_us > now_us;
        if rests || !self.queue.is_empty() || !self.owing.is_empty() {
            return Progress::Going(self, Duration::ZERO);
        }
        for (_, sink) in self.guests {
            sink.end(shared, End::Complete);
        }
        Progress::Complete
    }

    /// Ends everything: everybody who takes part is told.
    pub(super) fn abort(mut self, shared: &Shared) {
        for (_, sink) in self.guests.drain(..) {
            sink.end(shared, End::Aborted);
        }
        self.abandon(shared);
    }

    fn dismiss(&mut self, shared: &Shared, cancelled: &[Consumer]) {
        let is_cancelled = |guest: &mut (Consumer, _)| cancelled.contains(&guest.0);
        for (_, sink) in self.guests.extract_if(.., is_cancelled) {
            sink.end(shared, End::Aborted);
        }
    }

    /// Takes from one shard, or what writers have set aside in all of them when that is much.
    fn take(&mut self, shared: &Shared) {
        let mut taken = Taken::default();
        if self.saved.waiting_bytes.load(Relaxed) > SAVED_BYTES_MAX {
            for &id in &self.owing {
                if let Ok(mut locked) = shared.executor.lock(&[id])
                    && let Some(shard) = locked.shard(id)
                {
                    shard.take_saved(&mut taken);
                }
            }
        }
        if taken.entries.is_empty() {
            self.visit(shared, &mut taken);
        }
        self.queue.extend(taken.entries);
    }

    fn visit(&mut self, shared: &Shared, taken: &mut Taken) {
        for _ in 0..self.owing.len() {
            let Some(&id) = self.owing.front() else { return };
            if let Ok(locked) = shared.executor.lock(&[id]) {
                self.visit_locked(locked, id, taken);
                return;
            }
            // Held by a command: others first.
            self.owing.rotate_left(1);
        }
        // All are held: something long is going on. This thread holds nothing and may wait.
        if let Some(&id) = self.owing.front() {
            let locked = shared.executor.wait_for(id);
            self.visit_locked(locked, id, taken);
        }
    }

    fn visit_locked(&mut self, mut locked: Locked<'_>, id: u8, taken: &mut Taken) {
        let mut budget = TURN;
        let shard = locked.shard(id).expect("it was just locked");
        if shard.visit_cut(&mut budget, taken) {
            self.owing.pop_front();
        }
    }

    /// Hands one entry over; false when there is none, or nobody to take it.
    fn hand_over(&mut self, shared: &Shared) -> bool {
        if self.guests.is_empty() {
            return false;
        }
        let Some((db, entry)) = self.queue.pop_front() else { return false };
        self.each_guest(shared, |sink| sink.entry(db, &entry));
        self.entries.fetch_add(1, Relaxed);
        true
    }

    /// Asks every guest to do something; who cannot takes no more part.
    fn each_guest(
        &mut self,
        shared: &Shared,
        mut ask: impl FnMut(&mut dyn Sink) -> Result<(), persist::PersistError>,
    ) {
        let mut at = 0;
        while let Some((_, sink)) = self.guests.get_mut(at) {
            match ask(&mut **sink) {
                Ok(()) => at += 1,
                Err(error) => self.guests.remove(at).1.end(shared, End::Failed(error)),
            }
        }
    }

    /// Lets the shards forget the cut.
    fn abandon(&mut self, shared: &Shared) {
        for id in self.owing.drain(..) {
            let mut taken = Taken::default();
            let mut locked = shared.executor.wait_for(id);
            locked.shard(id).expect("it was just locked").end_cut(&mut taken);
            drop(locked);
        }
    }
}
