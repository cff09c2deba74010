//! Commands that tenants of a managed instance may not run, and what does their work there. Must
//! not know who asks.

use crate::command::{Command, Flags};

/// A command that is refused, and where its user is sent.
#[derive(Debug)]
pub struct Restriction {
    /// Command as in its row; some are none of ours, and known all the same.
    pub command: &'static str,
    /// What it is about, and how that is done here, up to the action's name.
    pub instead: &'static str,
    /// The action of the management API; empty where there is none.
    pub action: &'static str,
}

const fn to(command: &'static str, instead: &'static str, action: &'static str) -> Restriction {
    Restriction { command, instead, action }
}

const ACCOUNTS: &str = "accounts are made and changed by the actions around";
const SAVES: &str = "the service saves by itself; backups on demand come with a later version";
const HISTORY: &str = "counters are kept over time, and read by the action";
const ROLES: &str =
    "the service gives nodes their roles, and an instance has one node in this version";
const COPIES: &str =
    "only nodes of the instance follow each other; copies come with a later version";
const ENGINE: &str = "the engine comes with its version, which is changed by the action";
const TESTS: &str = "it serves tests of the engine, for which a node of one's own is started by \
    `larder node --enable-debug-command local`";

/// By command, alphabetic.
pub const RESTRICTIONS: &[Restriction] = &[
    to("acl", ACCOUNTS, "CreateAccount"),
    to("bgrewriteaof", SAVES, ""),
    to("bgsave", SAVES, ""),
    to("config|resetstat", HISTORY, "DescribeHistoryMonitorValues"),
    to(
        "config|rewrite",
        "parameters are kept when they are set by the action",
        "ModifyInstanceConfig",
    ),
    to("debug", TESTS, ""),
    to("failover", ROLES, ""),
    to("lastsave", "INFO persistence tells rdb_last_save_time", ""),
    to("latency|reset", HISTORY, "DescribeHistoryMonitorValues"),
    to("migrate", "keys are moved by DUMP and RESTORE", ""),
    to("module", ENGINE, "ModifyInstanceMinorVersion"),
    to(
        "monitor",
        "writes and refusals are recorded once the audit log is on, by the action",
        "ModifyAuditLogConfig",
    ),
    to("pfdebug", TESTS, ""),
    to("pfselftest", TESTS, ""),
    to("psync", COPIES, ""),
    to("replconf", COPIES, ""),
    to("replicaof", ROLES, ""),
    to("restore-asking", "keys are made by RESTORE", ""),
    to("save", SAVES, ""),
    to("shutdown", "the instance is started anew by the action", "RestartInstance"),
    to("slaveof", ROLES, ""),
    to(
        "slowlog|reset",
        "slow commands are kept for days, and read by the action",
        "DescribeSlowLogRecords",
    ),
    to("sync", COPIES, ""),
];

/// True for commands that no account of a managed instance may run.
#[inline]
#[must_use]
pub const fn refuses(flags: Flags) -> bool {
    flags.has(Flags::ADMIN) && !flags.has(Flags::TENANT)
}

/// Where to send the user of a command, by its name in any case.
#[must_use]
pub fn find(command: &[u8]) -> Option<&'static Restriction> {
    RESTRICTIONS.iter().find(|one| one.command.as_bytes().eq_ignore_ascii_case(command))
}

/// What becomes of a row on a managed instance.
#[derive(Debug)]
pub enum Verdict {
    /// Accounts may run it, as far as their privilege goes.
    Allowed,
    /// Nobody may.
    Refused(&'static Restriction),
    /// Nobody may, and nothing says what to do instead: a fault of these tables.
    Unexplained,
}

/// The verdict on a row.
#[must_use]
pub fn verdict(row: &Command) -> Verdict {
    match find(row.name.as_bytes()) {
        _ if !refuses(row.flags) => Verdict::Allowed,
        Some(restriction) => Verdict::Refused(restriction),
        None => Verdict::Unexplained,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::Index;

    #[test]
    fn every_row_has_a_verdict_and_every_refusal_a_cure() {
        let index = Index::new();
        let mut refused = Vec::new();
        for row in index.rows() {
            match verdict(row) {
                Verdict::Allowed => {}
                Verdict::Refused(restriction) => refused.push(restriction.command),
                Verdict::Unexplained => panic!("{} is refused without a word", row.name),
            }
        }
        refused.sort_unstable();
        let of_ours = RESTRICTIONS.iter().map(|one| one.command);
        let of_ours = of_ours.filter(|name| index.find(name.as_bytes()).is_some());
        assert_eq!(refused, of_ours.collect::<Vec<_>>());
        assert!(RESTRICTIONS.is_sorted_by_key(|one| one.command));
        assert!(RESTRICTIONS.iter().all(|one| !one.instead.is_empty()));
    }

    /// The list of the service that is stood in for, as far as the commands are for one node.
    #[test]
    fn what_the_service_never_offers_is_refused() {
        let index = Index::new();
        for name in [
            "acl",
            "bgrewriteaof",
            "bgsave",
            "save",
            "lastsave",
            "config|rewrite",
            "config|resetstat",
            "debug",
            "failover",
            "migrate",
            "module",
            "psync",
            "sync",
            "replicaof",
            "slaveof",
            "shutdown",
            "pfdebug",
            "pfselftest",
            "restore-asking",
        ] {
            assert!(find(name.as_bytes()).is_some(), "{name}");
            let row = index.find(name.as_bytes()).map(|id| index.row(id));
            assert!(row.is_none_or(|row| refuses(row.flags)), "{name}");
        }
    }
}
