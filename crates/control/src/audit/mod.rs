//! The audit log: one JSON line before an action changes something, one line with the outcome
//! before the caller hears of it. Lines form a chain under a key of the vault ([`chain`]), the
//! anchor beside them names the newest ([`anchor`]). Secrets are masked by the caller. Must not
//! know actions.

pub mod anchor;
pub mod chain;
mod files;
mod index;
mod log;
pub mod lookup;
pub mod refusals;
mod tail;
#[cfg(test)]
mod tests;
pub mod verify;

use crate::vault::make_private_dir;
use chain::ChainKey;
use files::Files;
use log::{LIMITS, Log};
use lookup::{Page, Query};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use stdx::Reserve;

/// Where lines go.
pub enum Audit {
    /// Appended to files of mode 0600.
    File(Box<Mutex<Log>>, Arc<Reserve>),
    /// Kept, for tests.
    #[cfg(test)]
    Memory(Mutex<Vec<Value>>),
}

/// Whether a line must be on the disk before going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Yes: something changes.
    Synced,
    /// The system may write it later: something was read.
    Buffered,
}

/// A nonce that a signed change used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedNonce {
    /// Key that signed.
    pub access_key_id: String,
    /// Not to be taken again.
    pub nonce: String,
    /// When it came.
    pub unix_ms: i64,
}

impl Audit {
    /// Opens the log of `directory` for appending.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(
        directory: &Path,
        key: ChainKey,
        reserve: Arc<Reserve>,
        now_unix_ms: i64,
    ) -> io::Result<Audit> {
        make_private_dir(directory)?;
        let log = reserve.lend(|| Log::open(directory, key, LIMITS, now_unix_ms));
        let log = log.ok_or(io::ErrorKind::StorageFull)??;
        Ok(Audit::File(Box::new(Mutex::new(log)), reserve))
    }

    /// Appends one line.
    ///
    /// # Errors
    /// As the file system says; the caller must not go on with a change then.
    pub fn append(
        &self,
        line: Map<String, Value>,
        durability: Durability,
        now_unix_ms: i64,
    ) -> io::Result<()> {
        match self {
            #[cfg(test)]
            Audit::Memory(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                let mut line = line;
                line.insert("seq".into(), (lines.len() + 1).into());
                lines.push(Value::Object(line));
                Ok(())
            }
            Audit::File(log, reserve) => {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                let written = reserve.lend(|| log.append(line, durability, now_unix_ms));
                written.ok_or(io::ErrorKind::StorageFull)?
            }
        }
    }

    /// Answers a question about events.
    ///
    /// # Errors
    /// As the file system says.
    pub fn look_up(&self, query: &Query) -> io::Result<Page> {
        match self {
            #[cfg(test)]
            Audit::Memory(lines) => {
                Ok(query.answer_plainly(&lines.lock().unwrap_or_else(PoisonError::into_inner)))
            }
            Audit::File(log, _) => {
                let sources = log.lock().unwrap_or_else(PoisonError::into_inner).sources()?;
                query.answer(sources)
            }
        }
    }

    /// When the newest event that nobody called for happened, if the newest files tell of one.
    pub fn newest_system_ms(&self) -> Option<i64> {
        let sources = match self {
            #[cfg(test)]
            Audit::Memory(_) => return None,
            Audit::File(log, _) => log.lock().unwrap_or_else(PoisonError::into_inner).sources(),
        };
        lookup::newest_of("system", sources.unwrap_or_default())
    }

    /// Number of the newest line.
    pub fn last_seq(&self) -> u64 {
        match self {
            #[cfg(test)]
            Audit::Memory(lines) => {
                lines.lock().unwrap_or_else(PoisonError::into_inner).len() as u64
            }
            Audit::File(log, _) => log.lock().unwrap_or_else(PoisonError::into_inner).last_seq(),
        }
    }
}

/// A short digest of a text, the same in every build.
pub fn digest(text: &str) -> u32 {
    index::digest(text)
}

/// A line that the log tells of itself.
pub fn told(now_unix_ms: i64, line: Value) -> Map<String, Value> {
    let mut fields = crate::actions::object(line);
    fields.insert("time".into(), time(now_unix_ms).into());
    fields
}

