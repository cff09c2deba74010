//! `larder audit verify`: walks the whole chain and names every place where the log is not what was
//! written. Reads only. Must not know what lines tell.

use super::anchor::{Anchor, Found};
use super::chain::{ChainKey, Mac};
use super::files::{self, Files, Line};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What a walk over the log found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// Lines of the chain that are as they were written.
    pub lines: u64,
    /// Files that were read.
    pub files: usize,
    /// Number of the newest line.
    pub newest_seq: u64,
    /// Every place where something is wrong; empty when the log is whole.
    pub findings: Vec<Finding>,
    /// What one should know and is no fault.
    pub notes: Vec<Finding>,
}

/// A place and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which file.
    pub file: PathBuf,
    /// Which line, from 1; 0 is the file as a whole.
    pub line: u64,
    /// A sentence.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.what),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.what),
        }
    }
}

/// Walks the log of `directory`. A control plane may be writing meanwhile.
///
/// # Errors
/// As the file system says.
pub fn verify(directory: &Path, key: &ChainKey) -> io::Result<Report> {
    let files = Files::of(directory);
    // A file that is set aside under the reader's eyes looks like damage once, not thrice.
    let mut report = walk(&files, key)?;
    for _ in 0..2 {
        if report.findings.is_empty() {
            break;
        }
        report = walk(&files, key)?;
    }
    Ok(report)
}

fn walk(files: &Files, key: &ChainKey) -> io::Result<Report> {
    let found = Anchor::read(&files.anchor(), key)?;
    let all = files.all()?;
    let mut walk = Walk::new(&found, key);
    if all.is_empty() && found == Found::Absent {
        let what = "there is no audit log here, nor an anchor of one";
        walk.find(&files.current(), 0, what);
    }
    for (named_seq, path) in &all {
        walk.file(*named_seq, path)?;
    }
    walk.end(files, &found);
    for path in files.uncovered()? {
        walk.note(&path, 0, "no chain covers these lines; they are of before it, or of others");
    }
    walk.report.files = all.len();
    Ok(walk.report)
}

struct Walk<'a> {
    key: &'a ChainKey,
    /// Number of the line that must come next.
    expected_seq: u64,
    /// Check value that it must follow.
    before: Option<Mac>,
    /// Lines since the last good one that nobody with the key wrote.
    strange: u64,
    /// The line that the anchor names was seen as it is.
    has_anchor: bool,
    anchor: Option<(u64, Mac)>,
    report: Report,
}

