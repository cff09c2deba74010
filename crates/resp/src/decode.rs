//! Requests out of a growing byte buffer: multi-bulk arrays and inline lines.
//!
//! The decoder keeps its place between calls, so a request that arrives in a thousand pieces is
//! read once. Spans count from the first byte of the request, so the caller may move the buffer's
//! front to the request's start without telling the decoder.

use crate::inline::split_words;
use crate::number::parse_i64;

/// Where an argument lies, counted from the start of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

/// The words of one request, borrowed from the buffer they arrived in.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// Words lying at `spans` of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, spans }
    }

    /// Number of words, the command name included.
    #[inline]
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a request has at least its name")]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Word `index`; the command name is word 0.
    ///
    /// # Panics
    /// When there is no such word; the arity check of the command's row comes first.
    #[inline]
    #[must_use]
    pub fn at(&self, index: usize) -> &'a [u8] {
        let span = self.spans[index];
        &self.bytes[span.start as usize..span.start as usize + span.len as usize]
    }

    /// Word `index`, or `None` behind the last one.
    #[inline]
    #[must_use]
    pub fn find(&self, index: usize) -> Option<&'a [u8]> {
        (index < self.len()).then(|| self.at(index))
    }

    /// The words from `index` on.
    pub fn from(&self, index: usize) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let this = *self;
        (index.min(this.len())..this.len()).map(move |i| this.at(i))
    }

    /// A copy that owns its bytes.
    #[must_use]
    pub fn to_owned_args(&self) -> OwnedArgs {
        OwnedArgs::from_words((0..self.len()).map(|i| self.at(i)))
    }
}

/// A request that outlives its buffer: queued, blocked or made by the server itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedArgs {
    bytes: Box<[u8]>,
    spans: Box<[Span]>,
}

impl OwnedArgs {
    /// Packs words into one block.
    pub fn from_words<'w>(words: impl Iterator<Item = &'w [u8]>) -> Self {
        let mut bytes = Vec::new();
        let mut spans = Vec::new();
        for word in words {
            spans.push(Span { start: bytes.len() as u32, len: word.len() as u32 });
            bytes.extend_from_slice(word);
        }
        Self { bytes: bytes.into(), spans: spans.into() }
    }

    /// The words.
    #[must_use]
    pub fn as_args(&self) -> Args<'_> {
        Args { bytes: &self.bytes, spans: &self.spans }
    }
}

/// What a connection may send.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest argument in bytes (`proto-max-bulk-len`).
    pub bulk_bytes_max: u64,
    /// Before AUTH: at most 10 arguments of 16 KiB, so that strangers cannot make us allocate.
    pub unauthenticated: bool,
}

const INLINE_BYTES_MAX: usize = 64 * 1024;
const ARGS_MAX: i64 = i32::MAX as i64;
/// Spans count in 32 bits.
const REQUEST_BYTES_MAX: usize = u32::MAX as usize - 1024;
const UNAUTHENTICATED_ARGS_MAX: i64 = 10;
const UNAUTHENTICATED_BULK_MAX: u64 = 16 * 1024;

/// Why a request cannot be read; the connection ends after the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolError(pub String);

/// What one call of [`Decoder::step`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A whole request of `consumed` bytes; its spans are in the decoder.
    Request {
        /// Bytes of the request.
        consumed: usize,
    },
    /// An empty request (a lone newline, `*0`) of `consumed` bytes.
    Empty {
        /// Bytes to skip.
        consumed: usize,
    },
    /// The request is not complete. The buffer should be able to hold `wanted` bytes in all.
    Incomplete {
        /// Bytes that the request is known to need; 0 when unknown.
        wanted: usize,
    },
    /// The peer does not speak the protocol.
    Error(ProtocolError),
}

/// Reads requests from the front of a buffer.
#[derive(Debug, Default)]
pub struct Decoder {
    spans: Vec<Span>,
    at: usize,
    args_left: i64,
    inline_words: Option<OwnedArgs>,
}

