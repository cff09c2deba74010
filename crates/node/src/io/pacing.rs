//! Sockets under a limit of bandwidth: a connection that would pass more than is left waits in a
//! line, and the loop goes on with others. Links of replicas are not limited. Must not know how
//! much may pass; that is [`server::bandwidth`]'s.

use super::EventLoop;
use super::event_loop::SENT_BYTES_MAX;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use server::bandwidth::{Direction, Line};

/// Those of a loop that wait.
pub struct Lines {
    reading: Line,
    writing: Line,
    /// What is read of a socket that holds more than may pass.
    piece: Vec<u8>,
}

impl Default for Lines {
    fn default() -> Self {
        let (reading, writing) = (Line::new(Direction::In), Line::new(Direction::Out));
        Self { reading, writing, piece: Vec::new() }
    }
}

impl Lines {
    /// When somebody is to be served, in monotonic microseconds.
    pub fn due_us(&self) -> Option<u64> {
        self.reading.due_us().into_iter().chain(self.writing.due_us()).min()
    }

    /// Reads up to `bytes_max`, which is less than `input` has room for.
    pub fn receive(
        &mut self,
        socket: &OwnedFd,
        bytes_max: usize,
        input: &mut Vec<u8>,
    ) -> Result<usize, Errno> {
        if self.piece.len() < bytes_max {
            self.piece.resize(bytes_max, 0);
        }
        let piece = &mut self.piece[..bytes_max];
        let (n, _) = rustix::net::recv(socket, &mut *piece, RecvFlags::empty())?;
        input.extend_from_slice(&piece[..n]);
        Ok(n)
    }
}

impl EventLoop {
    /// [`EventLoop::read`] as far as bandwidth is left.
    pub(super) fn read_paced(&mut self, place: u32) {
        let Some(Some(socket)) = self.sockets.get_mut(place as usize) else { return };
        let Some(conn) = self.core.conn_mut(place) else { return };
        if !socket.readable {
            return;
        }
        if socket.stuck {
            // It may read only after it has said all: not to listen would be the end.
            conn.out_bytes_max = usize::MAX;
        }
        if conn.is_full() {
            return;
        }
        if !socket.stuck {
            conn.limit_out();
        }
        if conn.session.is_link() {
            self.read(place, usize::MAX);
            return;
        }
        let (bandwidth, now_us) = (&self.shared.bandwidth, self.now_us());
        if let Some(grant) = self.lines.reading.ask(bandwidth, now_us, SENT_BYTES_MAX) {
            let n = self.read(place, grant.bytes);
            let unused = grant.bytes - n;
            self.shared.bandwidth.give_back(Direction::In, grant, unused, now_us);
        } else if self.lines.reading.join(place) {
            self.shared.stats[self.id].throttled_reads.add(1);
        }
    }

    /// [`EventLoop::send`] as far as bandwidth is left.
    pub(super) fn send_paced(&mut self, place: u32) {
        let Some(Some(socket)) = self.sockets.get(place as usize) else { return };
        let stuck = socket.stuck;
        let Some(conn) = self.core.conn_mut(place) else { return };
        let want = conn.sendable().len().min(SENT_BYTES_MAX);
        if want == 0 || stuck || conn.session.is_link() {
            self.send(place, usize::MAX);
            return;
        }
        let (bandwidth, now_us) = (&self.shared.bandwidth, self.now_us());
        match self.lines.writing.ask(bandwidth, now_us, want) {
            Some(grant) => {
                let n = self.send(place, grant.bytes);
                let unused = grant.bytes - n;
                self.shared.bandwidth.give_back(Direction::Out, grant, unused, now_us);
            }
            None => drop(self.send(place, 0)),
        }
        let paced = self.core.conn_mut(place).is_some_and(|conn| conn.paced);
        if paced && self.lines.writing.join(place) {
            self.shared.stats[self.id].throttled_writes.add(1);
        }
    }

    /// Serves those who wait and whose turn has come.
    #[inline]
    pub(super) fn serve_lines(&mut self) {
        if self.lines.due_us().is_some() {
            self.serve_readers();
            self.flush_touched();
            self.serve_writers();
            self.flush_touched();
        }
    }

    fn serve_readers(&mut self) {
        for _ in 0..self.lines.reading.len() {
            let now_us = self.now_us();
            let turn = self.lines.reading.next(&self.shared.bandwidth, now_us);
            let Some(turn) = turn else { return };
            let n = self.read(turn.0, turn.1.bytes);
            self.lines.reading.settle(&self.shared.bandwidth, now_us, turn, n);
        }
    }

    fn serve_writers(&mut self) {
        for _ in 0..self.lines.writing.len() {
            let now_us = self.now_us();
            let turn = self.lines.writing.next(&self.shared.bandwidth, now_us);
            let Some(turn) = turn else { return };
            let n = self.send(turn.0, turn.1.bytes);
            self.lines.writing.settle(&self.shared.bandwidth, now_us, turn, n);
        }
    }

    /// The node ends: what waits is sent as far as peers take it at once.
    pub(super) fn send_waiting(&mut self) {
        for place in self.lines.writing.disband() {
            self.send(place, usize::MAX);
        }
    }

    fn now_us(&self) -> u64 {
        self.shared.host.clock().monotonic_us()
    }
}
