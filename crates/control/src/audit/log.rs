//! The audit log as it is written: lines are linked to the chain and appended, full files are set
//! aside, old ones dropped, and both are told in the chain. Must not know what lines tell.

#[cfg(test)]
use super::anchor::Found;
use super::anchor::{Anchor, boot_id};
use super::chain::{self, ChainKey, Link};
use super::files::{self, Files};
use super::index::{self, Index, Record};
use super::lookup::Source;
use super::tail::{self, Tail};
use super::{Durability, told};
use serde_json::{Map, Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// When files are set aside and dropped.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Size at which a file is set aside.
    pub file_bytes_max: u64,
    /// Files kept beside the current one.
    pub files_max: usize,
    /// How long files are kept after their last line.
    pub keep_ms: i64,
}

/// What an installation has: 90 days, or 4 GiB if that is less.
pub const LIMITS: Limits =
    Limits { file_bytes_max: 64 << 20, files_max: 63, keep_ms: 90 * 24 * 3_600_000 };

/// The log, open for appending.
pub struct Log {
    files: Files,
    key: ChainKey,
    limits: Limits,
    file: File,
    index: Index,
    bytes: u64,
    /// Number of the current file's first line.
    first_seq: u64,
    anchor: Anchor,
    anchor_file: File,
}

impl Log {
    /// Opens the log of `directory`. A torn last line is cut off; that, and whatever is not as the
    /// anchor says, is told by the next lines.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(
        directory: &Path,
        key: ChainKey,
        limits: Limits,
        now_unix_ms: i64,
    ) -> io::Result<Log> {
        let files = Files::of(directory);
        let found = Anchor::read(&files.anchor(), &key)?;
        let tail = Tail::read(&files, &key, &found)?;
        let (anchor, mut news) = tail::reconcile(found, &tail, &key, boot_id());
        if tail.is_foreign() {
            fs::rename(files.current(), files.unchained())?;
            news.push(json!({"event": "unchained"}));
        }
        let file = append_to(&files.current())?;
        if let Some(torn) = tail.torn.filter(|_| file.metadata().is_ok_and(|m| m.len() > 0)) {
            file.set_len(torn.offset)?;
            let text = String::from_utf8_lossy(&torn.bytes).into_owned();
            news.push(json!({"event": "repaired", "torn_bytes": torn.bytes.len(), "torn": text}));
        }
        let bytes = file.metadata()?.len();
        let first_seq = tail.first_seq.filter(|_| bytes > 0).unwrap_or(anchor.last_seq + 1);
        let anchor_file = Anchor::open(&files.anchor())?;
        let index = Index::open(&files.current())?;
        let mut log =
            Log { files, key, limits, file, index, bytes, first_seq, anchor, anchor_file };
        for line in news {
            tell(&line);
            log.write(told(now_unix_ms, line), Durability::Buffered, now_unix_ms)?;
        }
        let started = json!({"event": "started", "larder": env!("CARGO_PKG_VERSION")});
        log.write(told(now_unix_ms, started), Durability::Synced, now_unix_ms)?;
        log.drop_old(now_unix_ms)?;
        Ok(log)
    }

    /// Number of the newest line.
    pub fn last_seq(&self) -> u64 {
        self.anchor.last_seq
    }

    /// Appends one line.
    ///
    /// # Errors
    /// As the file system says.
    pub fn append(
        &mut self,
        fields: Map<String, Value>,
        durability: Durability,
        now_unix_ms: i64,
    ) -> io::Result<()> {
        if self.limits.file_bytes_max <= self.bytes {
            self.set_aside(now_unix_ms)?;
            self.drop_old(now_unix_ms)?;
        }
        self.write(fields, durability, now_unix_ms)
    }

    fn write(
        &mut self,
        fields: Map<String, Value>,
        durability: Durability,
        now_unix_ms: i64,
    ) -> io::Result<()> {
        let seq = self.anchor.last_seq + 1;
        let record = Record::of(&fields, seq, now_unix_ms);
        let (line, mac) = self.key.seal(seq, self.anchor.last_mac, fields);
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // Half a line would be taken for one that a crash tore.
            let _ = self.file.set_len(self.bytes);
            return Err(error);
        }
        if let Some(record) = record {
            let bytes = (line.len() - 1) as u32;
            self.index.add(&Record { offset: self.bytes, bytes, ..record })?;
        }
        self.bytes += line.len() as u64;
        (self.anchor.last_seq, self.anchor.last_mac) = (seq, mac);
        if durability == Durability::Synced {
            self.file.sync_data()?;
            self.anchor.synced_seq = seq;
        }
        self.anchor.write(&self.anchor_file, &self.key)
    }

    fn set_aside(&mut self, now_unix_ms: i64) -> io::Result<()> {
        self.file.sync_data()?;
        let (current, aside) = (self.files.current(), self.files.aside(self.first_seq));
        fs::rename(&current, &aside)?;
        fs::rename(index::beside(&current), index::beside(&aside))?;
        self.file = append_to(&current)?;
        self.index = Index::empty(&current)?;
        (self.bytes, self.first_seq) = (0, self.anchor.last_seq + 1);
        self.anchor.synced_seq = self.anchor.last_seq;
        // So that two files cannot be made one.
        let turned = told(now_unix_ms, json!({"event": "turned"}));
        self.write(turned, Durability::Buffered, now_unix_ms)
    }

    /// Drops files that are too old or too many, the chain and the anchor first.
    fn drop_old(&mut self, now_unix_ms: i64) -> io::Result<()> {
        let mut aside = self.files.set_aside()?;
        while let Some((_, oldest)) = aside.first() {
            let age_ms = now_unix_ms - modified_unix_ms(oldest)?;
            if aside.len() <= self.limits.files_max && age_ms < self.limits.keep_ms {
                break;
            }
            let oldest = aside.remove(0).1;
            let next = aside.first().map_or_else(|| self.files.current(), |file| file.1.clone());
            let (from, kept) = (self.anchor.first_seq, first_link(&next, &self.key)?);
            (self.anchor.first_seq, self.anchor.before_first) =
                kept.map_or((self.anchor.last_seq + 1, self.anchor.last_mac), |l| (l.seq, l.prev));
            let line = json!({"event": "dropped", "from": from, "to": self.anchor.first_seq - 1});
            self.write(told(now_unix_ms, line), Durability::Synced, now_unix_ms)?;
            fs::remove_file(&oldest)?;
            let _ = fs::remove_file(index::beside(&oldest));
        }
        Ok(())
    }

    /// All files with their indexes, oldest first, to be read while the log is written.
    ///
    /// # Errors
    /// As the file system says.
    pub fn sources(&self) -> io::Result<Vec<Source>> {
        let mut sources = Vec::new();
        for (_, path) in self.files.all()? {
            let log = File::open(&path)?;
            let index = match File::open(index::beside(&path)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    index::make(&path)?;
                    File::open(index::beside(&path))?
                }
                opened => opened?,
            };
            sources.push(Source { log, index });
        }
        Ok(sources)
    }
}