impl Decoder {
    /// Looks for a request at the start of `input`. After `Request` or `Empty` the caller drops
    /// `consumed` bytes from the front before the next call; after `Incomplete` it only appends.
    #[inline]
    pub fn step(&mut self, input: &[u8], limits: Limits) -> Step {
        if self.at == 0 {
            let Some(&first) = input.first() else { return Step::Incomplete { wanted: 0 } };
            if first != b'*' {
                return self.inline(input);
            }
            match self.header(input, limits) {
                Ok(()) => {}
                Err(step) => return step,
            }
        }
        self.bulks(input, limits)
    }

    /// The words of the request just found in `input`.
    #[inline]
    #[must_use]
    pub fn args<'a>(&'a self, input: &'a [u8]) -> Args<'a> {
        match &self.inline_words {
            None => Args { bytes: input, spans: &self.spans },
            Some(words) => words.as_args(),
        }
    }

    /// The spans of the request just found, counted from its start; `None` for an inline one,
    /// whose words lie elsewhere.
    #[inline]
    #[must_use]
    pub fn spans(&self) -> Option<&[Span]> {
        if self.inline_words.is_none() { Some(&self.spans) } else { None }
    }

    /// Forgets the request just found; the next `step` starts at a fresh one.
    #[inline]
    pub fn finish(&mut self) {
        self.at = 0;
        self.inline_words = None;
    }

    fn header(&mut self, input: &[u8], limits: Limits) -> Result<(), Step> {
        self.spans.clear();
        let Some((line, next)) = line_at(input, 1) else {
            if input.len() > INLINE_BYTES_MAX {
                return Err(fail("too big mbulk count string"));
            }
            return Err(Step::Incomplete { wanted: 0 });
        };
        let count = parse_i64(line).filter(|&n| n <= ARGS_MAX);
        let Some(count) = count else { return Err(fail("invalid multibulk length")) };
        if limits.unauthenticated && count > UNAUTHENTICATED_ARGS_MAX {
            return Err(fail("unauthenticated multibulk length"));
        }
        if count <= 0 {
            return Err(Step::Empty { consumed: next });
        }
        self.at = next;
        self.args_left = count;
        Ok(())
    }

    #[inline]
    fn bulks(&mut self, input: &[u8], limits: Limits) -> Step {
        while self.args_left > 0 {
            match input.get(self.at) {
                None => return Step::Incomplete { wanted: 0 },
                Some(b'$') => {}
                Some(&other) => {
                    return fail(format!("expected '$', got '{}'", printable(other)));
                }
            }
            let Some((line, start)) = line_at(input, self.at + 1) else {
                if input.len() - self.at > INLINE_BYTES_MAX {
                    return fail("too big bulk count string");
                }
                return Step::Incomplete { wanted: 0 };
            };
            let len = match bulk_len(line, limits) {
                Ok(len) => len,
                Err(error) => return error,
            };
            if start + len > REQUEST_BYTES_MAX {
                return fail("too big request");
            }
            if input.len() < start + len + 2 {
                return Step::Incomplete { wanted: start + len + 2 };
            }
            self.spans.push(Span { start: start as u32, len: len as u32 });
            self.at = start + len + 2;
            self.args_left -= 1;
        }
        Step::Request { consumed: self.at }
    }

    fn inline(&mut self, input: &[u8]) -> Step {
        let Some(newline) = input.iter().position(|&b| b == b'\n') else {
            if input.len() > INLINE_BYTES_MAX {
                return fail("too big inline request");
            }
            return Step::Incomplete { wanted: 0 };
        };
        let line = input[..newline].strip_suffix(b"\r").unwrap_or(&input[..newline]);
        let consumed = newline + 1;
        let Some(words) = split_words(line) else { return fail("unbalanced quotes in request") };
        if words.is_empty() {
            return Step::Empty { consumed };
        }
        self.inline_words = Some(OwnedArgs::from_words(words.iter().map(Vec::as_slice)));
        Step::Request { consumed }
    }
}

fn fail(message: impl Into<String>) -> Step {
    Step::Error(ProtocolError(message.into()))
}

fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { byte as char } else { '?' }
}

