//! Queues a request or takes its locks and calls its handler. Knows no row by name.

use super::{Bound, Hurry, Outcome, Pace, Request, Run};
use crate::executor::Locked;
use crate::key_events;
use crate::tracking;
use crate::turn::{Held, SessionHandler, Turn};
use catalog::commands::CommandId;
use catalog::{Flags, Lock};
use engine::keyspace::{Keys, Keyspace, Moment, shard_of};
use engine::{Blocking, CommandError, Ctx, NoTick, Tick};
use resp::{Args, Reply};

impl<'e> Run<'_, 'e> {
    #[inline]
    pub(super) fn queue_or_run(&mut self, id: CommandId, request: &Request<'_>) -> Outcome {
        let args = request.args;
        let row = self.shared.index.row(id);
        if self.gate().pause.until_ms != 0 && self.is_paused(id) {
            return Outcome::Paused;
        }
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
            return self.exec(id, args);
        }
        if row.lock == Lock::Exclusive
            && matches!(self.held, Held::Pass(_))
            && self.gate().busy.is_none()
        {
            return Outcome::NeedsExclusive;
        }
        let mut locked = match row.lock {
            Lock::None => None,
            Lock::Keys => match self.lock_keys(row, request) {
                Ok(locked) => Some(locked),
                Err(outcome) => return outcome,
            },
            Lock::Walk | Lock::Exclusive => Some(match &self.held {
                Held::Pass(_) if self.is_beside() => self.shared.executor.stroll(),
                Held::Pass(_) => self.shared.executor.walk(),
                Held::All(exclusive) => exclusive.space(),
            }),
        };
        self.state.effects.wanted = self.wants_effects();
        self.state.effects.apart = row.lock == Lock::Walk;
        let outcome = self.call(id, args, locked.as_mut(), request.hash);
        self.hand_on(locked.as_mut());
        drop(locked);
        outcome
    }

    /// True when a pause holds this request back: all of them, or those that change what replicas
    /// see. EXEC is held back for what it would run; links to other nodes never are.
    #[cold]
    pub(super) fn is_paused(&self, id: CommandId) -> bool {
        let pause = self.gate().pause;
        let changes = |id: CommandId| {
            let flags = self.shared.index.row(id).flags;
            flags.has(Flags::WRITE) || flags.has(Flags::MAY_REPLICATE)
        };
        let queued = self.session.multi.iter().flat_map(|multi| &multi.queue);
        let is_exec = matches!(self.shared.bound[usize::from(id)], Bound::Exec);
        let is_link = self.session.applies || self.session.is_link();
        pause.is_on(self.state.now_ms)
            && !is_link
            && (pause.all
                || changes(id)
                || is_exec && queued.into_iter().any(|(queued, _)| changes(*queued)))
    }

    /// Runs a handler; its locks are held.
    #[inline]
    pub(super) fn call(
        &mut self,
        id: CommandId,
        args: Args<'_>,
        mut locked: Option<&mut Locked<'e>>,
        first_hash: u64,
    ) -> Outcome {
        let start = self.out.len();
        let began = self.begin(id, self.shared.index.row(id));
        if !self.shared.monitors.is_empty() {
            self.show(id, args, true);
        }
        let result = match self.shared.bound[usize::from(id)] {
            Bound::Data(handler) => {
                let space = locked.as_deref_mut().expect("rows of data commands have a lock class");
                let moment = self.moment();
                let state = &mut *self.state;
                let mut keys = Keys::new(space, &mut state.effects, &mut state.keys, moment);
                if first_hash != 0 {
                    keys.remember(args.at(1), first_hash);
                }
                let reply = Reply::new(self.out, self.session.protocol);
                let blocking = if self.may_block { Blocking::Allowed } else { Blocking::Denied };
                let (mut hurry, mut none) = (Hurry, NoTick);
                let tick: &mut dyn Tick = match &mut self.pace {
                    Pace::Batch => &mut hurry,
                    Pace::Committed => &mut none,
                    Pace::Beside(tick) => *tick,
                };
                let (rng, scripted) = (&mut state.rng, self.scripted);
                handler(&mut Ctx { keys, reply, args, rng, tick, blocking, scripted })
            }
            Bound::Session(handler) => self.call_session(handler, args, locked.as_deref_mut()),
            Bound::Exec | Bound::Container => unreachable!("these never get here"),
        };
        if matches!(result, Err(CommandError::Busy | CommandError::Long)) {
            // It looks again when it comes again; what it found dead is gone.
            self.state.effects.events.retain(|event| event.name != "keymiss");
        }
        let (events, holds) = (self.gate().settings.events, self.gate().holds_replies);
        let outbox = holds.then_some(&mut self.state.outbox);
        key_events::publish(self.shared, events, &mut self.state.effects, outbox);
        if !self.state.effects.stale.is_empty() {
            let client = self.session.address().client;
            tracking::publish(self.shared, client, &mut self.state.effects);
        }
        if result.is_ok() && self.session.tracking.is_some() {
            self.remember(id, args, locked.as_deref_mut());
        }
        match result {
            Ok(()) => self.finish(id, args, began, false),
            Err(CommandError::Busy) => return Outcome::Deferred,
            Err(CommandError::Block(wait)) => {
                if !self.shared.monitors.is_empty() {
                    self.show(id, args, false);
                }
                self.wait(id, args, wait, locked);
                return Outcome::Blocked;
            }
            Err(CommandError::Long) => return Outcome::Job,
            Err(CommandError::Reply(text)) => {
                self.out.truncate(start);
                Reply::new(self.out, self.session.protocol).error(text.as_bytes());
                self.record_refusal(Some(id), args, &text);
                self.shared.count_error(self.state.slot, &CommandError::Reply(text));
                self.finish(id, args, began, true);
            }
        }
        Outcome::Done
    }

    /// Notes what a connection that keeps copies has read.
    #[cold]
    fn remember(&self, id: CommandId, args: Args<'_>, locked: Option<&mut Locked<'e>>) {
        let row = self.shared.index.row(id);
        let (Some(locked), Some(reader)) = (locked, &self.session.tracking) else { return };
        if row.flags.has(Flags::READONLY) {
            let seed = self.shared.executor.seed();
            super::for_each_key(row.keys, args, |key| {
                if let Some(shard) = locked.shard(shard_of(seed.hash(key))) {
                    shard.read_by(key, reader);
                }
            });
        }
    }

    pub(super) fn call_session(
        &mut self,
        handler: SessionHandler,
        args: Args<'_>,
        locked: Option<&mut Locked<'e>>,
    ) -> Result<(), CommandError> {
        let held = match &mut self.held {
            Held::Pass(gate) => Held::Pass(gate),
            Held::All(exclusive) => Held::All(exclusive),
        };
        let (mut hurry, mut none) = (Hurry, NoTick);
        let tick: &mut dyn Tick = match &mut self.pace {
            Pace::Batch => &mut hurry,
            Pace::Committed => &mut none,
            Pace::Beside(tick) => *tick,
        };
        handler(&mut Turn {
            shared: self.shared,
            state: self.state,
            session: self.session,
            out: self.out,
            args,
            held,
            locked,
            tick,
        })
    }

    /// What comes from a log is in one already.
    #[inline]
    pub(super) fn wants_effects(&self) -> bool {
        self.shared.journal.is_wanted() && self.gate().primary && !self.session.applies
    }

    #[inline]
    pub(super) fn moment(&self) -> Moment {
        let gate = self.gate();
        Moment {
            db: self.session.db,
            dbs: gate.settings.dbs,
            now_ms: self.state.now_ms,
            dead_ms: if self.session.applies { 0 } else { self.state.now_ms },
            may_expire: gate.may_remove(self.state.now_ms) && !self.session.applies,
            owns_mortals: gate.replica && !self.session.applies,
            no_touch: self.session.no_touch,
            bulk_bytes_max: gate.settings.bulk_bytes_max,
            clocks: gate.settings.policy.access(),
            events: gate.settings.events,
        }
    }
}