/// Whoever reads the program's own log hears of what is wrong too.
fn tell(line: &Value) {
    match line["event"].as_str() {
        Some("damaged" | "anchor_lost") => {
            tracing::error!("the audit log is not as it was left; run larder audit verify: {line}");
        }
        Some("repaired" | "recovered") => tracing::info!("mended the audit log: {line}"),
        _ => {}
    }
}

fn modified_unix_ms(path: &Path) -> io::Result<i64> {
    let modified = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH);
    Ok(i64::try_from(modified.unwrap_or_default().as_millis()).unwrap_or(i64::MAX))
}

fn append_to(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(file)
}

/// The first line of a file, if it is one of the chain.
pub(super) fn first_link(path: &Path, key: &ChainKey) -> io::Result<Option<Link>> {
    let mut first = None;
    files::lines(path, |line| {
        first = key.open(line.bytes);
        false
    })?;
    Ok(first)
}

/// What the first line of a file says of its place, unchecked.
pub(super) fn claimed_first(path: &Path) -> io::Result<Option<Link>> {
    let mut first = None;
    files::lines(path, |line| {
        first = chain::read(line.bytes);
        false
    })?;
    Ok(first)
}

#[cfg(test)]
impl Log {
    /// The anchor as it lies beside the log.
    pub(super) fn anchor(&self) -> Found {
        Anchor::read(&self.files.anchor(), &self.key).expect("read")
    }
}
