//! A connection: its session, the bytes that came and the bytes that go.

use crate::hold::Held;
use crate::links::feed::Feed;
use crate::session::Session;
use resp::Decoder;

/// What a connection's next request waits for. In all states but `Ready` nothing is read from it;
/// its end is noticed all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// For nothing.
    Ready,
    /// For a shard that another loop holds: the request is tried again after others.
    Deferred,
    /// For the end of a pause.
    Paused,
    /// For a key: a blocking command waits.
    Blocked,
    /// For its own last request, which runs as a job beside the loop.
    Away,
}

/// One connection of a loop.
#[derive(Debug)]
pub struct Conn {
    /// What it has said so far.
    pub session: Session,
    /// Reads requests from `input`.
    pub decoder: Decoder,
    /// Bytes received; those before `consumed` are done with.
    pub input: Vec<u8>,
    /// Start of the next request.
    pub consumed: usize,
    /// Bytes of that request as far as it tells, when it has not arrived in full.
    pub wanted: usize,
    /// Bytes to send; those before `written` are gone.
    pub out: Vec<u8>,
    /// Which of them wait for the disk.
    pub held: Held,
    /// Bytes of `out` already sent.
    pub written: usize,
    /// Whether its next request may be parsed.
    pub state: State,
    /// What may be sent has to wait for bandwidth.
    pub paced: bool,
    /// Bytes to send above which no further request is handled: without a limit of bandwidth there
    /// is none.
    pub out_bytes_max: usize,
    /// What a replica's link is sent.
    pub feed: Option<Box<Feed>>,
    /// How often in a row its next request met a held shard.
    pub deferrals: u16,
}

/// Bytes that may wait to be sent to a peer who has not logged in.
pub const STRANGER_OUT_BYTES_MAX: usize = 1024;

/// Bytes that may wait to be sent to a peer who reads, before more of its requests are handled:
/// they wait for bandwidth, and would take memory from others meanwhile.
pub const PACED_OUT_BYTES_MAX: usize = 1 << 20;

/// Bytes already sent that may stay in front of those that wait.
const SENT_BYTES_MAX: usize = 64 * 1024;

/// Bytes that are moved to the front of a buffer as soon as as many before them are gone.
const MOVED_BYTES_MAX: usize = 1 << 20;

impl Conn {
    /// A connection that has received nothing.
    #[must_use]
    pub fn new(session: Session) -> Self {
        Self {
            session,
            decoder: Decoder::default(),
            input: Vec::new(),
            consumed: 0,
            wanted: 0,
            out: Vec::new(),
            held: Held::default(),
            written: 0,
            state: State::Ready,
            paced: false,
            out_bytes_max: usize::MAX,
            feed: None,
            deferrals: 0,
        }
    }

    /// Bytes received that no request has used yet.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.input[self.consumed..]
    }

    /// Bytes waiting to be sent, those that may not go yet too.
    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        &self.out[self.written..]
    }

    /// Notes that `n` bytes were sent.
    pub fn sent(&mut self, n: usize) {
        self.written += n;
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
        } else if self.written > SENT_BYTES_MAX {
            // A peer that is always a little behind would otherwise keep all it was ever sent. To
            // move much at once would hold up the loop.
            let rest = self.out.len() - self.written;
            let times = if rest > MOVED_BYTES_MAX { 8 } else { 1 };
            if self.written < rest * times {
                return;
            }
            self.out.drain(..self.written);
            self.held.shift(self.written);
            self.written = 0;
        }
    }

    /// True while a blocking command of it waits: nothing is parsed.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.state == State::Blocked && self.session.record.waiter.lock().is_some()
    }

    /// Closes without sending what is left.
    pub fn give_up(&mut self) {
        self.session.closing = true;
        self.out.clear();
        self.held.clear();
        self.written = 0;
    }

    /// Moves an unfinished request to the front of the buffer, and makes room for all of it. Not
    /// before: behind requests that are done, a small one would have the buffer doubled.
    pub fn compact(&mut self) {
        if self.consumed == self.input.len() {
            self.input.clear();
        } else if self.consumed > 0 {
            self.input.drain(..self.consumed);
        }
        self.consumed = 0;
        let wanted = std::mem::take(&mut self.wanted);
        self.input.reserve(wanted.saturating_sub(self.input.len()));
    }

    /// True while nothing more should be read from the peer: it has to take its answers first, a
    /// request waits, or the connection ends.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.state != State::Ready || self.session.closing || self.must_wait()
    }

    /// True while a request waits for what may never come: without a peer that is pointless.
    #[must_use]
    pub fn waits_for_others(&self) -> bool {
        matches!(self.state, State::Paused | State::Blocked)
    }

    /// True while a stranger has to read before we go on answering, or a client's answers have to
    /// wait for bandwidth.
    #[must_use]
    pub fn must_wait(&self) -> bool {
        let stranger = self.session.user.is_none();
        let bytes_max = if stranger { STRANGER_OUT_BYTES_MAX } else { self.out_bytes_max };
        self.unsent().len() > bytes_max
    }

    /// Limits what may wait to be sent to it, as bandwidth is limited. A listener is not asked
    /// before it is sent something, and has a limit of its own.
    pub fn limit_out(&mut self) {
        let session = &self.session;
        let free = session.subscriptions() > 0 || session.monitor || session.replica.is_some();
        self.out_bytes_max = if free { usize::MAX } else { PACED_OUT_BYTES_MAX };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    #[test]
    fn under_a_limit_requests_wait_until_their_answers_have_gone() {
        let (value, count) = (100_000, 100);
        let answer = format!("${value}\r\n").len() + value + 2;
        let mut bench = Bench::new(1);
        bench.send_unread('a', format!("SETRANGE k {} v\r\n", value - 1).as_bytes());
        bench.read_bytes('a');
        bench.conn('a').limit_out();
        bench.send_unread('a', "GET k\r\n".repeat(count).as_bytes());
        let (mut rounds, mut bytes) = (0, 0);
        loop {
            let waits = bench.conn('a').unsent().len();
            assert!(waits <= PACED_OUT_BYTES_MAX + answer, "{waits}");
            let full = bench.conn('a').is_full();
            assert_eq!(full, waits > PACED_OUT_BYTES_MAX, "nothing more is read meanwhile");
            if waits == 0 {
                break;
            }
            (rounds, bytes) = (rounds + 1, bytes + bench.read_bytes('a').len());
            bench.send_unread('a', b"");
        }
        assert_eq!((rounds, bytes), (count.div_ceil(11), count * answer));
        bench.send_unread('a', b"SUBSCRIBE news\r\n");
        bench.conn('a').limit_out();
        assert_eq!(bench.conn('a').out_bytes_max, usize::MAX, "it has a limit of its own");
    }
}
