//! Connections that wait: deferred and paused ones, and those whose request runs as a job. Knows no
//! thread.

use super::LoopCore;
use crate::conn::{Conn, State};
use crate::executor::Kind;
use crate::inbox::{Address, Mail};
use crate::job::Job;
use std::collections::hash_map::Entry;

/// Turns in which everything that waits for others is tried at once; after that, less and less
/// often.
const EAGER_TURNS: u32 = 32;
/// First and longest time between two tries.
const REST_US_MIN: u64 = 50;
const REST_US_MAX: u64 = 1_000;

/// What a connection that is away has to come back to.
#[derive(Debug)]
pub(super) struct Absent {
    address: Address,
    mail: Vec<Mail>,
    /// Its socket is closed.
    gone: bool,
}

/// How patiently the loop tries again.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Turns in a row with something that waits.
    turns: u32,
    /// Unix milliseconds when the pause ends.
    paused_until_ms: u64,
}

impl LoopCore {
    /// Tries again what waits for others.
    pub fn retry_waiting(&mut self) {
        if self.paused.is_empty() {
            self.waiting.paused_until_ms = 0;
        } else if !self.is_paused() {
            self.deferred.append(&mut self.paused);
        }
        for place in std::mem::take(&mut self.deferred) {
            self.resume(place);
        }
        let waits = !self.deferred.is_empty() || !self.jobs.is_empty();
        self.waiting.turns = if waits { self.waiting.turns.saturating_add(1) } else { 0 };
    }

    /// Microseconds after which [`LoopCore::retry_waiting`] is to be called again, if nothing else
    /// happens.
    #[must_use]
    pub fn rest_us(&self) -> Option<u64> {
        if !self.deferred.is_empty() || !self.jobs.is_empty() {
            let patience = self.waiting.turns.saturating_sub(EAGER_TURNS) / EAGER_TURNS;
            let rest_us = (REST_US_MIN << patience.min(8)).min(REST_US_MAX);
            return Some(if self.waiting.turns < EAGER_TURNS { 0 } else { rest_us });
        }
        if self.paused.is_empty() {
            return None;
        }
        let now_ms = self.shared.host.clock().unix_ms();
        Some(self.waiting.paused_until_ms.saturating_sub(now_ms) * 1000)
    }

    /// Looks at the pause, to try again when it has ended.
    fn is_paused(&mut self) -> bool {
        let pause = self.shared.executor.look(self.state.slot, |gate| gate.pause);
        self.waiting.paused_until_ms = pause.until_ms;
        pause.is_on(self.shared.host.clock().unix_ms())
    }

    fn resume(&mut self, place: u32) {
        let Some(conn) = self.conn_mut(place) else { return };
        match conn.state {
            State::Deferred => conn.state = State::Ready,
            State::Paused => {
                conn.state = State::Ready;
                self.shared.blocked.go_on();
            }
            _ => return,
        }
        self.work(place, true);
    }

    /// Takes a connection out of its place: its next request runs as a job.
    pub(super) fn send_away(&mut self, place: u32, kind: Kind) {
        let Some(mut conn) = self.conns[place as usize].take() else { return };
        conn.state = State::Away;
        let address = conn.session.address();
        self.away.insert(place, Absent { address, mail: Vec::new(), gone: false });
        self.jobs.push_back(Box::new(Job::new(&self.shared.executor, kind, place, conn)));
    }

    /// Jobs to be run at the top of the loop.
    #[must_use]
    pub fn jobs_waiting(&self) -> usize {
        self.jobs.len()
    }

    /// The next job; once run it comes back by [`LoopCore::take_back`], or by mail.
    pub fn next_job(&mut self) -> Option<Box<Job>> {
        self.jobs.pop_front()
    }

    /// Keeps a job whose turn has not come.
    pub fn put_back(&mut self, job: Box<Job>) {
        self.jobs.push_back(job);
    }

    /// Runs the jobs whose turn has come, here.
    pub fn run_jobs(&mut self) {
        for _ in 0..self.jobs.len() {
            let Some(mut job) = self.jobs.pop_front() else { return };
            if job.run(&self.shared, &mut || {}) {
                self.take_back(job);
            } else {
                self.jobs.push_back(job);
            }
        }
    }

    /// Puts a connection back into its place, with what has come for it meanwhile, and goes on with
    /// its requests.
    pub fn take_back(&mut self, job: Box<Job>) {
        let Job { place, conn, .. } = *job;
        let Some(absent) = self.away.remove(&place) else { return };
        if absent.gone {
            self.end(place, conn);
            return;
        }
        let state = conn.state;
        self.conns[place as usize] = Some(conn);
        self.note_held(place);
        match state {
            State::Ready | State::Away => self.work(place, true),
            State::Deferred => self.deferred.push(place),
            State::Paused => {
                self.shared.blocked.postpone();
                self.paused.push(place);
            }
            State::Blocked => self.begin_wait(place),
        }
        absent.mail.into_iter().for_each(|mail| self.open(mail));
        // The shell looks whether the peer is still there.
        self.touched.push(place);
    }

    /// Keeps mail for a connection that is away.
    pub(super) fn hold(&mut self, address: Address, mail: Mail) {
        if let Some(absent) = self.away.get_mut(&address.place)
            && absent.address == address
        {
            absent.mail.push(mail);
        }
    }

    /// The socket of a connection that is away is closed.
    pub(super) fn disconnect_away(&mut self, place: u32) {
        let Entry::Occupied(mut absent) = self.away.entry(place) else { return };
        let Some(at) = self.jobs.iter().position(|job| job.place == place) else {
            absent.get_mut().gone = true;
            return;
        };
        absent.remove();
        if let Some(job) = self.jobs.remove(at) {
            job.withdraw(&self.shared.executor);
            self.end(place, job.into_conn());
        }
    }

    /// Where a connection is that cannot be looked at now.
    #[must_use]
    pub fn is_away(&self, place: u32) -> bool {
        self.away.contains_key(&place)
    }
}

impl Job {
    fn into_conn(self: Box<Self>) -> Conn {
        self.conn
    }
}
