//! What goes out over the links of one loop: the data set as fast as the peer takes it, then the
//! journal from where the data set ends.

use super::{Beginning, Copy, LinkRecord, LinkState, Start};
use crate::conn::Conn;
use crate::shared::Shared;
use journal::{Consumer, Journal};
use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Bytes put into a connection's output at once.
const PIECE_BYTES: usize = 256 * 1024;

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// One link's place in what it is sent.
pub struct Feed {
    record: Arc<LinkRecord>,
    phase: Phase,
    /// Reads the journal, once it is known from where.
    consumer: Option<Consumer>,
    /// Unix milliseconds since when it is above the soft limit.
    above_since_ms: Option<u64>,
}

enum Phase {
    /// The data set is being written down.
    Waiting(Arc<Copy>),
    /// So many bytes of the data set are to be sent.
    Data(Box<dyn Read + Send>, u64),
    Stream,
}

/// Why a link is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Drop {
    /// The journal has dropped what comes next for it.
    #[error("it is too far behind")]
    Behind,
    /// It leaves too much unread.
    #[error("it overcomes the output buffer limits")]
    Limit,
    /// It has not acknowledged anything for `repl-timeout` seconds.
    #[error("it is silent")]
    Silent,
    /// The file of its data set cannot be read.
    #[error("its data set cannot be read")]
    Data,
}

/// How much a replica may leave unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutLimit {
    /// Bytes at which it is dropped at once; 0 is none.
    pub hard_bytes: u64,
    /// Bytes at which it is dropped after `soft_s` seconds; 0 is none.
    pub soft_bytes: u64,
    /// Seconds.
    pub soft_s: u64,
}

impl OutLimit {
    /// The limit of replicas in the text of `client-output-buffer-limit`.
    #[must_use]
    pub fn of_replicas(text: &str) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |text: &str| catalog::params::parse_memory(text).unwrap_or(0);
        let mut replicas =
            words.chunks_exact(4).filter(|row| ["slave", "replica"].contains(&row[0]));
        let limit = |row: &[&str]| Self {
            hard_bytes: number(row[1]),
            soft_bytes: number(row[2]),
            soft_s: number(row[3]),
        };
        replicas.next_back().map_or(Self { hard_bytes: 0, soft_bytes: 0, soft_s: 0 }, limit)
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("consumer", &self.consumer).finish_non_exhaustive()
    }
}

impl Feed {
    /// The feed of a link that has just been granted; what goes first goes into `out`.
    pub fn new(record: Arc<LinkRecord>, start: Start, out: &mut Vec<u8>) -> Self {
        let (phase, consumer) = match start {
            Start::Copy(copy) => (Phase::Waiting(copy), None),
            Start::Stream(Beginning { preamble, consumer }) => {
                out.extend_from_slice(&preamble);
                record.set_state(LinkState::Online);
                (Phase::Stream, Some(consumer))
            }
        };
        Self { record, phase, consumer, above_since_ms: None }
    }

    /// Adds to `out`, of which `unsent` bytes wait, what there is for the link. When there is
    /// nothing more, its loop is woken once there is.
    fn fill(&mut self, journal: &Journal, out: &mut Vec<u8>, unsent: usize) -> Result<(), Drop> {
        if unsent >= PIECE_BYTES {
            return Ok(());
        }
        match &mut self.phase {
            Phase::Waiting(_) => self.begin(out),
            Phase::Data(reader, left) => {
                let wanted = (*left).min(PIECE_BYTES as u64);
                let read = reader.take(wanted).read_to_end(out).map_err(|_| Drop::Data)? as u64;
                if read != wanted {
                    return Err(Drop::Data);
                }
                *left -= read;
                if *left == 0 {
                    self.phase = Phase::Stream;
                    self.record.set_state(LinkState::Online);
                }
                Ok(())
            }
            Phase::Stream => {
                let consumer = self.consumer.as_ref().ok_or(Drop::Behind)?;
                let read = |out: &mut Vec<u8>| journal.read(consumer, out, PIECE_BYTES);
                if read(out).map_err(|_| Drop::Behind)? == 0 && !journal.wake_me(consumer) {
                    read(out).map_err(|_| Drop::Behind)?;
                }
                Ok(())
            }
        }
    }

    /// Looks how far the data set is.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), Drop> {
        let Phase::Waiting(copy) = &self.phase else { return Ok(()) };
        if copy.has_failed() {
            return Err(Drop::Data);
        }
        if let Some(Beginning { preamble, consumer }) = copy.take_beginning() {
            out.extend_from_slice(&preamble);
            self.consumer = Some(consumer);
        }
        if let Some((reader, bytes)) = copy.take_data() {
            out.extend_from_slice(format!("${bytes}\r\n").as_bytes());
            self.phase = Phase::Data(reader, bytes);
            self.record.set_state(LinkState::Sending);
        }
        Ok(())
    }

    /// The link is gone; gives its reader of the journal.
    fn end(self) -> Option<Consumer> {
        let unused = if let Phase::Waiting(copy) = &self.phase { copy.abandon() } else { None };
        self.consumer.or(unused)
    }

    fn check_limits(&mut self, limits: &Limits, waiting_bytes: u64) -> Result<(), Drop> {
        let OutLimit { hard_bytes, soft_bytes, soft_s } = limits.out;
        if hard_bytes > 0 && waiting_bytes >= hard_bytes {
            return Err(Drop::Limit);
        }
        if soft_bytes > 0 && waiting_bytes >= soft_bytes {
            let since_ms = *self.above_since_ms.get_or_insert(limits.now_ms);
            if limits.now_ms.saturating_sub(since_ms) > soft_s * 1000 {
                return Err(Drop::Limit);
            }
        } else {
            self.above_since_ms = None;
        }
        if self.record.state() != LinkState::Online {
            self.record.acked_ms.store(limits.now_ms, Relaxed);
            return Ok(());
        }
        let silent_ms = limits.now_ms.saturating_sub(limits.heard_ms);
        let owes = self.record.acknowledges && silent_ms > limits.silent_s_max * 1000;
        if owes { Err(Drop::Silent) } else { Ok(()) }
    }
}

