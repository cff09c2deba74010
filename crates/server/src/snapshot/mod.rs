//! Saving the data set and reading it back. Saving in the background is a cut: everybody goes on
//! while the snapshot thread walks through the data as they were at one moment. SAVE and stopping
//! hold everything instead.

pub mod background;
pub mod cuts;
pub mod file;
#[cfg(test)]
mod stalls;
#[cfg(test)]
mod tests;
mod walk;

pub use background::SaveState;
pub use cuts::{Consumer, CutRequest, CutStart, Cuts, End, Sink};
pub use file::RdbFile;

use crate::clearing;
use crate::executor::{Exclusive, Locked};
use crate::links::resume;
use crate::shared::Shared;
use crate::trash::Rubbish;
use cuts::Work;
use engine::keyspace::{Entry, Keyspace, shard_of};
use persist::PersistError;
use persist::rdb::{LoadReport, Refusal, SaveInfo, SaveReport, Taker};
use script::Restore;
use std::collections::VecDeque;
use std::io::Read;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use walk::Progress;

/// Goes on with cuts: what the snapshot thread does all day. Returns how long it may rest before
/// the next call; `None` when the node ends.
pub fn step(shared: &Shared) -> Option<Duration> {
    stdx::alloc::aside(|| step_aside(shared))
}

/// What is allocated here is no data, and what is freed here was set aside by writers.
fn step_aside(shared: &Shared) -> Option<Duration> {
    match shared.cuts.next() {
        Work::Walk(walk, cancelled) => match walk.step(shared, &cancelled, delay_us(shared)) {
            Progress::Going(walk, rest) => {
                shared.cuts.put_back(walk);
                return Some(rest);
            }
            Progress::Complete => shared.cuts.finish(true),
            Progress::Abandoned => shared.cuts.finish(false),
        },
        Work::Begin => {
            let exclusive = shared.executor.exclusive();
            if exclusive.gate().loading {
                return Some(LOADING_REST);
            }
            shared.cuts.begin_waiting(shared, &mut exclusive.space());
        }
        Work::Lost(requests) => {
            requests.into_iter().for_each(|request| request.sink.end(shared, End::Aborted));
        }
        Work::Rest => return Some(background::look(shared)),
        Work::Close(walk, requests) => {
            requests.into_iter().for_each(|request| request.sink.end(shared, End::Aborted));
            if let Some(walk) = walk {
                walk.abort(shared);
                shared.cuts.finish(false);
            }
            return None;
        }
    }
    Some(Duration::ZERO)
}

/// Rest while a wish for a cut waits for the end of loading.
const LOADING_REST: Duration = Duration::from_millis(100);

/// Writes the RDB file while everything is held; `space` is that of the exclusive holder.
///
/// # Errors
/// What the disk says; the file that was there before stays.
pub fn save(
    shared: &Shared,
    exclusive: &mut Exclusive<'_>,
    space: &mut Locked<'_>,
) -> Result<SaveReport, PersistError> {
    let name = shared.config.lock().get("dbfilename").to_owned();
    let delay_us = delay_us(shared);
    let (disk, now_ms) = (shared.host.disk(), shared.host.clock().unix_ms());
    let sizes = cuts::sizes(space, exclusive.gate().settings.dbs);
    let used_bytes = stdx::alloc::used_bytes();
    let functions = &*shared.scripts.sources();
    let (stream_db, identity) = (shared.links.stream_db(shared), shared.journal.identity());
    let mut facts = resume::facts(stream_db, &identity.id, shared.journal.offset());
    facts.extend(clearing::fact(shared.cleared.load(Relaxed)));
    let extra: Vec<_> = facts.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let extra = &*extra;
    let info =
        SaveInfo { now_ms, used_bytes, sizes: &sizes, functions, extra, ..SaveInfo::default() };
    let mut owed_us = 0;
    let mut each = || {
        owed_us += delay_us;
        if owed_us >= 1000 {
            shared.host.sleep_ms(owed_us / 1000);
            owed_us %= 1000;
        }
    };
    let temp = format!("temp-{}.rdb", shared.host.pid());
    let report = persist::rdb::save(disk, &temp, space, &info, &mut each)?;
    shared.rdb_file.take(|| persist::rdb::publish(disk, &temp, &name))?;
    shared.host.log("DB saved on disk");
    let mut saves = shared.saves.lock();
    saves.failed = false;
    saves.last_s = now_ms / 1000;
    saves.changes_at_last = shared.total(|stats| &stats.changes);
    drop(saves);
    exclusive.change_gate(|gate| gate.save_failed = false);
    Ok(report)
}

