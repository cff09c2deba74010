//! The list of the files of a multi-part AOF, in the form of Redis 7.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b
//! file appendonly.aof.1.incr.aof seq 1 type h
//! file appendonly.aof.3.incr.aof seq 3 type i
//! ```

use resp::inline::split_words;
use std::fmt::Write;

/// Longest line that is accepted, as in Redis.
const LINE_BYTES_MAX: usize = 1024;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name within the directory.
    pub name: String,
    /// Its number among the files of its kind.
    pub seq: u64,
}

/// Which files make up the data set, in order: the base, then the increments. The history waits to
/// be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The whole data set at one moment.
    pub base: Option<Part>,
    /// Replaced by the base.
    pub history: Vec<Part>,
    /// Commands since then.
    pub increments: Vec<Part>,
    base_seq: u64,
    increment_seq: u64,
}

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reading the manifest file, at line {line} '{text}': {what}")]
pub struct ManifestError {
    /// Line number, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// In Redis' words.
    pub what: &'static str,
}

impl Manifest {
    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// The first line that is not as it should be.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        if text.is_empty() {
            let what = "Found an empty AOF manifest";
            return Err(ManifestError { line: 0, text: String::new(), what });
        }
        for (at, line) in text.split_inclusive('\n').enumerate() {
            if !line.starts_with('#') {
                manifest.add(line).map_err(|what| {
                    let text = line.trim().to_owned();
                    ManifestError { line: at + 1, text, what }
                })?;
            }
        }
        Ok(manifest)
    }

    fn add(&mut self, line: &str) -> Result<(), &'static str> {
        if line.len() > LINE_BYTES_MAX || !line.ends_with('\n') {
            return Err("The AOF manifest file contains too long line");
        }
        let (part, kind) = parse_line(line).ok_or("Invalid AOF manifest file format")?;
        if part.name.contains(['/', '\\']) {
            return Err("File can't be a path, just a filename");
        }
        match kind {
            'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            'b' => {
                self.base_seq = part.seq;
                self.base = Some(part);
            }
            'h' => self.history.push(part),
            'i' if part.seq <= self.increment_seq => {
                return Err("Found a non-monotonic sequence number");
            }
            'i' => {
                self.increment_seq = part.seq;
                self.increments.push(part);
            }
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The text to write: base, history, increments.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let kinds = [('b', self.base.as_slice()), ('h', &self.history), ('i', &self.increments)];
        for (kind, parts) in kinds {
            for Part { name, seq } in parts {
                let name = quoted(name);
                // Writing to a String cannot fail.
                let _ = writeln!(text, "file {name} seq {seq} type {kind}");
            }
        }
        text
    }

    /// True when it names no data.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.increments.is_empty()
    }

    /// The files that make up the data set, in the order of loading.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.base.iter().chain(&self.increments)
    }

    /// Adds the next increment; returns its name.
    pub fn add_increment(&mut self, stem: &str) -> String {
        self.increment_seq += 1;
        let name = format!("{stem}.{}.incr.aof", self.increment_seq);
        self.increments.push(Part { name: name.clone(), seq: self.increment_seq });
        name
    }

    /// Puts a new base in the place of the old one and of all increments but the newest `keep`;
    /// returns its name.
    pub fn replace_base(&mut self, stem: &str, is_rdb: bool, keep: usize) -> String {
        self.base_seq += 1;
        let suffix = if is_rdb { "rdb" } else { "aof" };
        let name = format!("{stem}.{}.base.{suffix}", self.base_seq);
        let base = Part { name: name.clone(), seq: self.base_seq };
        if let Some(old) = self.base.replace(base) {
            self.history.insert(0, old);
        }
        let gone = self.increments.len().saturating_sub(keep);
        for part in self.increments.drain(..gone) {
            self.history.insert(0, part);
        }
        name
    }

    /// The same without what waits to be removed.
    #[must_use]
    pub fn without_history(&self) -> Self {
        Self { history: Vec::new(), ..self.clone() }
    }

    /// The only file is `stem` itself, a base as older versions wrote it.
    #[must_use]
    pub fn of_old_file(stem: &str) -> Self {
        let base = Some(Part { name: stem.to_owned(), seq: 1 });
        Self { base, base_seq: 1, ..Self::default() }
    }
}

