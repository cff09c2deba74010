//! The Replication section of INFO, in Redis' names and numbers.

use super::LinkState;
use crate::gate::GateState;
use crate::shared::Shared;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

/// Writes the lines.
pub fn write(out: &mut String, shared: &Shared, gate: &GateState) {
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = write!(out, "{text}\r\n");
    };
    let now_ms = shared.host.clock().unix_ms();
    line(format_args!("role:master"));
    let records = shared.links.all();
    line(format_args!("connected_slaves:{}", records.len()));
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
