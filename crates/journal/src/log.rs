//! The bytes of the log in chunks: what is sealed is shared and never changes, the newest chunk is
//! written in place. Knows no lock: its owner holds one.

use crate::{Dropped, From, Gone, Interest, Wake};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// Room of a chunk.
pub const CHUNK_BYTES: usize = 128 << 10;
/// Empty chunks kept ready.
const SPARES_MAX: usize = 4;

/// The bytes, their consumers and the selected database.
pub struct Log {
    sealed: VecDeque<Sealed>,
    tail: Vec<u8>,
    tail_start: u64,
    spares: Vec<Vec<u8>>,
    selected_db: Option<u16>,
    backlog: Option<Backlog>,
    readers: Vec<Reader>,
    sleepers: usize,
    next_id: u64,
}

struct Sealed {
    start: u64,
    bytes: Arc<Vec<u8>>,
}

#[derive(Clone, Copy)]
struct Backlog {
    /// Offset from which bytes are kept at all.
    from: u64,
    bytes: u64,
}

struct Reader {
    id: u64,
    position: u64,
    lag_bytes_max: u64,
    dropped: Option<Dropped>,
    asleep: bool,
    wake: Option<Arc<dyn Wake>>,
}

/// A part of a sealed chunk to be copied without the lock.
pub struct Piece {
    /// The chunk.
    pub chunk: Arc<Vec<u8>>,
    /// Which of its bytes.
    pub range: Range<usize>,
    /// The reader is done with the chunk.
    pub is_last_of_chunk: bool,
}

impl Sealed {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Log {
    pub fn new() -> Self {
        Self {
            sealed: VecDeque::new(),
            tail: Vec::new(),
            tail_start: 0,
            spares: Vec::new(),
            selected_db: None,
            backlog: None,
            readers: Vec::new(),
            sleepers: 0,
            next_id: 0,
        }
    }

    /// Offset of the next byte.
    pub fn end(&self) -> u64 {
        self.tail_start + self.tail.len() as u64
    }

    pub fn selected_db(&self) -> Option<u16> {
        self.selected_db
    }

    pub fn reselect(&mut self) {
        self.selected_db = None;
    }

    pub fn is_wanted(&self) -> bool {
        self.backlog.is_some() || self.readers.iter().any(|reader| reader.dropped.is_none())
    }

    pub fn keep_backlog(&mut self, bytes: u64) {
        let from = self.backlog.map_or(self.end(), |backlog| backlog.from);
        self.backlog = (bytes > 0).then_some(Backlog { from, bytes });
        self.trim();
    }

    pub fn backlog_start(&self) -> u64 {
        let kept = |backlog: Backlog| backlog.from.max(self.end().saturating_sub(backlog.bytes));
        self.backlog.map_or(self.end(), kept)
    }

