//! Where in a file of the audit log the events are, in records of one size, so that a question over
//! a million lines reads only the lines that it answers with. The index lies beside its file and is
//! made again when it is missing; it is never trusted: whoever reads a line by it looks again. Must
//! not know what is asked for.

use super::files;
use serde_json::{Map, Value};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Fields that records know by a digest.
pub const FIELDS: [&str; 7] =
    ["account_id", "principal", "action", "service", "access_key_id", "resource_type", "resource"];

/// Size of a record.
pub const RECORD_BYTES: usize = 64;

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Number of its line.
    pub seq: u64,
    /// When it was.
    pub unix_ms: i64,
    /// Place of the line in its file.
    pub offset: u64,
    /// Length of the line without its line feed.
    pub bytes: u32,
    /// Something was to change.
    pub writes: bool,
    /// Digests of [`FIELDS`].
    pub digests: [u32; FIELDS.len()],
}

impl Record {
    /// Of a line; `None` when it is no event of an account.
    pub fn of(line: &Map<String, Value>, seq: u64, unix_ms: i64) -> Option<Record> {
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
        if !matches!(text("event"), "end" | "login" | "system") || text("account_id").is_empty() {
            return None;
        }
        let digests = FIELDS.map(|name| digest(text(name)));
        let writes = text("rw") == "Write";
        Some(Record { seq, unix_ms, offset: 0, bytes: 0, writes, digests })
    }

    fn encode(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&self.seq.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.unix_ms.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.offset.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[28] = self.writes.into();
        for (at, digest) in self.digests.iter().enumerate() {
            bytes[32 + 4 * at..][..4].copy_from_slice(&digest.to_le_bytes());
        }
        bytes
    }

    /// Of the bytes of one record.
    pub fn decode(bytes: &[u8; RECORD_BYTES]) -> Record {
        let eight = |at: usize| u64::from_le_bytes(std::array::from_fn(|n| bytes[at + n]));
        let four = |at: usize| u32::from_le_bytes(std::array::from_fn(|n| bytes[at + n]));
        Record {
            seq: eight(0),
            unix_ms: eight(8).cast_signed(),
            offset: eight(16),
            bytes: four(24),
            writes: bytes[28] != 0,
            digests: std::array::from_fn(|at| four(32 + 4 * at)),
        }
    }
}

/// A short digest of a text, the same in every build.
pub fn digest(text: &str) -> u32 {
    // FNV-1a.
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    text.as_bytes().iter().fold(0x811c_9dc5, step)
}

/// The index of a file of the log.
pub fn beside(log: &Path) -> PathBuf {
    log.with_extension("idx")
}

/// The index of the current file, open for appending.
pub struct Index {
    file: File,
}

impl Index {
    /// Opens the index of `log`, made again if it does not fit.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(log: &Path) -> io::Result<Index> {
        let path = beside(log);
        if !fits(log, &path)? {
            make(log)?;
        }
        Ok(Index { file: append_to(&path)? })
    }

    /// An index of a file that has no lines yet.
    ///
    /// # Errors
    /// As the file system says.
    pub fn empty(log: &Path) -> io::Result<Index> {
        let file = append_to(&beside(log))?;
        file.set_len(0)?;
        Ok(Index { file })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// As the file system says.
    pub fn add(&mut self, record: &Record) -> io::Result<()> {
        self.file.write_all(&record.encode())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Whether an index can be that of the whole file: its last record is a line of the file, and no
/// event comes after it.
fn fits(log: &Path, index: &Path) -> io::Result<bool> {
    let Ok(file) = File::open(index) else { return Ok(false) };
    let bytes = file.metadata()?.len();
    if !bytes.is_multiple_of(RECORD_BYTES as u64) {
        return Ok(false);
    }
    let mut next = 0;
    if let Some(last) = bytes.checked_sub(RECORD_BYTES as u64) {
        let mut record = [0; RECORD_BYTES];
        file.read_exact_at(&mut record, last)?;
        let record = Record::decode(&record);
        let line = line_at(&File::open(log)?, &record);
        if !line.is_ok_and(|line| line["seq"] == record.seq) {
            return Ok(false);
        }
        next = record.offset + u64::from(record.bytes) + 1;
    }
    let mut complete = true;
    files::lines_from(log, next, |line| {
        complete &= record_of(&line).is_none();
        complete
    })?;
    Ok(complete)
}

/// Makes the index of a file anew.
///
/// # Errors
/// As the file system says.
pub fn make(log: &Path) -> io::Result<()> {
    let mut records = Vec::new();
    files::lines_from(log, 0, |line| {
        records.extend(record_of(&line).into_iter().flat_map(|record| record.encode()));
        true
    })?;
    let making = beside(log).with_extension("idx-new");
    let _ = fs::remove_file(&making);
    append_to(&making)?.write_all(&records)?;
    fs::rename(making, beside(log))
}

fn record_of(line: &files::Line<'_>) -> Option<Record> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(line.bytes) else { return None };
    let time: jiff::Timestamp = fields.get("time")?.as_str()?.parse().ok()?;
    let seq = fields.get("seq")?.as_u64()?;
    let record = Record::of(&fields, seq, time.as_millisecond())?;
    Some(Record { offset: line.offset, bytes: line.bytes.len() as u32, ..record })
}

/// The line that a record names.
///
/// # Errors
/// When there is none.
pub fn line_at(log: &File, record: &Record) -> io::Result<Value> {
    let mut line = vec![0; record.bytes as usize];
    log.read_exact_at(&mut line, record.offset)?;
    serde_json::from_slice(&line).map_err(io::Error::from)
}

/// All records of an index, as they lie in it.
///
/// # Errors
/// As the file system says.
pub fn records(index: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(index.metadata()?.len() as usize);
    let mut index = index;
    index.read_to_end(&mut bytes)?;
    Ok(bytes)
}
