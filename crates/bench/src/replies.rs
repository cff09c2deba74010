//! The end of each RESP2 reply in a stream of bytes, and whether it was an error or null. Keeps a
//! few bytes between calls and never a value. Pure.

use resp::number::parse_i64;

/// Longest line that a reply may have.
const LINE_BYTES_MAX: usize = 64 << 10;

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// An answer.
    Value,
    /// Null: the key or member was not there.
    Null,
    /// The error's text, code first.
    Error(&'a str),
}

/// What came is no reply; begins with the offending bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

/// Finds the ends of replies.
#[derive(Debug, Default)]
pub struct Replies {
    /// A line whose end has not come.
    line: Vec<u8>,
    /// Bytes of a bulk string still to come, its line end included.
    skip: usize,
    /// Elements of the present reply still to come; 0 between replies.
    open: u64,
}

impl Replies {
    /// Reads on; `each` hears of every reply that ends in `bytes`.
    ///
    /// # Errors
    /// [`Malformed`]; nothing after it can be read.
    #[inline]
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(Outcome<'_>),
    ) -> Result<(), Malformed> {
        loop {
            if self.skip > 0 {
                let step = self.skip.min(bytes.len());
                self.skip -= step;
                bytes = &bytes[step..];
                if self.skip > 0 {
                    return Ok(());
                }
                self.close(Outcome::Value, &mut each);
            }
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                let short = self.line.len() <= LINE_BYTES_MAX;
                return if short { Ok(()) } else { Err(malformed(&self.line)) };
            };
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            if self.line.is_empty() {
                self.read_line(line, &mut each)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.read_line(&whole, &mut each)?;
            }
        }
    }

    #[inline]
    fn read_line(
        &mut self,
        line: &[u8],
        each: &mut impl FnMut(Outcome<'_>),
    ) -> Result<(), Malformed> {
        let Some(([kind], text)) =
            line.strip_suffix(b"\r\n").and_then(|line| line.split_first_chunk())
        else {
            return Err(malformed(line));
        };
        let first = self.open == 0;
        match kind {
            b'+' | b':' => self.close(Outcome::Value, each),
            b'-' => self.close(Outcome::Error(&String::from_utf8_lossy(text)), each),
            b'$' | b'*' => match (parse_i64(text), kind) {
                (Some(-1), _) => self.close(Outcome::Null, each),
                (Some(len @ 0..), b'$') => self.skip = len as usize + 2,
                (Some(0), _) => self.close(Outcome::Value, each),
                (Some(len @ 1..), _) if first => self.open = len as u64,
                (Some(len @ 1..), _) => self.open += len as u64 - 1,
                _ => return Err(malformed(line)),
            },
            _ => return Err(malformed(line)),
        }
        Ok(())
    }

    /// An element has ended, and the reply with the last one.
    #[inline]
    fn close(&mut self, outcome: Outcome<'_>, each: &mut impl FnMut(Outcome<'_>)) {
        match self.open {
            0 => each(outcome),
            1 => {
                self.open = 0;
                each(Outcome::Value);
            }
            _ => self.open -= 1,
        }
    }
}

fn malformed(line: &[u8]) -> Malformed {
    let start = &line[..line.len().min(40)];
    Malformed(format!("\"{}\"", start.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8], piece: usize) -> Result<Vec<String>, Malformed> {
        let mut replies = Replies::default();
        let mut seen = Vec::new();
        for bytes in input.chunks(piece) {
            replies.feed(bytes, |outcome| {
                seen.push(match outcome {
                    Outcome::Value => "value".to_owned(),
                    Outcome::Null => "null".to_owned(),
                    Outcome::Error(text) => text.to_owned(),
                });
            })?;
        }
        Ok(seen)
    }

    fn check(input: &str, want: &[&str]) {
        for piece in [1, 2, 3, 7, 1_000] {
            let got = read(input.as_bytes(), piece).expect("these are replies");
            assert_eq!(got, want, "{input:?} in pieces of {piece}");
        }
    }

    #[test]
    fn replies_end_where_they_end() {
        check("+OK\r\n:1\r\n$-1\r\n*-1\r\n", &["value", "value", "null", "null"]);
        check("$0\r\n\r\n$5\r\na\r\nbc\r\n", &["value", "value"]);
        check("-ERR no such thing\r\n+OK\r\n", &["ERR no such thing", "value"]);
        check("*0\r\n*2\r\n$1\r\na\r\n$-1\r\n+OK\r\n", &["value", "value", "value"]);
        check("*2\r\n*2\r\n:1\r\n*0\r\n-ERR x\r\n$-1\r\n", &["value", "null"]);
        check("*1\r\n*1\r\n*1\r\n:1\r\n", &["value"]);
        check("*3\r\n:1\r\n", &[]);
    }

    #[test]
    fn other_protocols_are_named() {
        let check = |input: &str, want: &str| {
            assert_eq!(read(input.as_bytes(), 100), Err(Malformed(want.into())), "{input}");
        };
        check("HTTP/1.1 400 Bad Request\r\n", "\"HTTP/1.1 400 Bad Request\\r\\n\"");
        check("$x\r\n", "\"$x\\r\\n\"");
        check("*-2\r\n", "\"*-2\\r\\n\"");
        check("\r\n", "\"\\r\\n\"");
        check("+OK\n", "\"+OK\\n\"");
    }
}
