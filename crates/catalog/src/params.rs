//! Parameters (redis.conf directives, CONFIG GET/SET): name, kind, default and meaning.

use crate::events::Classes;

/// One directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param {
    /// Name as in redis.conf.
    pub name: &'static str,
    /// An older name for it; empty when there is none.
    pub alias: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Value when nothing is said.
    pub default: &'static str,
    /// True when CONFIG SET may change it.
    pub mutable: bool,
    /// CONFIG SET needs the leave of `enable-protected-configs`.
    pub protected: bool,
    /// About the host or a secret: not shown to tenants of a managed instance.
    pub hidden: bool,
    /// What it does here, one sentence.
    pub doc: &'static str,
}

/// What values a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// A number within bounds.
    Int {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A number of bytes with an optional unit (`1gb`, `100mb`, `5k`).
    Memory,
    /// One of a list of words.
    Word(&'static [&'static str]),
    /// Pairs of seconds and changes, joined by spaces, or nothing.
    SavePoints,
    /// Letters that choose classes of key events.
    Events,
    /// Percentiles from 0 to 100, joined by spaces.
    Percentiles,
    /// Some of a list of words, in its order, joined by spaces.
    Words(&'static [&'static str]),
    /// Bytes as [`Kind::Memory`], or a share of `maxmemory` as `10%`.
    MemoryOrShare,
    /// Host and port, or nothing.
    Peer,
    /// Words joined by spaces.
    List,
    /// Any text, one word where it stands in a file.
    Text,
}

impl Kind {
    /// True when its value may be several words.
    #[must_use]
    pub const fn takes_many(self) -> bool {
        matches!(
            self,
            Self::Words(_) | Self::List | Self::Peer | Self::SavePoints | Self::Percentiles
        )
    }
}

const fn row(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    mutable: bool,
    doc: &'static str,
) -> Param {
    Param { name, alias: "", kind, default, mutable, protected: false, hidden: false, doc }
}

const fn also(alias: &'static str, param: Param) -> Param {
    Param { alias, ..param }
}

/// A directive that CONFIG SET may change only with leave.
const fn protected(param: Param) -> Param {
    Param { mutable: true, protected: true, ..param }
}

/// A directive that files for Redis hold and that changes nothing here.
const fn inert(name: &'static str, kind: Kind, default: &'static str, mutable: bool) -> Param {
    row(name, kind, default, mutable, "Accepted for compatibility; has no effect yet.")
}

const fn hidden(param: Param) -> Param {
    Param { hidden: true, ..param }
}

const fn int(min: i64, max: i64) -> Kind {
    Kind::Int { min, max }
}

/// Bounds of what Redis keeps in a C int.
const INT_MIN: i64 = -2_147_483_648;
const INT_MAX: i64 = 2_147_483_647;

const SHUTDOWN: Kind = Kind::Words(&["default", "save", "nosave", "now", "force"]);

const POLICIES: Kind = Kind::Word(&[
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
]);

