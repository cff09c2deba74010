//! Parameters that the owner of a managed instance may set: names of the API by engine version,
//! ranges, defaults. Only what a node carries out has a row here; what is documented and cannot be
//! carried out yet is in [`NOT_YET`], to be refused by name. Must not know how values travel.

use crate::commands;
use crate::params;
use std::collections::BTreeMap;

/// One parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Managed {
    /// As in the API.
    pub name: &'static str,
    /// Another name under which it may be set; empty when there is none.
    pub alias: &'static str,
    /// Row of [`params::PARAMS`] that carries it out; empty when none does.
    pub directive: &'static str,
    /// Engine versions that have it under this name.
    pub versions: &'static [&'static str],
    /// What values it takes.
    pub range: Range,
    /// Value when nothing is said.
    pub default: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

/// What values a managed parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// A whole number, both bounds included.
    Int(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// What the directive takes.
    Directive(&'static str),
    /// Lower-case names of commands, joined by commas.
    Commands,
}

/// The parameter that names commands which nobody may run.
pub const DISABLED_COMMANDS: &str = "#no_loose_disabled-commands";

const ALL: &[&str] = &["5.0", "6.0", "7.0"];
const BEFORE_7: &[&str] = &["5.0", "6.0"];
const FROM_7: &[&str] = &["7.0"];

const YES_NO: Range = Range::Word(&["yes", "no"]);
const SIZE: Range = Range::Int(0, 2_147_483_647);

const POLICIES: Range = Range::Word(&[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
]);

const fn row(
    name: &'static str,
    versions: &'static [&'static str],
    range: Range,
    default: &'static str,
    doc: &'static str,
) -> Managed {
    Managed { name, alias: "", directive: name, versions, range, default, doc }
}

/// A row under the name that the directive had before 7.0.
const fn of(directive: &'static str, row: Managed) -> Managed {
    Managed { directive, ..row }
}

const HASH_ENTRIES: &str = "Fields up to which a hash is packed.";
const HASH_VALUE: &str = "Bytes of a field or value up to which a hash is packed.";
const ZSET_ENTRIES: &str = "Members up to which a sorted set is packed.";
const ZSET_VALUE: &str = "Bytes of a member up to which a sorted set is packed.";

/// All rows, sorted by name.
pub const MANAGED: &[Managed] = &[
    Managed {
        directive: "",
        ..row(
            DISABLED_COMMANDS,
            ALL,
            Range::Commands,
            "",
            "Commands that nobody may run, in lower case, joined by commas.",
        )
    },
    row("hash-max-listpack-entries", FROM_7, SIZE, "512", HASH_ENTRIES),
    row("hash-max-listpack-value", FROM_7, SIZE, "64", HASH_VALUE),
    of(
        "hash-max-listpack-entries",
        row("hash-max-ziplist-entries", BEFORE_7, SIZE, "512", HASH_ENTRIES),
    ),
    of("hash-max-listpack-value", row("hash-max-ziplist-value", BEFORE_7, SIZE, "64", HASH_VALUE)),
    row("latency-tracking", FROM_7, YES_NO, "yes", "Keep times by command."),
    Managed {
        alias: "EvictionPolicy",
        ..row(
            "maxmemory-policy",
            ALL,
            POLICIES,
            "volatile-lru",
            "Which keys make room when the memory is used up.",
        )
    },
    row(
        "notify-keyspace-events",
        ALL,
        Range::Directive("[KEg$lszhxeAtdmn]*"),
        "",
        "Classes of key events to publish.",
    ),
    row("set-max-intset-entries", ALL, SIZE, "512", "Integers up to which a set is packed."),
    row(
        "slowlog-log-slower-than",
        ALL,
        Range::Int(10_000, 10_000_000),
        "20000",
        "Microseconds from which a request is logged as slow.",
    ),
    row("slowlog-max-len", ALL, Range::Int(100, 10_000), "1024", "Slow requests kept."),
    row(
        "timeout",
        ALL,
        Range::Int(0, 100_000),
        "0",
        "Seconds until an idle client is closed; 0 is never.",
    ),
    row("zset-max-listpack-entries", FROM_7, SIZE, "128", ZSET_ENTRIES),
    row("zset-max-listpack-value", FROM_7, SIZE, "64", ZSET_VALUE),
    of(
        "zset-max-listpack-entries",
        row("zset-max-ziplist-entries", BEFORE_7, SIZE, "128", ZSET_ENTRIES),
    ),
    of("zset-max-listpack-value", row("zset-max-ziplist-value", BEFORE_7, SIZE, "64", ZSET_VALUE)),
];