/// Microseconds to rest after each entry that is saved: `rdb-key-save-delay`.
fn delay_us(shared: &Shared) -> u64 {
    let delay = shared.config.lock().get("rdb-key-save-delay").parse::<i64>().ok();
    delay.and_then(|delay| u64::try_from(delay).ok()).unwrap_or(0)
}

/// What follows for the RDB file when all databases have been emptied: a save in progress is given
/// up, and when saves are wanted an empty file takes its place, so that a crash does not bring the
/// data back. True when it did.
pub fn flushed(shared: &Shared, exclusive: &mut Exclusive<'_>, space: &mut Locked<'_>) -> bool {
    shared.rdb_file.renounce();
    shared.cuts.cancel(Consumer::Save);
    if background::points(shared.config.lock().get("save")).is_empty() {
        return false;
    }
    let saved = save(shared, exclusive, space);
    if let Err(error) = &saved {
        shared.host.warn(&format!("Save after FLUSHALL: {error}"));
    }
    saved.is_ok()
}

/// Saves when told to and the data set has been read, then closes the gate for good and asks the
/// process to end.
///
/// # Errors
/// The data set could not be saved; then nothing is stopped.
pub fn stop(
    shared: &Shared,
    exclusive: &mut Exclusive<'_>,
    with_save: bool,
) -> Result<(), PersistError> {
    // What has not been read in full must not replace its file. A node that has stopped already
    // counts as loading, too.
    shared.rdb_file.renounce();
    shared.cuts.cancel(Consumer::Save);
    if !exclusive.gate().loading {
        if let Err(error) = crate::aof::flush(shared) {
            shared.host.log(&format!("at the end, {error}"));
        }
        if with_save {
            let mut space = exclusive.space();
            save(shared, exclusive, &mut space)?;
        }
    }
    // From here on nothing is served, so that nothing can be written behind the save.
    exclusive.change_gate(|gate| {
        gate.primary = false;
        gate.loading = true;
    });
    shared.host.stop();
    Ok(())
}

/// Reads the RDB file into the empty keyspace and opens the gate for reads and writes. No
/// connection is served before; configuration may change meanwhile.
///
/// # Errors
/// The file is there and cannot be read in full; nothing is served then.
pub fn load(shared: &Shared) -> Result<LoadReport, PersistError> {
    let name = shared.config.lock().get("dbfilename").to_owned();
    let now_ms = shared.host.clock().unix_ms();
    let report = match shared.host.disk().open(&name) {
        Ok(file) => fill(shared, file, &name, now_ms)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => LoadReport::default(),
        Err(source) => return Err(PersistError::Read { name, offset: 0, source }),
    };
    let mut saves = shared.saves.lock();
    saves.last_s = now_ms / 1000;
    saves.note_load(&report);
    drop(saves);
    shared.links.resume(shared, &report);
    clearing::note_load(shared, &report);
    shared.executor.exclusive().change_gate(|gate| gate.loading = false);
    Ok(report)
}

/// Reads an RDB file, called `name` in errors, into the empty keyspace. Keys that are dead at
/// `now_ms` are left out. Nothing is served meanwhile: the gate says that data are being read.
///
/// # Errors
/// It cannot be read in full; some of its keys are there then.
pub fn fill(
    shared: &Shared,
    file: Box<dyn Read + Send>,
    name: &str,
    now_ms: u64,
) -> Result<LoadReport, PersistError> {
    fill_by(shared, name, |into| persist::rdb::load_from(file, name, now_ms, into))
}

