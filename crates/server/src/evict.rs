//! Making room above `maxmemory`, before a command takes its locks: keys go one at a time, each
//! under its own shard's lock, and their deletion is in the journal before the command is.

use crate::gate::GateState;
use crate::key_events;
use crate::shared::Shared;
use crate::tracking;
use crate::turn::LoopState;
use catalog::events::Classes;
use engine::keyspace::{Candidate, Entry, Keyspace, Order, SHARDS, shard_of};

/// Shards whose candidates are compared for one victim.
const SHARDS_COMPARED: usize = 4;
/// Keys that may go for the sake of one command; the next one goes on.
const VICTIMS_MAX: usize = 512;

/// Bytes in use after as many keys have gone as the policy allows and the limit demands. Less than
/// the limit also when only the bound on the work of one command stopped it.
pub fn used_bytes(shared: &Shared, state: &mut LoopState, gate: &GateState) -> u64 {
    let settings = &gate.settings;
    if gate.pause.is_on(state.now_ms) {
        // Nothing may go, and what would need room waits behind the next gates.
        return 0;
    }
    let may_evict = settings.policy.order != Order::Never && gate.may_remove(state.now_ms);
    for _ in 0..VICTIMS_MAX {
        let used = stdx::alloc::used_bytes().saturating_sub(shared.cuts.extra_bytes());
        if used <= settings.maxmemory_bytes || !may_evict {
            return used;
        }
        let Some(victim) = find(shared, state, gate) else { return used };
        // Dropped here, not by the reaper: the memory must be free when the next look is taken.
        drop(remove(shared, state, &victim, settings.events));
    }
    0
}

/// The most urgent candidate of some shards, from a random one on.
fn find(shared: &Shared, state: &mut LoopState, gate: &GateState) -> Option<Candidate> {
    let settings = &gate.settings;
    let start = state.rng.below(SHARDS);
    let mut space = shared.executor.walk();
    let mut best: Option<Candidate> = None;
    let mut compared = 0;
    for step in 0..SHARDS {
        let id = ((start + step) % SHARDS) as u8;
        let Some(shard) = space.shard(id) else { continue };
        let (now_ms, rng) = (state.now_ms, &mut state.rng);
        let found = shard.candidate(settings.policy, now_ms, settings.samples, rng);
        if let Some(found) = found {
            compared += 1;
            if best.as_ref().is_none_or(|best| found.urgency > best.urgency) {
                best = Some(found);
            }
        }
        if compared == SHARDS_COMPARED {
            break;
        }
    }
    best
}

fn remove(
    shared: &Shared,
    state: &mut LoopState,
    victim: &Candidate,
    events: Classes,
) -> Option<Entry> {
    let hash = shared.executor.seed().hash(&victim.key);
    let id = shard_of(hash);
    let mut locked = shared.executor.lock(&[id]).ok()?;
    let shard = locked.shard(id)?;
    let db = shard.db_mut(victim.db)?;
    let place = db.find(hash, &victim.key)?;
    let entry = db.remove(place);
    shard.touched(victim.db, &victim.key, &mut state.effects);
    state.effects.event(events, Classes::EVICTED, "evicted", victim.db, &victim.key);
    if shared.journal.is_wanted() {
        state.effects.wanted = true;
        state.effects.command(victim.db, &[b"DEL", &victim.key]);
        shard.changed_at = shared.journal.append(state.effects.propagated());
    }
    key_events::publish(shared, events, &mut state.effects, None);
    tracking::publish(shared, 0, &mut state.effects);
    state.effects.clear();
    shared.stats[state.slot].evicted_keys.add(1);
    Some(entry)
}
