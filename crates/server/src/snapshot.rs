//! Saving the data set and reading it back. Saving holds everything: a forkless cut replaces this.

use crate::executor::Exclusive;
use crate::shared::Shared;
use crate::trash::Rubbish;
use engine::keyspace::{Entry, Keyspace, shard_of};
use persist::PersistError;
use persist::rdb::{LoadReport, Refusal, SaveInfo, SaveReport};
use std::collections::VecDeque;

/// How saving went.
#[derive(Debug, Default, Clone)]
pub struct SaveState {
    /// Unix seconds of the last good save, or of the start.
    pub last_s: u64,
    /// `changes` counter at the last good save.
    pub changes_at_last: u64,
    /// The last attempt failed.
    pub failed: bool,
}

/// Writes the RDB file.
///
/// # Errors
/// What the disk says; the file that was there before stays.
pub fn save(shared: &Shared, exclusive: &Exclusive<'_>) -> Result<SaveReport, PersistError> {
    let name = shared.config.lock().get("dbfilename").to_owned();
    let now_ms = shared.host.clock().unix_ms();
    let info = SaveInfo {
        dbs: exclusive.gate().settings.dbs,
        now_ms,
        used_bytes: stdx::alloc::used_bytes(),
        extra: &[],
    };
    let result = persist::rdb::save(shared.host.disk(), &name, &mut exclusive.space(), &info);
    let mut saves = shared.saves.lock();
    saves.failed = result.is_err();
    if result.is_ok() {
        saves.last_s = now_ms / 1000;
        saves.changes_at_last = shared.total(|stats| &stats.changes);
    }
    result
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
    if with_save && !exclusive.gate().loading {
        save(shared, exclusive)?;
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
    let dbs = shared.executor.exclusive().gate().settings.dbs;
    let mut filling = Filling { shared, queue: VecDeque::with_capacity(QUEUE), twice: None };
    let report = persist::rdb::load(shared.host.disk(), &name, now_ms, &mut |db, entry| {
        if db >= dbs {
            return Err(Refusal::NoSuchDb);
        }
        filling.take(db, entry);
        Ok(())
    })?;
    filling.settle(0);
    if let Some(key) = filling.twice {
        let what = format!("key \"{key}\" comes twice");
        return Err(PersistError::Damaged { name, offset: report.bytes, what });
    }
    shared.saves.lock().last_s = now_ms / 1000;
    shared.executor.exclusive().change_gate(|gate| gate.loading = false);
    Ok(report)
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
