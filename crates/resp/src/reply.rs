//! Replies to bytes. One writer for both protocols: the caller says what it means (a map, a null),
//! the protocol of the connection says how it looks.

use crate::double::Decimal;
use crate::number::Digits;

/// Protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2.
    Two,
    /// RESP3.
    Three,
}

/// Appends replies to a connection's output.
#[derive(Debug)]
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> Reply<'a> {
    /// A writer at the end of `out`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Self { out, protocol }
    }

    /// Protocol in force.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Bytes written to the connection's output so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// Takes back everything after `position`.
    pub fn rewind(&mut self, position: usize) {
        self.out.truncate(position);
    }

    /// `+OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string; `text` must not contain CR or LF.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        self.out.push(b'+');
        self.out.extend_from_slice(text.as_bytes());
        self.crlf();
    }

    /// An error line, `text` with its code. CR and LF become spaces, so that nothing a client sent
    /// can forge a second reply.
    pub fn error(&mut self, text: &[u8]) {
        self.out.push(b'-');
        self.out.extend(text.iter().map(|&b| if b == b'\r' || b == b'\n' { b' ' } else { b }));
        self.crlf();
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.header(b'$', bytes.len() as i64);
        self.out.extend_from_slice(bytes);
        self.crlf();
    }

    /// A bulk string of `len` bytes that come in pieces.
    pub fn bulk_of<'p>(&mut self, len: usize, pieces: impl Iterator<Item = &'p [u8]>) {
        self.header(b'$', len as i64);
        self.out.reserve(len + 2);
        pieces.for_each(|piece| self.out.extend_from_slice(piece));
        self.crlf();
    }

    /// An integer as a bulk string.
    pub fn bulk_int(&mut self, value: i64) {
        self.bulk(Digits::new().format(value));
    }

    /// A bulk string, or null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// The null of a value: `$-1` or `_`.
    #[inline]
    pub fn null(&mut self) {
        self.either(b"$-1\r\n", b"_\r\n");
    }

    /// The null of an array: `*-1` or `_`.
    pub fn null_array(&mut self) {
        self.either(b"*-1\r\n", b"_\r\n");
    }

    /// A double: a bulk string in RESP2.
    pub fn double(&mut self, value: f64) {
        self.double_text(Decimal::new().format(value));
    }

    /// A double by its digits: a bulk string in RESP2.
    pub fn double_text(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Two => self.bulk(digits.as_bytes()),
            Protocol::Three => {
                self.out.push(b',');
                self.out.extend_from_slice(digits.as_bytes());
                self.crlf();
            }
        }
    }

    /// A boolean: 0 or 1 in RESP2.
    pub fn boolean(&mut self, value: bool) {
        if value { self.either(b":1\r\n", b"#t\r\n") } else { self.either(b":0\r\n", b"#f\r\n") }
    }

    /// Starts an array of `len` elements.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len as i64);
    }

    /// Starts a map of `len` pairs: an array of twice as many elements in RESP2.
    pub fn map(&mut self, len: usize) {
        match self.protocol {
            Protocol::Two => self.header(b'*', 2 * len as i64),
            Protocol::Three => self.header(b'%', len as i64),
        }
    }

    /// Starts a set of `len` elements: an array in RESP2.
    pub fn set(&mut self, len: usize) {
        self.header(if self.protocol == Protocol::Two { b'*' } else { b'~' }, len as i64);
    }

    /// Starts an out-of-band push of `len` elements: an array in RESP2.
    pub fn push(&mut self, len: usize) {
        self.header(if self.protocol == Protocol::Two { b'*' } else { b'>' }, len as i64);
    }

    /// A number of any size by its digits: a bulk string in RESP2.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Two => self.bulk(digits.as_bytes()),
            Protocol::Three => {
                self.out.push(b'(');
                self.out.extend_from_slice(digits.as_bytes());
                self.crlf();
            }
        }
    }

    /// Starts attributes of `len` pairs, in front of the reply that they belong to. RESP3 only.
    pub fn attribute(&mut self, len: usize) {
        self.header(b'|', len as i64);
    }

    /// Text for people: a bulk string in RESP2.
    pub fn verbatim(&mut self, text: &[u8]) {
        match self.protocol {
            Protocol::Two => self.bulk(text),
            Protocol::Three => {
                self.header(b'=', text.len() as i64 + 4);
                self.out.extend_from_slice(b"txt:");
                self.out.extend_from_slice(text);
                self.crlf();
            }
        }
    }

    /// Appends bytes that are a whole reply already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    #[inline]
    fn header(&mut self, kind: u8, value: i64) {
        self.out.push(kind);
        if (0..10).contains(&value) {
            self.out.extend_from_slice(&[b'0' + value as u8, b'\r', b'\n']);
            return;
        }
        self.out.extend_from_slice(Digits::new().format(value));
        self.crlf();
    }

    #[inline]
    fn either(&mut self, two: &[u8], three: &[u8]) {
        self.out.extend_from_slice(if self.protocol == Protocol::Two { two } else { three });
    }

    #[inline]
    fn crlf(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

/// As [`Decimal::format`], in memory of its own.
#[must_use]
pub fn format_double(value: f64) -> String {
    Decimal::new().format(value).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(protocol: Protocol, write: impl Fn(&mut Reply<'_>), want: &str) {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, protocol));
        assert_eq!(String::from_utf8_lossy(&out), want);
    }

    #[test]
    fn both_protocols() {
        use Protocol::{Three, Two};
        check(Two, |r| r.null(), "$-1\r\n");
        check(Three, |r| r.null(), "_\r\n");
        check(Two, |r| r.map(2), "*4\r\n");
        check(Three, |r| r.map(2), "%2\r\n");
        check(Two, |r| r.double(1.5), "$3\r\n1.5\r\n");
        check(Three, |r| r.double(1.5), ",1.5\r\n");
        check(Two, |r| r.bulk(b"0123456789"), "$10\r\n0123456789\r\n");
        check(Two, |r| r.int(-12), ":-12\r\n");
        check(Two, |r| r.error(b"ERR a\r\n+OK"), "-ERR a  +OK\r\n");
        check(Three, |r| r.verbatim(b"x"), "=5\r\ntxt:x\r\n");
    }
}
