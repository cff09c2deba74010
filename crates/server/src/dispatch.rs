//! From a request's words to its handler: find the row, pass the gates, queue it or take its locks,
//! run it, hand on its effects.

use crate::commands;
use crate::error;
use crate::evict;
use crate::executor::{Exclusive, Locked};
use crate::gate::{self, GateState};
use crate::session::{Multi, Replies, Session, Watch};
use crate::shared::Shared;
use crate::trash::Rubbish;
use crate::turn::{Held, LoopState, SessionHandler, Turn};
use catalog::commands::{CommandId, Index, Missing};
use catalog::{Command, Flags, Keys as KeySpec, Lock};
use engine::keyspace::{Entry, Keys, Keyspace, Moment, shard_of};
use engine::{CommandError, Ctx, Handler};
use resp::{Args, Reply};
use smallvec::SmallVec;
use std::sync::atomic::Ordering::Relaxed;

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
    /// It must run in exclusive mode: give the pass back and come again with everything.
    NeedsExclusive,
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
    handle(shared, state, Held::Pass(gate), place, request)
}

/// Handles one request in exclusive mode.
pub fn request_exclusive<'t, 'e: 't>(
    shared: &'e Shared,
    state: &'t mut LoopState,
    exclusive: &'t mut Exclusive<'e>,
    place: Place<'t>,
    args: Args<'t>,
) -> Outcome {
    let request = Request::look_up(shared, args);
    handle(shared, state, Held::All(exclusive), place, request)
}

