//! The figures that metrics are made of, summed over loops. Must not know who asks or how often.

use admin::node::NodeFigures;
use catalog::Flags;
use catalog::commands::CommandId;
use server::Shared;
use std::collections::BTreeMap;

/// The node's figures now. `counted` are its keys, and those with a time to live.
pub fn of(shared: &Shared, counted: (u64, u64), maxmemory_bytes: u64) -> NodeFigures {
    let now_ms = shared.host.clock().unix_ms();
    let calls = Calls::of(shared);
    let changes = shared.total(|stats| &stats.changes);
    let slowest_us = shared.stats.iter().map(|stats| stats.slowest_us.take()).max();
    let connections_max = shared.config.lock().number("maxclients");
    NodeFigures {
        uptime_ms: now_ms.saturating_sub(shared.facts.started_ms),
        used_memory_bytes: stdx::alloc::used_bytes(),
        maxmemory_bytes,
        startup_bytes: shared.memory.startup_bytes(),
        lua_bytes: shared.scripts.usage().lua_bytes,
        lazyfree_pending: shared.trash.len() as u64,
        connections: shared.clients.len() as u64,
        connections_max,
        blocked_clients: shared.blocked.len() as u64,
        connections_received: shared.total(|stats| &stats.connections_received),
        connections_refused: shared.total(|stats| &stats.connections_refused),
        net_input_bytes: shared.total(|stats| &stats.net_input_bytes),
        net_output_bytes: shared.total(|stats| &stats.net_output_bytes),
        bandwidth_bytes_per_s: shared.bandwidth.bytes_per_s(),
        keyspace_hits: shared.total(|stats| &stats.keyspace_hits),
        keyspace_misses: shared.total(|stats| &stats.keyspace_misses),
        keys: counted.0,
        keys_with_ttl: counted.1,
        expired_keys: shared.total(|stats| &stats.expired_keys),
        evicted_keys: shared.total(|stats| &stats.evicted_keys),
        errors: shared.total(|stats| &stats.errors),
        reads: calls.reads,
        writes: calls.writes,
        calls: calls.all,
        timed_calls: shared.total(|stats| &stats.timed_calls),
        timed_us: shared.total(|stats| &stats.timed_us),
        slowest_us: slowest_us.unwrap_or(0),
        changes_since_save: changes.saturating_sub(shared.saves.lock().changes_at_last),
        commands: calls.by_name,
        ..NodeFigures::default()
    }
}

/// Runs of commands.
#[derive(Default)]
struct Calls {
    all: u64,
    reads: u64,
    writes: u64,
    by_name: BTreeMap<String, u64>,
}

impl Calls {
    fn of(shared: &Shared) -> Calls {
        let mut calls = Calls::default();
        for (id, row) in shared.index.rows().iter().enumerate() {
            let count = shared.measures.calls_of(id as CommandId);
            if count == 0 {
                continue;
            }
            calls.all += count;
            if row.flags.has(Flags::WRITE) {
                calls.writes += count;
            } else if row.flags.has(Flags::READONLY) {
                calls.reads += count;
            }
            let name = row.container().unwrap_or(row.name);
            *calls.by_name.entry(name.to_owned()).or_default() += count;
        }
        calls
    }
}