impl<'a> Walk<'a> {
    fn new(found: &Found, key: &'a ChainKey) -> Walk<'a> {
        let (expected_seq, before, anchor) = match found {
            Found::Whole(a) => (a.first_seq, a.before_first, Some((a.last_seq, a.last_mac))),
            Found::Absent | Found::Broken => (1, key.genesis(), None),
        };
        let (before, report) = (Some(before), Report::default());
        Walk { key, expected_seq, before, strange: 0, has_anchor: false, anchor, report }
    }

    fn find(&mut self, file: &Path, line: u64, what: impl Into<String>) {
        self.report.findings.push(Finding { file: file.to_owned(), line, what: what.into() });
    }

    fn note(&mut self, file: &Path, line: u64, what: impl Into<String>) {
        self.report.notes.push(Finding { file: file.to_owned(), line, what: what.into() });
    }

    fn file(&mut self, named_seq: Option<u64>, path: &Path) -> io::Result<()> {
        let read = files::lines(path, |line| {
            let first = line.number == 1;
            match self.key.open(line.bytes) {
                _ if !line.whole => {
                    let what = "a line without an end; a crash tears one, the next start tells";
                    self.note(path, line.number, what);
                }
                None => self.strange_line(path, &line),
                Some(link) => {
                    if first && named_seq.is_some_and(|named| named != link.seq) {
                        let what = format!("the file begins with line {}, not as named", link.seq);
                        self.find(path, line.number, what);
                    }
                    self.place(path, &line, link);
                    self.read_events(path, &line);
                }
            }
            true
        })?;
        if read == 0 && named_seq.is_some() {
            self.find(path, 0, "the file is empty");
        }
        Ok(())
    }

    fn strange_line(&mut self, path: &Path, line: &Line<'_>) {
        self.strange += 1;
        let what = match super::chain::read(line.bytes) {
            Some(link) => format!("line {} was changed, or was not written by Larder", link.seq),
            None => "this was not written by Larder, or was changed".to_owned(),
        };
        self.find(path, line.number, what);
    }

    /// Holds an authentic line against those before it.
    fn place(&mut self, path: &Path, line: &Line<'_>, link: super::chain::Link) {
        let expected = self.expected_seq;
        if link.seq < expected {
            let what = format!("line {} is a copy, or stands behind later ones", link.seq);
            return self.find(path, line.number, what);
        }
        let missing = (link.seq - expected).saturating_sub(self.strange);
        if missing > 0 {
            let last = link.seq - 1;
            let what = match self.strange {
                0 if missing == 1 => format!("line {expected} is missing before this one"),
                0 => format!("lines {expected} to {last} are missing before this one"),
                _ => {
                    format!("of lines {expected} to {last} before this one, {missing} are missing")
                }
            };
            self.find(path, line.number, what);
        } else if link.seq == expected && self.before.is_some_and(|before| before != link.prev) {
            let what = format!("line {} does not follow the line before it", link.seq);
            self.find(path, line.number, what);
        }
        self.report.lines += 1;
        self.report.newest_seq = link.seq;
        self.has_anchor |= self.anchor == Some((link.seq, link.mac));
        (self.expected_seq, self.before, self.strange) = (link.seq + 1, Some(link.mac), 0);
    }

    /// What starts told of a log that they did not find as it was left.
    fn read_events(&mut self, path: &Path, line: &Line<'_>) {
        let (at, n) = (path, line.number);
        match own_event(line.bytes) {
            b"turned" if n > 1 => self.find(at, n, "another file begins here: two were joined"),
            b"damaged" => self.find(at, n, "a start found lines before this one gone or changed"),
            b"anchor_lost" => {
                let what = "a start found no anchor: lines before this one may have been cut off";
                self.find(at, n, what);
            }
            b"replaced" => {
                self.find(at, n, "a start found an older log than the store remembers");
            }
            b"recovered" => {
                self.note(at, n, "unsynced lines of reads went with a crash of the whole system");
            }
            b"repaired" => self.note(at, n, "a line that a crash tore was cut off before this one"),
            _ => {}
        }
    }

    fn end(&mut self, files: &Files, found: &Found) {
        let (anchor, current) = (files.anchor(), files.current());
        match (found, self.anchor) {
            (Found::Broken, _) => self.find(&anchor, 0, "the anchor was changed"),
            (Found::Absent, _) if self.report.newest_seq > 0 => {
                self.find(&anchor, 0, "the anchor is missing: the end may have been cut off");
            }
            (_, Some((last_seq, _))) if last_seq > 0 && !self.has_anchor => {
                let newest = self.report.newest_seq;
                let what = match newest < last_seq {
                    true => format!("lines {} to {last_seq} are missing at the end", newest + 1),
                    false => format!("line {last_seq} is not the one that the anchor names"),
                };
                self.find(&current, 0, what);
            }
            _ => {}
        }
    }
}

/// Name of the event that a line of the log about itself tells; its fields begin with it.
fn own_event(line: &[u8]) -> &[u8] {
    const NAME: &[u8] = b",\"event\":\"";
    let head = &line[..line.len().min(128)];
    let Some(at) = head.windows(NAME.len()).position(|part| part == NAME) else { return b"" };
    line[at + NAME.len()..].split(|byte| *byte == b'"').next().unwrap_or_default()
}
