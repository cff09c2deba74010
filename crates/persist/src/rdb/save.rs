//! Writing an RDB file from a keyspace that is held as a whole.

use super::{MAGIC, mark, sink::FileSink};
use crate::PersistError;
use engine::Keyspace;
use engine::keyspace::Entry;
use engine::rdb::{Sink, VERSION, encode};
use stdx::{Disk, DiskFile};

/// The version of Redis whose form the files have.
const REDIS_VERSION: &str = "7.0.15";

/// Facts that go into the file beside the data.
#[derive(Debug, Clone, Copy)]
pub struct SaveInfo<'a> {
    /// Number of databases.
    pub dbs: u16,
    /// Unix milliseconds.
    pub now_ms: u64,
    /// Memory in use, in bytes.
    pub used_bytes: u64,
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

/// Writes all of `space` to the file `name`: first to `temp-<name>`, which takes the name when it
/// is complete and durable. Dead keys that are still there are written with their times of death.
///
/// # Errors
/// What could not be written; the file `name` is as it was, and the temporary one is removed.
pub fn save(
    disk: &dyn Disk,
    name: &str,
    space: &mut dyn Keyspace,
    info: &SaveInfo<'_>,
) -> Result<SaveReport, PersistError> {
    let temp = format!("temp-{name}");
    let report = write(disk, &temp, space, info).and_then(|report| {
        let renamed = disk.rename(&temp, name);
        renamed.map(|()| report).map_err(|source| PersistError::Rename {
            from: temp.clone(),
            name: name.to_owned(),
            source,
        })
    });
    if report.is_err() {
        // What matters is the first error; a file that stays is overwritten next time.
        let _ = disk.remove(&temp);
    }
    report
}

fn write(
    disk: &dyn Disk,
    name: &str,
    space: &mut dyn Keyspace,
    info: &SaveInfo<'_>,
) -> Result<SaveReport, PersistError> {
    let file = disk
        .create(name)
        .map_err(|source| PersistError::Create { name: name.to_owned(), source })?;
    write_to(file, name, space, info)
}

/// Writes all of `space` to an open file, called `name` in errors, and makes it durable.
///
/// # Errors
/// What could not be written.
pub fn write_to(
    file: Box<dyn DiskFile>,
    name: &str,
    space: &mut dyn Keyspace,
    info: &SaveInfo<'_>,
) -> Result<SaveReport, PersistError> {
    let mut sink = FileSink::new(file);
    header(&mut sink, info);
    let mut keys = 0;
    for db in 0..info.dbs {
        keys += database(&mut sink, name, space, db)?;
    }
    sink.put(&[mark::END]);
    let bytes =
        sink.finish().map_err(|source| PersistError::Write { name: name.to_owned(), source })?;
    Ok(SaveReport { keys, bytes })
}

fn header(sink: &mut impl Sink, info: &SaveInfo<'_>) {
    sink.put(MAGIC);
    sink.put(format!("{VERSION:04}").as_bytes());
    let seconds = (info.now_ms / 1000).to_string();
    let used = info.used_bytes.to_string();
    let bits = usize::BITS.to_string();
    let facts = [("redis-ver", REDIS_VERSION), ("redis-bits", &bits), ("ctime", &seconds)];
    let more = [("used-mem", &*used), ("aof-base", "0")];
    for (fact, value) in facts.iter().chain(&more).chain(info.extra) {
        sink.put(&[mark::AUX]);
        encode::text(sink, fact.as_bytes());
        encode::text(sink, value.as_bytes());
    }
}

/// Writes a database; returns its number of keys.
fn database(
    sink: &mut FileSink,
    name: &str,
    space: &mut dyn Keyspace,
    db: u16,
) -> Result<u64, PersistError> {
    let held = |shard| PersistError::Held { name: name.to_owned(), shard };
    let (mut keys, mut mortal) = (0, 0);
    for id in 0..=u8::MAX {
        if let Some(part) = space.shard(id).ok_or_else(|| held(id))?.db(db) {
            keys += part.table().len() as u64;
            mortal += part.mortal_len() as u64;
        }
    }
    if keys == 0 {
        return Ok(0);
    }
    sink.put(&[mark::DB]);
    encode::length(sink, u64::from(db));
    sink.put(&[mark::SIZES]);
    encode::length(sink, keys);
    encode::length(sink, mortal);
    for id in 0..=u8::MAX {
        if let Some(part) = space.shard(id).ok_or_else(|| held(id))?.db(db) {
            part.table().iter().for_each(|entry| self::entry(sink, entry));
        }
        if sink.has_failed() {
            break;
        }
    }
    Ok(keys)
}

fn entry(sink: &mut impl Sink, entry: &Entry) {
    if let Some(at_ms) = entry.expiry_ms() {
        sink.put(&[mark::DEATH_MS]);
        sink.put(&at_ms.to_le_bytes());
    }
    let value = entry.value();
    sink.put(&[encode::kind_of(&value)]);
    encode::text(sink, entry.key());
    encode::value(sink, &value);
}
