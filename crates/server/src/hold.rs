//! Replies that wait for the disk: under `appendfsync always` nothing leaves that a crash could
//! take back. Bytes are held, never locks. Knows no file.

use crate::conn::Conn;
use crate::loop_core::LoopCore;
use std::collections::VecDeque;

/// Places in a connection's output from which on bytes wait, and for which journal offset. Both
/// grow. Boxed: every connection has one, and few ever use it.
#[derive(Debug, Default)]
#[expect(clippy::box_collection, reason = "8 bytes instead of 32 in each idle connection")]
pub struct Held(Option<Box<VecDeque<Mark>>>);

#[derive(Debug, Clone, Copy)]
struct Mark {
    start: usize,
    offset: u64,
}

impl Held {
    /// True while something waits.
    #[inline]
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Where in the output that begins which waits; all of `len` bytes may go when nothing does.
    #[inline]
    #[must_use]
    pub fn start(&self, len: usize) -> usize {
        match &self.0 {
            None => len,
            Some(marks) => marks.front().map_or(len, |mark| mark.start),
        }
    }

    fn add(&mut self, start: usize, offset: u64) {
        let marks = self.0.get_or_insert_default();
        if marks.back().is_none_or(|last| last.offset < offset) {
            marks.push_back(Mark { start, offset });
        }
    }

    /// Lets go of what waited for offsets up to `durable`; true when that was anything.
    fn release(&mut self, durable: u64) -> bool {
        let Some(marks) = &mut self.0 else { return false };
        let before = marks.len();
        while marks.front().is_some_and(|mark| mark.offset <= durable) {
            marks.pop_front();
        }
        let released = marks.len() < before;
        if marks.is_empty() {
            self.0 = None;
        }
        released
    }

    /// The first `len` bytes of the output are gone.
    pub fn shift(&mut self, len: usize) {
        if let Some(marks) = &mut self.0 {
            marks.iter_mut().for_each(|mark| mark.start -= len);
        }
    }

    /// Nothing waits any more: the output was thrown away.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

impl Conn {
    /// Bytes that may be sent now.
    #[inline]
    #[must_use]
    pub fn sendable(&self) -> &[u8] {
        &self.out[self.written..self.held.start(self.out.len())]
    }

    /// What was written to the output from `start` on waits until the journal is durable up to
    /// `offset`; it is up to `durable` already.
    #[inline]
    pub fn hold(&mut self, start: usize, offset: u64, durable: u64) {
        if offset > durable && start < self.out.len() {
            self.held.add(start, offset);
        }
    }
}

impl LoopCore {
    /// Notes a connection whose output may have begun to wait.
    #[inline]
    pub(crate) fn note_held(&mut self, place: u32) {
        let waits = self.conn_mut(place).is_some_and(|conn| conn.held.is_some());
        if waits && !self.held.contains(&place) {
            self.held.push(place);
        }
    }

    /// Lets go of what is durable by now. To be called before replies are sent and before each
    /// wait: whatever becomes durable afterwards wakes the loop.
    #[inline]
    pub fn release_held(&mut self) {
        if !self.held.is_empty() {
            self.release_some();
        }
    }

    #[cold]
    fn release_some(&mut self) {
        loop {
            let durable = self.shared.aof.durable();
            for place in std::mem::take(&mut self.held) {
                // One that is away comes back with what waits, and is noted again.
                if let Some(conn) = self.conns.get_mut(place as usize).and_then(Option::as_mut) {
                    if conn.held.release(durable) {
                        self.touched.push(place);
                    }
                    if conn.held.is_some() {
                        self.held.push(place);
                    }
                }
            }
            if self.held.is_empty() || !self.shared.aof.wait_for(self.state.slot, durable) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Session;

    fn sendable(conn: &Conn) -> &str {
        std::str::from_utf8(conn.sendable()).expect("it is text")
    }

    #[test]
    fn bytes_leave_in_order_and_not_before_their_time() {
        let mut conn = Conn::new(Session::for_tests());
        let reply = |conn: &mut Conn, text: &str, offset| {
            let start = conn.out.len();
            conn.out.extend_from_slice(text.as_bytes());
            conn.hold(start, offset, 10);
        };
        reply(&mut conn, "a", 10);
        reply(&mut conn, "b", 0);
        assert_eq!(sendable(&conn), "ab");
        conn.sent(1);
        reply(&mut conn, "c", 30);
        reply(&mut conn, "d", 20);
        reply(&mut conn, "e", 40);
        reply(&mut conn, "f", 0);
        assert_eq!(sendable(&conn), "b");
        conn.sent(1);
        assert_eq!((sendable(&conn), conn.unsent().len()), ("", 4));
        assert!(!conn.held.release(29));
        assert!(conn.held.release(30));
        assert_eq!(sendable(&conn), "cd");
        conn.sent(2);
        assert!(conn.held.release(40) && !conn.held.is_some());
        assert_eq!(sendable(&conn), "ef");
        conn.sent(2);
        assert!(conn.out.is_empty());
        reply(&mut conn, "g", 50);
        conn.give_up();
        assert_eq!((sendable(&conn), conn.held.is_some()), ("", false));
    }
}
