//! A request that runs beside its loop: long ones, and those that run alone. The connection leaves
//! its place while it does; the shell decides on which thread, and may give the loop to another one
//! in the middle. Knows no thread.

use crate::conn::{Conn, State};
use crate::dispatch::{self, Outcome, Place};
use crate::executor::{Exclusive, Executor, Kind, LongPass, Ticket};
use crate::inbox::{Address, Mail};
use crate::loop_core::batch::{self, Next};
use crate::shared::Shared;
use crate::turn::LoopState;
use engine::{CommandError, Tick};
use resp::decode::Step;
use resp::{Args, Limits};
use std::time::Duration;

/// Microseconds that a request may keep its loop.
const KEEP_US: u64 = 5_000;
/// How long a loop waits for others who run alone before it does other things.
const PATIENCE: Duration = Duration::from_micros(500);

/// A reply that is not moved by a loop, and room behind it for others.
const LARGE_BYTES: usize = 1 << 20;
const ROOM_BYTES: usize = 256 << 10;

/// One request and its connection.
#[derive(Debug)]
pub struct Job {
    /// The connection's place in its loop.
    pub place: u32,
    pub(crate) conn: Conn,
    ticket: Ticket,
}

/// What is held for a job.
enum Permit<'e> {
    Long(LongPass<'e>),
    Alone(Exclusive<'e>),
}

impl Job {
    pub(crate) fn new(executor: &Executor, kind: Kind, place: u32, conn: Conn) -> Self {
        Self { place, conn, ticket: executor.draw(kind) }
    }

    /// Where it came from.
    #[must_use]
    pub fn address(&self) -> Address {
        self.conn.session.address()
    }

    /// Will not be run.
    pub(crate) fn withdraw(&self, executor: &Executor) {
        executor.leave(self.ticket);
    }

    /// Runs it if it is its turn, and tells whether it was. When it takes long, `give_away` is
    /// called once: from then on the caller's loop is somebody else's, and the job goes home by
    /// [`Job::send_home`].
    pub fn run(&mut self, shared: &Shared, give_away: &mut dyn FnMut()) -> bool {
        let executor = &shared.executor;
        let permit = match self.ticket.kind() {
            Kind::Long => executor.try_long(self.ticket).map(Permit::Long),
            Kind::Exclusive => executor.try_exclusive(self.ticket, PATIENCE).map(Permit::Alone),
        };
        let Some(permit) = permit else { return false };
        let slot = match &permit {
            Permit::Long(pass) => pass.slot(),
            Permit::Alone(_) => shared.lonely_slot(),
        };
        let mut state = shared.slots[slot - shared.inboxes.len()].lock();
        let clock = shared.host.clock();
        state.now_ms = clock.unix_ms();
        let alone = matches!(permit, Permit::Alone(_));
        let start_us = clock.monotonic_us();
        let mut tick =
            Keeper { shared, start_us, alone, given: false, reports_at_us: None, give_away };
        let start = self.conn.out.len();
        let outcome = self.perform(shared, &mut state, permit, &mut tick);
        if state.release != 0 {
            self.conn.hold(start, std::mem::take(&mut state.release), shared.aof.durable());
        }
        let out = &mut self.conn.out;
        if out.len() > LARGE_BYTES && out.capacity() - out.len() < ROOM_BYTES {
            // The loop would move all of it to make room for the next reply.
            out.reserve_exact(ROOM_BYTES);
        }
        self.conn.state = State::Ready;
        match batch::settle(&mut self.conn, outcome) {
            None => self.conn.deferrals = 0,
            // It met held shards too often, or cannot do with shards: the next time it runs alone.
            Some(Next::Job(_)) => {
                self.conn.deferrals = batch::DEFERRALS_MAX + 1;
                self.conn.state = State::Deferred;
            }
            Some(_) => {}
        }
        let stats = &shared.stats[slot];
        stats.add_keys(&mut state.keys);
        drop(state);
        shared.journal.wake_due();
        true
    }

    /// Parses the request at the front, which the decoder has found already, and handles it.
    fn perform<'e>(
        &mut self,
        shared: &'e Shared,
        state: &mut LoopState,
        mut permit: Permit<'e>,
        tick: &mut dyn Tick,
    ) -> Outcome {
        let conn = &mut self.conn;
        let input = &conn.input[conn.consumed..];
        let limits = Limits { bulk_bytes_max: u64::MAX, unauthenticated: false };
        let Step::Request { consumed } = conn.decoder.step(input, limits) else {
            unreachable!("the request was complete a moment ago")
        };
        let place = Place { session: &mut conn.session, out: &mut conn.out };
        let args: Args<'_> = conn.decoder.args(input);
        let outcome = match &mut permit {
            Permit::Long(pass) => {
                dispatch::request_beside(shared, state, pass.gate(), place, args, tick)
            }
            Permit::Alone(exclusive) => {
                dispatch::request_exclusive(shared, state, exclusive, place, args, tick)
            }
        };
        conn.decoder.finish();
        if matches!(outcome, Outcome::Done | Outcome::Blocked) {
            conn.consumed += consumed;
            shared.stats[state.slot].commands.add(1);
        }
        outcome
    }

    /// Goes back to its loop, wherever that is now.
    pub fn send_home(self: Box<Self>, shared: &Shared) {
        let inbox = &shared.inboxes[usize::from(self.address().loop_id)];
        inbox.push(Mail::Return(self));
    }
}

/// Watches how long a job keeps its loop.
struct Keeper<'t> {
    shared: &'t Shared,
    start_us: u64,
    alone: bool,
    given: bool,
    /// When the log is told that it is slow, on the monotonic clock.
    reports_at_us: Option<u64>,
    give_away: &'t mut dyn FnMut(),
}

impl Keeper<'_> {
    /// Says in the log that a script is slow, in the words that people search for.
    fn report(&self, now_us: u64) {
        let Some(script) = self.shared.scripts.running() else { return };
        let command = if script.is_function { "FUNCTION KILL" } else { "SCRIPT KILL" };
        self.shared.host.log(&format!(
            "Slow script detected: still in execution after {} milliseconds. You can try killing \
             the script using the {command} command. Script name is: {}.",
            now_us.saturating_sub(script.started_us) / 1000,
            script.name,
        ));
    }
}

impl Tick for Keeper<'_> {
    fn tick(&mut self) -> Result<(), CommandError> {
        if self.given && self.reports_at_us.is_none() {
            return Ok(());
        }
        let now_us = self.shared.host.clock().monotonic_us();
        if !self.given && now_us.saturating_sub(self.start_us) >= KEEP_US {
            self.given = true;
            if self.alone {
                self.shared.executor.declare_long();
                let limit_ms = self.shared.executor.published().settings.busy_after_ms;
                self.reports_at_us = limit_ms.map(|ms| self.start_us + ms * 1000);
            }
            (self.give_away)();
        }
        if self.reports_at_us.is_some_and(|at_us| now_us >= at_us) {
            self.reports_at_us = None;
            self.report(now_us);
        }
        Ok(())
    }
}
