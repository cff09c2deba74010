//! EXEC: gates, locks and runs the queued commands as one.

use super::{Outcome, Pace, Run};
use crate::commands;
use crate::error;
use crate::executor::Locked;
use crate::session::{Multi, Watch};
use crate::turn::Held;
use catalog::commands::CommandId;
use catalog::{Command, Family, Keys};
use engine::CommandError;
use engine::keyspace::{Keyspace, shard_of};
use resp::{Args, OwnedArgs, Reply};
use std::sync::atomic::Ordering::Relaxed;

impl<'e> Run<'_, 'e> {
    pub(super) fn exec(&mut self, id: CommandId, args: Args<'_>) -> Outcome {
        let began = self.begin(id, self.shared.index.row(id));
        let Some(multi) = self.session.multi.take() else {
            self.refuse(&engine::error::other("ERR EXEC without MULTI"));
            return Outcome::Done;
        };
        let watch = self.session.watch.take();
        if multi.aborted {
            self.session.publish_counts();
            self.refuse(&error::reply(error::EXECABORT));
            self.finish(id, args, began, true);
            return Outcome::Done;
        }
        let outcome = self.exec_queue(&multi, watch.as_ref());
        if outcome == Outcome::Done {
            self.finish(id, args, began, false);
        }
        if outcome != Outcome::Done {
            (self.session.multi, self.session.watch) = (Some(multi), watch);
        }
        self.session.publish_counts();
        outcome
    }

    pub(super) fn exec_queue(&mut self, multi: &Multi, watch: Option<&Watch>) -> Outcome {
        for (id, owned) in &multi.queue {
            let row = self.shared.index.row(*id);
            let passed = self.pass_gate(row).and_then(|()| self.pass_script(row, owned));
            if let Err(CommandError::Reply(why)) = passed {
                self.refuse(&error::exec_aborted(&why));
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
        if !self.is_beside() {
            self.pace = Pace::Committed;
        }
        self.state.effects.wanted = self.wants_effects();
        Reply::new(self.out, self.session.protocol).array(multi.queue.len());
        self.may_block = false;
        self.state.in_exec = true;
        for (id, owned) in &multi.queue {
            let outcome = self.call(*id, owned.as_args(), Some(&mut locked), 0);
            debug_assert_eq!(outcome, Outcome::Done, "EXEC holds all that its commands need");
        }
        self.state.in_exec = false;
        self.may_block = true;
        self.hand_on(Some(&mut locked));
        Outcome::Done
    }

    /// The gates for what a queued script says about itself.
    fn pass_script(&self, row: &Command, owned: &OwnedArgs) -> Result<(), CommandError> {
        let Held::All(exclusive) = &self.held else { return Ok(()) };
        if row.family != Family::Scripting || row.keys == Keys::None {
            return Ok(());
        }
        let (shared, args) = (self.shared, owned.as_args());
        commands::script::admit_queued(shared, exclusive.gate(), self.session, row, args)
    }

    /// True when a watched key was touched, or has died since.
    pub(super) fn is_touched(&self, watch: &Watch, locked: &mut Locked<'e>) -> bool {
        let (seed, now_ms) = (self.shared.executor.seed(), self.state.now_ms);
        let mut has_died = |(db, key): &(u16, Box<[u8]>)| {
            let shard = locked.shard(shard_of(seed.hash(key)));
            shard.is_some_and(|shard| shard.has_died(*db, key, &watch.flag, now_ms))
        };
        watch.flag.load(Relaxed) || watch.keys.iter().any(&mut has_died)
    }
}
