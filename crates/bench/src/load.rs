//! One thread of the load: an epoll set over its connections. Lanes decide what to send; this only
//! moves bytes and tells the time.

use crate::lane::Lane;
use crate::tally::Tally;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use stdx::Clock;

/// A connection that owes replies and is silent for so long is given up.
const SILENCE_US_MAX: u64 = 10_000_000;
/// How often silence is looked for, and the longest sleep.
const LOOK_US: u64 = 200_000;
/// Shorter waits are not slept: the kernel wakes up later than that.
const SLEEP_US_MIN: u64 = 60;
const READ_BYTES: usize = 256 << 10;
const EVENTS: usize = 256;

struct Socket {
    stream: TcpStream,
    lane: Lane,
    out: Vec<u8>,
    written: usize,
    /// Whether epoll looks for room to write.
    blocked: bool,
    active: bool,
    /// When it last had no reason to be called silent.
    heard_us: u64,
}

/// The thread's state.
pub struct Load<'a> {
    clock: &'a dyn Clock,
    epoll: OwnedFd,
    sockets: Vec<Socket>,
    active: usize,
    timed: bool,
    give_up_us: u64,
    tally: Tally,
    buffer: Vec<u8>,
}

impl<'a> Load<'a> {
    /// A load over `lanes`, some of whose operations may be `timed` (an open loop). What is due and
    /// unsent at `give_up_us` is never sent.
    ///
    /// # Errors
    /// When the machine has no more descriptors.
    pub fn new(
        clock: &'a dyn Clock,
        lanes: Vec<(TcpStream, Lane)>,
        operations: usize,
        (timed, give_up_us): (bool, u64),
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut sockets = Vec::with_capacity(lanes.len());
        for (index, (stream, lane)) in lanes.into_iter().enumerate() {
            stream.set_nonblocking(true)?;
            epoll::add(&epoll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
            let (out, heard_us) = (Vec::new(), clock.monotonic_us());
            let socket =
                Socket { stream, lane, out, written: 0, blocked: false, active: true, heard_us };
            sockets.push(socket);
        }
        let active = sockets.len();
        let (tally, buffer) = (Tally::new(operations), vec![0; READ_BYTES]);
        Ok(Self { clock, epoll, sockets, active, timed, give_up_us, tally, buffer })
    }

    /// Runs until every lane is done or lost.
    ///
    /// # Errors
    /// When waiting for events fails.
    pub fn run(mut self) -> io::Result<Tally> {
        let mut events = Vec::with_capacity(EVENTS);
        let mut looked_us = self.clock.monotonic_us();
        self.send_all(looked_us);
        while self.active > 0 {
            self.wait(&mut events)?;
            let now_us = self.clock.monotonic_us();
            for event in &events {
                let index = event.data.u64() as usize;
                self.handle(index, event.flags, now_us);
            }
            if self.timed {
                self.send_all(now_us);
            }
            if looked_us + LOOK_US < now_us {
                looked_us = now_us;
                self.look_for_silence(now_us);
            }
        }
        Ok(self.tally)
    }

    fn wait(&mut self, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        events.clear();
        let mut timeout_us = LOOK_US;
        if self.timed {
            let now_us = self.clock.monotonic_us();
            let active = self.sockets.iter().filter(|socket| socket.active);
            let next_us = active.filter_map(|socket| socket.lane.wake_us(now_us)).min();
            let left_us = next_us.map_or(LOOK_US, |next_us| next_us.saturating_sub(now_us));
            timeout_us = if left_us < SLEEP_US_MIN { 0 } else { left_us.min(LOOK_US) };
            if timeout_us > 0 {
                // epoll counts in milliseconds, poll in nanoseconds.
                let mut set = [PollFd::new(&self.epoll, PollFlags::IN)];
                uninterrupted(poll(&mut set, Some(&timespec(timeout_us))))?;
                timeout_us = 0;
            }
        }
        let found = epoll::wait(&self.epoll, spare_capacity(events), Some(&timespec(timeout_us)));
        uninterrupted(found)
    }

    /// Sends what is due on every connection.
    fn send_all(&mut self, now_us: u64) {
        for index in 0..self.sockets.len() {
            let due = self.sockets[index].lane.wake_us(now_us).is_none_or(|due| due <= now_us);
            if self.sockets[index].active && due {
                self.send(index, now_us);
            }
        }
    }

    fn handle(&mut self, index: usize, flags: EventFlags, now_us: u64) {
        if !self.sockets[index].active {
            return;
        }
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            let socket = &mut self.sockets[index];
            match socket.stream.read(&mut self.buffer) {
                Ok(0) => return self.lose(index, "CLOSED by the server"),
                Ok(len) => {
                    socket.heard_us = now_us;
                    let bytes = &self.buffer[..len];
                    if let Err(error) = socket.lane.receive(bytes, now_us, &mut self.tally) {
                        return self.lose(index, &format!("PROTOCOL {}", error.0));
                    }
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => return self.lose(index, &format!("CLOSED {error}")),
            }
        }
        self.send(index, now_us);
    }

    fn send(&mut self, index: usize, now_us: u64) {
        let socket = &mut self.sockets[index];
        if !socket.lane.is_waiting() {
            socket.heard_us = now_us;
        }
        socket.lane.fill(now_us, &mut socket.out);
        if !socket.out.is_empty() {
            match socket.stream.write(&socket.out[socket.written..]) {
                Ok(len) => {
                    socket.written += len;
                    self.tally.sent_bytes += len as u64;
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => return self.lose(index, &format!("CLOSED {error}")),
            }
            if socket.written == socket.out.len() {
                socket.out.clear();
                socket.written = 0;
            }
        } else if socket.lane.is_done(now_us) {
            return self.retire(index);
        }
        let blocked = !socket.out.is_empty();
        if blocked != socket.blocked {
            socket.blocked = blocked;
            let flags = if blocked { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
            let data = EventData::new_u64(index as u64);
            if let Err(error) = epoll::modify(&self.epoll, &socket.stream, data, flags) {
                self.lose(index, &format!("EPOLL {error}"));
            }
        }
    }

    fn look_for_silence(&mut self, now_us: u64) {
        for index in 0..self.sockets.len() {
            let socket = &mut self.sockets[index];
            if !socket.active {
                continue;
            }
            if self.give_up_us < now_us {
                socket.lane.curtail(&mut self.tally);
            }
            if socket.lane.is_waiting() && socket.heard_us + SILENCE_US_MAX < now_us {
                self.lose(index, "TIMEOUT no reply for 10 s");
            } else if socket.lane.is_done(now_us) {
                self.retire(index);
            }
        }
    }

    fn lose(&mut self, index: usize, why: &str) {
        self.sockets[index].lane.abandon(why, &mut self.tally);
        self.retire(index);
    }

    fn retire(&mut self, index: usize) {
        let socket = &mut self.sockets[index];
        socket.active = false;
        self.active -= 1;
        // A connection that has failed may be gone from the set already.
        let _ = epoll::delete(&self.epoll, &socket.stream);
    }
}

fn timespec(us: u64) -> Timespec {
    Timespec { tv_sec: (us / 1_000_000) as i64, tv_nsec: (us % 1_000_000 * 1_000) as i64 }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// A signal is no failure: the caller looks again.
fn uninterrupted<T>(result: rustix::io::Result<T>) -> io::Result<()> {
    match result {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
