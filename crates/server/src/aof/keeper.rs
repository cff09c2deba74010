//! The keeper of the append-only file: takes from the journal, writes, makes durable, begins and
//! ends rewrites. Its only waits are those of the disk; it holds no pass and no shard.

use super::board::{Board, Progress, Switch};
use super::rewrite::{self, Rewrite};
use super::{Next, open_files};
use crate::executor::Exclusive;
use crate::shared::Shared;
use journal::Consumer;
use persist::aof::{AofError, AofFiles, time_note};
use std::io;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes that are taken from the journal for one write.
const PIECE_BYTES: usize = 1 << 20;
/// Bytes that the disk may lag behind before everybody waits for it.
const LAG_BYTES_MAX: u64 = 64 << 20;
/// Microseconds that small writes wait for more, unless replies wait for them.
const GATHER_US: u64 = 2_000;
/// Microseconds between two syncs under `everysec`.
const SYNC_US: u64 = 1_000_000;
/// Microseconds until a failed write is tried again, as often as Redis does.
const RETRY_US: u64 = 100_000;
/// Failures in a row after which automatic rewrites wait longer and longer.
const FAILURES_MAX: u64 = 3;
const REWRITE_RETRY_US: u64 = 1_000_000;

/// The file, and how far it is.
#[derive(Default)]
pub(super) struct Keeper {
    phase: Phase,
    files: Option<AofFiles>,
    consumer: Option<Consumer>,
    /// Taken from the journal, not written yet.
    buffer: Vec<u8>,
    /// Offset of the first byte of the buffer.
    position: u64,
    /// Where the next increment begins.
    switch_at: Option<u64>,
    /// The database that it has to select itself.
    switch_db: Option<u16>,
    /// Why the process has to end.
    fatal: Option<String>,
    /// Writers are faster than the disk.
    pub is_overrun: bool,
    /// The buffer begins with a whole command.
    at_boundary: bool,
    /// The last piece may have ended in the middle of one.
    was_full: bool,
    /// The time noted last, in seconds.
    noted_s: u64,
    last_sync_us: u64,
    fault: Fault,
    /// Bytes of all files when the last rewrite ended.
    base_bytes: u64,
    /// No automatic rewrite before.
    rewrite_not_before_us: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Off,
    /// The first base is being written.
    First,
    On,
}

#[derive(Debug, Default)]
enum Fault {
    #[default]
    None,
    /// A write failed: it is tried again.
    Write,
    /// A sync failed: only a new base helps.
    Sync,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Always,
    EverySecond,
    Never,
}

/// What follows from a turn.
pub(super) enum Step {
    /// The thread's affair.
    Next(Next),
    /// A rewrite is to begin, by somebody who holds nothing.
    Rewrite(Rewrite),
}

/// A sync that failed although replies wait for it.
struct Broken(String);

impl Keeper {
    /// Goes on behind what was loaded. Everything is held.
    pub fn begin(
        &mut self,
        shared: &Shared,
        mut files: AofFiles,
        exclusive: &Exclusive<'_>,
    ) -> Result<(), AofError> {
        let (disk, host) = (shared.host.disk(), &shared.host);
        if files.manifest().is_empty() {
            let is_rdb = shared.config.lock().get("aof-use-rdb-preamble") == "yes";
            files.create_directory(disk)?;
            let temp = rewrite::temp_name(shared, 0);
            rewrite::write_to(shared, exclusive, &temp, is_rdb)
                .map_err(|source| AofError::Base { name: temp.clone(), source })?;
            let name = files.replace_base(disk, &temp, is_rdb)?;
            host.log(&format!("Creating AOF base file {name} on server start"));
        }
        let (name, is_new) = files.resume(disk)?;
        let doing = if is_new { "Creating" } else { "Opening" };
        host.log(&format!("{doing} AOF incr file {name} on server start"));
        let consumer = rewrite::attach(shared, true);
        self.position = consumer.start();
        self.consumer = Some(consumer);
        self.base_bytes = files.base_bytes();
        self.files = Some(files);
        self.phase = Phase::On;
        self.post(&mut shared.aof.board.lock());
        Ok(())
    }

