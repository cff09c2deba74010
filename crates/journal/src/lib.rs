//! The one ordered log of a node: offsets, contiguous blocks, and a ring of the newest bytes. Its
//! payload is the replication stream, byte for byte. Knows no file and no socket.
#![forbid(unsafe_code)]

use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// The log. Appending takes one leaf lock and copies into the ring: no allocation, no system call.
#[derive(Debug)]
pub struct Journal {
    ring: Mutex<Ring>,
    offset: AtomicU64,
    wanted: AtomicBool,
}

#[derive(Debug)]
struct Ring {
    bytes: Box<[u8]>,
    /// Offset of the next byte; the ring holds the `bytes.len()` bytes before it, as far as they
    /// were ever written.
    end: u64,
    start: u64,
    selected_db: Option<u16>,
}

/// Why bytes cannot be read from the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// The ring starts later.
    Before(u64),
    /// The log ends earlier.
    Beyond(u64),
}

impl Journal {
    /// An empty log with a ring of `ring_bytes`, which starts at offset 0 and records nothing until
    /// somebody wants it.
    ///
    /// # Panics
    /// When `ring_bytes` is 0.
    #[must_use]
    pub fn new(ring_bytes: usize) -> Self {
        assert!(ring_bytes > 0, "a ring has room");
        let ring = Ring { bytes: vec![0; ring_bytes].into(), end: 0, start: 0, selected_db: None };
        Self { ring: Mutex::new(ring), offset: AtomicU64::new(0), wanted: AtomicBool::new(false) }
    }

    /// Starts recording: the first consumer is about to attach.
    pub fn want(&self) {
        self.wanted.store(true, Relaxed);
    }

    /// True when effects must be appended.
    #[inline]
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Relaxed)
    }

    /// Offset of the next byte.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset.load(Relaxed)
    }

    /// Appends the effects of one outermost command as one contiguous block; more than one is
    /// wrapped in MULTI and EXEC. Returns the offset behind it.
    pub fn append<'b>(&self, effects: impl ExactSizeIterator<Item = (u16, &'b [u8])>) -> u64 {
        let mut ring = self.ring.lock();
        let many = effects.len() > 1;
        let mut opened = false;
        for (db, bytes) in effects {
            ring.select(db);
            if many && !opened {
                ring.write(MULTI);
                opened = true;
            }
            ring.write(bytes);
        }
        if opened {
            ring.write(EXEC);
        }
        self.offset.store(ring.end, Relaxed);
        ring.end
    }

    /// Copies the bytes from `offset` to the end into `out`; returns how many.
    ///
    /// # Errors
    /// [`Gone`] when the ring does not hold `offset`.
    pub fn read(&self, offset: u64, out: &mut Vec<u8>) -> Result<usize, Gone> {
        let ring = self.ring.lock();
        if offset < ring.start {
            return Err(Gone::Before(ring.start));
        }
        if offset > ring.end {
            return Err(Gone::Beyond(ring.end));
        }
        let len = (ring.end - offset) as usize;
        let at = (offset % ring.bytes.len() as u64) as usize;
        let first = len.min(ring.bytes.len() - at);
        out.extend_from_slice(&ring.bytes[at..at + first]);
        out.extend_from_slice(&ring.bytes[..len - first]);
        Ok(len)
    }
}

impl Ring {
    fn select(&mut self, db: u16) {
        if self.selected_db == Some(db) {
            return;
        }
        self.selected_db = Some(db);
        let digits = [b'0' + (db / 10) as u8, b'0' + (db % 10) as u8];
        let text = if db < 10 { &digits[1..] } else { &digits[..] };
        self.write(b"*2\r\n$6\r\nSELECT\r\n$");
        self.write(if db < 10 { b"1\r\n" } else { b"2\r\n" });
        self.write(text);
        self.write(b"\r\n");
    }

    fn write(&mut self, bytes: &[u8]) {
        let room = self.bytes.len();
        // Of a block longer than the ring only the end can stay.
        let skipped = bytes.len().saturating_sub(room);
        self.end += skipped as u64;
        let kept = &bytes[skipped..];
        let at = (self.end % room as u64) as usize;
        let first = kept.len().min(room - at);
        self.bytes[at..at + first].copy_from_slice(&kept[..first]);
        self.bytes[..kept.len() - first].copy_from_slice(&kept[first..]);
        self.end += kept.len() as u64;
        self.start = self.start.max(self.end.saturating_sub(room as u64));
        debug_assert!(self.end - self.start <= room as u64, "the ring holds at most its size");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(journal: &Journal, offset: u64) -> String {
        let mut out = Vec::new();
        journal.read(offset, &mut out).expect("the ring holds it");
        String::from_utf8_lossy(&out).replace("\r\n", " ")
    }

    #[test]
    fn blocks_select_their_database_and_are_wrapped_when_they_are_many() {
        let journal = Journal::new(1024);
        let first = journal.append([(0, &b"A;"[..])].into_iter());
        assert_eq!(text(&journal, 0), "*2 $6 SELECT $1 0 A;");
        journal.append([(0, &b"B;"[..]), (12, &b"C;"[..])].into_iter());
        let want = "*1 $5 MULTI B;*2 $6 SELECT $2 12 C;*1 $4 EXEC ";
        assert_eq!(text(&journal, first), want);
        assert_eq!(journal.append(std::iter::empty::<(u16, &[u8])>()), journal.offset());
    }

    #[test]
    fn the_ring_forgets_the_oldest_bytes() {
        let journal = Journal::new(64);
        let mut log = Vec::new();
        for i in 0..200u32 {
            let block = format!("<{i}>");
            let from = journal.offset();
            journal.append([(0, block.as_bytes())].into_iter());
            if i == 0 {
                log.extend_from_slice(b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n");
            }
            log.extend_from_slice(block.as_bytes());
            assert_eq!(journal.offset(), log.len() as u64);
            let oldest = log.len().saturating_sub(64);
            let mut out = Vec::new();
            journal.read(oldest as u64, &mut out).expect("the ring holds its size");
            assert_eq!(out, log[oldest..], "after {from}");
        }
        let mut out = Vec::new();
        let start = log.len() as u64 - 64;
        assert_eq!(journal.read(0, &mut out), Err(Gone::Before(start)));
        let end = log.len() as u64;
        assert_eq!(journal.read(end + 1, &mut out), Err(Gone::Beyond(end)));
        let long = [b'x'; 200];
        journal.append([(0, &long[..])].into_iter());
        assert_eq!(journal.read(journal.offset() - 64, &mut out), Ok(64));
        assert_eq!(out, [b'x'; 64]);
    }
}