/// Documented of the API, and without effect here, so not taken.
pub const NOT_YET: &[&str] = &[
    "#no_loose_check-whitelist-always",
    "#no_loose_sentinel-enabled",
    "#no_loose_sentinel-password-free-access",
    "#no_loose_sentinel-password-free-commands",
    "#no_loose_tls-min-version",
    "active-expire-effort",
    "appendfsync",
    "appendonly",
    "bigkey-threshold",
    "client-output-buffer-limit normal",
    "client-output-buffer-limit pubsub",
    "cluster_compat_enable",
    "dynamic-hz",
    "hello_enabled",
    "hotkey-threshold",
    "hz",
    "lazyfree-lazy-eviction",
    "lazyfree-lazy-expire",
    "lazyfree-lazy-server-del",
    "lazyfree-lazy-user-del",
    "lazyfree-lazy-user-flush",
    "list-compress-depth",
    "list-max-listpack-size",
    "list-max-ziplist-size",
    "max_session_processing",
    "maxmemory-eviction-tenacity",
    "ptod_enabled",
    "read_request_only_ronode_whenrwsplit_enable",
    "readonly_lua_route_ronode_enable",
    "rt_threshold_ms",
    "script_check_enable",
    "sentinel_compat_enable",
    "stream-node-max-bytes",
    "stream-node-max-entries",
    "tracking-table-max-keys",
    "transfer_subscrible_to_psubscrible_enable",
];

/// Commands that cannot be disabled: tenants may not run most of them in any case.
pub const NOT_DISABLEABLE: &[&str] = &[
    "acl",
    "bgrewriteaof",
    "bgsave",
    "config",
    "debug",
    "lastsave",
    "migrate",
    "module",
    "pfdebug",
    "pfselftest",
    "replicaof",
    "restore-asking",
    "slaveof",
];

/// Most bytes of a value.
const VALUE_BYTES_MAX: usize = 8_192;

/// Why a parameter cannot be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing documented has this name.
    Unknown,
    /// It is documented and has no effect here, or another version has it.
    NotSupported,
    /// The value is not acceptable; what would be.
    Value(String),
}

/// The rows that an engine version has, sorted by name.
pub fn rows(version: &str) -> impl Iterator<Item = &'static Managed> {
    MANAGED.iter().filter(move |row| row.versions.contains(&version))
}

/// The row that this name means in an engine version.
///
/// # Errors
/// [`Fault::Unknown`] or [`Fault::NotSupported`].
pub fn find(version: &str, name: &str) -> Result<&'static Managed, Fault> {
    let is_named = |row: &&Managed| row.name == name || !row.alias.is_empty() && row.alias == name;
    let documented = NOT_YET.contains(&name) || MANAGED.iter().any(|row| is_named(&row));
    let missing = if documented { Fault::NotSupported } else { Fault::Unknown };
    rows(version).find(is_named).ok_or(missing)
}

/// Name and value as they are kept, of what someone wants to set.
///
/// # Errors
/// See [`Fault`].
pub fn check(version: &str, name: &str, value: &str) -> Result<(&'static str, String), Fault> {
    let row = find(version, name)?;
    let value = row.normalise(value).map_err(Fault::Value)?;
    Ok((row.name, value))
}

/// Every parameter of an engine version with the value that it has under these settings.
#[must_use]
pub fn effective(version: &str, set: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let value = |row: &Managed| set.get(row.name).map_or(row.default, String::as_str).to_owned();
    rows(version).map(|row| (row.name.to_owned(), value(row))).collect()
}

impl Managed {
    /// The value as it is kept, or why it cannot be.
    ///
    /// # Errors
    /// A phrase that names what would be accepted: "a number from 0 to 100".
    pub fn normalise(&self, value: &str) -> Result<String, String> {
        let refused = || Err(self.wanted());
        if value.len() > VALUE_BYTES_MAX {
            return Err(format!("at most {VALUE_BYTES_MAX} bytes: {}", self.wanted()));
        }
        match self.range {
            Range::Int(min, max) => {
                let digits = value.strip_prefix('-').unwrap_or(value);
                let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                match value.parse::<i64>() {
                    Ok(number) if plain && (min..=max).contains(&number) => Ok(number.to_string()),
                    _ => refused(),
                }
            }
            Range::Word(words) if words.contains(&value) => Ok(value.to_owned()),
            Range::Word(_) => refused(),
            Range::Directive(_) => {
                let param = params::find(self.directive).expect("a test looks for each");
                param.normalise(value).or_else(|_| refused())
            }
            Range::Commands => disabled(value),
        }
    }

    /// What values it takes, for a person.
    #[must_use]
    pub fn wanted(&self) -> String {
        match self.range {
            Range::Int(min, max) => format!("a number from {min} to {max}"),
            Range::Word(words) => format!("one of {}", words.join(", ")),
            Range::Directive(letters) => format!("letters of {}", letters.trim_end_matches('*')),
            Range::Commands => "lower-case names of commands, joined by commas".to_owned(),
        }
    }

    /// `CheckingCode` of the API.
    #[must_use]
    pub fn checking_code(&self) -> String {
        match self.range {
            Range::Int(min, max) => format!("[{min}-{max}]"),
            Range::Word(words) => format!("[{}]", words.join("|")),
            Range::Directive(letters) => letters.to_owned(),
            Range::Commands => "[a-z,-]*".to_owned(),
        }
    }
}