    /// One turn.
    pub fn step(&mut self, shared: &Shared) -> Step {
        if let Some(why) = self.fatal.clone() {
            return Step::Next(Next::Fatal(why));
        }
        match self.follow_orders(shared) {
            Some(work) => Step::Rewrite(work),
            None => Step::Next(self.work(shared)),
        }
    }

    /// A turn without a rewrite.
    pub fn work(&mut self, shared: &Shared) -> Next {
        let now_us = shared.host.clock().monotonic_us();
        let policy = Policy::of(shared);
        let wrote = match self.pump(shared, policy, now_us, false) {
            Ok(wrote) => wrote,
            Err(Broken(why)) => return Next::Fatal(why),
        };
        self.finish_rewrite(shared, now_us);
        self.rewrite_when_grown(shared, now_us);
        self.post(&mut shared.aof.board.lock());
        self.wait(shared, policy, wrote, now_us)
    }

    fn wait(&mut self, shared: &Shared, policy: Policy, wrote: bool, now_us: u64) -> Next {
        let board = shared.aof.board.lock();
        let pending = board.progress == Progress::Wanted || !board.finished.is_empty();
        drop(board);
        if pending && now_us >= self.rewrite_not_before_us {
            return Next::Wait(Some(0));
        }
        if !matches!(self.fault, Fault::None) {
            return Next::Wait(Some(RETRY_US));
        }
        if wrote && policy != Policy::Always {
            return Next::Wait(Some(GATHER_US));
        }
        let asleep = self.consumer.as_ref().is_none_or(|c| shared.journal.wake_me(c));
        if !asleep {
            return Next::Wait(Some(0));
        }
        let dirty = self.files.as_ref().is_some_and(AofFiles::is_dirty);
        let sync_us = (self.last_sync_us + SYNC_US).saturating_sub(now_us);
        Next::Wait((dirty && policy == Policy::EverySecond).then_some(sync_us))
    }

    /// Switches on and begins rewrites, as the board says.
    fn follow_orders(&mut self, shared: &Shared) -> Option<Rewrite> {
        let now_us = shared.host.clock().monotonic_us();
        let mut board = shared.aof.board.lock();
        let (enabled, progress) = (board.enabled, board.progress);
        if enabled && self.phase == Phase::Off {
            self.phase = Phase::First;
        }
        if progress != Progress::Wanted || now_us < self.rewrite_not_before_us {
            return None;
        }
        let is_first = self.phase == Phase::First;
        if is_first {
            // What an attempt before this one began is of no use.
            board.switch = None;
        }
        let generation = board.generation;
        drop(board);
        if is_first {
            self.close(shared);
        }
        if self.files.is_none() {
            let opened = open_files(shared).and_then(|files| {
                files.create_directory(shared.host.disk())?;
                Ok(files)
            });
            match opened {
                Ok(files) => self.files = Some(files),
                Err(error) => {
                    self.fail_rewrite(shared, &error.to_string(), now_us);
                    return None;
                }
            }
        }
        let switches = self.phase != Phase::Off;
        Some(Rewrite { generation, switches, is_first })
    }

    /// Takes, writes and makes durable until nothing is left; true when something was written.
    /// `alone`: nobody appends meanwhile.
    fn pump(
        &mut self,
        shared: &Shared,
        policy: Policy,
        now_us: u64,
        alone: bool,
    ) -> Result<bool, Broken> {
        let mut wrote = false;
        loop {
            self.take(shared);
            let upto = self.switch_at.map_or(u64::MAX, |at| at - self.position);
            let now = self.buffer.len().min(usize::try_from(upto).unwrap_or(usize::MAX));
            if now == 0 && self.switch_at.is_some_and(|at| at == self.position) {
                self.switch(shared, policy)?;
                continue;
            }
            if now == 0 || !self.write(shared, now) {
                break;
            }
            wrote = true;
            if policy == Policy::Always {
                self.sync(shared, policy)?;
                self.tell_durable(shared);
            }
            // A second is over, or others have to wait until the disk has caught up.
            let lag_bytes = self.consumer.as_ref().map_or(0, |c| shared.journal.lag_bytes(c));
            self.is_overrun = lag_bytes > LAG_BYTES_MAX;
            let spent_us = shared.host.clock().monotonic_us() - now_us;
            if !alone && (self.is_overrun || spent_us > SYNC_US) {
                break;
            }
        }
        let due = match policy {
            Policy::Always => true,
            Policy::EverySecond => now_us >= self.last_sync_us + SYNC_US,
            Policy::Never => false,
        };
        if due && !(policy == Policy::EverySecond && spares_disk(shared)) {
            self.last_sync_us = now_us;
            self.sync(shared, policy)?;
            self.tell_durable(shared);
        }
        Ok(wrote)
    }

