//! Parameters (redis.conf directives, CONFIG GET/SET): name, kind, default and meaning.

/// One directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param {
    /// Name as in redis.conf.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Value when nothing is said.
    pub default: &'static str,
    /// True when CONFIG SET may change it.
    pub mutable: bool,
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
    /// Any text, several words joined by spaces.
    Text,
}

const fn row(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    mutable: bool,
    doc: &'static str,
) -> Param {
    Param { name, kind, default, mutable, hidden: false, doc }
}

const fn hidden(param: Param) -> Param {
    Param { hidden: true, ..param }
}

const fn int(min: i64, max: i64) -> Kind {
    Kind::Int { min, max }
}

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
    row("appendonly", Kind::Bool, "no", false, "Keep an append-only file; not supported yet."),
    hidden(row("bind", Kind::Text, "127.0.0.1", false, "Addresses to listen on.")),
    row("databases", int(1, 16), "16", false, "Number of databases."),
    hidden(row("dbfilename", Kind::Text, "dump.rdb", false, "File of the data set, in `dir`.")),
    hidden(row("dir", Kind::Text, ".", false, "Working directory.")),
    row("hz", int(1, 500), "10", true, "Rounds of background work a second."),
    row("io-threads", int(1, 64), "1", false, "Number of loops that run commands."),
    hidden(row(
        "logfile",
        Kind::Text,
        "",
        false,
        "File of log lines; empty means standard output.",
    )),
    row("maxclients", int(1, 1_000_000), "10000", true, "Connections served at once."),
    row("maxmemory", Kind::Memory, "0", true, "Bytes above which keys must make room; 0 is none."),
    row("maxmemory-policy", POLICIES, "noeviction", true, "Which keys make room."),
    row("maxmemory-samples", int(1, 64), "5", true, "Keys compared per shard to find one to go."),
    hidden(row("pidfile", Kind::Text, "", false, "File that holds the process id.")),
    row("port", int(0, 65_535), "6379", false, "TCP port; 0 means none."),
    row("proto-max-bulk-len", Kind::Memory, "536870912", true, "Longest single argument in bytes."),
    row("repl-backlog-size", Kind::Memory, "1048576", false, "Bytes of the journal's ring."),
    hidden(row("requirepass", Kind::Text, "", true, "Password of the default user.")),
    row(
        "save",
        Kind::Text,
        "3600 1 300 100 60 10000",
        true,
        "Non-empty: a stop saves the data set; periodic saves are not supported yet.",
    ),
    row("tcp-backlog", int(1, 65_535), "511", false, "Connections that may wait for accept."),
    row("tcp-keepalive", int(0, 86_400), "300", true, "Seconds between keep-alive probes."),
    row("timeout", int(0, 2_147_483_647), "0", true, "Seconds until an idle client is closed."),
];

/// Finds a parameter by name, in any case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Param> {
    PARAMS.iter().find(|param| param.name.eq_ignore_ascii_case(name))
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

impl Param {
    /// The value as it is kept, or why it cannot be.
    ///
    /// # Errors
    /// A sentence that names what would be accepted.
    pub fn normalise(&self, text: &str) -> Result<String, String> {
        match self.kind {
            Kind::Text => Ok(text.to_owned()),
            Kind::Bool => match text.to_ascii_lowercase().as_str() {
                word @ ("yes" | "no") => Ok(word.to_owned()),
                _ => Err("argument must be 'yes' or 'no'".to_owned()),
            },
            Kind::Memory => parse_memory(text)
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
                found.map(ToString::to_string).ok_or_else(|| {
                    format!("argument(s) must be one of the following: {}", words.join(", "))
                })
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