/// All parameters, sorted by name.
pub const PARAMS: &[Param] = &[
    inert(
        "acl-pubsub-default",
        Kind::Word(&["resetchannels", "allchannels"]),
        "resetchannels",
        true,
    ),
    inert("acllog-max-len", int(0, INT_MAX), "128", true),
    inert("active-defrag-cycle-max", int(1, 99), "25", true),
    inert("active-defrag-cycle-min", int(1, 99), "1", true),
    inert("active-defrag-ignore-bytes", Kind::Memory, "104857600", true),
    inert("active-defrag-max-scan-fields", int(1, INT_MAX), "1000", true),
    inert("active-defrag-threshold-lower", int(0, 1000), "10", true),
    inert("active-defrag-threshold-upper", int(0, 1000), "100", true),
    inert("active-expire-effort", int(1, 10), "1", true),
    inert("activerehashing", Kind::Bool, "yes", true),
    hidden(inert("always-show-logo", Kind::Bool, "no", false)),
    row(
        "aof-load-truncated",
        Kind::Bool,
        "yes",
        true,
        "Cut off a torn end of the append-only file at start; else refuse to start.",
    ),
    inert("aof-rewrite-incremental-fsync", Kind::Bool, "yes", true),
    row(
        "aof-timestamp-enabled",
        Kind::Bool,
        "no",
        true,
        "Note the time in the append-only file, at most once a second.",
    ),
    row("aof-use-rdb-preamble", Kind::Bool, "yes", true, "Write the base as RDB, not as commands."),
    hidden(row(
        "appenddirname",
        Kind::Text,
        "appendonlydir",
        false,
        "Directory of the append-only file, in `dir`.",
    )),
    hidden(row(
        "appendfilename",
        Kind::Text,
        "appendonly.aof",
        false,
        "How names of its files begin.",
    )),
    row(
        "appendfsync",
        Kind::Word(&["everysec", "always", "no"]),
        "everysec",
        true,
        "When the append-only file is made durable: before each reply, each second, or never.",
    ),
    row("appendonly", Kind::Bool, "no", true, "Keep an append-only file."),
    row(
        "auto-aof-rewrite-min-size",
        Kind::Memory,
        "67108864",
        true,
        "Bytes below which the append-only file is not rewritten by itself.",
    ),
    row(
        "auto-aof-rewrite-percentage",
        int(0, INT_MAX),
        "100",
        true,
        "Growth in percent at which the append-only file is rewritten by itself; 0 is never.",
    ),
    hidden(row("bind", Kind::List, "127.0.0.1", false, "Addresses to listen on.")),
    also(
        "lua-time-limit",
        row(
            "busy-reply-threshold",
            int(INT_MIN, INT_MAX),
            "5000",
            true,
            "Milliseconds of a script after which others are answered BUSY; 0 is never.",
        ),
    ),
    inert(
        "client-output-buffer-limit",
        Kind::List,
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        true,
    ),
    inert("client-query-buffer-limit", Kind::Memory, "1073741824", true),
    hidden(inert("crash-log-enabled", Kind::Bool, "yes", true)),
    hidden(inert("crash-memcheck-enabled", Kind::Bool, "yes", true)),
    hidden(row(
        "daemonize",
        Kind::Bool,
        "no",
        false,
        "Accepted for compatibility; the process stays in the foreground.",
    )),
    row("databases", int(1, 16), "16", false, "Number of databases."),
    protected(hidden(row(
        "dbfilename",
        Kind::Text,
        "dump.rdb",
        true,
        "File of the data set, in `dir`.",
    ))),
    protected(hidden(row("dir", Kind::Text, ".", true, "Working directory."))),
    hidden(inert("disable-thp", Kind::Bool, "yes", false)),
    inert("dynamic-hz", Kind::Bool, "yes", true),
    hidden(row(
        "enable-debug-command",
        Kind::Word(&["no", "yes", "local"]),
        "no",
        false,
        "Who may run DEBUG: nobody, everybody, or connections of this machine.",
    )),
    hidden(inert("enable-module-command", Kind::Word(&["no", "yes", "local"]), "no", false)),
    hidden(inert("enable-protected-configs", Kind::Word(&["no", "yes", "local"]), "no", false)),
    also(
        "hash-max-ziplist-entries",
        row(
            "hash-max-listpack-entries",
            int(0, INT_MAX),
            "512",
            true,
            "Fields up to which a hash is packed.",
        ),
    ),
    also(
        "hash-max-ziplist-value",
        row(
            "hash-max-listpack-value",
            Kind::Memory,
            "64",
            true,
            "Bytes of a field or value up to which a hash is packed.",
        ),
    ),
    row(
        "hll-sparse-max-bytes",
        Kind::Memory,
        "3000",
        true,
        "Bytes up to which a HyperLogLog is kept as runs of registers.",
    ),
    row("hz", int(1, 500), "10", true, "Rounds of background work a second."),
    row("io-threads", int(1, 64), "1", false, "Number of loops that run commands."),
    hidden(inert("jemalloc-bg-thread", Kind::Bool, "yes", true)),
    hidden(inert("key-load-delay", int(INT_MIN, INT_MAX), "0", true)),
    row(
        "latency-monitor-threshold",
        int(0, INT_MAX),
        "0",
        true,
        "Milliseconds from which a command is a spike of latency; 0 is never.",
    ),
    row("latency-tracking", Kind::Bool, "yes", true, "Keep times by command."),
    row(
        "latency-tracking-info-percentiles",
        Kind::Percentiles,
        "50 99 99.9",
        true,
        "Percentiles of those times that INFO shows.",
    ),
    inert("lazyfree-lazy-eviction", Kind::Bool, "no", true),
    inert("lazyfree-lazy-expire", Kind::Bool, "no", true),
    inert("lazyfree-lazy-server-del", Kind::Bool, "no", true),
    inert("lazyfree-lazy-user-del", Kind::Bool, "no", true),
    inert("lazyfree-lazy-user-flush", Kind::Bool, "no", true),
    inert("lfu-decay-time", int(0, INT_MAX), "1", true),
    inert("lfu-log-factor", int(0, INT_MAX), "10", true),
    inert("list-compress-depth", int(0, INT_MAX), "0", true),
    also(
        "list-max-ziplist-size",
        inert("list-max-listpack-size", int(INT_MIN, INT_MAX), "-2", true),
    ),
    hidden(row(
        "logfile",
        Kind::Text,
        "",
        false,
        "File of log lines; empty means standard output.",
    )),
    hidden(inert(
        "loglevel",
        Kind::Word(&["debug", "verbose", "notice", "warning"]),
        "notice",
        true,
    )),
    hidden(row(
        "lua-enable-deprecated-api",
        Kind::Bool,
        "no",
        false,
        "Accepted for compatibility: getfenv, setfenv and newproxy stay closed to scripts.",
    )),
    hidden(row("masterauth", Kind::Text, "", true, "Password of this node at its primary.")),
    hidden(row("masteruser", Kind::Text, "", true, "User of this node at its primary.")),
    row("maxclients", int(1, 1_000_000), "10000", true, "Connections served at once."),
    row("maxmemory", Kind::Memory, "0", true, "Bytes above which keys must make room; 0 is none."),
    inert("maxmemory-clients", Kind::MemoryOrShare, "0", true),
    inert("maxmemory-eviction-tenacity", int(0, 100), "10", true),
    row("maxmemory-policy", POLICIES, "noeviction", true, "Which keys make room."),
    row("maxmemory-samples", int(1, 64), "5", true, "Keys compared per shard to find one to go."),
    also(
        "min-slaves-max-lag",
        row(
            "min-replicas-max-lag",
            int(0, INT_MAX),
            "10",
            true,
            "Seconds since its last word within which a replica follows closely.",
        ),
    ),
    also(
        "min-slaves-to-write",
        row(
            "min-replicas-to-write",
            int(0, INT_MAX),
            "0",
            true,
            "Writes are refused while fewer replicas follow closely.",
        ),
    ),
    row(
        "no-appendfsync-on-rewrite",
        Kind::Bool,
        "no",
        true,
        "Leave the disk to a rewrite: no sync each second meanwhile.",
    ),
    row("notify-keyspace-events", Kind::Events, "", true, "Classes of key events to publish."),
    hidden(inert("oom-score-adj", Kind::Word(&["no", "yes", "relative", "absolute"]), "no", true)),
    hidden(inert("oom-score-adj-values", Kind::List, "0 200 800", true)),
    hidden(row("pidfile", Kind::Text, "", false, "File that holds the process id.")),
    row("port", int(0, 65_535), "6379", false, "TCP port; 0 means none."),
    hidden(inert("proc-title-template", Kind::Text, "{title} {listen-addr} {server-mode}", true)),
    hidden(inert(
        "propagation-error-behavior",
        Kind::Word(&["ignore", "panic", "panic-on-replicas"]),
        "ignore",
        true,
    )),
    hidden(inert("protected-mode", Kind::Bool, "yes", true)),
    row("proto-max-bulk-len", Kind::Memory, "536870912", true, "Longest single argument in bytes."),
    inert("rdb-del-sync-files", Kind::Bool, "no", true),
    row(
        "rdb-key-save-delay",
        int(INT_MIN, INT_MAX),
        "0",
        true,
        "Microseconds to rest after each key that is saved, for tests; 0 or less is none.",
    ),
    inert("rdb-save-incremental-fsync", Kind::Bool, "yes", true),
    hidden(inert("rdbchecksum", Kind::Bool, "yes", false)),
    inert("rdbcompression", Kind::Bool, "yes", true),
    row(
        "repl-backlog-size",
        Kind::Memory,
        "1048576",
        true,
        "Bytes of the journal kept for replicas that come back.",
    ),
    inert("repl-backlog-ttl", int(0, INT_MAX), "3600", true),
    inert("repl-disable-tcp-nodelay", Kind::Bool, "no", true),
    inert(
        "repl-diskless-load",
        Kind::Word(&["disabled", "on-empty-db", "swapdb"]),
        "disabled",
        true,
    ),
    inert("repl-diskless-sync", Kind::Bool, "yes", true),
    inert("repl-diskless-sync-delay", int(0, INT_MAX), "5", true),
    inert("repl-diskless-sync-max-replicas", int(0, INT_MAX), "0", true),
    also(
        "repl-ping-slave-period",
        row(
            "repl-ping-replica-period",
            int(1, INT_MAX),
            "10",
            true,
            "Seconds between two pings in the stream to replicas.",
        ),
    ),
    row(
        "repl-timeout",
        int(1, INT_MAX),
        "60",
        true,
        "Seconds of silence after which a link is given up.",
    ),
    also(
        "slave-announce-ip",
        hidden(row(
            "replica-announce-ip",
            Kind::Text,
            "",
            true,
            "Address that a replica tells its primary; empty for where it connects from.",
        )),
    ),
    also(
        "slave-announce-port",
        hidden(row(
            "replica-announce-port",
            int(0, 65_535),
            "0",
            true,
            "Port that a replica tells its primary; 0 for its own.",
        )),
    ),
    also("slave-lazy-flush", inert("replica-lazy-flush", Kind::Bool, "no", true)),
    also(
        "slave-priority",
        row(
            "replica-priority",
            int(0, INT_MAX),
            "100",
            true,
            "Told to those who choose primaries.",
        ),
    ),
    also(
        "slave-read-only",
        row("replica-read-only", Kind::Bool, "yes", true, "Clients may not write to a replica."),
    ),
    also(
        "slave-serve-stale-data",
        row(
            "replica-serve-stale-data",
            Kind::Bool,
            "yes",
            true,
            "A replica answers although the link to its primary is down.",
        ),
    ),
    also(
        "slaveof",
        hidden(row(
            "replicaof",
            Kind::Peer,
            "",
            false,
            "Host and port of the primary to follow from the start.",
        )),
    ),
    hidden(row("requirepass", Kind::Text, "", true, "Password of the default user.")),
    inert("sanitize-dump-payload", Kind::Word(&["no", "yes", "clients"]), "no", true),
    row(
        "save",
        Kind::SavePoints,
        "3600 1 300 100 60 10000",
        true,
        "Pairs of seconds and changes after which the data set is saved; empty is never.",
    ),
    row(
        "set-max-intset-entries",
        int(0, INT_MAX),
        "512",
        true,
        "Integers up to which a set is packed.",
    ),
    hidden(inert("set-proc-title", Kind::Bool, "yes", false)),
    inert("shutdown-on-sigint", SHUTDOWN, "default", true),
    inert("shutdown-on-sigterm", SHUTDOWN, "default", true),
    inert("shutdown-timeout", int(0, INT_MAX), "10", true),
    row(
        "slowlog-log-slower-than",
        int(-1, INT_MAX),
        "10000",
        true,
        "Microseconds from which a request is logged as slow; -1 is never.",
    ),
    row("slowlog-max-len", int(0, i64::MAX), "128", true, "Slow requests kept."),
    row(
        "stop-writes-on-bgsave-error",
        Kind::Bool,
        "yes",
        true,
        "Refuse writes after a save in the background has failed, until one succeeds.",
    ),
    row(
        "stream-idmp-duration",
        int(1, 86_400),
        "100",
        true,
        "Seconds for which a new stream remembers what a producer sent.",
    ),
    row(
        "stream-idmp-maxsize",
        int(1, 10_000),
        "100",
        true,
        "Ids of one producer that a new stream remembers.",
    ),
    row(
        "stream-node-max-bytes",
        Kind::Memory,
        "4096",
        true,
        "Bytes of the parts of a stream that approximate trims take whole; 0 is the most.",
    ),
    row(
        "stream-node-max-entries",
        int(0, INT_MAX),
        "100",
        true,
        "Entries of the parts of a stream that approximate trims take whole; 0 is any number.",
    ),
    hidden(inert("supervised", Kind::Word(&["no", "upstart", "systemd", "auto"]), "no", false)),
    row("tcp-backlog", int(1, 65_535), "511", false, "Connections that may wait for accept."),
    row("tcp-keepalive", int(0, 86_400), "300", true, "Seconds between keep-alive probes."),
    row("timeout", int(0, INT_MAX), "0", true, "Seconds until an idle client is closed."),
    inert("tracking-table-max-keys", int(0, INT_MAX), "1000000", true),
    hidden(inert("unixsocket", Kind::Text, "", false)),
    also(
        "zset-max-ziplist-entries",
        row(
            "zset-max-listpack-entries",
            int(0, INT_MAX),
            "128",
            true,
            "Members up to which a sorted set is packed.",
        ),
    ),
    also(
        "zset-max-ziplist-value",
        row(
            "zset-max-listpack-value",
            Kind::Memory,
            "64",
            true,
            "Bytes of a member up to which a sorted set is packed.",
        ),
    ),
];

