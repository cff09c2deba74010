//! One thread, one epoll set: reads what has arrived, lets the core handle it, writes what it
//! answers. Loop 0 also accepts and deals connections out.

use super::pacing::Lines;
use super::standby::Standby;
use super::waker::EventWaker;
use parking_lot::Mutex;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketAddrAny, SocketFlags};
use server::conn::State;
use server::inbox::Waker;
use server::loop_core::Peer;
use server::{LoopCore, Shared};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::host::Stop;

/// Connections accepted in one turn; established ones come first.
const ACCEPTS_MAX: usize = 128;
/// Bytes sent to one connection in one turn.
pub(super) const SENT_BYTES_MAX: usize = 512 * 1024;
/// Room for one read.
const READ_BYTES: usize = 64 * 1024;
/// Room below which a buffer is made larger before a read.
const READ_BYTES_MIN: usize = 4 * 1024;
/// Turns between two ticks while keys can die, and while none can.
const TICK_BUSY_US: u64 = 100_000;
const TICK_IDLE_US: u64 = 1_000_000;
/// Microseconds for requests that left their batch, before others have a turn.
const JOBS_US: u64 = 1_000;
/// Seconds between keep-alive probes.
const KEEPALIVE_S: u64 = 300;

const WAKER: u64 = u64::MAX;
const LISTENER: u64 = 1 << 32;

/// Where sockets wait for the loop that is to serve them.
#[derive(Default)]
pub struct Hall {
    waiting: Mutex<Arrivals>,
}

#[derive(Default)]
struct Arrivals {
    connections: Vec<(OwnedFd, Peer)>,
    listeners: Vec<OwnedFd>,
}

impl Hall {
    /// A listening socket to poll from now on.
    pub fn listen(&self, socket: OwnedFd) {
        self.waiting.lock().listeners.push(socket);
    }

    fn connect(&self, socket: OwnedFd, peer: Peer) {
        self.waiting.lock().connections.push((socket, peer));
    }
}

/// A loop with its sockets.
pub struct EventLoop {
    pub(super) id: usize,
    pub(super) core: LoopCore,
    pub(super) shared: Arc<Shared>,
    stop: Arc<Stop>,
    epoll: OwnedFd,
    waker: EventWaker,
    halls: Arc<[Hall]>,
    pub(super) sockets: Vec<Option<Socket>>,
    /// Connections that have more to say, or may speak again.
    again: Vec<u32>,
    /// Connections with more to send than they may in one turn.
    unsent: Vec<u32>,
    /// Connections that wait for bandwidth.
    pub(super) lines: Lines,
    listeners: Vec<OwnedFd>,
    /// False from a failed accept to the next tick.
    accepts: bool,
    next_loop: usize,
    next_tick_us: u64,
    /// Replicas got something in the last turn: there may be more.
    fed: bool,
}

/// A socket is polled for edges: asking epoll about each level again after every request would
/// cost a connection that sends one at a time a fifteenth of all its CPU time.
pub(super) struct Socket {
    fd: OwnedFd,
    /// There may be something to read.
    pub(super) readable: bool,
    /// The peer will send no more: reading goes on until the end is read.
    ended: bool,
    /// The peer has to read before more can be sent.
    pub(super) stuck: bool,
    /// It is among those to be read again.
    called: bool,
}

impl Socket {
    fn new(fd: OwnedFd) -> Self {
        Self { fd, readable: false, ended: false, stuck: false, called: false }
    }

    /// Has the socket read in the next turn, if there may be something to read.
    fn call_again(&mut self, place: u32, again: &mut Vec<u32>) {
        if self.readable && !self.called {
            self.called = true;
            again.push(place);
        }
    }
}

