//! Blocked commands: letting one wait for its keys, and running those whose keys have become ready,
//! in the order in which they came, until nothing is ready any more. All under the locks of the
//! command that is the cause, after its own effects.

use super::{Bound, Run};
use crate::executor::Locked;
use crate::inbox::Mail;
use crate::key_events;
use crate::session::Replies;
use crate::tracking;
use catalog::commands::CommandId;
use engine::keyspace::{Fate, Home, Keys, Keyspace, Moment, Wait, Waiter, shard_of};
use engine::{Blocking, CommandError, Ctx, NoTick};
use resp::{Args, Reply};
use std::sync::Arc;

impl<'e> Run<'_, 'e> {
    /// Puts the command that is running into the queues of the keys it waits for.
    #[cold]
    pub(super) fn wait(
        &mut self,
        id: CommandId,
        args: Args<'_>,
        wait: Wait,
        mut locked: Option<&mut Locked<'e>>,
    ) {
        let seed = self.shared.executor.seed();
        let address = self.session.address();
        let home = Home { loop_id: address.loop_id, place: address.place, client: address.client };
        let (timeout_ms, keys) = (wait.timeout_ms, wait.keys);
        let mut waiter = Waiter::new(home, id, args.to_owned_args(), wait);
        waiter.db = self.session.db;
        waiter.protocol = self.session.protocol;
        waiter.silent = self.session.replies != Replies::On;
        if timeout_ms > 0 {
            let now_us = self.shared.host.clock().monotonic_us();
            waiter.deadline_us = now_us.saturating_add(timeout_ms.saturating_mul(1000));
        }
        if let Some(again) = waiter.wait.again {
            let now_us = self.shared.host.clock().monotonic_us();
            let left_ms = again.at_ms.saturating_sub(self.state.now_ms).max(1);
            let again_us = now_us.saturating_add(left_ms.saturating_mul(1000));
            if waiter.deadline_us == 0 || again_us < waiter.deadline_us {
                waiter.looks_again = true;
                (waiter.deadline_us, waiter.ends_us) = (again_us, waiter.deadline_us);
            }
        }
        super::for_each_key(self.shared.index.row(id).keys, args, |key| {
            let source = args.at(waiter.wait.first as usize);
            waiter.moves |= keys == 1 && key != source;
        });
        let waiter = Arc::new(waiter);
        for key in waiter.keys() {
            let space = locked.as_deref_mut();
            let shard = space.and_then(|space| space.shard(shard_of(seed.hash(key))));
            shard.expect("a command holds the shards of its keys").wait(key, &waiter);
        }
        let shared = self.shared;
        shared.blocked.add(&self.session.record, Arc::clone(&waiter));
        if keys == 0 {
            if self.gate().may_remove(self.state.now_ms) {
                shared.links.ask(&shared.journal);
            }
            let offset = self.session.wrote_to;
            shared.links.wait(&waiter, offset, &shared.blocked, &shared.inboxes);
        }
    }

    /// Serves those who wait for keys that have become ready.
    #[cold]
    pub(super) fn serve(&mut self, locked: &mut Locked<'e>) {
        // The command that is the cause may have taken long, and time stood still for it.
        let frozen_ms = self.state.now_ms;
        self.state.now_ms = self.shared.host.clock().unix_ms();
        while self.state.effects.has_ready() {
            for (db, key) in self.state.effects.take_ready() {
                self.serve_key(db, &key, locked);
            }
        }
        self.state.now_ms = frozen_ms;
    }

    fn serve_key(&mut self, db: u16, key: &[u8], locked: &mut Locked<'e>) {
        let id = shard_of(self.shared.executor.seed().hash(key));
        let moment = Moment { db, ..self.moment() };
        let state = &mut *self.state;
        // A key that has died meanwhile goes now.
        Keys::new(locked, &mut state.effects, &mut state.keys, moment).peek(key);
        let outbox = self.gate().holds_replies.then_some(&mut self.state.outbox);
        key_events::publish(self.shared, moment.events, &mut self.state.effects, outbox);
        tracking::publish(self.shared, 0, &mut self.state.effects);
        self.append_effects();
        while let Some(shard) = locked.shard(id)
            && let Some(waiter) = shard.first_waiter(db, key, self.state.now_ms)
        {
            shard.stop_waiting(key, &waiter);
            if self.shared.blocked.claim(&waiter, Fate::Claimed) {
                self.serve_one(waiter, key, locked);
            }
        }
    }

    /// Runs a blocked command for the key that is ready; its effects are a block of their own.
    fn serve_one(&mut self, waiter: Arc<Waiter>, key: &[u8], locked: &mut Locked<'e>) {
        let Bound::Data(handler) = self.shared.bound[usize::from(waiter.command)] else {
            unreachable!("only commands that work on keys wait for one")
        };
        let moment = Moment { db: waiter.db, no_touch: false, ..self.moment() };
        let mut out = Vec::new();
        let began = self.begin(waiter.command, self.shared.index.row(waiter.command));
        let state = &mut *self.state;
        let result = handler(&mut Ctx {
            keys: Keys::new(locked, &mut state.effects, &mut state.keys, moment),
            reply: Reply::new(&mut out, waiter.protocol),
            args: waiter.args.as_args(),
            rng: &mut state.rng,
            tick: &mut NoTick,
            blocking: Blocking::Served(key, &waiter.wait),
            scripted: false,
        });
        let failed = result.is_err();
        match result {
            Ok(()) => {}
            Err(CommandError::Reply(text)) => {
                out.clear();
                Reply::new(&mut out, waiter.protocol).error(text.as_bytes());
                self.shared.count_error(self.state.slot, &CommandError::Reply(text));
            }
            Err(CommandError::Busy | CommandError::Long | CommandError::Block(_)) => {
                unreachable!("a waiter is served when its key is there and its shards are held")
            }
        }
        let outbox = self.gate().holds_replies.then_some(&mut self.state.outbox);
        key_events::publish(self.shared, moment.events, &mut self.state.effects, outbox);
        tracking::publish(self.shared, waiter.home.client, &mut self.state.effects);
        self.finish_served(waiter.command, began, failed);
        self.append_effects();
        let offset = self.shared.journal.offset();
        let inbox = &self.shared.inboxes[usize::from(waiter.home.loop_id)];
        inbox.push(Mail::Served { waiter, reply: out, offset });
    }
}
