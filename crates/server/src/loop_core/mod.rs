//! One loop's connections: bytes come in, requests are handled in batches under the loop's pass,
//! replies go out. The shell around it owns the sockets and decides when to call what.

pub(crate) mod batch;
mod clock;
mod jobs;
mod mail;
mod waits;

use crate::ahead::Ahead;
use crate::clients::ClientRecord;
use crate::conn::{Conn, State};
use crate::inbox::Address;
use crate::job::Job;
use crate::links::feed::Feeds;
use crate::session::Session;
use crate::shared::Shared;
use crate::trash::Rubbish;
use crate::turn::LoopState;
use batch::Next;
use jobs::{Absent, Waiting};
use resp::Reply;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Unfinished requests up to this wait in a buffer of their own size.
const PIECE_BYTES_MAX: usize = 1024;
/// Buffers larger than this are not kept for the next connection.
const SPARE_BYTES_MAX: usize = 256 * 1024;

/// Who is at the other end of a new connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its IP address; `None` over a unix socket.
    pub address: Option<IpAddr>,
    /// `ip:port` or a path.
    pub peer: String,
    /// Our side.
    pub local: String,
}

/// A loop.
pub struct LoopCore {
    pub(crate) shared: Arc<Shared>,
    pub(crate) conns: Vec<Option<Conn>>,
    free: Vec<u32>,
    pub(crate) state: LoopState,
    ahead: Ahead,
    deferred: Vec<u32>,
    paused: Vec<u32>,
    waiting: Waiting,
    away: HashMap<u32, Absent>,
    jobs: VecDeque<Box<Job>>,
    /// Connections with something to send or to close, for the shell to take.
    pub touched: Vec<u32>,
    /// Connections with output that waits for the disk.
    pub(crate) held: Vec<u32>,
    feeds: Feeds,
    spare_input: Vec<u8>,
    spare_out: Vec<Vec<u8>>,
    sampled: (u64, u64),
    /// Place among the loop's own shards where the next round of removing dead keys begins.
    expire_from: usize,
    deadlines: waits::Deadlines,
}

impl LoopCore {
    /// Loop `loop_id` without connections.
    #[must_use]
    pub fn new(shared: Arc<Shared>, loop_id: usize) -> Self {
        let seed = u64::from_le_bytes(shared.host.entropy()[..8].try_into().expect("8 of 16"));
        let state = LoopState::new(loop_id, seed, shared.host.clock().unix_ms());
        Self {
            shared,
            conns: Vec::new(),
            free: Vec::new(),
            state,
            ahead: Ahead::default(),
            deferred: Vec::new(),
            paused: Vec::new(),
            waiting: Waiting::default(),
            away: HashMap::new(),
            jobs: VecDeque::new(),
            touched: Vec::new(),
            held: Vec::new(),
            feeds: Feeds::default(),
            spare_input: Vec::new(),
            spare_out: Vec::new(),
            sampled: (0, 0),
            expire_from: 0,
            deadlines: waits::Deadlines::default(),
        }
    }

