//! The append-only file of a node: what the journal's consumer on disk does, and what commands and
//! INFO see of it. A thread of the shell drives [`step`]; loops never wait for it.

mod board;
mod keeper;
mod load;
mod rewrite;
#[cfg(test)]
mod tests;

pub use board::Report;

use crate::executor::Exclusive;
use crate::shared::Shared;
use crate::snapshot;
use crate::snapshot::cuts::Consumer;
use board::Board;
use journal::Wake;
use keeper::{Keeper, Step};
use load::Hold;
use parking_lot::Mutex;
use persist::PersistError;
use persist::aof::{AofError, AofFiles};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};

/// Microseconds until it is tried again to begin while there is a cut for something else.
const OTHER_CUT_US: u64 = 100_000;

/// The append-only file of a node.
pub struct Aof {
    /// A leaf: held for moments, by loops too.
    board: Mutex<Board>,
    /// Held while the disk is used.
    keeper: Mutex<Keeper>,
    waker: OnceLock<Arc<dyn Wake>>,
    /// Replies that wait for this journal offset or an earlier one may leave.
    durable: AtomicU64,
    /// Every shard may have been changed up to this offset.
    floor: AtomicU64,
    /// Loops that hold replies back, and are woken when more is durable.
    waiting: Vec<AtomicBool>,
}

/// What the thread that keeps the file does next.
#[derive(Debug)]
pub enum Next {
    /// Calls [`step`] again after so many microseconds, or when it is woken; `None`: when it is
    /// woken only.
    Wait(Option<u64>),
    /// Ends the process: what was promised cannot be kept.
    Fatal(String),
}

