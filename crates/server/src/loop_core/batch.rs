//! A batch: the requests of one connection that run under one pass.

use crate::ahead::{Ahead, End};
use crate::conn::{Conn, State};
use crate::dispatch::{self, Outcome, Place};
use crate::executor::Kind;
use crate::gate::GateState;
use crate::shared::Shared;
use crate::turn::LoopState;
use resp::Reply;

/// Requests handled under one pass before it is given back.
const BATCH: usize = 64;

/// Attempts at held shards before a request runs alone.
pub(crate) const DEFERRALS_MAX: u16 = 64;

/// How a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// There is more to do at once.
    More,
    /// The rest waits for the peer, or for what the connection's state says.
    Wait,
    /// The request at the front is to run as a job.
    Job(Kind),
}

/// Handles up to [`BATCH`] requests under one pass.
pub(super) fn handle(
    shared: &Shared,
    state: &mut LoopState,
    ahead: &mut Ahead,
    conn: &mut Conn,
) -> Next {
    let Some(pass) = shared.executor.pass(state.slot) else {
        return without_pass(shared, state, ahead, conn);
    };
    let next = run(shared, state, ahead, conn, &pass.gate);
    shared.executor.give_back(pass);
    next
}

/// Somebody runs alone for long. When it is a script that should have ended, it can be said so;
/// else the connection waits.
#[cold]
fn without_pass(
    shared: &Shared,
    state: &mut LoopState,
    ahead: &mut Ahead,
    conn: &mut Conn,
) -> Next {
    let script = shared.scripts.running();
    let mut gate = GateState::clone(&shared.executor.published());
    let limit_us = gate.settings.busy_after_ms.map(|ms| ms * 1000);
    let now_us = shared.host.clock().monotonic_us();
    let overdue = |since_us: u64| limit_us.is_some_and(|limit| now_us - since_us >= limit);
    gate.busy = script.filter(|script| overdue(script.started_us));
    if gate.busy.is_some() {
        return run(shared, state, ahead, conn, &gate);
    }
    conn.state = State::Deferred;
    Next::Wait
}

fn run(
    shared: &Shared,
    state: &mut LoopState,
    ahead: &mut Ahead,
    conn: &mut Conn,
    gate: &GateState,
) -> Next {
    let mut handled = 0;
    let mut last = Outcome::Done;
    let start = conn.out.len();
    let more = loop {
        if conn.session.closing || conn.must_wait() {
            break false;
        }
        if handled >= BATCH || shared.executor.is_wanted() && handled > 0 {
            break true;
        }
        let end = ahead.look(shared, conn, gate.settings.bulk_bytes_max);
        if ahead.len() > 1 {
            shared.executor.prefetch(conn.session.db, ahead.hashes());
        }
        for at in 0..ahead.len() {
            let place = Place { session: &mut conn.session, out: &mut conn.out };
            let request = ahead.request(at, &conn.input, &conn.decoder);
            last = dispatch::request(shared, state, gate, place, request);
            if last == Outcome::Blocked {
                handled += 1;
                conn.consumed = ahead.end_of(at);
                break;
            }
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
            // The decoder starts over: from the same request if it comes again.
            conn.decoder.finish();
            break false;
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
    if state.release != 0 {
        conn.hold(start, std::mem::take(&mut state.release), shared.aof.durable());
    }
    shared.stats[state.slot].commands.add(handled as u64);
    if handled > 0 {
        conn.deferrals = 0;
    }
    settle(conn, last).unwrap_or(if more { Next::More } else { Next::Wait })
}

/// What becomes of a connection whose request was not `Done`.
pub(crate) fn settle(conn: &mut Conn, outcome: Outcome) -> Option<Next> {
    match outcome {
        Outcome::Done => return None,
        Outcome::Paused => conn.state = State::Paused,
        Outcome::Blocked => conn.state = State::Blocked,
        Outcome::NeedsExclusive => return Some(Next::Job(Kind::Exclusive)),
        Outcome::Job if conn.deferrals <= DEFERRALS_MAX => return Some(Next::Job(Kind::Long)),
        Outcome::Deferred if conn.deferrals < DEFERRALS_MAX => {
            conn.deferrals += 1;
            conn.state = State::Deferred;
        }
        // Whatever keeps the shards in use, it does not do so for ever.
        Outcome::Job | Outcome::Deferred => {
            conn.deferrals = DEFERRALS_MAX + 1;
            return Some(Next::Job(Kind::Exclusive));
        }
    }
    Some(Next::Wait)
}
