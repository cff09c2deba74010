//! The commands of one AOF file, one after the other. Knows no command but by its words.

use resp::decode::Step;
use resp::{Args, Decoder, Limits};
use std::io::{self, Read};

const BUFFER_BYTES: usize = 256 << 10;
/// Longest annotation line, its end included, as in Redis.
const ANNOTATION_BYTES_MAX: usize = 1024;
const LIMITS: Limits = Limits { bulk_bytes_max: u64::MAX, unauthenticated: false };

/// Reads a file from a place on.
pub struct CommandReader {
    file: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// Start of what has not been handed out.
    start: usize,
    /// Where in the file the buffer starts.
    base: u64,
    at_end: bool,
    decoder: Decoder,
    /// Length of the command handed out last.
    consumed: usize,
}

/// Why there is no next command.
#[derive(Debug)]
pub enum ReadFailure {
    /// The file ends in the middle of one.
    Short,
    /// This is no command.
    Format,
    /// The system could not read.
    Io(io::Error),
}

impl CommandReader {
    /// Reads `file`, of which `base` bytes were read before.
    pub fn new(file: Box<dyn Read + Send>, base: u64) -> Self {
        Self {
            file,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            start: 0,
            base,
            at_end: false,
            decoder: Decoder::default(),
            consumed: 0,
        }
    }

    /// Offset behind the command handed out last.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.base + (self.start + self.consumed) as u64
    }

    /// The words of the next command; `None` at the end of the file.
    ///
    /// # Errors
    /// [`ReadFailure`].
    pub fn take(&mut self) -> Result<Option<Args<'_>>, ReadFailure> {
        self.start += std::mem::take(&mut self.consumed);
        self.decoder.finish();
        loop {
            let rest = &self.buffer[self.start..];
            let wanted = match rest.first() {
                None if self.at_end => return Ok(None),
                None => 0,
                Some(b'#') => match self.skip_annotation()? {
                    true => continue,
                    false => 0,
                },
                Some(b'*') => match self.decoder.step(rest, LIMITS) {
                    Step::Request { consumed } => {
                        self.consumed = consumed;
                        break;
                    }
                    Step::Empty { .. } | Step::Error(_) => return Err(ReadFailure::Format),
                    Step::Incomplete { wanted } => wanted,
                },
                Some(_) => return Err(ReadFailure::Format),
            };
            if self.at_end {
                return Err(ReadFailure::Short);
            }
            self.fill(wanted).map_err(ReadFailure::Io)?;
        }
        Ok(Some(self.decoder.args(&self.buffer[self.start..])))
    }

    /// Skips the annotation at the front; false when its end has not been read yet. One that the
    /// file ends in counts as whole, as in Redis.
    fn skip_annotation(&mut self) -> Result<bool, ReadFailure> {
        let rest = &self.buffer[self.start..];
        let line = rest.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        match line {
            Some(len) if len < ANNOTATION_BYTES_MAX => self.start += len,
            None if rest.len() < ANNOTATION_BYTES_MAX && self.at_end => self.start += rest.len(),
            None if rest.len() < ANNOTATION_BYTES_MAX => return Ok(false),
            _ => return Err(ReadFailure::Format),
        }
        Ok(true)
    }

    /// Reads more. The buffer grows beyond its usual size only as bytes of one long command really
    /// arrive.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.base += std::mem::take(&mut self.start) as u64;
        if self.buffer.capacity() > 4 * BUFFER_BYTES && self.buffer.len().max(wanted) < BUFFER_BYTES
        {
            self.buffer.shrink_to(BUFFER_BYTES);
        }
        let room = BUFFER_BYTES.max(self.buffer.len().min(wanted));
        let mut part = (&mut self.file).take(room as u64);
        self.at_end = part.read_to_end(&mut self.buffer)? < room;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], want: &[&str], end: &str, offset: u64) {
        let mut reader = CommandReader::new(Box::new(io::Cursor::new(bytes.to_vec())), 0);
        let mut got = Vec::new();
        let how = loop {
            match reader.take() {
                Ok(Some(args)) => {
                    let words: Vec<_> = args.from(0).map(String::from_utf8_lossy).collect();
                    got.push(words.join(" "));
                }
                Ok(None) => break "end",
                Err(ReadFailure::Short) => break "short",
                Err(ReadFailure::Format) => break "format",
                Err(ReadFailure::Io(_)) => break "io",
            }
        };
        assert_eq!((got.join(";"), how), (want.join(";"), end), "{}", bytes.escape_ascii());
        if how != "end" {
            assert_eq!(reader.offset(), offset, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn files() {
        let set = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
        let with = |tail: &[u8]| [set, tail].concat();
        check(b"", &[], "end", 0);
        check(set, &["SET k v"], "end", 0);
        check(&with(set), &["SET k v", "SET k v"], "end", 0);
        check(&with(b"#TS:1\r\n"), &["SET k v"], "end", 0);
        check(&with(b"#torn"), &["SET k v"], "end", 0);
        check(&with(&[b"#", &[b'x'; 1021][..], b"\n", set].concat()), &["SET k v"; 2], "end", 0);
        check(&with(&[b"#", &[b'x'; 1022][..], b"\n"].concat()), &["SET k v"], "format", 27);
        check(&with(b"*3\r\n$3\r\nSET"), &["SET k v"], "short", 27);
        check(&with(b"*"), &["SET k v"], "short", 27);
        check(&with(b"!!!"), &["SET k v"], "format", 27);
        check(&with(b"*0\r\n"), &["SET k v"], "format", 27);
        check(&with(b"*1\r\nPING\r\n"), &["SET k v"], "format", 27);
        let big = vec![b'x'; 3 * BUFFER_BYTES];
        let head = format!("*1\r\n${}\r\n", big.len());
        let long = [head.as_bytes(), &big, b"\r\n", set].concat();
        let word = String::from_utf8_lossy(&big).into_owned();
        check(&long, &[&word, "SET k v"], "end", 0);
        check(&long[..big.len()], &[], "short", 0);
    }
}