    /// Lets the replies go that waited for what is durable now.
    fn tell_durable(&self, shared: &Shared) {
        let clean = self.files.as_ref().is_some_and(|files| !files.is_dirty());
        if clean && shared.aof.board.lock().holds && shared.aof.durable() < self.position {
            shared.aof.publish_durable(shared, self.position);
        }
    }

    /// Fills the buffer, and looks where the next increment begins. The order of the two matters:
    /// what lies behind the place was appended after the place was known.
    fn take(&mut self, shared: &Shared) {
        if self.buffer.is_empty()
            && let Some(consumer) = &self.consumer
        {
            self.at_boundary = !self.was_full;
            let read = shared.journal.read(consumer, &mut self.buffer, PIECE_BYTES);
            // The end of the journal is the end of a command.
            self.was_full = read == Ok(PIECE_BYTES);
            if let Err(dropped) = read {
                // The history is another one now: a new base has to come first.
                shared.host.log(&format!("The append only file begins anew: {dropped}"));
                self.lose_place(shared);
            }
        }
        let switch = shared.aof.board.lock().switch.take();
        let Some(Switch { at, first, db }) = switch else { return };
        (self.switch_at, self.switch_db) = (Some(at), db);
        if let Some(consumer) = first {
            self.buffer.clear();
            self.position = at;
            if let Some(old) = self.consumer.replace(consumer) {
                shared.journal.detach(old);
            }
        }
    }

    fn lose_place(&mut self, shared: &Shared) {
        self.close(shared);
        self.phase = Phase::First;
        let mut board = shared.aof.board.lock();
        board.complete = false;
        board.generation += 1;
        board.progress = Progress::Wanted;
    }

    /// Goes on in a new increment.
    fn switch(&mut self, shared: &Shared, policy: Policy) -> Result<(), Broken> {
        self.switch_at = None;
        if !matches!(self.fault, Fault::Sync) {
            self.sync(shared, policy)?;
        }
        let Some(files) = &mut self.files else { return Ok(()) };
        match files.begin_increment(shared.host.disk(), self.phase == Phase::First) {
            Ok(name) => {
                let text = format!("Creating AOF incr file {name} on background rewrite");
                shared.host.log(&text);
                if let Some(db) = self.switch_db.take() {
                    let db = db.to_string();
                    let select = format!("*2\r\n$6\r\nSELECT\r\n${}\r\n{db}\r\n", db.len());
                    // Where this fails, so does the next write, and it says so.
                    let _ = files.write(select.as_bytes());
                }
            }
            Err(error) => {
                let now_us = shared.host.clock().monotonic_us();
                self.fail_rewrite(shared, &error.to_string(), now_us);
            }
        }
        Ok(())
    }

    /// Writes the first `len` bytes of the buffer; false when that did not work.
    fn write(&mut self, shared: &Shared, len: usize) -> bool {
        let Some(files) = self.files.as_mut().filter(|files| files.is_open()) else {
            return false;
        };
        let rest_us = shared.switches.aof_flush_sleep_us.load(Relaxed);
        if rest_us > 0 {
            shared.host.sleep_ms(rest_us / 1000);
        }
        if self.at_boundary
            && let Some(time_s) = rewrite::time_s(shared)
            && time_s > self.noted_s
            && files.write(&time_note(time_s)).is_ok()
        {
            self.noted_s = time_s;
        }
        let result = files.write(&self.buffer[..len]);
        let taken = result.as_ref().map_or_else(|failure| failure.taken, |()| len);
        self.position += taken as u64;
        self.at_boundary = false;
        if taken == self.buffer.len() {
            self.buffer.clear();
        } else {
            self.buffer.drain(..taken);
        }
        match result {
            Ok(()) if matches!(self.fault, Fault::Write) => {
                shared.host.log("AOF write error looks solved, Redis can write again.");
                self.set_fault(shared, Fault::None, None);
            }
            Ok(()) => {}
            Err(failure) => {
                if matches!(self.fault, Fault::None) {
                    let text = format!("Error writing to the AOF file: {}", plain(&failure.source));
                    shared.host.warn(&text);
                    self.set_fault(shared, Fault::Write, Some(&failure.source));
                }
                return false;
            }
        }
        true
    }