impl EventLoop {
    /// Loop `id`, woken by `waker`.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn new(
        id: usize,
        shared: Arc<Shared>,
        stop: Arc<Stop>,
        waker: EventWaker,
        halls: Arc<[Hall]>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, waker.fd(), EventData::new_u64(WAKER), EventFlags::IN)?;
        Ok(Self {
            id,
            core: LoopCore::new(Arc::clone(&shared), id),
            shared,
            stop,
            epoll,
            waker,
            halls,
            sockets: Vec::new(),
            again: Vec::new(),
            unsent: Vec::new(),
            lines: Lines::default(),
            listeners: Vec::new(),
            accepts: true,
            next_loop: 0,
            next_tick_us: 0,
            fed: false,
        })
    }

    /// Serves until the node is to end: true. False when the loop went on on another thread while
    /// this one was busy with a long request.
    ///
    /// # Errors
    /// The operating system refuses to wait, which nothing can be done about.
    pub fn run(mut self: Box<Self>, threads: &Arc<Standby>) -> io::Result<bool> {
        let mut events = Vec::with_capacity(256);
        while !self.stop.is_wanted() {
            self.turn(&mut events)?;
            if self.core.jobs_waiting() > 0 {
                match self.run_jobs(threads) {
                    Some(this) => self = this,
                    None => return Ok(false),
                }
            }
        }
        self.core.release_held();
        self.flush_touched();
        self.send_waiting();
        Ok(true)
    }

    /// Waits once, and handles what has come.
    fn turn(&mut self, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        events.clear();
        let more = std::mem::take(&mut self.fed) || !self.unsent.is_empty();
        let idle = self.again.is_empty() && !more;
        let timeout = if idle { self.until_tick() } else { Timespec::default() };
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // Who has seen the reply to a PUBLISH and asks a subscriber's connection something next
        // finds the message there first, whichever loop published it.
        self.core.read_mail();
        for place in std::mem::take(&mut self.unsent) {
            self.flush(place);
        }
        for place in std::mem::take(&mut self.again) {
            self.take_in_again(place);
        }
        let mut knocking = false;
        for event in events.iter() {
            match event.data.u64() {
                WAKER => self.waker.reset(),
                token if token >= LISTENER => knocking = true,
                place => self.serve(place as u32, event.flags),
            }
        }
        self.core.read_mail();
        self.core.time_out();
        self.core.retry_waiting();
        self.core.release_held();
        // Replies go out together, so that a client that waits for several is woken once.
        self.flush_touched();
        self.serve_lines();
        self.receive();
        if knocking {
            self.accept();
        }
        self.tick_when_due();
        if self.core.feed() {
            self.fed = true;
            self.flush_touched();
        }
        Ok(())
    }

    /// Runs requests that left their batch, for a moment. One that takes longer keeps this thread,
    /// and the loop goes on on another one: `None`.
    fn run_jobs(mut self: Box<Self>, threads: &Arc<Standby>) -> Option<Box<Self>> {
        let shared = Arc::clone(&self.shared);
        let until_us = shared.host.clock().monotonic_us() + JOBS_US;
        let mut early = 0;
        while early < self.core.jobs_waiting() {
            let Some(mut job) = self.core.next_job() else { break };
            let mut home = Some(self);
            let has_run = job.run(&shared, &mut || {
                if let Some(event_loop) = home.take()
                    && let Err(error) = threads.serve(event_loop)
                {
                    tracing::error!(%error, "start a thread for a loop");
                    std::process::abort();
                }
            });
            let Some(this) = home else {
                job.send_home(&shared);
                return None;
            };
            self = this;
            if has_run {
                self.core.take_back(job);
            } else {
                early += 1;
                self.core.put_back(job);
            }
            if shared.host.clock().monotonic_us() >= until_us {
                break;
            }
        }
        self.flush_touched();
        Some(self)
    }

    fn until_tick(&self) -> Timespec {
        let now_us = self.shared.host.clock().monotonic_us();
        let deadlines_us = self.core.next_deadline_us().into_iter().chain(self.lines.due_us());
        let next_us = deadlines_us.fold(self.next_tick_us, u64::min);
        let until_us = next_us.saturating_sub(now_us);
        let us = self.core.rest_us().map_or(until_us, |rest_us| rest_us.min(until_us));
        Timespec { tv_sec: (us / 1_000_000) as i64, tv_nsec: (us % 1_000_000 * 1000) as i64 }
    }

    fn tick_when_due(&mut self) {
        let now_us = self.shared.host.clock().monotonic_us();
        if now_us >= self.next_tick_us {
            self.core.tick();
            if !self.accepts {
                self.poll_listeners(true);
            }
            let busy = self.core.has_mortal_keys();
            self.next_tick_us = now_us + if busy { TICK_BUSY_US } else { TICK_IDLE_US };
            self.flush_touched();
        }
    }

    fn serve(&mut self, place: u32, flags: EventFlags) {
        let Some(Some(socket)) = self.sockets.get_mut(place as usize) else { return };
        let ended = flags.intersects(EventFlags::HUP | EventFlags::ERR);
        if flags.contains(EventFlags::OUT) {
            socket.stuck = false;
        }
        socket.ended |= ended || flags.contains(EventFlags::RDHUP);
        socket.readable |= socket.ended || flags.contains(EventFlags::IN);
        let Some(conn) = self.core.conn_mut(place) else { return };
        let gone = conn.waits_for_others() && socket.ended;
        if gone || ended && conn.is_full() && conn.state == State::Ready {
            // Nobody waits for the answer, or both ends are gone and none of what comes is wanted.
            self.close(place);
            return;
        }
        if flags.contains(EventFlags::OUT) && !conn.unsent().is_empty() {
            self.flush(place);
        }
        self.take_in(place);
    }

    fn take_in_again(&mut self, place: u32) {
        if let Some(Some(socket)) = self.sockets.get_mut(place as usize) {
            socket.called = false;
            self.take_in(place);
        }
    }

    /// Reads once what a connection has to say, if it may speak, and handles it. What is left after
    /// that comes in the next turn, after the others.
    fn take_in(&mut self, place: u32) {
        if self.shared.bandwidth.is_on() {
            self.read_paced(place);
        } else {
            self.read(place, usize::MAX);
        }
    }

    /// Reads up to `bytes_max`, if the connection may speak, and handles it. Gives how many bytes
    /// came.
    pub(super) fn read(&mut self, place: u32, bytes_max: usize) -> usize {
        let Some(Some(socket)) = self.sockets.get_mut(place as usize) else { return 0 };
        if !socket.readable || self.core.conn_mut(place).is_none_or(|conn| conn.is_full()) {
            return 0;
        }
        let Some(input) = self.core.input(place) else { return 0 };
        if input.capacity() - input.len() < READ_BYTES_MIN {
            input.reserve(READ_BYTES);
        }
        let room = input.capacity() - input.len();
        let received = if room <= bytes_max {
            rustix::net::recv(&socket.fd, spare_capacity(input), RecvFlags::empty()).map(|(n, _)| n)
        } else {
            self.lines.receive(&socket.fd, bytes_max, input)
        };
        match received {
            Ok(0) => self.hear_end(place),
            Ok(n) => {
                // A read that leaves room has emptied the socket, unless the end comes behind.
                socket.readable = n == room.min(bytes_max) || socket.ended;
                socket.call_again(place, &mut self.again);
                self.shared.stats[self.id].net_input_bytes.add(n as u64);
                self.core.process(place);
                return n;
            }
            Err(Errno::AGAIN) => socket.readable = false,
            Err(Errno::INTR) => socket.call_again(place, &mut self.again),
            Err(_) => self.close(place),
        }
        0
    }

    /// The peer says no more. What it is still owed, and would have by now were there bandwidth
    /// for it, goes out first.
    fn hear_end(&mut self, place: u32) {
        let Some(Some(socket)) = self.sockets.get_mut(place as usize) else { return };
        match self.core.conn_mut(place) {
            Some(conn) if conn.paced => {
                conn.session.closing = true;
                socket.readable = false;
            }
            _ => self.close(place),
        }
    }

    pub(super) fn flush_touched(&mut self) {
        while !self.core.touched.is_empty() {
            let touched = std::mem::take(&mut self.core.touched);
            touched.into_iter().for_each(|place| self.flush(place));
        }
    }

    /// Sends what a connection has to send, and closes it when that was the last of it.
    fn flush(&mut self, place: u32) {
        if self.shared.bandwidth.is_on() {
            self.send_paced(place);
        } else {
            self.send(place, usize::MAX);
        }
    }

    /// Sends up to `bytes_max` of what a connection has to send, and closes it when that was the
    /// last of it. Gives how many bytes went.
    pub(super) fn send(&mut self, place: u32, bytes_max: usize) -> usize {
        let Some(Some(socket)) = self.sockets.get_mut(place as usize) else { return 0 };
        let Some(conn) = self.core.conn_mut(place) else { return 0 };
        let waited = conn.must_wait();
        let mut sent = 0;
        conn.paced = false;
        while !socket.stuck && !conn.sendable().is_empty() {
            if sent >= SENT_BYTES_MAX {
                if !self.unsent.contains(&place) {
                    self.unsent.push(place);
                }
                if waited && !conn.must_wait() {
                    break;
                }
                return sent;
            }
            if sent >= bytes_max {
                conn.paced = true;
                break;
            }
            let bytes = conn.sendable().len().min(SENT_BYTES_MAX).min(bytes_max - sent);
            let piece = &conn.sendable()[..bytes];
            match rustix::net::send(&socket.fd, piece, SendFlags::NOSIGNAL) {
                Ok(n) => {
                    sent += n;
                    self.shared.stats[self.id].net_output_bytes.add(n as u64);
                    conn.sent(n);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    socket.stuck = true;
                    if !self.shared.bandwidth.is_on() {
                        conn.out_bytes_max = usize::MAX;
                    }
                }
                Err(_) => {
                    self.close(place);
                    return sent;
                }
            }
        }
        // A stranger who does not read what he is answered is not worth a buffer.
        let stranger = conn.session.user.is_none();
        let idle_stranger = stranger && socket.stuck && conn.must_wait();
        let empty = conn.unsent().is_empty();
        if idle_stranger || empty && conn.session.closing || conn.waits_for_others() && socket.ended
        {
            self.close(place);
            return sent;
        }
        if !conn.is_full() || socket.stuck {
            socket.call_again(place, &mut self.again);
        }
        let goes_on = waited && !conn.must_wait() && !conn.unread().is_empty();
        if goes_on {
            self.core.process(place);
        } else if empty {
            self.core.give_up_buffer(place);
        }
        sent
    }

    fn close(&mut self, place: u32) {
        if let Some(socket) = self.sockets.get_mut(place as usize).and_then(Option::take) {
            // Unread bytes would turn the close into a reset that overtakes the last reply.
            let _ = rustix::net::shutdown(&socket.fd, Shutdown::Write);
            let mut rest = [0u8; 4096];
            for _ in 0..16 {
                if !matches!(rustix::io::read(&socket.fd, &mut rest), Ok(n) if n > 0) {
                    break;
                }
            }
            self.core.disconnect(place);
        }
    }

    /// Takes over the sockets that wait for this loop.
    fn receive(&mut self) {
        let arrivals = {
            let mut waiting = self.halls[self.id].waiting.lock();
            if waiting.connections.is_empty() && waiting.listeners.is_empty() {
                return;
            }
            std::mem::take(&mut *waiting)
        };
        for listener in arrivals.listeners {
            let data = EventData::new_u64(LISTENER + self.listeners.len() as u64);
            match epoll::add(&self.epoll, &listener, data, EventFlags::IN) {
                Ok(()) => self.listeners.push(listener),
                Err(error) => tracing::error!(%error, "poll the listening socket"),
            }
        }
        for (socket, peer) in arrivals.connections {
            self.adopt(socket, peer);
        }
    }

    fn accept(&mut self) {
        for at in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_MAX {
                let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
                match rustix::net::acceptfrom_with(&self.listeners[at], flags) {
                    Ok((socket, address)) => self.deal(socket, address),
                    Err(Errno::AGAIN) => break,
                    Err(Errno::INTR | Errno::CONNABORTED) => {}
                    // Out of descriptors or memory: connections wait in the backlog until the
                    // next tick, and the loop does not spin on them meanwhile.
                    Err(error) => {
                        tracing::warn!(%error, "accept a connection");
                        self.poll_listeners(false);
                        return;
                    }
                }
            }
        }
    }

    fn poll_listeners(&mut self, on: bool) {
        self.accepts = on;
        let interest = if on { EventFlags::IN } else { EventFlags::empty() };
        for (at, listener) in self.listeners.iter().enumerate() {
            let data = EventData::new_u64(LISTENER + at as u64);
            if let Err(error) = epoll::modify(&self.epoll, listener, data, interest) {
                tracing::error!(%error, "poll the listening socket");
            }
        }
    }

    /// Gives a new connection to the next loop in turn.
    fn deal(&mut self, socket: OwnedFd, address: Option<SocketAddrAny>) {
        let address = address.and_then(|any| SocketAddr::try_from(any).ok());
        let local = rustix::net::getsockname(&socket).ok();
        let local = local.and_then(|any| SocketAddr::try_from(any).ok());
        let shown = |address: Option<SocketAddr>| {
            address.map_or_else(|| "?:0".to_owned(), |address| address.to_string())
        };
        let peer = Peer {
            // A peer without an address is nobody that an allowlist names.
            address: Some(address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |a| a.ip())),
            peer: shown(address),
            local: shown(local),
        };
        self.next_loop = (self.next_loop + 1) % self.halls.len();
        if self.next_loop == self.id {
            self.adopt(socket, peer);
        } else {
            self.halls[self.next_loop].connect(socket, peer);
            self.shared.inboxes[self.next_loop].wake();
        }
    }

    fn adopt(&mut self, fd: OwnedFd, peer: Peer) {
        // Neither option is needed to serve; a socket that refuses them is closing already.
        let _ = rustix::net::sockopt::set_tcp_nodelay(&fd, true);
        let _ = rustix::net::sockopt::set_socket_keepalive(&fd, true);
        let idle = std::time::Duration::from_secs(KEEPALIVE_S);
        let _ = rustix::net::sockopt::set_tcp_keepidle(&fd, idle);
        let place = self.core.connect(peer);
        let data = EventData::new_u64(u64::from(place));
        let edges = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        if let Err(error) = epoll::add(&self.epoll, fd.as_fd(), data, edges) {
            tracing::warn!(%error, "poll a new connection");
            self.core.disconnect(place);
            return;
        }
        let at = place as usize;
        if self.sockets.len() <= at {
            self.sockets.resize_with(at + 1, || None);
        }
        self.sockets[at] = Some(Socket::new(fd));
        self.flush_touched();
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        for place in 0..self.sockets.len() {
            self.close(place as u32);
        }
    }
}

/// Wakes loop 0 of a node for a socket put into its hall.
pub fn hand_over(halls: &[Hall], waker: &dyn Waker, socket: OwnedFd) {
    halls[0].listen(socket);
    waker.wake();
}