/// Names of commands to disable, sorted, each once.
fn disabled(value: &str) -> Result<String, String> {
    let mut names: Vec<&str> = Vec::new();
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if NOT_DISABLEABLE.contains(&name) {
            return Err(format!("commands that can be disabled, and {name} cannot"));
        }
        let known = commands::TABLES.iter().flat_map(|table| table.iter());
        // Subcommands alone cannot be disabled.
        if !known.into_iter().any(|row| row.name == name && !name.contains('|')) {
            let shown = name.bytes().all(|b| b.is_ascii_lowercase() || b"_-|".contains(&b));
            let culprit = if shown && name.len() <= 32 { name } else { "one of them" };
            return Err(format!("lower-case names of commands, and {culprit} is none"));
        }
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    Ok(names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_documented_and_their_directives_take_their_defaults() {
        assert!(MANAGED.is_sorted_by_key(|row| row.name));
        assert!(NOT_YET.is_sorted() && NOT_DISABLEABLE.is_sorted());
        for row in MANAGED {
            assert!(row.doc.ends_with('.'), "{}", row.name);
            assert!(!NOT_YET.contains(&row.name), "{}", row.name);
            assert_eq!(row.normalise(row.default).as_deref(), Ok(row.default), "{}", row.name);
            assert_eq!(row.directive.is_empty(), row.range == Range::Commands, "{}", row.name);
            if row.directive.is_empty() {
                continue;
            }
            let param = params::find(row.name).expect("the node knows it by this name too");
            assert_eq!(param.name, row.directive);
            assert!(param.mutable && !param.hidden && !param.protected, "{}", row.name);
            assert!(!param.doc.contains("no effect"), "{}", row.name);
        }
    }

    /// Values to try on a row: (value, whether it is taken).
    fn tries(row: &Managed) -> Vec<(String, bool)> {
        let mut tries: Vec<(String, bool)> = vec![("x".repeat(1 << 20), false)];
        let mut add = |value: &str, good: bool| tries.push((value.to_owned(), good));
        match row.range {
            Range::Int(min, max) => {
                for (number, good) in [(min, true), (max, true), (min - 1, false), (max + 1, false)]
                {
                    add(&number.to_string(), good);
                }
                let bad =
                    ["", "garbage", "1.5", "+20000", " 20000", "0x10", "-", "99999999999999999999"];
                bad.into_iter().for_each(|value| add(value, false));
            }
            Range::Word(words) => {
                words.iter().for_each(|word| add(word, true));
                for bad in ["", "garbage", &words[0].to_uppercase(), "1"] {
                    add(bad, false);
                }
            }
            Range::Directive(_) => {
                ["", "KEA", "Kx"].into_iter().for_each(|value| add(value, true));
                ["garbage!", "?"].into_iter().for_each(|value| add(value, false));
            }
            Range::Commands => {
                ["", "flushall", "keys,flushdb"].into_iter().for_each(|value| add(value, true));
                let bad = ["FLUSHALL", "no-such", "config", "acl", "debug", "client|kill", "a b"];
                bad.into_iter().for_each(|value| add(value, false));
            }
        }
        tries
    }

    #[test]
    fn every_row_takes_its_range_and_nothing_else() {
        for row in MANAGED {
            for (value, good) in tries(row) {
                let shown = value.get(..20).unwrap_or(&value);
                for version in row.versions {
                    let outcome = check(version, row.name, &value);
                    assert_eq!(outcome.is_ok(), good, "{} {shown}", row.name);
                    let Ok((_, kept)) = outcome else { continue };
                    assert_eq!(row.normalise(&kept).as_deref(), Ok(&*kept), "{}", row.name);
                    if let Some(param) = params::find(row.directive) {
                        assert_eq!(param.normalise(&kept).as_deref(), Ok(&*kept), "{}", row.name);
                    }
                }
            }
        }
    }

    #[test]
    fn names_by_version() {
        let name = |version, name| find(version, name).map(|row| row.name);
        assert_eq!(name("7.0", "EvictionPolicy"), Ok("maxmemory-policy"));
        for (version, wanted, fault) in [
            ("7.0", "hash-max-ziplist-entries", Fault::NotSupported),
            ("5.0", "hash-max-listpack-entries", Fault::NotSupported),
            ("6.0", "latency-tracking", Fault::NotSupported),
            ("7.0", "hz", Fault::NotSupported),
            ("7.0", "dir", Fault::Unknown),
            ("7.0", "", Fault::Unknown),
            ("7.0", "TIMEOUT", Fault::Unknown),
        ] {
            assert_eq!(name(version, wanted), Err(fault), "{version} {wanted}");
        }
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let set = [("timeout", "5"), ("of-another-version", "1")];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let all = effective("7.0", &BTreeMap::from(set));
        assert_eq!(all["timeout"], "5");
        assert_eq!(all["slowlog-log-slower-than"], "20000");
        assert_eq!(all.len(), rows("7.0").count());
        assert_eq!(disabled("keys, flushall,keys").as_deref(), Ok("flushall,keys"));
    }
}
