//! The audit log: one JSON line before an action changes something, one line with the outcome
//! before the caller hears of it. Full files are set aside under numbers, the oldest is dropped.
//! Secrets are masked by the caller. Must not know actions.

use crate::vault::make_private_dir;
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Size at which a file is set aside.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Files set aside.
const OLD_FILES_MAX: u32 = 15;

/// Where lines go.
pub enum Audit {
    /// Appended to a file of mode 0600.
    File(Mutex<Log>),
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

/// The file that lines are appended to.
pub struct Log {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

/// Refused requests noted in a second; whoever sends more learns no more, and must not be able to
/// push older lines out of the log.
const REFUSALS_PER_SECOND: u32 = 20;

/// How many refusals of unauthenticated requests the log takes, by the second.
#[derive(Debug, Default)]
pub struct RefusalLimit {
    unix_s: i64,
    noted: u32,
    /// Since the last line.
    left_out: u64,
}

impl RefusalLimit {
    /// Whether one more is noted; if so, how many were left out since the last one.
    pub fn take(&mut self, now_unix_ms: i64) -> Option<u64> {
        let unix_s = now_unix_ms.div_euclid(1000);
        if self.unix_s != unix_s {
            (self.unix_s, self.noted) = (unix_s, 0);
        }
        if REFUSALS_PER_SECOND <= self.noted {
            self.left_out += 1;
            return None;
        }
        self.noted += 1;
        Some(std::mem::take(&mut self.left_out))
    }
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
    /// Opens the log for appending.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(path: &Path) -> io::Result<Audit> {
        if let Some(directory) = path.parent() {
            make_private_dir(directory)?;
        }
        let log = Log::open(path.to_owned(), FILE_BYTES_MAX)?;
        Ok(Audit::File(Mutex::new(log)))
    }

    /// Appends one line.
    ///
    /// # Errors
    /// As the file system says; the caller must not go on with a change then.
    pub fn append(&self, line: Value, durability: Durability) -> io::Result<()> {
        match self {
            #[cfg(test)]
            Audit::Memory(lines) => {
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                Ok(())
            }
            Audit::File(log) => {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                log.append(&format!("{line}\n"), durability)
            }
        }
    }
}

impl Log {
    fn open(path: PathBuf, bytes_max: u64) -> io::Result<Log> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Log { path, file, bytes, bytes_max })
    }

    fn append(&mut self, line: &str, durability: Durability) -> io::Result<()> {
        if self.bytes_max <= self.bytes {
            self.set_aside()?;
        }
        self.file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        match durability {
            Durability::Synced => self.file.sync_data(),
            Durability::Buffered => Ok(()),
        }
    }

    fn set_aside(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        for number in (1..OLD_FILES_MAX).rev() {
            match fs::rename(old(&self.path, number), old(&self.path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, old(&self.path, 1))?;
        *self = Log::open(self.path.clone(), self.bytes_max)?;
        Ok(())
    }
}

/// Name of a file that was set aside; 1 is the youngest.
fn old(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

/// Nonces of signed changes since `since_unix_ms`, oldest first, so that a start does not forget
/// them. Lines that are not understood are passed over.
///
/// # Errors
/// As the file system says; a log that does not exist yet is empty.
pub fn used_nonces(path: &Path, since_unix_ms: i64) -> io::Result<Vec<UsedNonce>> {
    let mut nonces = Vec::new();
    for path in [old(path, 1), path.to_owned()] {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        for line in BufReader::new(file).split(b'\n') {
            nonces.extend(used_nonce(&line?).filter(|used| since_unix_ms <= used.unix_ms));
        }
    }
    Ok(nonces)
}

fn used_nonce(line: &[u8]) -> Option<UsedNonce> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    let time: jiff::Timestamp = text("time")?.parse().ok()?;
    let (access_key_id, nonce) = (text("access_key_id")?, text("nonce")?);
    let begins = line["event"] == "begin";
    begins.then_some(UsedNonce { access_key_id, nonce, unix_ms: time.as_millisecond() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;
    use serde_json::json;

    #[test]
    fn lines_are_appended_across_openings() {
        let scratch = Scratch::new();
        let path = scratch.path().join("control/audit.log");
        for n in [1, 2] {
            let audit = Audit::open(&path).expect("opened");
            audit.append(json!({ "n": n }), Durability::Synced).expect("written");
        }
        let text = fs::read_to_string(&path).expect("read");
        assert_eq!(text, "{\"n\":1}\n{\"n\":2}\n");
    }

    #[test]
    fn full_files_are_set_aside_and_the_oldest_dropped() {
        let scratch = Scratch::new();
        let path = scratch.path().join("audit.log");
        let mut log = Log::open(path.clone(), 4).expect("opened");
        for n in 10..40 {
            log.append(&format!("{n}\n"), Durability::Buffered).expect("written");
        }
        let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
        assert_eq!(read(path.clone()), "38\n39\n");
        assert_eq!(read(old(&path, 1)), "36\n37\n");
        assert_eq!(read(old(&path, 14)), "10\n11\n");
        assert_eq!(read(old(&path, 15)), "");
        for n in 40..46 {
            log.append(&format!("{n}\n"), Durability::Buffered).expect("written");
        }
        assert_eq!(read(old(&path, 15)), "14\n15\n");
        assert!(!old(&path, 16).exists());
    }

    #[test]
    fn refusals_are_counted_by_the_second() {
        let mut limit = RefusalLimit::default();
        for _ in 0..REFUSALS_PER_SECOND {
            assert_eq!(limit.take(5_000), Some(0));
        }
        assert_eq!([limit.take(5_000), limit.take(5_999)], [None, None]);
        assert_eq!([limit.take(6_000), limit.take(6_001)], [Some(2), Some(0)]);
        assert_eq!(limit.take(3_000), Some(0), "the clock went back");
    }

    #[test]
    fn nonces_of_changes_outlive_a_restart() {
        let scratch = Scratch::new();
        let path = scratch.path().join("audit.log");
        assert_eq!(used_nonces(&path, 0).expect("no log yet"), []);
        let line = |event: &str, nonce: Value, time: &str| {
            json!({"event": event, "access_key_id": "a", "nonce": nonce, "time": time}).to_string()
        };
        let lines = [
            line("begin", json!("early"), "1970-01-01T00:00:01Z"),
            line("begin", json!("kept"), "1970-01-01T00:00:02Z"),
            line("end", json!("kept"), "1970-01-01T00:00:03Z"),
            line("begin", Value::Null, "1970-01-01T00:00:03Z"),
            "torn".to_owned(),
        ];
        fs::write(&path, lines.join("\n")).expect("written");
        let kept = UsedNonce { access_key_id: "a".into(), nonce: "kept".into(), unix_ms: 2000 };
        assert_eq!(used_nonces(&path, 1500).expect("read"), [kept]);
    }
}
