//! From a request's words to its handler: find the row, pass the gates, queue it or take its locks,
//! run it, hand on its effects. Knows no socket and no thread.

mod admit;
mod exec;
mod hand_on;
mod locks;
mod measure;
pub mod nested;
mod record;
mod run;
mod serve;

pub use locks::for_each_key;

use crate::commands;
use crate::executor::Exclusive;
use crate::gate::GateState;
use crate::session::{Replies, Session};
use crate::shared::Shared;
use crate::turn::{Held, LoopState, SessionHandler};
use catalog::commands::{CommandId, Index, Missing};
use catalog::{Command, Flags, Keys as KeySpec};
use engine::{CommandError, Handler, Tick};
use resp::Args;

/// A row's handler.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// Works on keys.
    Data(Handler),
    /// Works on the connection or the node.
    Session(SessionHandler),
    /// EXEC, which runs others.
    Exec,
    /// A container, which only leads to its subcommands.
    Container,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered (or queued, or refused).
    Done,
    /// A shard is held by another loop: try the same request again after others.
    Deferred,
    /// It must run in exclusive mode: give the pass back and run it as a job that has everything.
    NeedsExclusive,
    /// It is long: give the pass back and run it as a job, beside the loop.
    Job,
    /// It waits for a key: its waiter is in the connection's record.
    Blocked,
    /// It waits for the end of a pause; its connection is read, not parsed.
    Paused,
}

/// A connection's parts that a request works with.
pub struct Place<'t> {
    /// The connection.
    pub session: &'t mut Session,
    /// Its output.
    pub out: &'t mut Vec<u8>,
}

/// Finds the handler of each row.
///
/// # Panics
/// When a row has none, or a handler has no row: the tables do not fit together.
#[must_use]
pub fn bind(index: &Index) -> Vec<Bound> {
    let mut bound: Vec<Option<Bound>> = vec![None; index.rows().len()];
    let data = engine::commands::BINDINGS.iter().copied().flatten();
    let data = data.map(|&(name, handler)| (name, Bound::Data(handler)));
    let session = commands::BINDINGS.iter().map(|&(name, bound)| (name, bound));
    for (name, handler) in data.chain(session) {
        let id = index.find(name.as_bytes()).unwrap_or_else(|| panic!("{name} has no row"));
        let slot = &mut bound[usize::from(id)];
        assert!(slot.is_none(), "{name} has two handlers");
        *slot = Some(handler);
    }
    let container = |row: &Command| row.flags.has(Flags::CONTAINER).then_some(Bound::Container);
    let rows = index.rows().iter().zip(bound);
    rows.map(|(row, bound)| bound.or_else(|| container(row)).expect(row.name)).collect()
}

/// A request's words, with what was found out about them ahead of its turn.
#[derive(Debug, Clone, Copy)]
pub struct Request<'t> {
    /// The words.
    pub args: Args<'t>,
    /// The command's row.
    pub found: Result<CommandId, Missing>,
    /// Hash of the key at word 1, 0 if it was not computed.
    pub hash: u64,
}

impl<'t> Request<'t> {
    /// Finds the row of a request, and hashes its key when it has exactly one, at word 1.
    #[inline]
    #[must_use]
    pub fn look_up(shared: &Shared, args: Args<'t>) -> Self {
        let found = shared.index.resolve(args.at(0), args.find(1));
        let single = KeySpec::Range { first: 1, last: 1, step: 1 };
        let hash = match found {
            Ok(id) if args.len() > 1 && shared.index.row(id).keys == single => {
                shared.executor.seed().hash(args.at(1))
            }
            _ => 0,
        };
        Self { args, found, hash }
    }
}

/// Handles one request under the loop's pass.
#[inline]
pub fn request<'t, 'e: 't>(
    shared: &'e Shared,
    state: &'t mut LoopState,
    gate: &'t GateState,
    place: Place<'t>,
    request: Request<'t>,
) -> Outcome {
    handle(shared, state, Held::Pass(gate), place, request, Pace::Batch)
}

/// Handles one request beside the loops, under a pass of its own.
pub fn request_beside<'t, 'e: 't>(
    shared: &'e Shared,
    state: &'t mut LoopState,
    gate: &'t GateState,
    place: Place<'t>,
    args: Args<'t>,
    tick: &'t mut dyn Tick,
) -> Outcome {
    let request = Request::look_up(shared, args);
    handle(shared, state, Held::Pass(gate), place, request, Pace::Beside(tick))
}

/// Handles one request in exclusive mode.
pub fn request_exclusive<'t, 'e: 't>(
    shared: &'e Shared,
    state: &'t mut LoopState,
    exclusive: &'t mut Exclusive<'e>,
    place: Place<'t>,
    args: Args<'t>,
    tick: &'t mut dyn Tick,
) -> Outcome {
    let request = Request::look_up(shared, args);
    handle(shared, state, Held::All(exclusive), place, request, Pace::Beside(tick))
}

/// How long a request may take where it runs.
enum Pace<'t> {
    /// Inside a batch: whoever ticks is to run beside the loop instead.
    Batch,
    /// Inside a batch, and too late to change that: part of it has run.
    Committed,
    /// Beside the loop.
    Beside(&'t mut dyn Tick),
}

/// Refuses to wait.
struct Hurry;

impl Tick for Hurry {
    fn tick(&mut self) -> Result<(), CommandError> {
        Err(CommandError::Long)
    }
}

#[inline]
fn handle<'t, 'e: 't>(
    shared: &'e Shared,
    state: &'t mut LoopState,
    held: Held<'t, 'e>,
    place: Place<'t>,
    request: Request<'t>,
    pace: Pace<'t>,
) -> Outcome {
    let start = place.out.len();
    let Place { session, out } = place;
    let mut run = Run { shared, state, session, out, held, pace, may_block: true, scripted: false };
    let mut confirms = false;
    let outcome = match run.admit(&request) {
        Ok(id) => {
            // Confirmations of subscriptions are messages, not replies: they are not silenced.
            let flags = run.shared.index.row(id).flags;
            confirms = flags.has(Flags::PUBSUB | Flags::IN_PUBSUB);
            run.queue_or_run(id, &request)
        }
        Err(refusal) => {
            run.refuse_request(&request, refusal);
            Outcome::Done
        }
    };
    if matches!(outcome, Outcome::Done | Outcome::Blocked) {
        if run.session.replies != Replies::On && !confirms {
            hand_on::silence(run.session, run.out, start);
        }
    } else {
        run.out.truncate(start);
    }
    outcome
}

struct Run<'t, 'e> {
    shared: &'e Shared,
    state: &'t mut LoopState,
    session: &'t mut Session,
    out: &'t mut Vec<u8>,
    held: Held<'t, 'e>,
    pace: Pace<'t>,
    /// False inside EXEC.
    may_block: bool,
    scripted: bool,
}

impl Run<'_, '_> {
    fn is_beside(&self) -> bool {
        matches!(self.pace, Pace::Beside(_))
    }

    fn gate(&self) -> &GateState {
        match &self.held {
            Held::Pass(gate) => gate,
            Held::All(exclusive) => exclusive.gate(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::Lock;

    #[test]
    fn every_row_has_exactly_one_handler() {
        let index = Index::new();
        let bound = bind(&index);
        assert_eq!(bound.len(), index.rows().len());
        for (row, bound) in index.rows().iter().zip(bound) {
            let needs_keys = matches!(bound, Bound::Data(_));
            assert!(!needs_keys || row.lock != Lock::None, "{} would find no keyspace", row.name);
        }
    }
}
