//! The Replication section of INFO, in Redis' names and numbers.

use super::LinkState;
use crate::gate::GateState;
use crate::shared::Shared;
use crate::upstream;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

/// Writes the lines.
pub fn write(out: &mut String, shared: &Shared, gate: &GateState) {
    let status = shared.upstream.status();
    let role = if status.target.is_some() { "slave" } else { "master" };
    let _ = write!(out, "role:{role}\r\n");
    if let Some(target) = &status.target {
        upstream::info::write(out, shared, gate, (&status, target));
    }
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = write!(out, "{text}\r\n");
    };
    let now_ms = shared.host.clock().unix_ms();
    let records = shared.links.all();
    line(format_args!("connected_slaves:{}", records.len()));
    let settings = &gate.settings;
    if settings.replicas_min > 0 && settings.replica_lag_s_max > 0 {
        let good = shared.links.count_close(now_ms, gate);
        line(format_args!("min_slaves_good_slaves:{good}"));
    }
    for (at, record) in records.iter().enumerate() {
        let (state, lag_s) = match record.state() {
            LinkState::Waiting => ("wait_bgsave", 0),
            LinkState::Sending => ("send_bulk", 0),
            LinkState::Online => {
                ("online", now_ms.saturating_sub(record.acked_ms.load(Relaxed)) / 1000)
            }
        };
        let (ip, port, acked) = (&record.ip, record.port, record.acked.load(Relaxed));
        line(format_args!(
            "slave{at}:ip={ip},port={port},state={state},offset={acked},lag={lag_s}"
        ));
    }
    let (journal, identity) = (&shared.journal, shared.journal.identity());
    let (end, active) = (journal.offset(), shared.links.keeps_backlog());
    let until = identity.second_id.as_ref().map_or(-1, |_| identity.second_until as i64 + 1);
    let second = identity.second_id.unwrap_or_else(|| "0".repeat(40));
    let (first, held) = match active {
        true => (journal.backlog_start() + 1, end.saturating_sub(journal.backlog_start())),
        false => (0, 0),
    };
    let backlog = shared.config.lock().number("repl-backlog-size");
    line(format_args!("master_failover_state:no-failover"));
    line(format_args!("master_replid:{}", identity.id));
    line(format_args!("master_replid2:{second}"));
    line(format_args!("master_repl_offset:{end}"));
    line(format_args!("second_repl_offset:{until}"));
    line(format_args!("repl_backlog_active:{}", u8::from(active)));
    line(format_args!("repl_backlog_size:{backlog}"));
    line(format_args!("repl_backlog_first_byte_offset:{first}"));
    line(format_args!("repl_backlog_histlen:{held}"));
    line(format_args!("larder_epoch:{}", gate.epoch));
}