fn parse_line(line: &str) -> Option<(Part, char)> {
    let words = split_words(line.trim_matches([' ', '\t', '\r', '\n']).as_bytes())?;
    if words.len() < 6 || words.len() % 2 == 1 {
        return None;
    }
    let (mut name, mut seq, mut kind) = (None, None, None);
    for pair in words.chunks(2) {
        let value = String::from_utf8(pair[1].clone()).ok()?;
        match &pair[0].to_ascii_lowercase()[..] {
            b"file" => name = Some(value),
            b"seq" => seq = value.parse().ok().filter(|seq| *seq > 0),
            b"type" => kind = value.chars().next(),
            // Words of a later version.
            _ => {}
        }
    }
    Some((Part { name: name.filter(|name| !name.is_empty())?, seq: seq? }, kind?))
}

/// A name as one word: quoted when it would not be one otherwise.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !"\"'\\".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        return name.to_owned();
    }
    let mut word = String::from("\"");
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => word.extend(['\\', char::from(byte)]),
            b'\n' => word.push_str("\\n"),
            b'\r' => word.push_str("\\r"),
            b'\t' => word.push_str("\\t"),
            7 => word.push_str("\\a"),
            8 => word.push_str("\\b"),
            b' '..=b'~' => word.push(char::from(byte)),
            _ => {
                let _ = write!(word, "\\x{byte:02x}");
            }
        }
    }
    word + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were() {
        let text = "file a.aof.2.base.rdb seq 2 type b\nfile a.aof.1.base.aof seq 1 type h\n\
                    file a.aof.3.incr.aof seq 3 type i\nfile a.aof.5.incr.aof seq 5 type i\n";
        let mut manifest = Manifest::parse(text).expect("it is good");
        assert_eq!(manifest.text(), text);
        assert_eq!(manifest.add_increment("a.aof"), "a.aof.6.incr.aof");
        assert_eq!(manifest.replace_base("a.aof", true, 1), "a.aof.3.base.rdb");
        let want = "file a.aof.3.base.rdb seq 3 type b\nfile a.aof.5.incr.aof seq 5 type h\n\
                    file a.aof.3.incr.aof seq 3 type h\nfile a.aof.2.base.rdb seq 2 type h\n\
                    file a.aof.1.base.aof seq 1 type h\nfile a.aof.6.incr.aof seq 6 type i\n";
        assert_eq!(manifest.text(), want);
        let odd = Manifest::of_old_file("my \"own\".aof");
        assert_eq!(odd.text(), "file \"my \\\"own\\\".aof\" seq 1 type b\n");
        assert_eq!(Manifest::parse(&odd.text()), Ok(odd));
        let loose = "# a comment\n \tSEQ 1 x y type incr file 'f' \r\n";
        assert_eq!(Manifest::parse(loose).expect("it is good").text(), "file f seq 1 type i\n");
    }

    #[test]
    fn bad_lines_are_named() {
        let long = format!("file {} seq 1 type b\n", "x".repeat(1024));
        for (text, line, what) in [
            ("", 0, "empty"),
            ("\n", 1, "Invalid"),
            ("file a seq 1 type b", 1, "too long line"),
            (&long, 1, "too long line"),
            ("file a seq 1 type b\nfile b seq 2 type b\n", 2, "duplicate base"),
            ("file a seq 2 type i\nfile b seq 2 type i\n", 2, "non-monotonic"),
            ("file a seq 1 type x\n", 1, "Unknown AOF file type"),
            ("file d/a seq 1 type b\n", 1, "can't be a path"),
            ("file a seq 1\n", 1, "Invalid"),
            ("file a seq 0 type b\n", 1, "Invalid"),
            ("file a seq x type b\n", 1, "Invalid"),
            ("file \"a seq 1 type b\n", 1, "Invalid"),
        ] {
            let error = Manifest::parse(text).expect_err(text);
            assert!(error.line == line && error.what.contains(what), "{text:?}: {error}");
        }
    }
}
