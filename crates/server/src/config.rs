//! Parameters in force: the text of each, and the typed values that gates and loops read.

use crate::measure::Timing;
use crate::snapshot::background::points;
use catalog::events::Classes;
use catalog::params::{Kind, PARAMS, Param, find};
use engine::keyspace::Policy;
use engine::types::limits;
use std::collections::BTreeMap;

/// Every parameter's value as text.
#[derive(Debug, Clone)]
pub struct Config {
    values: BTreeMap<&'static str, String>,
    /// Those texts that are no UTF-8: passwords may be any bytes.
    raw: BTreeMap<&'static str, Vec<u8>>,
}

/// Typed values for the hot path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Bytes above which DENYOOM commands are refused; 0 is none.
    pub maxmemory_bytes: u64,
    /// Which keys make room above it.
    pub policy: Policy,
    /// Keys compared per shard to find one to go.
    pub samples: usize,
    /// Connections served at once.
    pub connections_max: usize,
    /// Longest argument and longest string.
    pub bulk_bytes_max: u64,
    /// Idle seconds after which a connection is closed; 0 is never.
    pub idle_s_max: u64,
    /// Milliseconds after which a script makes others be refused; `None` is never.
    pub busy_after_ms: Option<u64>,
    /// Writes are refused after a save that failed: it is wanted, and so is the refusal.
    pub save_must_not_fail: bool,
    /// Classes of key events to publish.
    pub events: Classes,
    /// Databases.
    pub dbs: u16,
    /// What is timed.
    pub timing: Timing,
    /// Who may run DEBUG.
    pub debug: Allowed,
    /// Clients may not write to a replica.
    pub replica_read_only: bool,
    /// Writes are refused while fewer replicas follow closely; 0 asks for none.
    pub replicas_min: u64,
    /// Seconds since its last word within which a replica follows closely; 0 asks for none.
    pub replica_lag_s_max: u64,
    /// A replica answers although the link to its primary is down.
    pub serves_stale: bool,
    /// What INFO and HELLO report.
    pub redis_version: &'static str,
}

/// Who may run a protected command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Nobody.
    Nobody,
    /// Connections of this machine.
    Local,
    /// Every connection.
    Everybody,
}

/// Version that a drop-in reports, so that clients which gate features on it get what we have.
pub const DROP_IN_VERSION: &str = "7.2.4";

/// Parameters that no pattern finds.
const UNLISTED: [&str; 2] = ["key-load-delay", "rdb-key-save-delay"];

impl Default for Settings {
    fn default() -> Self {
        Config::default().settings(DROP_IN_VERSION)
    }
}

impl Default for Config {
    fn default() -> Self {
        let values = PARAMS.iter().map(|p| (p.name, p.default.to_owned())).collect();
        Self { values, raw: BTreeMap::new() }
    }
}

/// What INFO reports for an instance created with `engine_version`.
#[must_use]
pub fn reported_version(engine_version: &str) -> &'static str {
    match engine_version {
        "5.0" => "5.0.14",
        "6.0" => "6.0.20",
        "7.0" => "7.0.15",
        _ => DROP_IN_VERSION,
    }
}

/// Why a parameter was not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is no such parameter.
    #[error("Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// It cannot be changed while running.
    #[error("CONFIG SET failed (possibly related to argument '{0}') - can't set immutable config")]
    Immutable(String),
    /// It needs the leave of `enable-protected-configs`.
    #[error("CONFIG SET failed (possibly related to argument '{0}') - can't set protected config")]
    Protected(String),
    /// It is there more than once, maybe under both of its names.
    #[error("CONFIG SET failed (possibly related to argument '{0}') - duplicate parameter")]
    Twice(String),
    /// The value is not acceptable.
    #[error("CONFIG SET failed (possibly related to argument '{name}') - {why}")]
    Invalid {
        /// The parameter.
        name: String,
        /// What would be acceptable.
        why: String,
    },
}