#[inline]
fn handle<'t, 'e: 't>(
    shared: &'e Shared,
    state: &'t mut LoopState,
    held: Held<'t, 'e>,
    place: Place<'t>,
    request: Request<'t>,
) -> Outcome {
    let start = place.out.len();
    let Place { session, out } = place;
    let mut run = Run { shared, state, session, out, held };
    let mut confirms = false;
    let outcome = match run.admit(&request) {
        Ok(id) => {
            // Confirmations of subscriptions are messages, not replies: they are not silenced.
            let flags = run.shared.index.row(id).flags;
            confirms = flags.has(Flags::PUBSUB | Flags::IN_PUBSUB);
            run.queue_or_run(id, &request)
        }
        Err(refusal) => {
            run.refuse(&refusal);
            Outcome::Done
        }
    };
    if outcome == Outcome::Done {
        if run.session.replies != Replies::On && !confirms {
            silence(run.session, run.out, start);
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
}

impl<'e> Run<'_, 'e> {
    fn gate(&self) -> &GateState {
        match &self.held {
            Held::Pass(gate) => gate,
            Held::All(exclusive) => exclusive.gate(),
        }
    }

    /// Finds the row and passes the gates.
    #[inline]
    fn admit(&mut self, request: &Request<'_>) -> Result<CommandId, CommandError> {
        let index = &self.shared.index;
        let args = request.args;
        let id = match request.found {
            Ok(id) => id,
            Err(_) if self.session.refused => {
                return Err(error::reply(error::ILLEGAL_ADDRESS));
            }
            Err(Missing::Command) => return Err(error::unknown_command(args.at(0), args.from(1))),
            Err(Missing::Subcommand(id)) => {
                return Err(error::unknown_subcommand(index.row(id).name, args.at(1)));
            }
        };
        let row = index.row(id);
        self.session.record.command.store(id, Relaxed);
        if !row.accepts(args.len()) {
            return Err(engine::error::wrong_arity(row.name));
        }
        self.pass_gate(row)?;
        Ok(id)
    }

    /// Asks the gates; the memory gate makes room first, while no shard is held.
    #[inline]
    fn pass_gate(&mut self, row: &Command) -> Result<(), CommandError> {
        let Self { shared, state, session, held, .. } = self;
        let gate = match held {
            Held::Pass(gate) => *gate,
            Held::All(exclusive) => exclusive.gate(),
        };
        gate::check(gate, session, row, || evict::used_bytes(shared, state, gate))
    }

    fn refuse(&mut self, refusal: &CommandError) {
        if let CommandError::Reply(text) = refusal {
            Reply::new(self.out, self.session.protocol).error(text.as_bytes());
        }
        self.shared.stats[self.state.loop_id].errors.add(1);
        if let Some(multi) = &mut self.session.multi {
            multi.aborted = true;
        }
    }

    #[inline]
    fn queue_or_run(&mut self, id: CommandId, request: &Request<'_>) -> Outcome {
        let args = request.args;
        let row = self.shared.index.row(id);
        if let Some(multi) = &mut self.session.multi
            && !row.flags.has(Flags::UNQUEUED)
        {
            multi.queue.push((id, args.to_owned_args()));
            self.session.publish_counts();
            self.out.extend_from_slice(b"+QUEUED\r\n");
            return Outcome::Done;
        }
        let bound = self.shared.bound[usize::from(id)];
        if matches!(bound, Bound::Exec) {
            return self.exec();
        }
        if row.lock == Lock::Exclusive && matches!(self.held, Held::Pass(_)) {
            return Outcome::NeedsExclusive;
        }
        let mut locked = match row.lock {
            Lock::None => None,
            Lock::Keys => match self.lock_keys(row, request) {
                Ok(locked) => Some(locked),
                Err(outcome) => return outcome,
            },
            Lock::Walk | Lock::Exclusive => Some(match &self.held {
                Held::Pass(_) => self.shared.executor.walk(),
                Held::All(exclusive) => exclusive.space(),
            }),
        };
        self.state.effects.wanted = self.shared.journal.is_wanted();
        let outcome = self.call(id, args, locked.as_mut(), request.hash);
        self.hand_on();
        drop(locked);
        outcome
    }

    /// Locks the shards of the request's keys.
    #[inline]
    fn lock_keys(&self, row: &Command, request: &Request<'_>) -> Result<Locked<'e>, Outcome> {
        if let Held::All(exclusive) = &self.held {
            return Ok(exclusive.space());
        }
        let executor = &self.shared.executor;
        let locked = if request.hash != 0 {
            executor.lock(&[shard_of(request.hash)])
        } else {
            let seed = executor.seed();
            let mut ids: SmallVec<[u8; 16]> = SmallVec::new();
            for_each_key(row.keys, request.args, |key| ids.push(shard_of(seed.hash(key))));
            ids.sort_unstable();
            ids.dedup();
            executor.lock(&ids)
        };
        locked.map_err(|_| {
            self.shared.stats[self.state.loop_id].deferrals.add(1);
            Outcome::Deferred
        })
    }

    /// Runs a handler; its locks are held.
    #[inline]
    fn call(
        &mut self,
        id: CommandId,
        args: Args<'_>,
        locked: Option<&mut Locked<'e>>,
        first_hash: u64,
    ) -> Outcome {
        let start = self.out.len();
        let result = match self.shared.bound[usize::from(id)] {
            Bound::Data(handler) => {
                let space = locked.expect("rows of data commands have a lock class");
                let moment = self.moment();
                let state = &mut *self.state;
                let mut keys = Keys::new(space, &mut state.effects, &mut state.keys, moment);
                if first_hash != 0 {
                    keys.remember(args.at(1), first_hash);
                }
                let reply = Reply::new(self.out, self.session.protocol);
                handler(&mut Ctx { keys, reply, args, rng: &mut state.rng })
            }
            Bound::Session(handler) => self.call_session(handler, args, locked),
            Bound::Exec | Bound::Container => unreachable!("these never get here"),
        };
        match result {
            Ok(()) => {}
            Err(CommandError::Busy) => return Outcome::Deferred,
            Err(CommandError::Reply(text)) => {
                self.out.truncate(start);
                Reply::new(self.out, self.session.protocol).error(text.as_bytes());
                self.shared.stats[self.state.loop_id].errors.add(1);
            }
        }
        Outcome::Done
    }

    fn call_session(
        &mut self,
        handler: SessionHandler,
        args: Args<'_>,
        locked: Option<&mut Locked<'e>>,
    ) -> Result<(), CommandError> {
        let held = match &mut self.held {
            Held::Pass(gate) => Held::Pass(gate),
            Held::All(exclusive) => Held::All(exclusive),
        };
        handler(&mut Turn {
            shared: self.shared,
            state: self.state,
            session: self.session,
            out: self.out,
            args,
            held,
            locked,
        })
    }

    #[inline]
    fn moment(&self) -> Moment {
        let gate = self.gate();
        Moment {
            db: self.session.db,
            dbs: gate.settings.dbs,
            now_ms: self.state.now_ms,
            may_expire: gate.primary,
            no_touch: self.session.no_touch,
            bulk_bytes_max: gate.settings.bulk_bytes_max,
            clocks: gate.settings.policy.access(),
        }
    }

    /// Appends what the outermost command did to the journal, as one block, before its locks go.
    #[inline]
    fn hand_on(&mut self) {
        let effects = &mut self.state.effects;
        if effects.dirty > 0 {
            self.shared.stats[self.state.loop_id].changes.add(effects.dirty);
        }
        if !effects.is_empty() {
            self.shared.journal.append(effects.propagated());
        }
        if !effects.trash.is_empty() {
            self.shared.trash.add(effects.trash.drain(..).map(Rubbish::Entry));
        }
        effects.clear();
    }

    fn exec(&mut self) -> Outcome {
        let Some(multi) = self.session.multi.take() else {
            self.refuse(&engine::error::other("ERR EXEC without MULTI"));
            return Outcome::Done;
        };
        let watch = self.session.watch.take();
        if multi.aborted {
            self.session.publish_counts();
            self.refuse(&error::reply(error::EXECABORT));
            return Outcome::Done;
        }
        let outcome = self.exec_queue(&multi, watch.as_ref());
        if outcome != Outcome::Done {
            (self.session.multi, self.session.watch) = (Some(multi), watch);
        }
        self.session.publish_counts();
        outcome
    }

    fn exec_queue(&mut self, multi: &Multi, watch: Option<&Watch>) -> Outcome {
        for (id, _) in &multi.queue {
            let row = self.shared.index.row(*id);
            if let Err(CommandError::Reply(why)) = self.pass_gate(row) {
                let text = format!("EXECABORT Transaction discarded because of: {why}");
                self.refuse(&engine::error::other(text));
                return Outcome::Done;
            }
        }
        let mut locked = match self.lock_union(multi, watch) {
            Ok(locked) => locked,
            Err(outcome) => return outcome,
        };
        if watch.is_some_and(|watch| self.is_touched(watch, &mut locked)) {
            Reply::new(self.out, self.session.protocol).null_array();
            return Outcome::Done;
        }
        self.state.effects.wanted = self.shared.journal.is_wanted();
        Reply::new(self.out, self.session.protocol).array(multi.queue.len());
        for (id, owned) in &multi.queue {
            let outcome = self.call(*id, owned.as_args(), Some(&mut locked), 0);
            debug_assert_eq!(outcome, Outcome::Done, "EXEC holds all that its commands need");
        }
        self.hand_on();
        Outcome::Done
    }

    /// True when a watched key was touched, or its time has come since: WATCH removed what was
    /// dead then.
    fn is_touched(&self, watch: &Watch, locked: &mut Locked<'e>) -> bool {
        let (seed, now_ms) = (self.shared.executor.seed(), self.state.now_ms);
        let mut has_died = |(db, key): &(u16, Box<[u8]>)| {
            let hash = seed.hash(key);
            let db = locked.shard(shard_of(hash)).and_then(|shard| shard.db(*db));
            let entry = db.and_then(|db| db.find(hash, key).map(|place| db.at(place)));
            entry.and_then(Entry::expiry_ms).is_some_and(|at_ms| at_ms <= now_ms)
        };
        watch.flag.load(Relaxed) || self.gate().primary && watch.keys.iter().any(&mut has_died)
    }

    /// Locks everything that the queued commands and the watched keys need.
    fn lock_union(&self, multi: &Multi, watch: Option<&Watch>) -> Result<Locked<'e>, Outcome> {
        if let Held::All(exclusive) = &self.held {
            return Ok(exclusive.space());
        }
        let executor = &self.shared.executor;
        let seed = executor.seed();
        let mut ids: SmallVec<[u8; 16]> = SmallVec::new();
        for (id, owned) in &multi.queue {
            let row = self.shared.index.row(*id);
            if matches!(row.lock, Lock::Walk | Lock::Exclusive) {
                return Err(Outcome::NeedsExclusive);
            }
            for_each_key(row.keys, owned.as_args(), |key| ids.push(shard_of(seed.hash(key))));
        }
        let watched = watch.iter().flat_map(|watch| &watch.keys);
        ids.extend(watched.map(|(_, key)| shard_of(seed.hash(key))));
        ids.sort_unstable();
        ids.dedup();
        executor.lock(&ids).map_err(|_| {
            self.shared.stats[self.state.loop_id].deferrals.add(1);
            Outcome::Deferred
        })
    }
}

/// Takes back a reply that CLIENT REPLY switched off.
fn silence(session: &mut Session, out: &mut Vec<u8>, start: usize) {
    match session.replies {
        Replies::On => {}
        Replies::Off => out.truncate(start),
        Replies::SkipThis => {
            out.truncate(start);
            session.replies = Replies::SkipNext;
        }
        Replies::SkipNext => {
            out.truncate(start);
            session.replies = Replies::On;
        }
    }
}

/// Calls `visit` with each key of a request. Words that are not there, or a count that is no
/// number, give no key: the handler answers with an error and touches nothing.
pub fn for_each_key(spec: KeySpec, args: Args<'_>, mut visit: impl FnMut(&[u8])) {
    match spec {
        KeySpec::None => {}
        KeySpec::Range { first, last, step } => {
            let last = match usize::try_from(last) {
                Ok(last) => last,
                Err(_) => args.len().saturating_sub(usize::from(last.unsigned_abs())),
            };
            let places = (usize::from(first)..=last).step_by(usize::from(step));
            places.filter_map(|at| args.find(at)).for_each(visit);
        }
        KeySpec::Counted { count, store } => {
            if store > 0 {
                args.find(usize::from(store)).into_iter().for_each(&mut visit);
            }
            let number = args.find(usize::from(count)).and_then(resp::number::parse_i64);
            let number = number.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            args.from(usize::from(count) + 1).take(number).for_each(visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resp::OwnedArgs;

    #[test]
    fn every_row_has_exactly_one_handler() {
        let index = Index::new();
        assert_eq!(bind(&index).len(), index.rows().len());
    }

    #[test]
    fn keys_of_requests() {
        let index = Index::new();
        for (line, want) in [
            ("get k", "k"),
            ("mset a 1 b 2", "a b"),
            ("del a b c", "a b c"),
            ("rename a b", "a b"),
            ("object encoding k", "k"),
            ("ping", ""),
        ] {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let owned = OwnedArgs::from_words(words.iter().copied());
            let id = index.resolve(words[0], words.get(1).copied()).expect("the command exists");
            let mut got = Vec::new();
            for_each_key(index.row(id).keys, owned.as_args(), |key| {
                got.push(String::from_utf8_lossy(key).into_owned());
            });
            assert_eq!(got.join(" "), want, "{line}");
        }
    }
}