#[inline]
fn bulk_len(line: &[u8], limits: Limits) -> Result<usize, Step> {
    // The common case: one to three digits.
    let len = match *line {
        [a @ b'0'..=b'9'] => u64::from(a - b'0'),
        [a @ b'1'..=b'9', b @ b'0'..=b'9'] => u64::from(a - b'0') * 10 + u64::from(b - b'0'),
        _ => match parse_i64(line).and_then(|n| u64::try_from(n).ok()) {
            Some(len) => len,
            None => return Err(fail("invalid bulk length")),
        },
    };
    if limits.unauthenticated && len > UNAUTHENTICATED_BULK_MAX {
        return Err(fail("unauthenticated bulk length"));
    }
    if len > limits.bulk_bytes_max.min(u64::from(u32::MAX) - 1024) {
        return Err(fail("invalid bulk length"));
    }
    Ok(len as usize)
}

/// The line from `from` up to its CR, and where the next line starts.
#[inline]
fn line_at(input: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = input.get(from..)?;
    let len = rest.iter().position(|&b| b == b'\r')?;
    // Redis looks only for CR and skips the byte behind it; it must have arrived, though.
    (rest.len() > len + 1).then(|| (&rest[..len], from + len + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bulk_bytes_max: 512 << 20, unauthenticated: false };

    fn words(decoder: &Decoder, input: &[u8]) -> Vec<String> {
        decoder.args(input).from(0).map(|w| String::from_utf8_lossy(w).into_owned()).collect()
    }

    fn check(input: &str, want: &[&str]) {
        let mut decoder = Decoder::default();
        let step = decoder.step(input.as_bytes(), LIMITS);
        assert_eq!(step, Step::Request { consumed: input.len() }, "{input:?}");
        assert_eq!(words(&decoder, input.as_bytes()), want, "{input:?}");
    }

    fn check_error(input: &[u8], limits: Limits, want: &str) {
        let step = Decoder::default().step(input, limits);
        assert_eq!(step, Step::Error(ProtocolError(want.into())), "{input:?}");
    }

    #[test]
    fn whole_requests() {
        check("*1\r\n$4\r\nPING\r\n", &["PING"]);
        check("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", &["SET", "k", ""]);
        check("PING\r\n", &["PING"]);
        check("SET k \"v w\"\n", &["SET", "k", "v w"]);
    }

    #[test]
    fn one_byte_at_a_time() {
        let input = b"*2\r\n$3\r\nGET\r\n$12\r\nkey:00000001\r\n";
        let mut decoder = Decoder::default();
        for end in 0..input.len() {
            let step = decoder.step(&input[..end], LIMITS);
            assert!(matches!(step, Step::Incomplete { .. }), "at {end}: {step:?}");
        }
        assert_eq!(decoder.step(input, LIMITS), Step::Request { consumed: input.len() });
        assert_eq!(words(&decoder, input), ["GET", "key:00000001"]);
    }

    #[test]
    fn empty_requests_are_skipped() {
        for (input, consumed) in [("\r\n", 2), ("*0\r\n", 4), ("*-1\r\n", 5), ("  \n", 3)] {
            let step = Decoder::default().step(input.as_bytes(), LIMITS);
            assert_eq!(step, Step::Empty { consumed }, "{input:?}");
        }
    }

    #[test]
    fn malformed_requests_are_named() {
        check_error(b"*x\r\n", LIMITS, "invalid multibulk length");
        check_error(b"*3000000000\r\n", LIMITS, "invalid multibulk length");
        check_error(b"*1\r\nPING\r\n", LIMITS, "expected '$', got 'P'");
        check_error(b"*1\r\n$-1\r\n", LIMITS, "invalid bulk length");
        check_error(b"*1\r\n$999999999\r\n", LIMITS, "invalid bulk length");
        check_error(b"set \"k\r\n", LIMITS, "unbalanced quotes in request");
        let long = vec![b'a'; INLINE_BYTES_MAX + 1];
        check_error(&long, LIMITS, "too big inline request");
        let stranger = Limits { unauthenticated: true, ..LIMITS };
        check_error(b"*11\r\n", stranger, "unauthenticated multibulk length");
        check_error(b"*1\r\n$16385\r\n", stranger, "unauthenticated bulk length");
    }
}
