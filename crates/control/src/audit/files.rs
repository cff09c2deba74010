//! Names of the audit log's files and their lines one by one. A file that was set aside is named
//! after its first line. Must not know what lines say.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Where the files of one log are.
#[derive(Debug, Clone)]
pub struct Files {
    directory: PathBuf,
}

/// A line of a file, without its line feed.
pub struct Line<'a> {
    /// Place of its first byte.
    pub offset: u64,
    /// From 1.
    pub number: u64,
    /// Content.
    pub bytes: &'a [u8],
    /// The line feed is there.
    pub whole: bool,
}

impl Files {
    /// Those of `directory`.
    pub fn of(directory: &Path) -> Files {
        Files { directory: directory.to_owned() }
    }

    /// What lines are appended to.
    pub fn current(&self) -> PathBuf {
        self.directory.join("audit.log")
    }

    /// Where the anchor is.
    pub fn anchor(&self) -> PathBuf {
        self.directory.join("audit.anchor")
    }

    /// Name of a file whose first line is `first_seq`, once it is set aside.
    pub fn aside(&self, first_seq: u64) -> PathBuf {
        self.directory.join(format!("audit.{first_seq:020}.log"))
    }

    /// Where lines of before the chain, or of nobody knows whom, are kept.
    pub fn unchained(&self) -> PathBuf {
        let names = (1..).map(|number| self.directory.join(format!("audit.unchained.{number}")));
        let mut free = names.filter(|path| !path.exists());
        free.next().expect("numbers do not end")
    }

    /// Files that were set aside with the number in their names, oldest first.
    ///
    /// # Errors
    /// As the file system says.
    pub fn set_aside(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            found.extend(number(&path).map(|first_seq| (first_seq, path)));
        }
        found.sort();
        Ok(found)
    }

    /// All files that exist with the number that their names say, oldest first; the current one
    /// has none.
    ///
    /// # Errors
    /// As the file system says.
    pub fn all(&self) -> io::Result<Vec<(Option<u64>, PathBuf)>> {
        let aside = self.set_aside()?.into_iter().map(|(seq, path)| (Some(seq), path));
        let current = self.current();
        let current = current.exists().then_some((None, current));
        Ok(aside.chain(current).collect())
    }

    /// Lines that no chain covers.
    ///
    /// # Errors
    /// As the file system says.
    pub fn uncovered(&self) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let old = name.strip_prefix("audit.log.").is_some_and(|n| n.parse::<u32>().is_ok());
            if old || name.starts_with("audit.unchained.") {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }
}

/// The number in the name of a file that was set aside.
fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_prefix("audit.")?.strip_suffix(".log")?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten()
}

/// Reads the lines of a file in order until `each` says no; gives the bytes that were read.
///
/// # Errors
/// As the file system says.
pub fn lines(path: &Path, each: impl FnMut(Line<'_>) -> bool) -> io::Result<u64> {
    lines_from(path, 0, each)
}

/// As [`lines`], from the line at this offset on.
///
/// # Errors
/// As the file system says.
pub fn lines_from(
    path: &Path,
    mut offset: u64,
    mut each: impl FnMut(Line<'_>) -> bool,
) -> io::Result<u64> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let (mut number, mut bytes) = (0, Vec::new());
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes)? as u64;
        if read == 0 {
            return Ok(offset);
        }
        number += 1;
        let whole = bytes.last() == Some(&b'\n');
        let content = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        if !each(Line { offset, number, bytes: content, whole }) {
            return Ok(offset);
        }
        offset += read;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn names_and_lines() {
        let scratch = Scratch::new();
        let files = Files::of(scratch.path());
        for path in [files.aside(20), files.aside(3), files.current(), files.unchained()] {
            fs::write(path, "a\n\nb").expect("written");
        }
        fs::write(scratch.path().join("audit.7.log"), "").expect("written");
        let names: Vec<_> = files.all().expect("read").into_iter().map(|file| file.0).collect();
        assert_eq!(names, [Some(3), Some(20), None]);
        assert!(files.unchained().ends_with("audit.unchained.2"));
        assert_eq!(files.uncovered().expect("read").len(), 1);
        let mut seen = Vec::new();
        lines(&files.current(), |line| {
            seen.push((line.offset, line.number, line.bytes.to_vec(), line.whole));
            true
        })
        .expect("read");
        let wanted = [(0, 1, b"a".to_vec(), true), (2, 2, vec![], true)];
        assert_eq!(seen[..2], wanted);
        assert_eq!(seen[2], (3, 3, b"b".to_vec(), false));
    }
}