/// As [`fill`], with the function that reads.
pub(crate) fn fill_by(
    shared: &Shared,
    name: &str,
    read: impl FnOnce(&mut Taker<'_>) -> Result<LoadReport, PersistError>,
) -> Result<LoadReport, PersistError> {
    let dbs = shared.config.lock().number("databases") as u16;
    let mut filling = Filling { shared, queue: VecDeque::with_capacity(QUEUE), twice: None };
    let report = read(&mut |db, entry| {
        if db >= dbs {
            return Err(Refusal::NoSuchDb);
        }
        filling.take(db, entry);
        Ok(())
    })?;
    filling.settle(0);
    if let Some(key) = filling.twice {
        let what = format!("key \"{key}\" comes twice");
        return Err(PersistError::Damaged { name: name.to_owned(), offset: report.bytes, what });
    }
    take_functions(shared, name, &report, Restore::Flush)?;
    Ok(report)
}

/// Loads the libraries of functions that a file holds.
fn take_functions(
    shared: &Shared,
    name: &str,
    report: &LoadReport,
    policy: Restore,
) -> Result<(), PersistError> {
    shared.scripts.restore(&report.functions, policy).map_err(|error| {
        let what = format!("its functions do not load: {error}");
        PersistError::Damaged { name: name.to_owned(), offset: report.bytes, what }
    })
}

/// Reads the RDB file into the keyspace while nobody else runs. With `merge`, keys of the file
/// replace those that are there.
///
/// # Errors
/// The file is not there, cannot be read in full, or has a key that is there already.
pub fn reload(
    shared: &Shared,
    exclusive: &mut Exclusive<'_>,
    merge: bool,
) -> Result<LoadReport, PersistError> {
    let name = shared.config.lock().get("dbfilename").to_owned();
    let now_ms = shared.host.clock().unix_ms();
    let dbs = exclusive.gate().settings.dbs;
    let (mut space, seed) = (exclusive.space(), shared.executor.seed());
    let report = persist::rdb::load(shared.host.disk(), &name, now_ms, &mut |db, entry| {
        if db >= dbs {
            return Err(Refusal::NoSuchDb);
        }
        let hash = seed.hash(entry.key());
        let shard = space.shard(shard_of(hash)).expect("the exclusive holder has all shards");
        let database = shard.db_or_new(db);
        if let Some(place) = database.find(hash, entry.key()) {
            if !merge {
                return Err(Refusal::Duplicate);
            }
            let old = database.remove(place);
            shared.trash.add(std::iter::once(Rubbish::Entry(old)));
        }
        shard.db_or_new(db).insert(hash, entry);
        Ok(())
    })?;
    if !report.found {
        let what = "there is no such file".to_owned();
        return Err(PersistError::Damaged { name, offset: 0, what });
    }
    let policy = if merge { Restore::Replace } else { Restore::Append };
    take_functions(shared, &name, &report, policy)?;
    shared.saves.lock().note_load(&report);
    Ok(report)
}

/// Entries between the fetch of their bucket and their insertion.
const QUEUE: usize = 16;

/// Inserts loaded entries a little later than they come, so that the memory of their buckets has
/// arrived by then.
struct Filling<'s> {
    shared: &'s Shared,
    queue: VecDeque<(u16, u64, Entry)>,
    /// The first key that came twice.
    twice: Option<String>,
}

impl Filling<'_> {
    fn take(&mut self, db: u16, entry: Entry) {
        let hash = self.shared.executor.seed().hash(entry.key());
        if let Some(shard) = self.shared.executor.wait_for(shard_of(hash)).shard(shard_of(hash)) {
            shard.prefetch_bucket(db, hash);
        }
        self.settle(QUEUE - 1);
        self.queue.push_back((db, hash, entry));
    }

    /// Inserts until at most `rest` entries wait.
    fn settle(&mut self, rest: usize) {
        while self.queue.len() > rest {
            let Some((db, hash, entry)) = self.queue.pop_front() else { return };
            let id = shard_of(hash);
            let mut locked = self.shared.executor.wait_for(id);
            let shard = locked.shard(id).expect("it was just locked");
            let database = shard.db_or_new(db);
            if database.find(hash, entry.key()).is_none() {
                database.insert(hash, entry);
            } else {
                self.twice.get_or_insert_with(|| entry.key().escape_ascii().to_string());
            }
        }
    }
}