/// Finds a parameter by either name, in any case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Param> {
    let named = |param: &&Param| {
        param.name.eq_ignore_ascii_case(name)
            || !name.is_empty() && param.alias.eq_ignore_ascii_case(name)
    };
    PARAMS.iter().find(named)
}

/// Parses a number of bytes: `1024`, `1k` (1000), `1kb` (1024), `m`, `mb`, `g`, `gb`.
#[must_use]
pub fn parse_memory(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale: u64 = match &lower[digits.len()..] {
        "" | "b" => 1,
        "k" => 1_000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(scale)
}

fn save_points(text: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_number = |word: &str, min: i64| word.parse::<i64>().is_ok_and(|number| number >= min);
    let are_points = |pair: &[&str]| is_number(pair[0], 1) && is_number(pair[1], 0);
    let good = words.len().is_multiple_of(2) && words.chunks_exact(2).all(are_points);
    good.then_some(words)
}

fn one_of(words: &[&str]) -> String {
    format!("argument(s) must be one of the following: {}", words.join(", "))
}

impl Param {
    /// The value as it is kept, or why it cannot be.
    ///
    /// # Errors
    /// A sentence that names what would be accepted.
    pub fn normalise(&self, text: &str) -> Result<String, String> {
        match self.kind {
            Kind::Text | Kind::List => Ok(text.to_owned()),
            Kind::Words(words) => {
                let wanted: Vec<String> =
                    text.split_whitespace().map(str::to_ascii_lowercase).collect();
                if wanted.is_empty() || !wanted.iter().all(|word| words.contains(&word.as_str())) {
                    return Err(one_of(words));
                }
                let in_order =
                    words.iter().filter(|word| wanted.iter().any(|other| other == *word));
                Ok(in_order.copied().collect::<Vec<_>>().join(" "))
            }
            Kind::MemoryOrShare => match text.strip_suffix('%').map(str::parse::<u64>) {
                Some(Ok(0..=100)) => Ok(text.to_owned()),
                Some(_) => Err("percentage argument must be less or equal to 100".to_owned()),
                None => parse_memory(text)
                    .map(|bytes| bytes.to_string())
                    .ok_or_else(|| "argument must be a memory or percent value".to_owned()),
            },
            Kind::Peer => match text.split_whitespace().collect::<Vec<_>>()[..] {
                [] => Ok(String::new()),
                ["no", "one"] => Ok(String::new()),
                [host, port] if port.parse::<u16>().is_ok() => Ok(format!("{host} {port}")),
                [_, _] => Err("Invalid master port".to_owned()),
                _ => Err("wrong number of arguments".to_owned()),
            },
            Kind::Percentiles => {
                let parse =
                    |word: &str| word.parse().ok().filter(|p: &f64| (0.0..=100.0).contains(p));
                let parsed: Option<Vec<f64>> = text.split_whitespace().map(parse).collect();
                let parsed = parsed.ok_or("argument must be percentiles from 0 to 100")?;
                Ok(parsed.iter().map(f64::to_string).collect::<Vec<_>>().join(" "))
            }
            Kind::SavePoints => save_points(text)
                .map(|words| words.join(" "))
                .ok_or_else(|| "Invalid save parameters".to_owned()),
            Kind::Events => Classes::parse(text)
                .map(Classes::letters)
                .ok_or_else(|| "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_owned()),
            Kind::Bool => match text.to_ascii_lowercase().as_str() {
                word @ ("yes" | "no") => Ok(word.to_owned()),
                _ => Err("argument must be 'yes' or 'no'".to_owned()),
            },
            // Redis reads no digits at all as 0.
            Kind::Memory => parse_memory(if text.is_empty() { "0" } else { text })
                .map(|bytes| bytes.to_string())
                .ok_or_else(|| "argument must be a memory value".to_owned()),
            Kind::Int { min, max } => match text.parse::<i64>() {
                Ok(value) if (min..=max).contains(&value) => Ok(value.to_string()),
                Ok(_) => Err(format!("argument must be between {min} and {max} inclusive")),
                Err(_) => Err("argument couldn't be parsed into an integer".to_owned()),
            },
            Kind::Word(words) => {
                let lower = text.to_ascii_lowercase();
                let found = words.iter().find(|word| **word == lower);
                found.map(ToString::to_string).ok_or_else(|| one_of(words))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_documented_and_hold_their_defaults() {
        assert!(PARAMS.is_sorted_by_key(|param| param.name));
        for param in PARAMS {
            assert!(param.doc.ends_with('.'), "{}", param.name);
            assert_eq!(param.normalise(param.default).as_deref(), Ok(param.default));
        }
    }

    #[test]
    fn conditions_of_save_come_in_pairs() {
        let save = find("save").expect("it has a row");
        for (text, want) in [
            ("", Some("")),
            ("60  10 300 1", Some("60 10 300 1")),
            ("60", None),
            ("0 1", None),
            ("60 -1", None),
            ("a b", None),
        ] {
            assert_eq!(save.normalise(text).ok().as_deref(), want, "{text}");
        }
    }

    #[test]
    fn memory_units() {
        for (text, want) in [
            ("0", Some(0)),
            ("1k", Some(1_000)),
            ("1KB", Some(1_024)),
            ("2gb", Some(2 << 30)),
            ("x", None),
            ("-1", None),
            ("1tb", None),
        ] {
            assert_eq!(parse_memory(text), want, "{text}");
        }
    }
}
