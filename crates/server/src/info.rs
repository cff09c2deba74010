//! INFO: sections of `name:value` lines.

use crate::gate::GateState;
use crate::links;
use crate::measure::Sums;
use crate::shared::Shared;
use crate::snapshot::cuts::Active;
use catalog::commands::CommandId;
use engine::CommandError;
use engine::keyspace::{Keyspace, SHARDS};
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

type Section = fn(&mut String, &Shared, &GateState);

const KEYSPACE: &str = "Keyspace";

/// The sections that need no keys: name and writer.
const SECTIONS: &[(&str, Section)] = &[
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", links::info::write),
    ("CPU", cpu),
    ("Modules", |_, _, _| ()),
    ("Commandstats", commandstats),
    ("Errorstats", errorstats),
    ("Latencystats", latencystats),
    ("Cluster", |out, _, _| line(out, format_args!("cluster_enabled:0"))),
];

/// Sections that only come when they, or all, are asked for.
const LONG: [&str; 2] = ["Commandstats", "Latencystats"];

/// The text of INFO for the sections that `wanted` names (all when it is empty, or names `all`,
/// `everything` or `default`).
///
/// # Errors
/// [`CommandError::Busy`] when another loop holds a shard.
pub fn text(
    shared: &Shared,
    gate: &GateState,
    space: &mut dyn Keyspace,
    wanted: &[&[u8]],
) -> Result<String, CommandError> {
    let asked = |name: &str| wanted.iter().any(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    let all = asked("all") || asked("everything");
    let usual = wanted.is_empty() || asked("default");
    let is_wanted = |name: &str| all || usual && !LONG.contains(&name) || asked(name);
    let mut sections = Vec::new();
    for (name, write) in SECTIONS.iter().filter(|(name, _)| is_wanted(name)) {
        let mut section = format!("# {name}\r\n");
        write(&mut section, shared, gate);
        sections.push(section);
    }
    if is_wanted(KEYSPACE) {
        let mut section = format!("# {KEYSPACE}\r\n");
        let counts = count_keys(space, gate.settings.dbs)?;
        for (db, (keys, mortal)) in counts.into_iter().enumerate().filter(|(_, (n, _))| *n > 0) {
            line(&mut section, format_args!("db{db}:keys={keys},expires={mortal},avg_ttl=0"));
        }
        sections.push(section);
    }
    Ok(sections.join("\r\n"))
}

/// Keys of each database: all, and those with a time to live.
///
/// # Errors
/// [`CommandError::Busy`] when another loop holds a shard.
pub fn count_keys(space: &mut dyn Keyspace, dbs: u16) -> Result<Vec<(usize, usize)>, CommandError> {
    let mut counts = vec![(0, 0); usize::from(dbs)];
    for id in 0..SHARDS {
        let shard = space.shard(id as u8).ok_or(CommandError::Busy)?;
        for (number, (keys, mortal)) in counts.iter_mut().enumerate() {
            let Some(db) = shard.db(number as u16) else { break };
            *keys += db.table().len();
            *mortal += db.mortal_len();
        }
    }
    Ok(counts)
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = write!(out, "{text}\r\n");
}

fn server(out: &mut String, shared: &Shared, gate: &GateState) {
    let facts = &shared.facts;
    let uptime_s = shared.host.clock().unix_ms().saturating_sub(facts.started_ms) / 1000;
    line(out, format_args!("redis_version:{}", gate.settings.redis_version));
    line(out, format_args!("larder_version:{}", facts.version));
    line(out, format_args!("redis_mode:standalone"));
    line(out, format_args!("os:Linux"));
    line(out, format_args!("arch_bits:64"));
    line(out, format_args!("process_id:{}", shared.host.pid()));
    line(out, format_args!("run_id:{}", facts.run_id));
    line(out, format_args!("tcp_port:{}", shared.config.lock().get("port")));
    line(out, format_args!("uptime_in_seconds:{uptime_s}"));
    line(out, format_args!("uptime_in_days:{}", uptime_s / 86_400));
    line(out, format_args!("io_threads:{}", shared.inboxes.len()));
    line(out, format_args!("config_file:{}", facts.config_file));
}

fn clients(out: &mut String, shared: &Shared, gate: &GateState) {
    line(out, format_args!("connected_clients:{}", shared.clients.len()));
    line(out, format_args!("maxclients:{}", gate.settings.connections_max));
    line(out, format_args!("blocked_clients:{}", shared.blocked.len()));
}

fn memory(out: &mut String, shared: &Shared, gate: &GateState) {
    let used = stdx::alloc::used_bytes();
    let human = |bytes: u64| format!("{:.2}M", bytes as f64 / f64::from(1 << 20));
    line(out, format_args!("used_memory:{used}"));
    line(out, format_args!("used_memory_human:{}", human(used)));
    line(out, format_args!("used_memory_rss:{}", shared.host.resident_bytes()));
    line(out, format_args!("maxmemory:{}", gate.settings.maxmemory_bytes));
    line(out, format_args!("maxmemory_human:{}", human(gate.settings.maxmemory_bytes)));
    let policy = shared.config.lock().get("maxmemory-policy").to_owned();
    line(out, format_args!("maxmemory_policy:{policy}"));
    line(out, format_args!("mem_allocator:mimalloc"));
    let usage = shared.scripts.usage();
    let (libraries, functions) = shared.scripts.counts();
    line(out, format_args!("used_memory_vm_eval:{}", usage.lua_bytes));
    line(out, format_args!("used_memory_lua:{}", usage.lua_bytes));
    line(out, format_args!("used_memory_lua_human:{}", human(usage.lua_bytes)));
    line(out, format_args!("used_memory_scripts_eval:{}", usage.source_bytes));
    line(out, format_args!("number_of_cached_scripts:{}", usage.scripts));
    line(out, format_args!("number_of_functions:{functions}"));
    line(out, format_args!("number_of_libraries:{libraries}"));
    line(out, format_args!("used_memory_vm_functions:0"));
    line(out, format_args!("used_memory_vm_total:{}", usage.lua_bytes));
}

/// Redis tells here how far its child is and what the pages that both have written cost.
fn cut_in_progress(out: &mut String, shared: &Shared) {
    let active = shared.cuts.active();
    let of = |value: fn(&Active) -> u64| active.as_ref().map_or(0, value);
    let copied = of(|active| active.saved.total_bytes.load(Relaxed) as u64);
    let (done, all) = (of(|active| active.entries.load(Relaxed)), of(Active::keys));
    let share = if all > 0 { done as f64 * 100.0 / all as f64 } else { 0.0 };
    line(out, format_args!("current_cow_peak:{copied}"));
    line(out, format_args!("current_cow_size:{copied}"));
    line(out, format_args!("current_cow_size_age:0"));
    line(out, format_args!("current_fork_perc:{share:.2}"));
    line(out, format_args!("current_save_keys_processed:{done}"));
    line(out, format_args!("current_save_keys_total:{all}"));
}

fn persistence(out: &mut String, shared: &Shared, gate: &GateState) {
    let saves = shared.saves.lock().clone();
    let changes = shared.total(|stats| &stats.changes);
    let status = if saves.failed { "err" } else { "ok" };
    line(out, format_args!("loading:{}", u8::from(gate.loading)));
    line(out, format_args!("async_loading:0"));
    cut_in_progress(out, shared);
    let unsaved = changes.saturating_sub(saves.changes_at_last);
    line(out, format_args!("rdb_changes_since_last_save:{unsaved}"));
    let seconds = |seconds: Option<u64>| seconds.map_or(-1, |seconds| seconds as i64);
    let active = shared.cuts.active();
    let saving = active.as_ref().filter(|active| active.writes_rdb());
    line(out, format_args!("rdb_bgsave_in_progress:{}", u8::from(saving.is_some())));
    line(out, format_args!("rdb_last_save_time:{}", saves.last_s));
    line(out, format_args!("rdb_last_bgsave_status:{status}"));
    line(out, format_args!("rdb_last_bgsave_time_sec:{}", seconds(saves.took_s)));
    let since = saving.map(|active| active.age_ms(shared.host.clock().unix_ms()) / 1000);
    line(out, format_args!("rdb_current_bgsave_time_sec:{}", seconds(since)));
    line(out, format_args!("rdb_saves:{}", saves.begun));
    line(out, format_args!("rdb_last_cow_size:{}", saves.copied_bytes));
    line(out, format_args!("rdb_last_load_keys_expired:{}", saves.dead_keys));
    line(out, format_args!("rdb_last_load_keys_loaded:{}", saves.loaded_keys));
    aof(out, shared);
}

fn aof(out: &mut String, shared: &Shared) {
    let aof = shared.aof.report();
    let status = |failed| if failed { "err" } else { "ok" };
    let now_s = shared.host.clock().unix_ms() / 1000;
    let seconds = |value: Option<u64>| value.map_or(-1, u64::cast_signed);
    let running_s = aof.rewriting_since_s.map(|since_s| now_s.saturating_sub(since_s));
    line(out, format_args!("aof_enabled:{}", u8::from(aof.enabled)));
    line(out, format_args!("aof_rewrite_in_progress:{}", u8::from(aof.rewriting)));
    line(out, format_args!("aof_rewrite_scheduled:{}", u8::from(aof.scheduled)));
    line(out, format_args!("aof_last_rewrite_time_sec:{}", seconds(aof.last_rewrite_s)));
    line(out, format_args!("aof_current_rewrite_time_sec:{}", seconds(running_s)));
    line(out, format_args!("aof_last_bgrewrite_status:{}", status(aof.rewrite_failed)));
    line(out, format_args!("aof_rewrites:{}", aof.rewrites));
    line(out, format_args!("aof_rewrites_consecutive_failures:{}", aof.failures));
    line(out, format_args!("aof_last_write_status:{}", status(aof.write_failed)));
    line(out, format_args!("aof_last_cow_size:0"));
    if aof.enabled {
        line(out, format_args!("aof_current_size:{}", aof.bytes));
        line(out, format_args!("aof_base_size:{}", aof.base_bytes));
        line(out, format_args!("aof_pending_rewrite:0"));
        line(out, format_args!("aof_buffer_length:{}", aof.waiting_bytes));
        line(out, format_args!("aof_pending_bio_fsync:0"));
        line(out, format_args!("aof_delayed_fsync:0"));
    }
}

fn stats(out: &mut String, shared: &Shared, _: &GateState) {
    let per_second = shared.commands_per_second.load(Relaxed);
    for (name, value) in [
        ("total_connections_received", shared.total(|s| &s.connections_received)),
        ("total_commands_processed", shared.total(|s| &s.commands)),
        ("instantaneous_ops_per_sec", per_second),
        ("total_net_input_bytes", shared.total(|s| &s.net_input_bytes)),
        ("total_net_output_bytes", shared.total(|s| &s.net_output_bytes)),
        ("rejected_connections", shared.total(|s| &s.connections_refused)),
        ("acl_access_denied_auth", shared.total(|s| &s.wrong_passwords)),
        ("larder_braked_logins", shared.total(|s| &s.braked_logins)),
        ("larder_bandwidth_bytes_per_s", shared.bandwidth.bytes_per_s()),
        ("larder_throttled_reads", shared.total(|s| &s.throttled_reads)),
        ("larder_throttled_writes", shared.total(|s| &s.throttled_writes)),
        ("expired_keys", shared.total(|s| &s.expired_keys)),
        ("evicted_keys", shared.total(|s| &s.evicted_keys)),
        ("keyspace_hits", shared.total(|s| &s.keyspace_hits)),
        ("keyspace_misses", shared.total(|s| &s.keyspace_misses)),
        ("total_forks", shared.cuts.begun()),
        ("sync_full", shared.links.counts.full.load(Relaxed)),
        ("sync_partial_ok", shared.links.counts.partial.load(Relaxed)),
        ("sync_partial_err", shared.links.counts.partial_refused.load(Relaxed)),
        ("total_error_replies", shared.total(|s| &s.errors)),
        ("larder_deferrals", shared.total(|s| &s.deferrals)),
        ("pubsub_patterns", shared.pubsub.patterns() as u64),
        ("pubsub_channels", shared.pubsub.channels(None).len() as u64),
    ] {
        line(out, format_args!("{name}:{value}"));
    }
}

fn commandstats(out: &mut String, shared: &Shared, _: &GateState) {
    for (id, row) in shared.index.rows().iter().enumerate() {
        let sums = shared.measures.sums(id as CommandId);
        if sums == Sums::default() {
            continue;
        }
        let Sums { calls, took_us, rejected, failed } = sums;
        let mean_us = took_us as f64 / calls.max(1) as f64;
        line(
            out,
            format_args!(
                "cmdstat_{}:calls={calls},usec={took_us},usec_per_call={mean_us:.2},\
                 rejected_calls={rejected},failed_calls={failed}",
                row.name
            ),
        );
    }
}

fn errorstats(out: &mut String, shared: &Shared, _: &GateState) {
    for (code, count) in shared.measures.errors() {
        line(out, format_args!("errorstat_{code}:count={count}"));
    }
}

fn latencystats(out: &mut String, shared: &Shared, gate: &GateState) {
    if !gate.settings.timing.tracks {
        return;
    }
    let config = shared.config.lock();
    let percentiles: Vec<f64> = config
        .get("latency-tracking-info-percentiles")
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    drop(config);
    for (id, row) in shared.index.rows().iter().enumerate() {
        let Some(times) = shared.measures.times(id as CommandId) else { continue };
        let shown = |percent: &f64| format!("p{percent}={}.000", times.percentile_us(*percent));
        let shown: Vec<_> = percentiles.iter().map(shown).collect();
        line(out, format_args!("latency_percentiles_usec_{}:{}", row.name, shown.join(",")));
    }
}

fn cpu(out: &mut String, shared: &Shared, _: &GateState) {
    let (user_us, system_us) = shared.host.cpu_us();
    let seconds = |us: u64| us as f64 / 1e6;
    line(out, format_args!("used_cpu_sys:{:.6}", seconds(system_us)));
    line(out, format_args!("used_cpu_user:{:.6}", seconds(user_us)));
    line(out, format_args!("used_cpu_sys_children:0.000000"));
    line(out, format_args!("used_cpu_user_children:0.000000"));
}