    /// Makes durable what was written. A failure is final for the file: the system may have
    /// forgotten what it could not write, and the next sync would succeed without it.
    fn sync(&mut self, shared: &Shared, policy: Policy) -> Result<(), Broken> {
        if matches!(self.fault, Fault::Sync) {
            return Ok(());
        }
        let Some(Err(error)) = self.files.as_mut().map(AofFiles::sync) else {
            return Ok(());
        };
        let why = plain(&error);
        if policy == Policy::Always {
            self.fault = Fault::Sync;
            let why = format!(
                "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {why}. \
                 Exiting..."
            );
            // Whoever learns of it here, the keeper's next turn ends the process.
            self.fatal = Some(why.clone());
            return Err(Broken(why));
        }
        shared.host.warn(&format!("Fail to fsync the AOF file: {why}. A rewrite will replace it."));
        self.set_fault(shared, Fault::Sync, Some(&error));
        shared.aof.board.lock().request_rewrite(false);
        Ok(())
    }

    fn set_fault(&mut self, shared: &Shared, fault: Fault, error: Option<&io::Error>) {
        self.fault = fault;
        let mut board = shared.aof.board.lock();
        board.report.write_failed = error.is_some();
        board.fault = error.map(|error| {
            format!("MISCONF Errors writing to the AOF file: {}", plain(error)).into()
        });
    }

    /// Takes over a base that is complete, once the increment behind it has begun.
    fn finish_rewrite(&mut self, shared: &Shared, now_us: u64) {
        let finished = {
            let mut board = shared.aof.board.lock();
            let waits = self.switch_at.is_some() || board.switch.is_some();
            if waits { None } else { board.finished.pop() }
        };
        let Some(finished) = finished else { return };
        if finished.generation != shared.aof.board.lock().generation {
            // A file that stays is overwritten by the next rewrite.
            let _ = finished.base.map(|(temp, _)| shared.host.disk().remove(&temp));
            return;
        }
        let result = finished.base.and_then(|(temp, is_rdb)| {
            let taken = self.take_base(shared, &temp, is_rdb);
            taken.inspect_err(|_| drop(shared.host.disk().remove(&temp)))
        });
        match result {
            Ok(()) => self.end_rewrite(shared),
            Err(why) => self.fail_rewrite(shared, &why, now_us),
        }
    }

    fn take_base(&mut self, shared: &Shared, temp: &str, is_rdb: bool) -> Result<(), String> {
        let host = &shared.host;
        let begun = self.phase == Phase::Off || self.files.as_ref().is_some_and(AofFiles::is_open);
        let files = self.files.as_mut().filter(|_| begun);
        let files = files.ok_or("the increment behind the base could not be begun")?;
        host.log("Background AOF rewrite terminated with success");
        let name = files.replace_base(host.disk(), temp, is_rdb).map_err(|e| e.to_string())?;
        host.log(&format!("Successfully renamed the temporary AOF base file {temp} into {name}"));
        match files.remove_history(host.disk()) {
            Ok(names) => names.iter().for_each(|name| {
                host.log(&format!("Removing the history file {name} in the background"));
            }),
            Err(error) => host.warn(&error.to_string()),
        }
        self.base_bytes = files.bytes();
        Ok(())
    }

    fn end_rewrite(&mut self, shared: &Shared) {
        match self.phase {
            Phase::Off => self.files = None,
            Phase::First => self.phase = Phase::On,
            Phase::On => {}
        }
        if matches!(self.fault, Fault::Sync) {
            self.set_fault(shared, Fault::None, None);
        }
        self.rewrite_not_before_us = 0;
        let now_s = shared.host.clock().unix_ms() / 1000;
        let mut board = shared.aof.board.lock();
        if let Progress::Running { since_s } = board.progress {
            board.report.last_rewrite_s = Some(now_s.saturating_sub(since_s));
        }
        board.progress = Progress::Idle;
        board.complete = self.phase == Phase::On;
        (board.report.rewrite_failed, board.report.failures) = (false, 0);
        self.post(&mut board);
        drop(board);
        shared.host.log("Background AOF rewrite finished successfully");
    }

