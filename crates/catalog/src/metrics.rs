//! Metrics: the only registry of what is measured of a node. From a row follow the column of the
//! stored series, MonitorKey and submetric of the API, the name in CloudMonitor, in Prometheus and
//! on the dashboard. Nothing here measures anything.

use crate::command::{Command, Family};
use crate::commands::TABLES;

/// What is measured; the number is the column of stored series and is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
#[expect(missing_docs, reason = "each has a row below that says what it is")]
pub enum MetricId {
    CpuUsage = 0,
    MemoryUsage = 1,
    UsedMemory = 2,
    QuotaMemory = 3,
    ResidentMemory = 4,
    LuaMemory = 5,
    StartupMemory = 6,
    OverheadMemory = 7,
    DatasetMemory = 8,
    LazyfreePending = 9,
    InstanceSize = 10,
    DataSize = 11,
    LogSize = 12,
    TotalQps = 13,
    GetQps = 14,
    PutQps = 15,
    OtherQps = 16,
    QpsUsage = 17,
    ConnectionUsage = 18,
    Connections = 19,
    ConnectionsPerSecond = 20,
    RefusedConnectionsPerSecond = 21,
    InFlow = 22,
    OutFlow = 23,
    InFlowRatio = 24,
    OutFlowRatio = 25,
    AverageLatency = 26,
    MaxLatency = 27,
    Keys = 28,
    Expires = 29,
    ExpiredKeys = 30,
    EvictedKeys = 31,
    ExpiredKeysPerSecond = 32,
    EvictedKeysPerSecond = 33,
    HitRate = 34,
    HitsPerSecond = 35,
    MissesPerSecond = 36,
    BlockedClients = 37,
    ErrorsPerSecond = 38,
    ChangesSinceSave = 39,
}

impl MetricId {
    /// Column of stored series.
    #[must_use]
    pub const fn column(self) -> u16 {
        self as u16
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Hundredths of the whole.
    Percent,
    /// Bytes.
    Bytes,
    /// Mebibytes.
    Megabytes,
    /// Kibibytes a second.
    KilobytesPerSecond,
    /// Things.
    Count,
    /// Things a second.
    CountPerSecond,
    /// Microseconds.
    Microseconds,
}

impl Unit {
    /// As the R-KVStore API writes it.
    #[must_use]
    pub const fn api(self) -> &'static str {
        match self {
            Unit::Percent => "%",
            Unit::Bytes => "Bytes",
            Unit::Megabytes => "MB",
            Unit::KilobytesPerSecond => "KB/s",
            Unit::Count => "Counts",
            Unit::CountPerSecond => "Counts/s",
            Unit::Microseconds => "us",
        }
    }