    #[inline]
    pub fn append<'b>(&mut self, effects: impl ExactSizeIterator<Item = (u16, &'b [u8])>) {
        let many = effects.len() > 1;
        let mut opened = false;
        for (db, bytes) in effects {
            self.select(db);
            if many && !opened {
                self.write(MULTI);
                opened = true;
            }
            self.write(bytes);
        }
        if opened {
            self.write(EXEC);
        }
    }

    pub fn append_verbatim(&mut self, bytes: &[u8], db: Option<u16>) {
        self.write(bytes);
        self.selected_db = db.or(self.selected_db);
    }

    #[inline]
    fn select(&mut self, db: u16) {
        if self.selected_db != Some(db) {
            self.write_select(db);
        }
    }

    #[cold]
    fn write_select(&mut self, db: u16) {
        self.selected_db = Some(db);
        let digits = [b'0' + (db / 10) as u8, b'0' + (db % 10) as u8];
        let text = if db < 10 { &digits[1..] } else { &digits[..] };
        self.write(b"*2\r\n$6\r\nSELECT\r\n$");
        self.write(if db < 10 { b"1\r\n" } else { b"2\r\n" });
        self.write(text);
        self.write(b"\r\n");
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        if bytes.len() <= self.tail.capacity() - self.tail.len() {
            self.tail.extend_from_slice(bytes);
        } else {
            self.write_across(bytes);
        }
    }

    #[cold]
    fn write_across(&mut self, mut bytes: &[u8]) {
        loop {
            let room = self.tail.capacity() - self.tail.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.tail.extend_from_slice(now);
            if later.is_empty() {
                return;
            }
            bytes = later;
            self.seal();
        }
    }

    /// Starts a new chunk: the time to look who lags behind, and what nobody needs.
    fn seal(&mut self) {
        let fresh = self.spares.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK_BYTES));
        let full = std::mem::replace(&mut self.tail, fresh);
        if !full.is_empty() {
            let start = self.tail_start;
            self.tail_start += full.len() as u64;
            self.sealed.push_back(Sealed { start, bytes: Arc::new(full) });
        }
        self.drop_laggards();
        self.trim();
    }

    fn drop_laggards(&mut self) {
        let end = self.end();
        for reader in &mut self.readers {
            let lag_bytes = end - reader.position.min(end);
            if reader.dropped.is_none() && lag_bytes > reader.lag_bytes_max {
                reader.dropped = Some(Dropped::TooFarBehind { lag_bytes });
            }
        }
    }

    /// Lets go of the chunks that neither the backlog nor a reader needs.
    fn trim(&mut self) {
        let living = self.readers.iter().filter(|reader| reader.dropped.is_none());
        let floor = living.map(|reader| reader.position).fold(self.backlog_start(), u64::min);
        while self.sealed.front().is_some_and(|chunk| chunk.end() <= floor) {
            let chunk = self.sealed.pop_front().and_then(|chunk| Arc::try_unwrap(chunk.bytes).ok());
            chunk.into_iter().for_each(|chunk| self.put_spare(chunk));
        }
    }

    /// Keeps the memory of a chunk for the next one.
    pub fn put_spare(&mut self, mut chunk: Vec<u8>) {
        if self.spares.len() < SPARES_MAX && self.is_wanted() {
            chunk.clear();
            self.spares.push(chunk);
        }
    }

    pub fn restart_at(&mut self, offset: u64) {
        self.sealed.clear();
        self.tail.clear();
        self.tail_start = offset;
        self.selected_db = None;
        for reader in &mut self.readers {
            reader.dropped.get_or_insert(Dropped::Restarted);
        }
        if let Some(backlog) = &mut self.backlog {
            backlog.from = offset;
        }
    }

    pub fn attach(&mut self, interest: Interest) -> Result<(u64, u64), Gone> {
        let position = match interest.from {
            From::Now => {
                self.selected_db = None;
                self.end()
            }
            From::End => self.end(),
            From::Offset(offset) if offset < self.backlog_start() => {
                return Err(Gone::Before(self.backlog_start()));
            }
            From::Offset(offset) if offset > self.end() => return Err(Gone::Beyond(self.end())),
            From::Offset(offset) => offset,
        };
        self.next_id += 1;
        self.readers.push(Reader {
            id: self.next_id,
            position,
            lag_bytes_max: interest.lag_bytes_max,
            dropped: None,
            asleep: false,
            wake: interest.wake,
        });
        Ok((self.next_id, position))
    }

    pub fn detach(&mut self, id: u64) {
        self.readers.retain(|reader| reader.id != id);
        self.count_sleepers();
        self.trim();
        if !self.is_wanted() {
            self.spares.clear();
        }
    }

    fn reader(&mut self, id: u64) -> &mut Reader {
        let found = self.readers.iter_mut().find(|reader| reader.id == id);
        found.expect("only detach, which takes the handle, removes a reader")
    }

    /// The next part for a reader, at most `bytes_max` long: of the newest chunk it is copied to
    /// `out`, of others it is returned. `None` when nothing is left, or no room.
    pub fn next(
        &mut self,
        id: u64,
        out: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Result<Option<Piece>, Dropped> {
        let (end, tail_start) = (self.end(), self.tail_start);
        let reader = self.reader(id);
        if let Some(dropped) = reader.dropped {
            return Err(dropped);
        }
        let from = reader.position;
        let len = bytes_max.min((end - from) as usize);
        if len == 0 {
            return Ok(None);
        }
        if from >= tail_start {
            reader.position += len as u64;
            let at = (from - tail_start) as usize;
            out.extend_from_slice(&self.tail[at..at + len]);
            return Ok(None);
        }
        let at = self.sealed.partition_point(|chunk| chunk.end() <= from);
        let chunk = &self.sealed[at];
        let start = (from - chunk.start) as usize;
        let range = start..chunk.bytes.len().min(start + len);
        let is_last_of_chunk = range.end == chunk.bytes.len();
        let piece = Piece { chunk: Arc::clone(&chunk.bytes), range, is_last_of_chunk };
        self.reader(id).position += piece.range.len() as u64;
        if is_last_of_chunk {
            self.trim();
        }
        Ok(Some(piece))
    }

    pub fn lag_bytes(&mut self, id: u64) -> u64 {
        let end = self.end();
        end - self.reader(id).position.min(end)
    }

    pub fn wake_me(&mut self, id: u64) -> bool {
        let end = self.end();
        let reader = self.reader(id);
        reader.asleep = reader.dropped.is_none() && reader.position == end;
        let asleep = reader.asleep;
        self.count_sleepers();
        asleep
    }

    fn count_sleepers(&mut self) {
        self.sleepers = self.readers.iter().filter(|reader| reader.asleep).count();
    }

    #[inline]
    pub fn has_sleepers(&self) -> bool {
        self.sleepers > 0
    }

    /// Those that sleep although there is something to read, or an end to notice.
    pub fn take_sleepers(&mut self) -> Vec<Arc<dyn Wake>> {
        let end = self.end();
        let mut wakes = Vec::new();
        for reader in &mut self.readers {
            if reader.asleep && (reader.position != end || reader.dropped.is_some()) {
                reader.asleep = false;
                wakes.extend(reader.wake.clone());
            }
        }
        self.count_sleepers();
        wakes
    }

    #[cfg(test)]
    pub fn check_invariants(&self) {
        let mut at = self.sealed.front().map_or(self.tail_start, |chunk| chunk.start);
        for chunk in &self.sealed {
            assert_eq!(chunk.start, at, "chunks follow each other");
            assert!(!chunk.bytes.is_empty() && chunk.bytes.len() <= CHUNK_BYTES);
            at = chunk.end();
        }
        assert_eq!(at, self.tail_start);
        let oldest = self.sealed.front().map_or(self.tail_start, |chunk| chunk.start);
        for reader in self.readers.iter().filter(|reader| reader.dropped.is_none()) {
            assert!(oldest <= reader.position && reader.position <= self.end());
        }
        assert!(oldest <= self.backlog_start());
        assert!(self.spares.iter().all(|spare| spare.is_empty()));
        let asleep = self.readers.iter().filter(|reader| reader.asleep).count();
        assert_eq!(self.sleepers, asleep);
    }

    #[cfg(test)]
    pub fn held_bytes(&self) -> u64 {
        self.end() - self.sealed.front().map_or(self.tail_start, |chunk| chunk.start)
    }
}