/// As lines have it.
pub fn time(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default().to_string()
}

/// Nonces of signed changes since `since_unix_ms`, oldest first, so that a start does not forget
/// them. Lines that are not understood are passed over.
///
/// # Errors
/// As the file system says; a log that does not exist yet is empty.
pub fn used_nonces(directory: &Path, since_unix_ms: i64) -> io::Result<Vec<UsedNonce>> {
    if !directory.exists() {
        return Ok(Vec::new());
    }
    let mut nonces = Vec::new();
    let all = Files::of(directory).all()?;
    for (_, path) in &all[all.len().saturating_sub(2)..] {
        files::lines_from(path, offset_of(path, since_unix_ms)?, |line| {
            let used = used_nonce(line.bytes);
            nonces.extend(used.filter(|used| since_unix_ms <= used.unix_ms));
            true
        })?;
    }
    Ok(nonces)
}

/// Bytes at the end of the log in which calls are looked for that were begun and not ended.
const BEGUN_BYTES: u64 = 1 << 20;

/// Changes that had begun and not ended when the log was written last, as lines that end them: the
/// process that carried them out is gone, and what became of them is not known.
///
/// # Errors
/// As the file system says; a log that does not exist yet is empty.
pub fn interrupted(directory: &Path) -> io::Result<Vec<Map<String, Value>>> {
    let path = Files::of(directory).current();
    if !path.exists() {
        return Ok(Vec::new());
    }
    let from = std::fs::metadata(&path)?.len().saturating_sub(BEGUN_BYTES);
    let mut begun = BTreeMap::new();
    files::lines_from(&path, from, |line| {
        let Ok(Value::Object(mut line)) = serde_json::from_slice(line.bytes) else { return true };
        let request_id = line.get("request_id").and_then(Value::as_str).unwrap_or_default();
        let request_id = request_id.to_owned();
        match line.get("event").and_then(Value::as_str) {
            Some("begin") => {
                for name in ["seq", "prev", "mac"] {
                    line.remove(name);
                }
                begun.insert(request_id, line);
            }
            Some("end") => drop(begun.remove(&request_id)),
            _ => {}
        }
        true
    })?;
    Ok(begun.into_values().map(end_of).collect())
}

fn end_of(mut begun: Map<String, Value>) -> Map<String, Value> {
    let message = "The control plane ended while it carried this out; look at what it was about.";
    begun.insert("event".into(), "end".into());
    begun.insert("status".into(), 500.into());
    begun.insert("code".into(), "Interrupted".into());
    begun.insert("message".into(), message.into());
    begun
}

/// Bytes among which looking for a time ends.
const NEAR_BYTES: u64 = 1 << 16;

/// Where in a file a line begins before which all are older; lines stand by time.
fn offset_of(path: &Path, unix_ms: i64) -> io::Result<u64> {
    let (mut low, mut high) = (0, std::fs::metadata(path)?.len());
    while NEAR_BYTES < high - low {
        let middle = low + (high - low) / 2;
        let mut found = None;
        files::lines_from(path, middle, |line| {
            // The first one is a part of a line.
            found = (line.number > 1).then(|| (line.offset, time_of(line.bytes)));
            line.number == 1
        })?;
        match found {
            Some((offset, Some(time))) if time < unix_ms && offset < high => low = offset,
            _ => high = middle,
        }
    }
    Ok(low)
}

fn time_of(line: &[u8]) -> Option<i64> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let time: jiff::Timestamp = line["time"].as_str()?.parse().ok()?;
    Some(time.as_millisecond())
}

fn used_nonce(line: &[u8]) -> Option<UsedNonce> {
    const BEGIN: &[u8] = b"\"event\":\"begin\"";
    if !line.windows(BEGIN.len()).any(|part| part == BEGIN) {
        return None;
    }
    let unix_ms = time_of(line)?;
    let line: Value = serde_json::from_slice(line).ok()?;
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    let (access_key_id, nonce) = (text("access_key_id")?, text("nonce")?);
    let begins = line["event"] == "begin";
    begins.then_some(UsedNonce { access_key_id, nonce, unix_ms })
}