    /// As CloudMonitor writes it.
    #[must_use]
    pub const fn cloud(self) -> &'static str {
        match self {
            Unit::KilobytesPerSecond => "KBytes/s",
            Unit::Count => "Count",
            Unit::CountPerSecond => "count/s",
            other => other.api(),
        }
    }

    /// Stored numbers are whole: the value times this.
    #[must_use]
    pub const fn scale(self) -> f64 {
        match self {
            Unit::Percent | Unit::Megabytes => 100.0,
            Unit::KilobytesPerSecond | Unit::CountPerSecond => 100.0,
            Unit::Bytes => 1.0 / 1024.0,
            Unit::Count => 1.0,
            Unit::Microseconds => 10.0,
        }
    }

    /// The number as it is stored.
    #[must_use]
    pub fn store(self, value: f64) -> i64 {
        (value * self.scale()).round() as i64
    }

    /// The number that a stored one, or a mean of such, stands for.
    #[must_use]
    pub fn load(self, stored: f64) -> f64 {
        stored / self.scale()
    }

    /// As the API writes a value: whole where the unit is.
    #[must_use]
    pub fn text(self, value: f64) -> String {
        match self {
            Unit::Bytes | Unit::Count => format!("{value:.0}"),
            _ => format!("{value:.2}"),
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Which.
    pub id: MetricId,
    /// Behind `larder_` in Prometheus.
    pub name: &'static str,
    /// What its numbers count.
    pub unit: Unit,
    /// MonitorKeys under which it is shown, with the submetric's name there.
    pub monitor: &'static [(&'static str, &'static str)],
    /// Name in CloudMonitor behind `Standard`; empty where it has none.
    pub cloud: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

macro_rules! metrics {
    ($($id:ident $name:literal $unit:ident $([$key:literal $sub:literal])* $cloud:literal
       $doc:literal;)*) => {
        /// All metrics but those of single commands.
        pub const METRICS: &[Metric] = &[$(Metric {
            id: MetricId::$id,
            name: $name,
            unit: Unit::$unit,
            monitor: &[$(($key, $sub)),*],
            cloud: $cloud,
            doc: $doc,
        }),*];
    };
}

metrics! {
    CpuUsage "cpu_usage_percent" Percent ["CpuUsage" "CpuUsage"] "CpuUsage"
        "CPU time of the node, 100 is one core.";
    MemoryUsage "memory_usage_percent" Percent ["MemoryUsage" "memoryUsage"] "MemoryUsage"
        "Used memory of the class's memory.";
    UsedMemory "used_memory_bytes" Bytes ["UsedMemory" "UsedMemory"] "UsedMemory"
        "Bytes that the node has allocated.";
    QuotaMemory "quota_memory_bytes" Bytes ["quotaMemory" "quotaMemory"] ""
        "Memory of the class.";
    ResidentMemory "resident_memory_bytes" Bytes ["Redis_Memory_Monitor" "used_memory_rss"] ""
        "Memory of the process as the kernel counts it.";
    LuaMemory "lua_memory_bytes" Bytes ["Redis_Memory_Monitor" "used_memory_lua"] ""
        "Memory that scripts take.";
    StartupMemory "startup_memory_bytes" Bytes ["Redis_Memory_Monitor" "used_memory_startup"] ""
        "Memory that an empty node takes.";
    OverheadMemory "overhead_memory_bytes" Bytes ["Redis_Memory_Monitor" "used_memory_overhead"] ""
        "Memory that holds no data.";
    DatasetMemory "dataset_memory_bytes" Bytes ["Redis_Memory_Monitor" "used_memory_dataset"] ""
        "Memory that holds data.";
    LazyfreePending "lazyfree_pending_objects" Count
        ["Redis_Memory_Monitor" "lazyfree_pending_objects"] ""
        "Values that wait to be freed.";
    InstanceSize "disk_megabytes" Megabytes ["Redis_DetailedSpaceUsage" "ins_size"] ""
        "All files of the node.";
    DataSize "disk_data_megabytes" Megabytes ["Redis_DetailedSpaceUsage" "data_size"] ""
        "Data files of the node.";
    LogSize "disk_log_megabytes" Megabytes ["Redis_DetailedSpaceUsage" "log_size"] ""
        "Log of the node.";
    TotalQps "commands_per_second" CountPerSecond ["UsedQPS" "TotalQps"] "UsedQPS"
        "Commands run.";
    GetQps "reads_per_second" CountPerSecond ["UsedQPS" "GetQps"] ""
        "Commands run that only read data.";
    PutQps "writes_per_second" CountPerSecond ["UsedQPS" "PutQps"] ""
        "Commands run that write data.";
    OtherQps "other_commands_per_second" CountPerSecond ["UsedQPS" "OtherOps"] ""
        "Commands run that neither read nor write data.";
    QpsUsage "commands_usage_percent" Percent ["QPSUsage" "qpsUsage"] "QPSUsage"
        "Commands run of what the class is made for.";
    ConnectionUsage "connection_usage_percent" Percent
        ["ConnectionUsage" "connectionUsage"] "ConnectionUsage"
        "Open connections of those that the class allows.";
    Connections "connections" Count ["UsedConnection" "ConnCount"] "UsedConnection"
        "Open connections.";
    ConnectionsPerSecond "connections_per_second" CountPerSecond
        ["UsedConnection" "NewUserConnQps"] ""
        "Connections accepted.";
    RefusedConnectionsPerSecond "refused_connections_per_second" CountPerSecond ""
        "Connections refused by the allowlist or the limit.";
    InFlow "network_in_kilobytes_per_second" KilobytesPerSecond ["IntranetIn" "InFlow"]
        "IntranetIn" "Bytes read from clients.";
    OutFlow "network_out_kilobytes_per_second" KilobytesPerSecond ["IntranetOut" "OutFlow"]
        "IntranetOut" "Bytes written to clients.";
    InFlowRatio "network_in_usage_percent" Percent ["IntranetInRatio" "intranetInRatio"]
        "IntranetInRatio" "Bytes read of the bandwidth that is enforced.";
    OutFlowRatio "network_out_usage_percent" Percent ["IntranetOutRatio" "intranetOutRatio"]
        "IntranetOutRatio" "Bytes written of the bandwidth that is enforced.";
    AverageLatency "average_latency_microseconds" Microseconds ["Redis_Avg_Rt_Monitor" "AvgRt"]
        "AvgRt" "Mean time that a command runs; short ones are sampled.";
    MaxLatency "max_latency_microseconds" Microseconds ["Redis_Max_Rt_Monitor" "MaxRt"] "MaxRt"
        "Longest time that a command ran; short ones are sampled.";
    Keys "keys" Count ["Redis_Basic_Monitor" "Keys"] "Keys"
        "Keys in all databases.";
    Expires "expires" Count ["Redis_Basic_Monitor" "Expires"] "Expires"
        "Keys with a time to live.";
    ExpiredKeys "expired_keys" Count ["Redis_Basic_Monitor" "ExpiredKeys"] "ExpiredKeys"
        "Keys removed because their time had come, since the node started.";
    EvictedKeys "evicted_keys" Count ["Redis_Basic_Monitor" "EvictedKeys"] "EvictedKeys"
        "Keys removed to make room, since the node started.";
    ExpiredKeysPerSecond "expired_keys_per_second" CountPerSecond
        ["Redis_Basic_Monitor" "ExpiredKeysPerSecond"] ""
        "Keys removed because their time had come.";
    EvictedKeysPerSecond "evicted_keys_per_second" CountPerSecond
        ["Redis_Basic_Monitor" "EvictedKeysPerSecond"]
        ["Hit_Rate_Monitor" "evicted_keys_per_sec"] ""
        "Keys removed to make room.";
    HitRate "hit_rate_percent" Percent ["Hit_Rate_Monitor" "hit_rate"] "HitRate"
        "Lookups that found their key; 100 while there are none.";
    HitsPerSecond "hits_per_second" CountPerSecond ["Hit_Rate_Monitor" "hit"] ""
        "Lookups that found their key.";
    MissesPerSecond "misses_per_second" CountPerSecond ["Hit_Rate_Monitor" "miss"] ""
        "Lookups that did not find their key.";
    BlockedClients "blocked_clients" Count "BlockedClients"
        "Connections that wait for a key.";
    ErrorsPerSecond "errors_per_second" CountPerSecond "FailedCount"
        "Commands answered by an error.";
    ChangesSinceSave "changes_since_save" Count ""
        "Changes that no file on disk holds yet.";
}

/// The first column of single commands.
const COMMANDS_FROM: u16 = 1_000;

/// Commands by the column of their series, counted from [`COMMANDS_FROM`]: a name keeps its place,
/// new ones come last.
const COMMANDS: &[&str] = &[
    "append",
    "decr",
    "decrby",
    "get",
    "getdel",
    "getex",
    "getrange",
    "getset",
    "incr",
    "incrby",
    "incrbyfloat",
    "lcs",
    "mget",
    "mset",
    "msetnx",
    "psetex",
    "set",
    "setex",
    "setnx",
    "setrange",
    "strlen",
    "substr",
    "getbit",
    "setbit",
    "copy",
    "del",
    "dump",
    "exists",
    "expire",
    "expireat",
    "expiretime",
    "keys",
    "move",
    "object",
    "persist",
    "pexpire",
    "pexpireat",
    "pexpiretime",
    "pttl",
    "randomkey",
    "rename",
    "renamenx",
    "restore",
    "scan",
    "sort",
    "sort_ro",
    "touch",
    "ttl",
    "type",
    "unlink",
    "hdel",
    "hexists",
    "hget",
    "hgetall",
    "hincrby",
    "hincrbyfloat",
    "hkeys",
    "hlen",
    "hmget",
    "hmset",
    "hrandfield",
    "hscan",
    "hset",
    "hsetnx",
    "hstrlen",
    "hvals",
    "blmove",
    "blmpop",
    "blpop",
    "brpop",
    "brpoplpush",
    "lindex",
    "linsert",
    "llen",
    "lmove",
    "lmpop",
    "lpop",
    "lpos",
    "lpush",
    "lpushx",
    "lrange",
    "lrem",
    "lset",
    "ltrim",
    "rpop",
    "rpoplpush",
    "rpush",
    "rpushx",
    "sadd",
    "scard",
    "sdiff",
    "sdiffstore",
    "sinter",
    "sintercard",
    "sinterstore",
    "sismember",
    "smembers",
    "smismember",
    "smove",
    "spop",
    "srandmember",
    "srem",
    "sscan",
    "sunion",
    "sunionstore",
    "bzmpop",
    "bzpopmax",
    "bzpopmin",
    "zadd",
    "zcard",
    "zcount",
    "zdiff",
    "zdiffstore",
    "zincrby",
    "zinter",
    "zintercard",
    "zinterstore",
    "zlexcount",
    "zmpop",
    "zmscore",
    "zpopmax",
    "zpopmin",
    "zrandmember",
    "zrange",
    "zrangebylex",
    "zrangebyscore",
    "zrangestore",
    "zrank",
    "zrem",
    "zremrangebylex",
    "zremrangebyrank",
    "zremrangebyscore",
    "zrevrange",
    "zrevrangebylex",
    "zrevrangebyscore",
    "zrevrank",
    "zscan",
    "zscore",
    "zunion",
    "zunionstore",
    "discard",
    "exec",
    "multi",
    "unwatch",
    "watch",
    "psubscribe",
    "publish",
    "pubsub",
    "punsubscribe",
    "subscribe",
    "unsubscribe",
    "auth",
    "client",
    "echo",
    "hello",
    "ping",
    "quit",
    "reset",
    "select",
    "wait",
    "eval",
    "eval_ro",
    "evalsha",
    "evalsha_ro",
    "fcall",
    "fcall_ro",
    "function",
    "script",
    "bgrewriteaof",
    "bgsave",
    "command",
    "config",
    "debug",
    "dbsize",
    "flushall",
    "flushdb",
    "info",
    "lastsave",
    "monitor",
    "psync",
    "replconf",
    "latency",
    "memory",
    "replicaof",
    "role",
    "save",
    "shutdown",
    "swapdb",
    "slaveof",
    "sync",
    "slowlog",
    "time",
    "bitcount",
    "bitfield",
    "bitfield_ro",
    "bitop",
    "bitpos",
    "pfadd",
    "pfcount",
    "pfdebug",
    "pfmerge",
    "pfselftest",
    "geoadd",
    "geodist",
    "geohash",
    "geopos",
    "georadius",
    "georadius_ro",
    "georadiusbymember",
    "georadiusbymember_ro",
    "geosearch",
    "geosearchstore",
    "delex",
    "delifeq",
    "digest",
    "increx",
    "msetex",
    "hexpire",
    "hexpireat",
    "hexpiretime",
    "hgetdel",
    "hgetex",
    "hpersist",
    "hpexpire",
    "hpexpireat",
    "hpexpiretime",
    "hpttl",
    "hsetex",
    "httl",
    "blmovem",
    "lmovem",
    "sdiffcard",
    "sunioncard",
    "xack",
    "xadd",
    "xautoclaim",
    "xclaim",
    "xdel",
    "xgroup",
    "xinfo",
    "xlen",
    "xpending",
    "xrange",
    "xread",
    "xreadgroup",
    "xrevrange",
    "xsetid",
    "xtrim",
    "xackdel",
    "xcfgset",
    "xdelex",
    "xidmprecord",
    "xnack",
];

/// MonitorKeys that show runs of single commands.
const GROUPS: &[(&str, &[Family])] = &[
    ("Redis_Keys_Monitor", &[Family::Generic]),
    ("Redis_String_Monitor", &[Family::String, Family::Bitmap]),
    ("Redis_Hashes_Monitor", &[Family::Hash]),
    ("Redis_Lists_Monitor", &[Family::List]),
    ("Redis_Sets_Monitor", &[Family::Set]),
    ("Redis_Zset_Monitor", &[Family::SortedSet, Family::Geo]),
    ("Redis_Hyperlog_Monitor", &[Family::HyperLogLog]),
    ("Redis_Pub_Sub_Monitor", &[Family::PubSub]),
    ("Redis_Transaction_Monitor", &[Family::Transactions]),
    ("Redis_Scripting_Monitor", &[Family::Scripting]),
    ("Redis_Connection_Monitor", &[Family::Connection]),
    ("Redis_Server_Monitor", &[Family::Server]),
];

/// MonitorKey that shows runs in the period, not a second, of commands that hold all others up.
pub const CALLS: &str = "Calls_Monitor";

const CALLS_OF: &[(&str, &str)] =
    &[("flushall_calls", "flushall"), ("flushdb_calls", "flushdb"), ("keys_calls", "keys")];

/// One series, as the API shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submetric {
    /// Its name under its MonitorKey.
    pub name: &'static str,
    /// Column of stored series.
    pub column: u16,
    /// What its numbers count.
    pub unit: Unit,
}

/// The column of a command's runs a second.
#[must_use]
pub fn command_column(name: &str) -> Option<u16> {
    let place = COMMANDS.iter().position(|known| *known == name)?;
    u16::try_from(place).ok().map(|place| COMMANDS_FROM + place)
}

/// Commands, subcommands left out.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    TABLES.iter().copied().flatten().filter(|row| row.container().is_none())
}

