//! One loop's connections: bytes come in, requests are handled in batches under the loop's pass,
//! replies go out. The shell around it owns the sockets and decides when to call what.

use crate::ahead::{Ahead, End};
use crate::clients::ClientRecord;
use crate::conn::Conn;
use crate::dispatch::{self, Outcome, Place};
use crate::inbox::{Address, Mail, Message};
use crate::session::Session;
use crate::shared::Shared;
use crate::trash::Rubbish;
use crate::turn::LoopState;
use engine::Effects;
use engine::keyspace::{KeyStats, Keyspace, SHARDS};
use resp::decode::Step;
use resp::{Limits, Reply};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use stdx::Rng;

/// Requests handled under one pass before it is given back.
const BATCH: usize = 64;
/// Keys removed from one shard in one go.
const DEAD_PER_SHARD: usize = 32;
/// Microseconds that one round of removing dead keys may take.
const EXPIRE_US_MAX: u64 = 1_000;
/// Seconds that a peer has to read why it was refused, or the last reply to it.
const LAST_WORDS_S: u64 = 10;
/// Messages that a subscriber may leave unread before it is cut off, as in Redis.
const UNREAD_MESSAGES_BYTES_MAX: usize = 32 << 20;
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
    shared: Arc<Shared>,
    conns: Vec<Option<Conn>>,
    free: Vec<u32>,
    state: LoopState,
    ahead: Ahead,
    deferred: Vec<u32>,
    /// Connections with something to send or to close, for the shell to take.
    pub touched: Vec<u32>,
    spare_input: Vec<u8>,
    spare_out: Vec<Vec<u8>>,
    sampled: (u64, u64),
}