    fn fail_rewrite(&mut self, shared: &Shared, why: &str, now_us: u64) {
        shared.host.warn(&format!("Background AOF rewrite terminated with error: {why}"));
        let mut board = shared.aof.board.lock();
        board.report.rewrite_failed = true;
        board.report.failures += 1;
        let again = self.phase == Phase::First || matches!(self.fault, Fault::Sync);
        board.progress = if again { Progress::Wanted } else { Progress::Idle };
        // A second, and from the third failure on a minute, two minutes, and so on up to an hour.
        let minutes = board.report.failures.saturating_sub(FAILURES_MAX).min(6);
        let wait_us = if board.report.failures < FAILURES_MAX {
            REWRITE_RETRY_US
        } else {
            60_000_000 * (1u64 << minutes).min(60)
        };
        self.rewrite_not_before_us = now_us + wait_us;
        board.generation += 1;
    }

    /// `auto-aof-rewrite-percentage` and `auto-aof-rewrite-min-size`.
    fn rewrite_when_grown(&mut self, shared: &Shared, now_us: u64) {
        let Some(files) = self.files.as_ref().filter(|_| self.phase == Phase::On) else { return };
        let bytes = files.bytes();
        let (percentage, bytes_min) = {
            let config = shared.config.lock();
            let number = |name| config.number(name);
            (number("auto-aof-rewrite-percentage"), number("auto-aof-rewrite-min-size"))
        };
        if percentage == 0 || bytes <= bytes_min || now_us < self.rewrite_not_before_us {
            return;
        }
        let growth = bytes.saturating_mul(100) / self.base_bytes.max(1);
        if growth < percentage.saturating_add(100) {
            return;
        }
        let mut board = shared.aof.board.lock();
        if board.progress == Progress::Idle {
            board.progress = Progress::Wanted;
            let growth = growth - 100;
            drop(board);
            shared.host.log(&format!("Starting automatic rewriting of AOF on {growth}% growth"));
        }
    }

    /// Writes everything and makes it durable, now. The caller holds everything.
    pub fn flush(&mut self, shared: &Shared) -> Result<(), String> {
        if self.phase != Phase::On {
            return Ok(());
        }
        let now_us = shared.host.clock().monotonic_us();
        let policy = Policy::of(shared);
        self.pump(shared, policy, now_us, true).map_err(|Broken(why)| why)?;
        self.is_overrun = false;
        self.sync(shared, policy).map_err(|Broken(why)| why)?;
        self.tell_durable(shared);
        match &self.fault {
            Fault::None => Ok(()),
            _ => Err("the append only file cannot be written".to_owned()),
        }
    }

    /// Switches off: what was accepted so far is written and made durable.
    pub fn stop(&mut self, shared: &Shared) {
        let _ = self.flush(shared);
        self.close(shared);
        self.phase = Phase::Off;
        self.fatal = None;
        self.set_fault(shared, Fault::None, None);
        let mut board = shared.aof.board.lock();
        board.complete = false;
        self.post(&mut board);
    }

    fn close(&mut self, shared: &Shared) {
        if let Some(mut files) = self.files.take() {
            files.close(shared.host.disk());
        }
        if let Some(consumer) = self.consumer.take() {
            shared.journal.detach(consumer);
        }
        self.buffer.clear();
        self.switch_at = None;
    }

    fn post(&self, board: &mut Board) {
        let report = &mut board.report;
        report.bytes = self.files.as_ref().map_or(0, AofFiles::bytes);
        report.base_bytes = self.base_bytes;
        report.waiting_bytes = self.buffer.len() as u64;
    }
}

impl Policy {
    fn of(shared: &Shared) -> Self {
        match shared.config.lock().get("appendfsync") {
            "always" => Self::Always,
            "no" => Self::Never,
            _ => Self::EverySecond,
        }
    }
}

/// True while a rewrite has the disk and `no-appendfsync-on-rewrite` gives it to it.
fn spares_disk(shared: &Shared) -> bool {
    let rewriting = matches!(shared.aof.board.lock().progress, Progress::Running { .. });
    rewriting && shared.config.lock().get("no-appendfsync-on-rewrite") == "yes"
}

/// What the system said, without our number behind it.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