    /// Admits a connection; returns its place. A peer that is not allowed gets one too, in which
    /// every command is answered with why.
    pub fn connect(&mut self, peer: Peer) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.conns.push(None);
            self.conns.len() as u32 - 1
        });
        let shared = &self.shared;
        let client = shared.clients.next_id();
        let address = Address { loop_id: self.state.slot as u16, place, client };
        let now_ms = shared.host.clock().unix_ms();
        let record = Arc::new(ClientRecord::new(address, peer.peer, peer.local, now_ms));
        let (access, connections_max) = shared.executor.look(self.state.slot, |gate| {
            (Arc::clone(&gate.access), gate.settings.connections_max)
        });
        let user = access.initial_user().cloned();
        let allowed = peer.address.is_none_or(|address| access.allowlist.admits(address));
        let full = shared.clients.len() >= connections_max;
        let stats = &shared.stats[self.state.slot];
        stats.connections_received.add(1);
        shared.clients.add(&record);
        let mut conn = Conn::new(Session::new(record, user));
        conn.session.source = peer.address;
        if !allowed {
            conn.session.refused = true;
            conn.session.log_in(None);
            stats.connections_refused.add(1);
        } else if full {
            let text = crate::error::MAX_CLIENTS.as_bytes();
            Reply::new(&mut conn.out, conn.session.protocol).error(text);
            conn.session.closing = true;
            stats.connections_refused.add(1);
            self.touched.push(place);
        }
        self.conns[place as usize] = Some(conn);
        place
    }

    /// The buffer to append received bytes to; process it afterwards.
    pub fn input(&mut self, place: u32) -> Option<&mut Vec<u8>> {
        let conn = self.conns.get_mut(place as usize)?.as_mut()?;
        if conn.input.len() <= PIECE_BYTES_MAX
            && conn.input.capacity() < self.spare_input.capacity()
        {
            self.spare_input.extend_from_slice(&conn.input);
            std::mem::swap(&mut conn.input, &mut self.spare_input);
            self.spare_input.clear();
        }
        Some(&mut conn.input)
    }

    /// A connection, to send what it has to send.
    pub fn conn_mut(&mut self, place: u32) -> Option<&mut Conn> {
        self.conns.get_mut(place as usize)?.as_mut()
    }

    /// Handles the requests that have arrived on a connection, unless it waits for something.
    pub fn process(&mut self, place: u32) {
        if self.conn_mut(place).is_some_and(|conn| conn.state == State::Ready) {
            self.work(place, false);
        }
    }

    fn work(&mut self, place: u32, resumed: bool) {
        let Some(conn) = self.conns.get_mut(place as usize).and_then(Option::as_mut) else {
            return;
        };
        if conn.is_blocked() {
            return;
        }
        if conn.out.capacity() == 0
            && let Some(out) = self.spare_out.pop()
        {
            conn.out = out;
        }
        self.state.now_ms = self.shared.host.clock().unix_ms();
        self.state.ended_us = None;
        conn.session.record.active_ms.store(self.state.now_ms, Relaxed);
        conn.session.record.input_bytes.store(conn.input.len() as u32, Relaxed);
        let unsent = conn.out.len();
        let next = loop {
            match batch::handle(&self.shared, &mut self.state, &mut self.ahead, conn) {
                Next::More => {}
                next => break next,
            }
        };
        self.shared.journal.wake_due();
        if conn.session.replica.is_some() {
            self.feeds.settle(conn, unsent);
        }
        let stats = &self.shared.stats[self.state.slot];
        stats.add_keys(&mut self.state.keys);
        conn.compact();
        conn.session.record.input_bytes.store(conn.input.len() as u32, Relaxed);
        let room = PIECE_BYTES_MAX + 1..=SPARE_BYTES_MAX;
        if conn.input.len() <= PIECE_BYTES_MAX && room.contains(&conn.input.capacity()) {
            // A piece of a request waits in as much room as it needs; no request waits in none.
            let piece = conn.input.as_slice().to_vec();
            self.spare_input = std::mem::replace(&mut conn.input, piece);
            self.spare_input.clear();
        }
        // The shell reads again from a connection that goes on after a wait, and looks whether one
        // that begins to wait still has a peer.
        let goes_on = resumed && conn.state == State::Ready || conn.waits_for_others();
        let waits = conn.state == State::Blocked;
        match conn.state {
            State::Deferred => self.deferred.push(place),
            State::Paused => {
                self.shared.blocked.postpone();
                self.paused.push(place);
            }
            _ => {}
        }
        if !conn.unsent().is_empty() || conn.session.closing || goes_on {
            self.touched.push(place);
            self.note_held(place);
        } else {
            self.give_up_buffer(place);
        }
        match next {
            Next::Job(kind) => self.send_away(place, kind),
            Next::Wait if waits => self.begin_wait(place),
            _ => {}
        }
    }

    /// Keeps the empty output buffer of a connection for the next one that answers.
    pub fn give_up_buffer(&mut self, place: u32) {
        let Some(conn) = self.conns.get_mut(place as usize).and_then(Option::as_mut) else {
            return;
        };
        if conn.out.is_empty() && self.spare_out.len() < 16 {
            let out = std::mem::take(&mut conn.out);
            if (1..=SPARE_BYTES_MAX).contains(&out.capacity()) {
                self.spare_out.push(out);
            } else if out.capacity() > SPARE_BYTES_MAX {
                // To give back as much memory at once takes its time.
                self.shared.trash.add(std::iter::once(Rubbish::Buffer(out)));
            }
        }
    }

    /// Feeds the replicas of this loop. To be called before each wait: whatever is appended to the
    /// journal afterwards wakes the loop. True when there may be more at once.
    #[inline]
    pub fn feed(&mut self) -> bool {
        if self.feeds.is_empty() {
            return false;
        }
        self.feeds.run(&self.shared, &mut self.conns, &mut self.touched)
    }

    /// Forgets a connection whose socket is closed.
    pub fn disconnect(&mut self, place: u32) {
        match self.conns.get_mut(place as usize).and_then(Option::take) {
            Some(conn) => self.end(place, conn),
            None => self.disconnect_away(place),
        }
    }

    fn end(&mut self, place: u32, mut conn: Conn) {
        if conn.state == State::Paused {
            self.shared.blocked.go_on();
        }
        let waiter = conn.session.record.waiter.lock().take();
        if let Some(waiter) = waiter {
            self.abandon_wait(&waiter);
        }
        self.feeds.disconnect(&self.shared, &mut conn);
        if conn.session.monitor {
            self.shared.monitors.remove(conn.session.address());
        }
        conn.session.unsubscribe_all(&self.shared.pubsub);
        self.shared.clients.remove(conn.session.address().client);
        self.shared.stats[self.state.slot].connections_closed.add(1);
        self.free.push(place);
    }
}