impl LoopCore {
    /// Loop `loop_id` without connections.
    #[must_use]
    pub fn new(shared: Arc<Shared>, loop_id: usize) -> Self {
        let seed = u64::from_le_bytes(shared.host.entropy()[..8].try_into().expect("8 of 16"));
        let state = LoopState {
            loop_id,
            rng: Rng::new(seed),
            effects: Effects::default(),
            keys: KeyStats::default(),
            now_ms: shared.host.clock().unix_ms(),
        };
        Self {
            shared,
            conns: Vec::new(),
            free: Vec::new(),
            state,
            ahead: Ahead::default(),
            deferred: Vec::new(),
            touched: Vec::new(),
            spare_input: Vec::new(),
            spare_out: Vec::new(),
            sampled: (0, 0),
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
        let address = Address { loop_id: self.state.loop_id as u16, place, client };
        let now_ms = shared.host.clock().unix_ms();
        let record = Arc::new(ClientRecord::new(address, peer.peer, peer.local, now_ms));
        let pass = shared.executor.pass(self.state.loop_id);
        let user = pass.gate.access.initial_user().cloned();
        let allowed = peer.address.is_none_or(|address| pass.gate.access.allowlist.admits(address));
        let full = shared.clients.len() >= pass.gate.settings.connections_max;
        shared.executor.give_back(pass);
        let stats = &shared.stats[self.state.loop_id];
        stats.connections_received.add(1);
        shared.clients.add(&record);
        let mut conn = Conn::new(Session::new(record, user));
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

    /// Handles the requests that have arrived on a connection.
    pub fn process(&mut self, place: u32) {
        let Some(conn) = self.conns.get_mut(place as usize).and_then(Option::as_mut) else {
            return;
        };
        if conn.out.capacity() == 0
            && let Some(out) = self.spare_out.pop()
        {
            conn.out = out;
        }
        self.state.now_ms = self.shared.host.clock().unix_ms();
        conn.session.record.active_ms.store(self.state.now_ms, Relaxed);
        conn.deferred = false;
        while handle_batch(&self.shared, &mut self.state, &mut self.ahead, conn) {}
        if conn.deferred {
            self.deferred.push(place);
        }
        let stats = &self.shared.stats[self.state.loop_id];
        stats.add_keys(&mut self.state.keys);
        conn.compact();
        let room = PIECE_BYTES_MAX + 1..=SPARE_BYTES_MAX;
        if conn.input.len() <= PIECE_BYTES_MAX && room.contains(&conn.input.capacity()) {
            // A piece of a request waits in as much room as it needs; no request waits in none.
            let piece = conn.input.as_slice().to_vec();
            self.spare_input = std::mem::replace(&mut conn.input, piece);
            self.spare_input.clear();
        }
        if !conn.unsent().is_empty() || conn.session.closing {
            self.touched.push(place);
        } else {
            self.give_up_buffer(place);
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
            }
        }
    }

    /// Tries deferred connections again; true when some are deferred still.
    pub fn retry_deferred(&mut self) -> bool {
        for place in std::mem::take(&mut self.deferred) {
            self.process(place);
        }
        !self.deferred.is_empty()
    }

    /// Does what other loops asked for.
    pub fn read_mail(&mut self) {
        let shared = Arc::clone(&self.shared);
        for mail in shared.inboxes[self.state.loop_id].take() {
            match mail {
                Mail::Publish(addresses, message) => {
                    for address in addresses {
                        self.deliver(address, &message);
                    }
                }
                Mail::Kill(address) => {
                    if let Some(conn) = self.addressed(address) {
                        conn.give_up();
                        self.touched.push(address.place);
                    }
                }
            }
        }
    }

    /// Forgets a connection whose socket is closed.
    pub fn disconnect(&mut self, place: u32) {
        let Some(mut conn) = self.conns.get_mut(place as usize).and_then(Option::take) else {
            return;
        };
        conn.session.unsubscribe_all(&self.shared.pubsub);
        self.shared.clients.remove(conn.session.address().client);
        self.shared.stats[self.state.loop_id].connections_closed.add(1);
        self.free.push(place);
    }

    /// Work by the clock: dead keys, idle connections, the sample of commands per second.
    pub fn tick(&mut self) {
        self.state.now_ms = self.shared.host.clock().unix_ms();
        self.remove_dead_keys();
        self.close_idle();
        if self.state.loop_id == 0 {
            self.sample();
        }
    }

    /// True when a tick every 100 ms has something to do.
    #[must_use]
    pub fn has_mortal_keys(&self) -> bool {
        let mut space = self.shared.executor.walk();
        self.own_shards().any(|id| {
            // A shard held by another loop is in use, and so worth a look.
            space.shard(id).is_none_or(|shard| shard.first_death_ms().is_some())
        })
    }

    fn own_shards(&self) -> impl Iterator<Item = u8> + use<> {
        let (loops, own) = (self.shared.inboxes.len(), self.state.loop_id);
        (0..SHARDS).filter(move |id| id % loops == own).map(|id| id as u8)
    }

    fn remove_dead_keys(&mut self) {
        let start_us = self.shared.host.clock().monotonic_us();
        let shared = Arc::clone(&self.shared);
        let pass = shared.executor.pass(self.state.loop_id);
        if !pass.gate.primary {
            return;
        }
        self.state.effects.wanted = shared.journal.is_wanted();
        for id in self.own_shards() {
            let mut space = shared.executor.walk();
            let Some(shard) = space.shard(id) else { continue };
            let dead = shard.remove_dead(self.state.now_ms, DEAD_PER_SHARD);
            for (db, entry) in &dead {
                self.state.effects.command(*db, &[b"DEL", entry.key()]);
                shared.journal.append(self.state.effects.propagated());
                self.state.effects.clear();
            }
            shared.stats[self.state.loop_id].expired_keys.add(dead.len() as u64);
            shared.trash.add(dead.into_iter().map(|(_, entry)| Rubbish::Entry(entry)));
            if shared.host.clock().monotonic_us() - start_us > EXPIRE_US_MAX {
                break;
            }
        }
        shared.executor.give_back(pass);
    }

    fn close_idle(&mut self) {
        let pass = self.shared.executor.pass(self.state.loop_id);
        let idle_s_max = pass.gate.settings.idle_s_max;
        self.shared.executor.give_back(pass);
        let now_ms = self.state.now_ms;
        for (place, conn) in self.conns.iter_mut().enumerate() {
            let Some(conn) = conn else { continue };
            let idle_ms = now_ms.saturating_sub(conn.session.record.active_ms.load(Relaxed));
            let ends = conn.session.refused || conn.session.closing;
            let limit_s = if ends { LAST_WORDS_S } else { idle_s_max };
            let listens = conn.session.subscriptions() > 0 && !ends;
            if limit_s > 0 && idle_ms > limit_s * 1000 && !listens {
                conn.give_up();
                self.touched.push(place as u32);
            }
        }
    }

    fn sample(&mut self) {
        let now_us = self.shared.host.clock().monotonic_us();
        let (then_us, then) = self.sampled;
        if now_us - then_us >= 1_000_000 {
            let commands = self.shared.total(|stats| &stats.commands);
            let rate = commands.saturating_sub(then) * 1_000_000 / (now_us - then_us);
            self.shared.commands_per_second.store(rate, Relaxed);
            self.sampled = (now_us, commands);
        }
    }

    fn addressed(&mut self, address: Address) -> Option<&mut Conn> {
        let conn = self.conn_mut(address.place)?;
        (conn.session.address() == address).then_some(conn)
    }

    fn deliver(&mut self, address: Address, message: &Message) {
        let Some(conn) = self.addressed(address) else { return };
        // It may have unsubscribed since: behind its confirmation a message is no reply any more.
        let listens = match &message.pattern {
            None => conn.session.channels.contains(&message.channel),
            Some(pattern) => conn.session.patterns.contains(pattern),
        };
        if !listens || conn.session.closing {
            return;
        }
        if conn.unsent().len() > UNREAD_MESSAGES_BYTES_MAX {
            conn.give_up();
            self.touched.push(address.place);
            return;
        }
        let mut reply = Reply::new(&mut conn.out, conn.session.protocol);
        match &message.pattern {
            None => {
                reply.push(3);
                reply.bulk(b"message");
            }
            Some(pattern) => {
                reply.push(4);
                reply.bulk(b"pmessage");
                reply.bulk(pattern);
            }
        }
        reply.bulk(&message.channel);
        reply.bulk(&message.payload);
        self.touched.push(address.place);
    }
}

/// Handles up to [`BATCH`] requests under one pass; true when there is more to do at once.
fn handle_batch(
    shared: &Shared,
    state: &mut LoopState,
    ahead: &mut Ahead,
    conn: &mut Conn,
) -> bool {
    let pass = shared.executor.pass(state.loop_id);
    let mut handled = 0;
    let mut last = Outcome::Done;
    let more = loop {
        if conn.session.closing || conn.must_wait() {
            break false;
        }
        if handled >= BATCH || shared.executor.is_wanted() && handled > 0 {
            break true;
        }
        let end = ahead.look(shared, conn, pass.gate.settings.bulk_bytes_max);
        if ahead.len() > 1 {
            shared.executor.prefetch(conn.session.db, ahead.hashes());
        }
        for at in 0..ahead.len() {
            let place = Place { session: &mut conn.session, out: &mut conn.out };
            let request = ahead.request(at, &conn.input, &conn.decoder);
            last = dispatch::request(shared, state, &pass.gate, place, request);
            if last != Outcome::Done {
                conn.consumed = ahead.start_of(at);
                break;
            }
            handled += 1;
            conn.consumed = ahead.end_of(at);
            if conn.session.closing {
                break;
            }
        }
        if last != Outcome::Done {
            // The request comes again: the decoder starts over from it.
            conn.decoder.finish();
            break last == Outcome::NeedsExclusive;
        }
        if conn.session.closing {
            break false;
        }
        conn.consumed = ahead.next();
        match end {
            End::More => {}
            End::Inline => conn.decoder.finish(),
            End::Incomplete => break false,
            End::Error(problem) => {
                let text = format!("ERR Protocol error: {}", problem.0);
                Reply::new(&mut conn.out, conn.session.protocol).error(text.as_bytes());
                conn.session.closing = true;
                break false;
            }
        }
    };
    shared.executor.give_back(pass);
    shared.stats[state.loop_id].commands.add(handled as u64);
    match last {
        Outcome::Done => {}
        Outcome::Deferred => conn.deferred = true,
        Outcome::NeedsExclusive => handle_exclusive(shared, state, conn),
    }
    more && !conn.deferred
}

/// Handles the request at the front, which the decoder has found already, with everything held.
fn handle_exclusive(shared: &Shared, state: &mut LoopState, conn: &mut Conn) {
    let mut exclusive = shared.executor.exclusive();
    let input = &conn.input[conn.consumed..];
    let limits = Limits { bulk_bytes_max: u64::MAX, unauthenticated: false };
    let Step::Request { consumed } = conn.decoder.step(input, limits) else {
        unreachable!("the request was complete a moment ago")
    };
    let place = Place { session: &mut conn.session, out: &mut conn.out };
    let args = conn.decoder.args(input);
    let outcome = dispatch::request_exclusive(shared, state, &mut exclusive, place, args);
    debug_assert_eq!(outcome, Outcome::Done, "the exclusive holder lacks nothing");
    conn.decoder.finish();
    conn.consumed += consumed;
    shared.stats[state.loop_id].commands.add(1);
}
