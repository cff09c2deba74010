//! Writing an RDB file: entry by entry as they come, or from a keyspace that is held as a whole.

use super::{MAGIC, mark, sink::FileSink};
use crate::PersistError;
use engine::Keyspace;
use engine::keyspace::Entry;
use engine::rdb::{Sink, VERSION, encode};
use std::sync::Arc;
use stdx::{Disk, DiskFile};

/// The version of Redis whose form the files have.
const REDIS_VERSION: &str = "7.0.15";

/// Facts that go into the file beside the data.
#[derive(Debug, Clone, Copy, Default)]
pub struct SaveInfo<'a> {
    /// Unix milliseconds.
    pub now_ms: u64,
    /// Memory in use, in bytes.
    pub used_bytes: u64,
    /// The file is the base of an append-only file.
    pub aof_base: bool,
    /// Keys of each database, and how many of them have a time of death: hints for who loads.
    pub sizes: &'a [(u64, u64)],
    /// Sources of libraries of functions.
    pub functions: &'a [Arc<[u8]>],
    /// Further facts by name, such as `repl-id` and `repl-offset`.
    pub extra: &'a [(&'a str, &'a str)],
}

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaveReport {
    /// Number of keys.
    pub keys: u64,
    /// Length of the file.
    pub bytes: u64,
}

/// A file being written. Entries may come in any order, those of one database in several runs.
/// Dropped before [`Writer::finish`], it leaves a file that nobody can load.
pub struct Writer {
    sink: FileSink,
    name: String,
    db: Option<u16>,
    /// Hints not written yet.
    sizes: Vec<(u64, u64)>,
    keys: u64,
}

impl Writer {
    /// Creates the file `name` and writes its head.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(disk: &dyn Disk, name: &str, info: &SaveInfo<'_>) -> Result<Self, PersistError> {
        Ok(Self::new(create(disk, name)?, name, info))
    }

    /// Writes the head of a file that is open, and called `name` in errors.
    #[must_use]
    pub fn new(file: Box<dyn DiskFile>, name: &str, info: &SaveInfo<'_>) -> Self {
        let mut sink = FileSink::new(file);
        header(&mut sink, info);
        Self { sink, name: name.to_owned(), db: None, sizes: info.sizes.to_vec(), keys: 0 }
    }

    /// Appends an entry of database `db`. A dead one is written with its time of death.
    ///
    /// # Errors
    /// What could not be written; the file is lost then.
    pub fn entry(&mut self, db: u16, entry: &Entry) -> Result<(), PersistError> {
        let sink = &mut self.sink;
        if self.db != Some(db) {
            self.db = Some(db);
            sink.put(&[mark::DB]);
            encode::length(sink, u64::from(db));
            let hint = self.sizes.get_mut(usize::from(db)).map(std::mem::take);
            if let Some((keys @ 1.., mortal)) = hint {
                sink.put(&[mark::SIZES]);
                encode::length(sink, keys);
                encode::length(sink, mortal);
            }
        }
        if let Some(at_ms) = entry.expiry_ms() {
            sink.put(&[mark::DEATH_MS]);
            sink.put(&at_ms.to_le_bytes());
        }
        let value = entry.value();
        sink.put(&[encode::kind_of(&value)]);
        encode::text(sink, entry.key());
        encode::value(sink, &value);
        self.keys += 1;
        match sink.failure() {
            Some(source) => Err(PersistError::Write { name: self.name.clone(), source }),
            None => Ok(()),
        }
    }

    /// Completes the file and makes it durable.
    ///
    /// # Errors
    /// What could not be written.
    pub fn finish(mut self) -> Result<SaveReport, PersistError> {
        self.sink.put(&[mark::END]);
        let name = self.name;
        let bytes = self.sink.finish().map_err(|source| PersistError::Write { name, source })?;
        Ok(SaveReport { keys: self.keys, bytes })
    }
}

/// Writes all of `space` to the file `name`, which is durable then; calls `each` after each entry.
///
/// # Errors
/// What could not be written; the file is removed.
pub fn save(
    disk: &dyn Disk,
    name: &str,
    space: &mut dyn Keyspace,
    info: &SaveInfo<'_>,
    each: &mut dyn FnMut(),
) -> Result<SaveReport, PersistError> {
    let report = write(disk, name, space, info, each);
    if report.is_err() {
        // What matters is the first error; a file that stays is overwritten next time.
        let _ = disk.remove(name);
    }
    report
}

/// Gives a complete file its name, in place of the one that was there.
///
/// # Errors
/// It could not be renamed; it is removed, and the file `name` is as it was.
pub fn publish(disk: &dyn Disk, temp: &str, name: &str) -> Result<(), PersistError> {
    disk.rename(temp, name).map_err(|source| {
        let _ = disk.remove(temp);
        PersistError::Rename { from: temp.to_owned(), name: name.to_owned(), source }
    })
}

fn write(
    disk: &dyn Disk,
    name: &str,
    space: &mut dyn Keyspace,
    info: &SaveInfo<'_>,
    each: &mut dyn FnMut(),
) -> Result<SaveReport, PersistError> {
    write_to(create(disk, name)?, name, space, info, each)
}

fn create(disk: &dyn Disk, name: &str) -> Result<Box<dyn DiskFile>, PersistError> {
    disk.create(name).map_err(|source| PersistError::Create { name: name.to_owned(), source })
}

/// Writes all of `space` to an open file, called `name` in errors, and makes it durable; calls
/// `each` after each entry.
///
/// # Errors
/// What could not be written.
pub fn write_to(
    file: Box<dyn DiskFile>,
    name: &str,
    space: &mut dyn Keyspace,
    info: &SaveInfo<'_>,
    each: &mut dyn FnMut(),
) -> Result<SaveReport, PersistError> {
    let mut writer = Writer::new(file, name, info);
    for db in 0..info.sizes.len() as u16 {
        for shard in 0..=u8::MAX {
            let held = || PersistError::Held { name: name.to_owned(), shard };
            let Some(part) = space.shard(shard).ok_or_else(held)?.db(db) else { continue };
            for entry in part.table().iter() {
                writer.entry(db, entry)?;
                each();
            }
        }
    }
    writer.finish()
}

fn header(sink: &mut impl Sink, info: &SaveInfo<'_>) {
    sink.put(MAGIC);
    sink.put(format!("{VERSION:04}").as_bytes());
    let seconds = (info.now_ms / 1000).to_string();
    let used = info.used_bytes.to_string();
    let bits = usize::BITS.to_string();
    let base = if info.aof_base { "1" } else { "0" };
    let facts = [("redis-ver", REDIS_VERSION), ("redis-bits", &bits), ("ctime", &seconds)];
    let (memory, kind) = ([("used-mem", &*used)], [("aof-base", base)]);
    for (fact, value) in facts.iter().chain(&memory).chain(info.extra).chain(&kind) {
        sink.put(&[mark::AUX]);
        encode::text(sink, fact.as_bytes());
        encode::text(sink, value.as_bytes());
    }
    for source in info.functions {
        sink.put(&[mark::FUNCTION]);
        encode::text(sink, source);
    }
}
