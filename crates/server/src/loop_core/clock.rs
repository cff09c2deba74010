//! A loop's work by the clock: dead keys, idle connections, samples.

use super::LoopCore;
use crate::clearing;
use crate::conn::Conn;
use crate::gate::GateState;
use crate::links::feed;
use engine::keyspace::{Keyspace, SHARDS};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Keys removed from one shard in one go.
const DEAD_PER_SHARD: usize = 32;
/// Microseconds that one round of removing dead keys may take.
const EXPIRE_US_MAX: u64 = 1_000;
/// Seconds that a peer has to read why it was refused, or the last reply to it.
const LAST_WORDS_S: u64 = 10;

impl LoopCore {
    /// Work by the clock: dead keys, idle connections, the sample of commands per second.
    pub fn tick(&mut self) {
        self.state.now_ms = self.shared.host.clock().unix_ms();
        self.remove_dead_keys();
        self.close_idle();
        if self.state.slot == 0 {
            self.sample();
            self.look_after_replicas();
        }
        self.check_links();
    }

    /// True when a tick every 100 ms has something to do.
    #[must_use]
    pub fn has_mortal_keys(&self) -> bool {
        let mut space = self.shared.executor.walk();
        self.own_shards().any(|id| {
            // A shard held by another loop is in use, and so worth a look.
            space.shard(id).is_none_or(|shard| shard.first_death_ms().is_some())
        })
    }

    fn own_shards(&self) -> impl Iterator<Item = u8> + use<> {
        let (loops, own) = (self.shared.inboxes.len(), self.state.slot);
        (0..SHARDS).filter(move |id| id % loops == own).map(|id| id as u8)
    }

    fn remove_dead_keys(&mut self) {
        let start_us = self.shared.host.clock().monotonic_us();
        let shared = Arc::clone(&self.shared);
        let Some(pass) = shared.executor.pass(self.state.slot) else { return };
        let is_replica = pass.gate.removes_own(self.state.now_ms);
        let may_remove = is_replica || pass.gate.may_remove(self.state.now_ms);
        if !may_remove || !shared.switches.removes_dead_keys() {
            shared.executor.give_back(pass);
            return;
        }
        // What a replica removes is no part of its primary's stream.
        self.state.effects.wanted = !is_replica && shared.journal.is_wanted();
        let own: Vec<u8> = self.own_shards().collect();
        // A round that runs out of time goes on with the next shard at the next tick.
        for step in 0..own.len() {
            let id = own[(self.expire_from + step) % own.len()];
            let mut space = shared.executor.walk();
            let Some(shard) = space.shard(id) else { continue };
            let now_ms = self.state.now_ms;
            let effects = &mut self.state.effects;
            let dead = if is_replica {
                shard.remove_own_dead(now_ms, DEAD_PER_SHARD, effects)
            } else {
                shard.remove_dead(now_ms, DEAD_PER_SHARD, effects)
            };
            let events = pass.gate.settings.events;
            clearing::announce_dead(&shared, shard, effects, (events, !is_replica), &dead);
            clearing::bury(&shared, self.state.slot, dead);
            if shared.host.clock().monotonic_us() - start_us > EXPIRE_US_MAX {
                self.expire_from = (self.expire_from + step + 1) % own.len();
                break;
            }
        }
        shared.executor.give_back(pass);
        shared.journal.wake_due();
    }

    /// Pings the replicas of a primary, and counts those that follow closely.
    fn look_after_replicas(&mut self) {
        let shared = Arc::clone(&self.shared);
        let Some(pass) = shared.executor.pass(self.state.slot) else { return };
        if pass.gate.may_remove(self.state.now_ms) {
            feed::ping(&shared);
        }
        shared.links.count_close(self.state.now_ms, &pass.gate);
        shared.executor.give_back(pass);
        shared.journal.wake_due();
    }

    fn check_links(&mut self) {
        if !self.feeds.is_empty() {
            let (now_ms, conns) = (self.state.now_ms, &mut self.conns);
            self.feeds.check_limits(&self.shared, now_ms, conns, &mut self.touched);
        }
    }

    fn close_idle(&mut self) {
        let idle = |gate: &GateState| gate.settings.idle_s_max;
        let idle_s_max = self.shared.executor.look(self.state.slot, idle);
        let now_ms = self.state.now_ms;
        for (place, conn) in self.conns.iter_mut().enumerate() {
            // Who waits for bandwidth is not idle.
            let waits = |conn: &&mut Conn| conn.paced || conn.is_blocked();
            let Some(conn) = conn.as_mut().filter(|conn| !waits(conn)) else { continue };
            let idle_ms = now_ms.saturating_sub(conn.session.record.active_ms.load(Relaxed));
            let ends = conn.session.refused || conn.session.closing;
            let limit_s = if ends { LAST_WORDS_S } else { idle_s_max };
            let listens = conn.session.subscriptions() > 0 || conn.session.is_link();
            if limit_s > 0 && idle_ms > limit_s * 1000 && (ends || !listens) {
                conn.give_up();
                self.touched.push(place as u32);
            }
        }
    }

    fn sample(&mut self) {
        self.shared.memory.peak_bytes(stdx::alloc::used_bytes());
        let now_us = self.shared.host.clock().monotonic_us();
        let (then_us, then) = self.sampled;
        if now_us - then_us >= 1_000_000 {
            let commands = self.shared.total(|stats| &stats.commands);
            let rate = commands.saturating_sub(then) * 1_000_000 / (now_us - then_us);
            self.shared.commands_per_second.store(rate, Relaxed);
            self.sampled = (now_us, commands);
        }
    }
}
