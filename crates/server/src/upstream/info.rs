//! What INFO and ROLE say of a replica's link to its primary.

use super::{Progress, Status, Target};
use crate::gate::GateState;
use crate::shared::Shared;
use std::fmt::Write;

/// How the link is, in ROLE's words.
#[must_use]
pub fn role_word(progress: Progress) -> &'static [u8] {
    match progress {
        Progress::None => b"none",
        Progress::Connect => b"connect",
        Progress::Connecting => b"connecting",
        Progress::Handshake => b"handshake",
        Progress::Transfer => b"sync",
        Progress::Connected => b"connected",
    }
}

/// Writes the lines that only replicas have.
pub fn write(
    out: &mut String,
    shared: &Shared,
    gate: &GateState,
    (status, target): (&Status, &Target),
) {
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = write!(out, "{text}\r\n");
    };
    let now_ms = shared.host.clock().unix_ms();
    let seconds_since = |at_ms: u64| (now_ms.saturating_sub(at_ms) / 1000) as i64;
    let connected = status.progress == Progress::Connected;
    let transfers = status.progress == Progress::Transfer;
    let offset = shared.journal.offset();
    line(format_args!("master_host:{}", target.host));
    line(format_args!("master_port:{}", target.port));
    line(format_args!("master_link_status:{}", if connected { "up" } else { "down" }));
    let heard_s = if connected { seconds_since(status.heard_ms) } else { -1 };
    line(format_args!("master_last_io_seconds_ago:{heard_s}"));
    line(format_args!("master_sync_in_progress:{}", u8::from(transfers)));
    line(format_args!("slave_read_repl_offset:{offset}"));
    line(format_args!("slave_repl_offset:{offset}"));
    if transfers {
        let (total, read) = (status.transfer.total_bytes, status.transfer.read_bytes);
        let percent = if total > 0 { read as f64 * 100.0 / total as f64 } else { 0.0 };
        line(format_args!("master_sync_total_bytes:{total}"));
        line(format_args!("master_sync_read_bytes:{read}"));
        line(format_args!("master_sync_left_bytes:{}", total as i64 - read as i64));
        line(format_args!("master_sync_perc:{percent:.2}"));
        line(format_args!("master_sync_last_io_seconds_ago:{}", seconds_since(status.heard_ms)));
    }
    if !connected {
        let down_s =
            if status.down_since_ms > 0 { seconds_since(status.down_since_ms) } else { -1 };
        line(format_args!("master_link_down_since_seconds:{down_s}"));
    }
    let priority = shared.config.lock().number("replica-priority");
    line(format_args!("slave_priority:{priority}"));
    line(format_args!("slave_read_only:{}", u8::from(gate.settings.replica_read_only)));
    line(format_args!("replica_announced:1"));
}
