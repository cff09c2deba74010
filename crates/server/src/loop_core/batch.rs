//! A batch: the requests of one connection that run under one pass.

use crate::ahead::{Ahead, End};
use crate::conn::{Conn, State};
use crate::dispatch::{self, Outcome, Place};
use crate::shared::Shared;
use crate::turn::LoopState;
use resp::decode::Step;
use resp::{Limits, Reply};

/// Requests handled under one pass before it is given back.
const BATCH: usize = 64;

/// Handles up to [`BATCH`] requests under one pass; true when there is more to do at once.
pub(super) fn handle(
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
            break matches!(last, Outcome::NeedsExclusive | Outcome::Job);
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
        Outcome::Deferred => conn.state = State::Deferred,
        Outcome::Blocked => conn.state = State::Blocked,
        Outcome::Paused => conn.state = State::Paused,
        Outcome::NeedsExclusive | Outcome::Job => handle_exclusive(shared, state, conn),
    }
    more && conn.state == State::Ready
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
    match outcome {
        Outcome::Blocked => conn.state = State::Blocked,
        done => debug_assert_eq!(done, Outcome::Done, "the exclusive holder lacks nothing"),
    }
    conn.decoder.finish();
    conn.consumed += consumed;
    shared.stats[state.loop_id].commands.add(1);
}