impl Config {
    /// A parameter's value.
    ///
    /// # Panics
    /// When the table has no such row.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.values.get(name).expect("every parameter that is read has a row")
    }

    /// As [`Config::get`], byte for byte as it was set.
    ///
    /// # Panics
    /// As [`Config::get`].
    #[must_use]
    pub fn bytes(&self, name: &str) -> &[u8] {
        self.raw.get(name).map_or_else(|| self.get(name).as_bytes(), Vec::as_slice)
    }

    /// A number's value.
    ///
    /// # Panics
    /// As [`Config::get`], or when the row is not a number.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        self.get(name).parse().expect("normalised numbers parse")
    }

    /// Sets a parameter at start, from a file or the command line.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn set_at_start(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let param = find(name).ok_or_else(|| ConfigError::Unknown(name.to_owned()))?;
        self.put(param, value.as_bytes())
    }

    /// Sets several parameters while running: all or none.
    ///
    /// # Errors
    /// [`ConfigError`] names the first that cannot be set.
    pub fn set(
        &mut self,
        pairs: &[(String, Vec<u8>)],
        may_protected: bool,
    ) -> Result<(), ConfigError> {
        let mut next = self.clone();
        let mut seen = Vec::new();
        for (name, value) in pairs {
            let param = find(name).ok_or_else(|| ConfigError::Unknown(name.clone()))?;
            if seen.contains(&param.name) {
                return Err(ConfigError::Twice(name.clone()));
            }
            seen.push(param.name);
            if !param.mutable {
                return Err(ConfigError::Immutable(name.clone()));
            }
            if param.protected && !may_protected {
                return Err(ConfigError::Protected(name.clone()));
            }
            next.put(param, value)?;
        }
        *self = next;
        Ok(())
    }

    /// The parameters whose names match one of the glob `patterns`, in order of name.
    pub fn matching<'c>(
        &'c self,
        patterns: &'c [&[u8]],
    ) -> impl Iterator<Item = (&'static str, &'c [u8])> {
        let hit = |name: &str| {
            let glob = |pattern: &&[u8]| {
                let pattern = pattern.to_ascii_lowercase();
                // These are for tests: whoever does not ask for them by name does not want them.
                let listed = !UNLISTED.contains(&name) || pattern == name.as_bytes();
                listed && engine::glob::matches(&pattern, name.as_bytes())
            };
            patterns.iter().any(glob)
        };
        let names =
            PARAMS.iter().flat_map(|param| [(param.name, param.name), (param.alias, param.name)]);
        let found = names.filter(move |(name, _)| !name.is_empty() && hit(name));
        found.map(|(name, of)| match of {
            "notify-keyspace-events" => (name, Classes::shown(self.get(of)).as_bytes()),
            _ => (name, self.bytes(of)),
        })
    }

    /// The typed values.
    #[must_use]
    pub fn settings(&self, redis_version: &'static str) -> Settings {
        Settings {
            maxmemory_bytes: self.number("maxmemory"),
            policy: Policy::of(self.get("maxmemory-policy")),
            samples: self.number("maxmemory-samples") as usize,
            connections_max: self.number("maxclients") as usize,
            bulk_bytes_max: self.number("proto-max-bulk-len"),
            idle_s_max: self.number("timeout"),
            busy_after_ms: self.get("busy-reply-threshold").parse().ok().filter(|ms| *ms > 0),
            save_must_not_fail: self.get("stop-writes-on-bgsave-error") == "yes"
                && !points(self.get("save")).is_empty(),
            events: Classes::parse(self.get("notify-keyspace-events"))
                .map(Classes::in_force)
                .unwrap_or_default(),
            dbs: self.number("databases") as u16,
            timing: Timing::new(
                self.get("latency-tracking") == "yes",
                self.get("slowlog-log-slower-than").parse().unwrap_or(-1),
                self.number("latency-monitor-threshold"),
            ),
            debug: match self.get("enable-debug-command") {
                "yes" => Allowed::Everybody,
                "local" => Allowed::Local,
                _ => Allowed::Nobody,
            },
            replica_read_only: self.get("replica-read-only") == "yes",
            replicas_min: self.number("min-replicas-to-write"),
            replica_lag_s_max: self.number("min-replicas-max-lag"),
            serves_stale: self.get("replica-serve-stale-data") == "yes",
            redis_version,
        }
    }

    /// Puts the sizes of packed collections into force.
    pub fn apply_limits(&self) {
        for (limit, name) in [
            (&limits::HASH_FIELDS, "hash-max-listpack-entries"),
            (&limits::HASH_BYTES, "hash-max-listpack-value"),
            (&limits::ZSET_MEMBERS, "zset-max-listpack-entries"),
            (&limits::ZSET_BYTES, "zset-max-listpack-value"),
            (&limits::SKETCH_SPARSE_BYTES, "hll-sparse-max-bytes"),
            (&limits::SET_INTEGERS, "set-max-intset-entries"),
            (&limits::STREAM_BYTES, "stream-node-max-bytes"),
            (&limits::STREAM_ENTRIES, "stream-node-max-entries"),
            (&limits::STREAM_PRODUCER_S, "stream-idmp-duration"),
            (&limits::STREAM_PRODUCER_IDS, "stream-idmp-maxsize"),
        ] {
            limit.set(self.number(name));
        }
    }

    fn put(&mut self, param: &'static Param, value: &[u8]) -> Result<(), ConfigError> {
        let name = param.name.to_owned();
        let text = String::from_utf8_lossy(value);
        let text = param.normalise(&text).map_err(|why| ConfigError::Invalid { name, why })?;
        self.values.insert(param.name, text);
        if param.kind == Kind::Text && std::str::from_utf8(value).is_err() {
            self.raw.insert(param.name, value.to_owned());
        } else {
            self.raw.remove(param.name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_all_or_nothing() {
        let mut config = Config::default();
        let pair = |n: &str, v: &str| (n.to_owned(), v.as_bytes().to_vec());
        let good = [pair("maxmemory", "1mb"), pair("TIMEOUT", "5")];
        assert_eq!(config.set(&good, false), Ok(()));
        assert_eq!(config.settings(DROP_IN_VERSION).maxmemory_bytes, 1 << 20);
        assert_eq!(config.get("timeout"), "5");
        let bad = [pair("maxmemory", "2mb"), pair("hz", "0")];
        assert!(matches!(config.set(&bad, false), Err(ConfigError::Invalid { .. })));
        assert_eq!(config.get("maxmemory"), "1048576");
        assert!(matches!(config.set(&[pair("port", "1")], false), Err(ConfigError::Immutable(_))));
        assert!(matches!(config.set(&[pair("x", "1")], false), Err(ConfigError::Unknown(_))));
    }

    #[test]
    fn keeps_passwords_byte_for_byte() {
        let mut config = Config::default();
        for password in [&b"abc\0def"[..], b"\xff\xfe", b"", "\u{e9}".as_bytes()] {
            let pairs = [("masterauth".to_owned(), password.to_vec())];
            assert_eq!(config.set(&pairs, false), Ok(()));
            assert_eq!(config.bytes("masterauth"), password);
            let shown: Vec<_> = config.matching(&[b"masterauth"]).collect();
            assert_eq!(shown, [("masterauth", password)]);
        }
    }

    #[test]
    fn finds_by_glob() {
        let config = Config::default();
        let patterns: [&[u8]; 3] = [b"maxmemory", b"maxmemory-[ps]*", b"PORT"];
        let names: Vec<_> = config.matching(&patterns).map(|(name, _)| name).collect();
        assert_eq!(names, ["maxmemory", "maxmemory-policy", "maxmemory-samples", "port"]);
    }
}