/// Commands with their columns.
pub fn command_columns() -> impl Iterator<Item = (&'static str, u16)> {
    COMMANDS.iter().zip(COMMANDS_FROM..).map(|(name, column)| (*name, column))
}

/// All MonitorKeys with the unit of their first submetric, in the order of the tables.
#[must_use]
pub fn monitor_keys() -> Vec<(&'static str, Unit)> {
    let mut keys: Vec<(&'static str, Unit)> = Vec::new();
    for metric in METRICS {
        for (key, _) in metric.monitor {
            if keys.iter().all(|(known, _)| known != key) {
                keys.push((*key, metric.unit));
            }
        }
    }
    keys.extend(GROUPS.iter().map(|(key, _)| (*key, Unit::CountPerSecond)));
    keys.push((CALLS, Unit::Count));
    keys
}

/// What a MonitorKey shows; nothing when it is none.
#[must_use]
pub fn submetrics(key: &str) -> Vec<Submetric> {
    if key == CALLS {
        let of = |(name, command): &(&'static str, &str)| {
            let column = command_column(command)?;
            Some(Submetric { name, column, unit: Unit::CountPerSecond })
        };
        return CALLS_OF.iter().filter_map(of).collect();
    }
    if let Some((_, families)) = GROUPS.iter().find(|(group, _)| *group == key) {
        let members = commands().filter(|row| families.contains(&row.family));
        let of = |row: &'static Command| {
            let column = command_column(row.name)?;
            Some(Submetric { name: row.name, column, unit: Unit::CountPerSecond })
        };
        return members.filter_map(of).collect();
    }
    let rows = METRICS.iter().flat_map(|metric| {
        let names = metric.monitor.iter().filter(|(known, _)| *known == key);
        names.map(move |(_, name)| (*name, metric))
    });
    let rows = rows.map(|(name, metric)| Submetric {
        name,
        column: metric.id.column(),
        unit: metric.unit,
    });
    rows.collect()
}