/// Why the data set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The RDB file.
    #[error(transparent)]
    Snapshot(#[from] PersistError),
    /// The append-only file.
    #[error(transparent)]
    Aof(#[from] AofError),
}

impl Aof {
    /// One that is off, for so many loops.
    #[must_use]
    pub fn new(loops: usize) -> Self {
        Self {
            board: Mutex::default(),
            keeper: Mutex::default(),
            waker: OnceLock::new(),
            durable: AtomicU64::new(u64::MAX),
            floor: AtomicU64::new(0),
            waiting: (0..loops).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    /// Journal offset up to which replies may leave.
    #[inline]
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable.load(SeqCst)
    }

    /// Has loop `slot` woken when [`Aof::durable`] is no longer what it has `seen`; true when it is
    /// not already.
    pub(crate) fn wait_for(&self, slot: usize, seen: u64) -> bool {
        self.waiting[slot].store(true, SeqCst);
        self.durable() != seen
    }

    /// Newest offset that may have changed a shard of which `changed_at` is known.
    pub(crate) fn seen(&self, changed_at: u64) -> u64 {
        changed_at.max(self.floor.load(Relaxed))
    }

    /// Every shard may have been changed up to `offset`. Called in exclusive mode.
    pub(crate) fn raise_floor(&self, offset: u64) {
        self.floor.fetch_max(offset, Relaxed);
    }

    /// Lets replies go that wait for `offset` or less.
    fn publish_durable(&self, shared: &Shared, offset: u64) {
        self.durable.store(offset, SeqCst);
        for (waiting, inbox) in self.waiting.iter().zip(&shared.inboxes) {
            if waiting.swap(false, SeqCst) {
                inbox.wake();
            }
        }
    }

    /// Who is woken when there is something to do for [`step`].
    pub fn set_waker(&self, waker: Arc<dyn Wake>) {
        // A second one would be a second thread; the first one stays.
        let _ = self.waker.set(waker);
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }

    /// What INFO tells.
    #[must_use]
    pub fn report(&self) -> Report {
        self.board.lock().report()
    }

    /// BGREWRITEAOF; `waits`: something else has to end first. False when a rewrite runs.
    pub fn request_rewrite(&self, waits: bool) -> bool {
        let accepted = self.board.lock().request_rewrite(waits);
        self.wake();
        accepted
    }
}

fn open_files(shared: &Shared) -> Result<AofFiles, AofError> {
    let config = shared.config.lock().clone();
    let (directory, stem) = (config.get("appenddirname"), config.get("appendfilename"));
    let (files, took_over) = AofFiles::open(shared.host.disk(), directory, stem)?;
    if took_over {
        let text = "Successfully migrated an old-style AOF file";
        shared.host.log(&format!("{text} ({stem}) into the AOF directory ({directory})."));
    }
    Ok(files)
}

/// Reads the data set, from the append-only file if there is to be one, and opens the gate. No
/// connection is served before; configuration may change meanwhile. Returns the number of keys.
///
/// # Errors
/// [`LoadError`]: nothing is served then.
pub fn load_data_set(shared: &Shared) -> Result<(), LoadError> {
    if shared.config.lock().get("appendonly") != "yes" {
        snapshot::load(shared)?;
        return Ok(());
    }
    load_and_begin(shared).inspect_err(|error| shared.host.warn(&error.to_string()))?;
    let mut exclusive = shared.executor.exclusive();
    govern(shared, &mut exclusive);
    settle_counters(shared);
    exclusive.change_gate(|gate| gate.loading = false);
    Ok(())
}

/// Switches the file on or off, as CONFIG SET says. What was accepted before it is switched off is
/// written; when switched on, it counts once a first base is complete. The caller holds everything.
pub fn enable(shared: &Shared, on: bool) {
    if shared.aof.board.lock().enable(on) && !on {
        if shared.cuts.is_busy_for(Consumer::AppendOnly) {
            shared.host.log("Killing running AOF rewrite child: the file is switched off");
            shared.cuts.cancel(Consumer::AppendOnly);
        }
        shared.aof.keeper.lock().stop(shared);
    }
    shared.aof.wake();
}

fn load_and_begin(shared: &Shared) -> Result<(), AofError> {
    let mut files = open_files(shared)?;
    if files.measure(shared.host.disk())? > 0 {
        load::load(shared, &files, Hold::Slices)?;
    }
    let exclusive = shared.executor.exclusive();
    shared.aof.keeper.lock().begin(shared, files, &exclusive)?;
    shared.aof.board.lock().begin();
    Ok(())
}

/// Begins or ends holding replies back, as the parameters and the state of the files ask for.
pub fn govern(shared: &Shared, exclusive: &mut Exclusive<'_>) {
    let always = shared.config.lock().get("appendfsync") == "always";
    let holds = always && shared.aof.board.lock().complete;
    if holds == exclusive.gate().holds_replies {
        return;
    }
    if holds {
        // What was accepted until now is not known to be durable.
        shared.aof.raise_floor(shared.journal.offset());
        shared.aof.durable.store(0, SeqCst);
    }
    exclusive.change_gate(|gate| gate.holds_replies = holds);
    shared.aof.board.lock().holds = holds;
    if !holds {
        shared.aof.publish_durable(shared, u64::MAX);
    }
}

/// What was loaded is not changed since it was saved.
fn settle_counters(shared: &Shared) {
    let mut saves = shared.saves.lock();
    saves.last_s = shared.host.clock().unix_ms() / 1000;
    saves.changes_at_last = shared.total(|stats| &stats.changes);
}

/// DEBUG LOADAOF: reads the append-only file again into the keyspace, which is empty and held as a
/// whole. What was to be written must have been, by [`flush`].
///
/// # Errors
/// [`AofError`].
pub fn reload<'s>(shared: &'s Shared, exclusive: &mut Exclusive<'s>) -> Result<(), AofError> {
    let files = open_files(shared)?;
    load::load(shared, &files, Hold::Whole(exclusive))?;
    settle_counters(shared);
    Ok(())
}

/// Writes everything and makes it durable, now: before the process ends, or reads it back. The
/// caller holds everything.
///
/// # Errors
/// What the system said.
pub fn flush(shared: &Shared) -> Result<(), String> {
    shared.aof.keeper.lock().flush(shared)
}

/// Holds everybody up until the disk has caught up, when writers are faster than it for long: what
/// waits for it is kept in memory.
fn catch_up(shared: &Shared) {
    if shared.aof.keeper.lock().is_overrun {
        let _everything = shared.executor.exclusive();
        // What goes wrong is kept for the next turn, and told there.
        let _ = shared.aof.keeper.lock().flush(shared);
    }
}

/// One turn of the thread that keeps the file: it holds no pass and no shard.
pub fn step(shared: &Shared) -> Next {
    let step = shared.aof.keeper.lock().step(shared);
    let next = match step {
        Step::Next(next) => next,
        Step::Rewrite(work) if rewrite::begin(shared, &work) => {
            shared.host.log("Background append only file rewriting started");
            Next::Wait(Some(0))
        }
        Step::Rewrite(_) => {
            shared.aof.board.lock().postpone();
            match shared.aof.keeper.lock().work(shared) {
                Next::Wait(limit_us) => {
                    Next::Wait(Some(limit_us.unwrap_or(OTHER_CUT_US).clamp(1, OTHER_CUT_US)))
                }
                fatal @ Next::Fatal(_) => fatal,
            }
        }
    };
    catch_up(shared);
    let (fault, always) = {
        let always = shared.config.lock().get("appendfsync") == "always";
        let mut board = shared.aof.board.lock();
        (board.news_of_fault(), board.holds != (always && board.complete))
    };
    if fault.is_some() || always {
        let mut exclusive = shared.executor.exclusive();
        if let Some(fault) = fault {
            exclusive.change_gate(|gate| gate.disk_error.clone_from(&fault));
        }
        govern(shared, &mut exclusive);
        return match next {
            Next::Wait(_) => Next::Wait(Some(0)),
            fatal @ Next::Fatal(_) => fatal,
        };
    }
    next
}
