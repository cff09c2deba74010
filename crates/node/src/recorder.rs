//! Writes the records of a managed node into files of its working directory, and turns these and
//! the node's own log over when they are full, so that all of them stay bounded. Must not know what
//! records tell.

use server::Shared;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use stdx::record::{Kind, Record, decode};

/// How often files are looked at when nothing is written.
const IDLE_PAUSE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A file and those of before it.
struct Log {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
    bytes_max: u64,
    /// Files kept beside the current one.
    old_max: u32,
}

impl Log {
    fn new(path: &str, bytes_max: u64, old_max: u32) -> Log {
        Log { path: path.into(), file: None, bytes: 0, bytes_max, old_max }
    }

    /// Opens the file; what a crash left of a record at its end goes.
    fn open(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            let mut file = append_to(&self.path)?;
            let mut content = Vec::new();
            File::open(&self.path)?.read_to_end(&mut content)?;
            let mut good = 0;
            while let Some((_, bytes)) = decode(&content[good..]) {
                good += bytes;
            }
            if good < content.len() {
                file.set_len(good as u64)?;
            }
            self.bytes = good as u64;
            file.flush()?;
            self.file = Some(file);
        }
        Ok(self.file.as_mut().expect("it was just opened"))
    }

    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        self.open()?.write_all(records)?;
        self.bytes += records.len() as u64;
        if self.bytes_max <= self.bytes {
            self.file = None;
            turn(&self.path, self.old_max)?;
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    // Read by a person or a program beside this one: the owner's alone.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Name of a file of before; 1 is the youngest.
fn old(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// Sets a file aside and drops the oldest.
fn turn(path: &Path, old_max: u32) -> io::Result<()> {
    for number in (1..old_max).rev() {
        match fs::rename(old(path, number), old(path, number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, old(path, 1))
}

/// Sets the log that is this process's output aside and goes on with a new one.
fn turn_output(path: &Path, bytes_max: u64) -> io::Result<()> {
    if fs::metadata(path).map_or(0, |meta| meta.len()) < bytes_max {
        return Ok(());
    }
    turn(path, 1)?;
    let file = append_to(path)?;
    rustix::stdio::dup2_stdout(&file)?;
    rustix::stdio::dup2_stderr(&file)?;
    Ok(())
}

/// Removes files of before whose last record is older than `days`.
fn drop_old(log: &Log, now: SystemTime, days: u32) {
    for number in 1..=log.old_max {
        let path = old(&log.path, number);
        let written = fs::metadata(&path).and_then(|meta| meta.modified());
        let age = written.ok().and_then(|written| now.duration_since(written).ok());
        if age.is_some_and(|age| DAY * days < age) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes until the node's records are closed.
pub fn run(shared: &Shared) {
    let mut slow = Log::new("slow.rec", 4 << 20, 1);
    let mut audit = Log::new("audit.rec", 32 << 20, 3);
    let mut complained = false;
    loop {
        let taken = shared.records.take(IDLE_PAUSE);
        let mut records = taken.audit;
        if taken.left_out > 0 {
            let took_us = u32::try_from(taken.left_out).unwrap_or(u32::MAX);
            let unix_us = shared.host.clock().unix_ms() * 1000;
            let (peer, user, outcome, text) = ("", "", "", &b""[..]);
            let kind = Kind::Gap;
            let gap = Record { kind, unix_us, took_us, db: 0, peer, user, outcome, text };
            gap.encode(&mut records);
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(shared.host.clock().unix_ms());
        drop_old(&audit, now, shared.records.keep_days());
        let written = slow.write(&taken.slow).and_then(|()| audit.write(&records));
        let written = written.and_then(|()| turn_output(Path::new("node.log"), 8 << 20));
        match written {
            Err(error) if !complained => {
                complained = true;
                tracing::error!(%error, "write records; some are lost");
            }
            Err(_) => {}
            Ok(()) => complained = false,
        }
        if taken.closed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let (kind, peer, user, outcome) = (Kind::Write, "p", "u", "");
        let text = text.as_bytes();
        Record { kind, unix_us: 1, took_us: 0, db: 0, peer, user, outcome, text }.encode(&mut out);
        out
    }

    fn texts(path: &Path) -> String {
        let content = fs::read(path).unwrap_or_default();
        let (mut rest, mut found) = (&content[..], String::new());
        while let Some((record, bytes)) = decode(rest) {
            found.push_str(std::str::from_utf8(record.text).expect("letters"));
            rest = &rest[bytes..];
        }
        found
    }

    #[test]
    fn files_are_turned_over_and_torn_ends_go() {
        let directory = std::env::temp_dir().join(format!("larder-records-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("made");
        let path = directory.join("audit.rec");
        let limit = bytes("a").len() as u64 * 2;
        let new = || Log::new(path.to_str().expect("a name"), limit, 2);
        let mut log = new();
        for text in ["a", "b", "c", "d", "e", "f", "g"] {
            log.write(&bytes(text)).expect("written");
        }
        let found = [texts(&path), texts(&old(&path, 1)), texts(&old(&path, 2))];
        assert_eq!(found, ["g", "ef", "cd"]);
        append_to(&path).expect("opened").write_all(&bytes("x")[..9]).expect("torn");
        new().write(&bytes("h")).expect("written");
        assert_eq!([texts(&path), texts(&old(&path, 1))], ["", "gh"]);
        drop_old(&log, SystemTime::UNIX_EPOCH + DAY * 100_000, 1);
        assert!(!old(&path, 1).exists());
        fs::remove_dir_all(directory).expect("removed");
    }
}