/// The row of a metric.
///
/// # Panics
/// Never: each has a row, which a test proves.
#[must_use]
pub fn row(id: MetricId) -> &'static Metric {
    METRICS.iter().find(|metric| metric.id == id).expect("each metric has a row")
}

/// A series under its name in CloudMonitor, the prefix `Standard` included, with its unit.
#[must_use]
pub fn find_cloud(name: &str) -> Option<(u16, Unit)> {
    let name = name.strip_prefix("Standard").filter(|name| !name.is_empty())?;
    let metric = METRICS.iter().find(|metric| metric.cloud == name);
    let metric = metric.map(|metric| (metric.id.column(), metric.unit));
    metric.or_else(|| Some((command_column(name)?, Unit::CountPerSecond)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn rows_are_unique_and_documented() {
        let unique = |names: Vec<String>| {
            let set: BTreeSet<_> = names.iter().cloned().collect();
            assert_eq!(set.len(), names.len(), "{names:?}");
        };
        unique(METRICS.iter().map(|metric| metric.name.to_owned()).collect());
        unique(METRICS.iter().map(|metric| metric.id.column().to_string()).collect());
        let clouds = METRICS.iter().filter(|metric| !metric.cloud.is_empty());
        unique(clouds.map(|metric| metric.cloud.to_owned()).collect());
        let keys = METRICS.iter().flat_map(|metric| metric.monitor);
        unique(keys.map(|(key, sub)| format!("{key} {sub}")).collect());
        assert!(METRICS.iter().all(|metric| metric.doc.ends_with('.')));
        assert!(METRICS.len() >= 24);
        let last = METRICS.iter().map(|metric| metric.id.column()).max();
        assert!(last.is_some_and(|last| last < COMMANDS_FROM));
    }

    #[test]
    fn each_command_has_a_column() {
        let known: BTreeSet<_> = COMMANDS.iter().copied().collect();
        assert_eq!(known.len(), COMMANDS.len(), "a name comes twice");
        let missing: Vec<_> = commands().filter(|row| !known.contains(row.name)).collect();
        let missing: Vec<_> = missing.iter().map(|row| row.name).collect();
        assert!(missing.is_empty(), "append to COMMANDS: {missing:?}");
    }

    #[test]
    fn each_key_shows_something() {
        let keys = monitor_keys();
        for (key, _) in &keys {
            let shown = submetrics(key);
            assert!(!shown.is_empty() || *key == "Redis_Hyperlog_Monitor", "{key}");
        }
        assert!(submetrics("nothing").is_empty());
        let names = |key| submetrics(key).iter().map(|sub| sub.name).collect::<Vec<_>>();
        assert_eq!(names("UsedQPS"), ["TotalQps", "GetQps", "PutQps", "OtherOps"]);
        assert_eq!(names(CALLS), ["flushall_calls", "flushdb_calls", "keys_calls"]);
        assert!(names("Redis_Keys_Monitor").contains(&"unlink"));
        assert_eq!(find_cloud("StandardCpuUsage"), Some((0, Unit::Percent)));
        assert_eq!(
            find_cloud("Standardget").map(|(column, _)| Some(column)),
            Some(command_column("get"))
        );
        for name in ["CpuUsage", "Standard", "Standardnothing", ""] {
            assert_eq!(find_cloud(name), None, "{name}");
        }
    }

    #[test]
    fn stored_numbers_come_back() {
        for (unit, value, stored, text) in [
            (Unit::Percent, 12.345, 1235, "12.35"),
            (Unit::Bytes, 268_435_456.0, 262_144, "268435456"),
            (Unit::Count, 7.0, 7, "7"),
            (Unit::Microseconds, 0.84, 8, "0.80"),
        ] {
            assert_eq!(unit.store(value), stored);
            assert_eq!(unit.text(unit.load(stored as f64)), text);
        }
    }
}
