//! The connections of a loop that wait for a key: their deadlines, and how each wait ends. Whoever
//! claims a waiter first decides; the loop only carries it out.

use super::LoopCore;
use crate::blocked::{Release, address_of};
use crate::conn::{Conn, State};
use engine::keyspace::{Fate, Keyspace, Waiter, shard_of};
use resp::Reply;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Deadlines, earliest first: monotonic microseconds, and the place of the connection.
#[derive(Debug, Default)]
pub struct Deadlines(BTreeSet<(u64, u32)>);

impl Deadlines {
    fn add(&mut self, waiter: &Waiter) {
        if waiter.deadline_us > 0 {
            self.0.insert((waiter.deadline_us, waiter.home.place));
        }
    }

    fn remove(&mut self, waiter: &Waiter) {
        self.0.remove(&(waiter.deadline_us, waiter.home.place));
    }
}

impl LoopCore {
    /// When the next wait is over, in monotonic microseconds.
    #[must_use]
    pub fn next_deadline_us(&self) -> Option<u64> {
        self.deadlines.0.first().map(|&(at_us, _)| at_us)
    }

    /// Ends the waits whose time is over.
    pub fn time_out(&mut self) {
        let Some(first_us) = self.next_deadline_us() else { return };
        let now_us = self.shared.host.clock().monotonic_us();
        if now_us < first_us {
            return;
        }
        while let Some(&(at_us, place)) = self.deadlines.0.first()
            && at_us <= now_us
        {
            self.deadlines.0.pop_first();
            let Some(waiter) = self.waiter_at(place) else { continue };
            // Who was claimed meanwhile has mail on its way.
            if self.shared.blocked.claim(&waiter, Fate::TimedOut) {
                if waiter.looks_again {
                    self.run_again(&waiter, now_us);
                } else {
                    self.end_early(&waiter, Release::Timeout);
                }
            }
        }
    }

    /// Notes that a connection has begun to wait.
    pub(super) fn begin_wait(&mut self, place: u32) {
        if let Some(waiter) = self.waiter_at(place) {
            self.deadlines.add(&waiter);
        }
    }

    /// Hands the reply of a served command to its connection.
    pub(super) fn served(&mut self, waiter: &Arc<Waiter>, reply: &[u8], offset: u64) {
        let durable = self.shared.aof.durable();
        self.end_wait(waiter, |conn| {
            let start = conn.out.len();
            conn.out.extend_from_slice(reply);
            conn.hold(start, offset, durable);
            conn.session.wrote_to = conn.session.wrote_to.max(offset);
        });
    }

    /// Ends a wait that another connection ended.
    pub(super) fn released(&mut self, waiter: &Arc<Waiter>, release: Release) {
        self.end_early(waiter, release);
        if release == Release::Demoted
            && let Some(conn) = self.addressed(address_of(waiter))
        {
            conn.session.closing = true;
        }
    }

    /// Answers a command that was not served. One that waits for replicas gets their number when
    /// its time is over.
    fn end_early(&mut self, waiter: &Arc<Waiter>, release: Release) {
        let applied = self.shared.links.stop_waiting(waiter);
        self.end_wait(waiter, |conn| match applied {
            Some(applied) if release == Release::Timeout => {
                Reply::new(&mut conn.out, waiter.protocol).int(applied as i64);
            }
            _ => release.reply(&mut conn.out, waiter.protocol),
        });
        self.forget(waiter);
    }

    /// Puts the request before all others of its connection once more.
    fn run_again(&mut self, waiter: &Arc<Waiter>, now_us: u64) {
        if let Some(conn) = self.addressed(address_of(waiter))
            && conn.state == State::Blocked
        {
            conn.compact();
            conn.input.splice(0..0, waiter.request(now_us));
        }
        self.forget(waiter);
        self.end_wait(waiter, |_| {});
    }

    /// The connection is gone: what it waited for goes to others.
    pub(super) fn abandon_wait(&mut self, waiter: &Arc<Waiter>) {
        self.shared.blocked.claim(waiter, Fate::Killed);
        self.deadlines.remove(waiter);
        self.shared.links.stop_waiting(waiter);
        self.forget(waiter);
    }

    fn waiter_at(&mut self, place: u32) -> Option<Arc<Waiter>> {
        self.conn_mut(place)?.session.record.waiter.lock().clone()
    }

    fn end_wait(&mut self, waiter: &Arc<Waiter>, reply: impl FnOnce(&mut Conn)) {
        self.deadlines.remove(waiter);
        let Some(conn) = self.addressed(address_of(waiter)) else { return };
        *conn.session.record.waiter.lock() = None;
        if conn.state != State::Blocked {
            return;
        }
        if !waiter.silent && !conn.session.closing {
            reply(conn);
        }
        conn.state = State::Ready;
        self.touched.push(waiter.home.place);
        self.work(waiter.home.place, true);
    }

    /// Takes a waiter out of its queues. A shard in use keeps it until it is next swept.
    fn forget(&mut self, waiter: &Arc<Waiter>) {
        let shared = Arc::clone(&self.shared);
        // Without a pass the shards can be in use for long: the waiter stays until it is swept.
        let Some(pass) = shared.executor.pass(self.state.slot) else { return };
        let mut space = shared.executor.walk();
        for key in waiter.keys() {
            if let Some(shard) = space.shard(shard_of(shared.executor.seed().hash(key))) {
                shard.stop_waiting(key, waiter);
            }
        }
        drop(space);
        shared.executor.give_back(pass);
    }
}