struct Limits {
    out: OutLimit,
    silent_s_max: u64,
    now_ms: u64,
    /// Unix milliseconds when the replica last said anything at all.
    heard_ms: u64,
}

/// The links of one loop.
#[derive(Default)]
pub struct Feeds {
    places: Vec<u32>,
}

impl Feeds {
    /// True when the loop has no link.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Looks after the connection of a replica when its requests have been handled; `before` is
    /// how long its output was before them. A link answers nothing, so one that made something
    /// to be answered is given up.
    pub fn settle(&mut self, conn: &mut Conn, before: usize) {
        let Some(side) = &mut conn.session.replica else { return };
        let Some(link) = &side.link else { return };
        if conn.out.len() > before {
            conn.give_up();
        } else if let Some(start) = side.start.take() {
            conn.feed = Some(Box::new(Feed::new(Arc::clone(link), start, &mut conn.out)));
            self.places.push(conn.session.address().place);
        }
    }

    /// Forgets a connection that is gone.
    pub fn disconnect(&mut self, shared: &Shared, conn: &mut Conn) {
        let Some(side) = conn.session.replica.take().filter(|side| side.link.is_some()) else {
            return;
        };
        let address = conn.session.address();
        self.places.retain(|place| *place != address.place);
        shared.links.remove(address.client);
        let fed = conn.feed.take().and_then(|feed| feed.end());
        let consumer = fed.or_else(|| side.start.and_then(Start::abandon));
        consumer.into_iter().for_each(|consumer| shared.journal.detach(consumer));
    }

    /// Moves on every link as far as it goes now; the journal wakes the loop for those that have
    /// read all of it. True when a link got something: there may be more behind it.
    pub fn run(
        &mut self,
        shared: &Shared,
        conns: &mut [Option<Conn>],
        touched: &mut Vec<u32>,
    ) -> bool {
        let mut fed = false;
        for &place in &self.places {
            let Some(conn) = conns[place as usize].as_mut() else { continue };
            let Some(feed) = conn.feed.as_mut().filter(|_| !conn.session.closing) else {
                continue;
            };
            let (before, unsent) = (conn.out.len(), conn.out.len() - conn.written);
            if feed.fill(&shared.journal, &mut conn.out, unsent).is_err() {
                conn.give_up();
            }
            if conn.out.len() > before || conn.session.closing {
                fed = true;
                touched.push(place);
            }
        }
        fed
    }

    /// Drops the links that are behind their limits.
    pub fn check_limits(
        &mut self,
        shared: &Shared,
        now_ms: u64,
        conns: &mut [Option<Conn>],
        touched: &mut Vec<u32>,
    ) {
        let mut limits = {
            let config = shared.config.lock();
            let out = OutLimit::of_replicas(config.get("client-output-buffer-limit"));
            Limits { out, silent_s_max: config.number("repl-timeout"), now_ms, heard_ms: 0 }
        };
        for &place in &self.places {
            let Some(conn) = conns[place as usize].as_mut() else { continue };
            let unsent = conn.unsent().len() as u64;
            let record = &conn.session.record;
            limits.heard_ms = record.active_ms.load(Relaxed);
            let Some(feed) = &mut conn.feed else { continue };
            if let Phase::Waiting(_) = feed.phase {
                // A replica that hears nothing gives up; an empty line says nothing.
                conn.out.push(b'\n');
                touched.push(place);
            }
            let lag = feed.consumer.as_ref().map_or(0, |one| shared.journal.lag_bytes(one));
            let waiting = lag + unsent;
            if feed.check_limits(&limits, waiting).is_err() {
                conn.give_up();
                touched.push(place);
            }
        }
    }
}

/// Adds a ping to the stream when it is time: replicas see that their primary lives. For a primary
/// that holds a pass.
pub fn ping(shared: &Shared) {
    if shared.links.is_empty() {
        return;
    }
    let period_s = shared.config.lock().number("repl-ping-replica-period");
    if shared.links.ping_is_due(shared.host.clock().monotonic_us(), period_s) {
        shared.journal.append_verbatim(PING, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_replicas() {
        for (text, want) in [
            ("normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60", (256 << 20, 64 << 20, 60)),
            ("replica 1000 10 5", (1000, 10, 5)),
            ("normal 0 0 0", (0, 0, 0)),
        ] {
            let (hard_bytes, soft_bytes, soft_s) = want;
            assert_eq!(OutLimit::of_replicas(text), OutLimit { hard_bytes, soft_bytes, soft_s });
        }
    }
}
