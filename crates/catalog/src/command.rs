//! The shape of a command's row and what follows from it.

use std::ops::BitOr;

/// One command or subcommand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Lower-case name; `container|sub` for a subcommand.
    pub name: &'static str,
    /// Number of words, name included; negative means "at least".
    pub arity: i16,
    /// Properties that gates and COMMAND read.
    pub flags: Flags,
    /// Where its keys are.
    pub keys: Keys,
    /// What it must hold to run.
    pub lock: Lock,
    /// Version of Redis that introduced it.
    pub since: &'static str,
    /// One sentence for COMMAND DOCS and help.
    pub summary: &'static str,
    /// Which file, group and ACL category it belongs to.
    pub family: Family,
}

impl Command {
    /// True when `words` words are an acceptable request.
    #[inline]
    #[must_use]
    pub fn accepts(&self, words: usize) -> bool {
        let wanted = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { words >= wanted } else { words == wanted }
    }

    /// The container of a subcommand.
    #[must_use]
    pub fn container(&self) -> Option<&'static str> {
        self.name.split_once('|').map(|(container, _)| container)
    }

    /// ACL categories, without the `@`.
    pub fn categories(&self) -> impl Iterator<Item = &'static str> + use<> {
        let flags = self.flags;
        let speed = if flags.has(Flags::FAST) { "fast" } else { "slow" };
        let by_flag = [
            (Flags::WRITE, "write"),
            (Flags::READONLY, "read"),
            (Flags::ADMIN, "admin"),
            (Flags::DANGEROUS, "dangerous"),
            (Flags::BLOCKING, "blocking"),
            (Flags::KEYSPACE, "keyspace"),
        ];
        let named = by_flag.into_iter().filter(move |(flag, _)| flags.has(*flag));
        named.map(|(_, name)| name).chain([self.family.category(), speed])
    }
}

/// A set of properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    /// No property.
    pub const NONE: Self = Self(0);
    /// Changes data.
    pub const WRITE: Self = Self(1);
    /// Only reads data.
    pub const READONLY: Self = Self(1 << 1);
    /// May make the data set grow: refused above `maxmemory`.
    pub const DENYOOM: Self = Self(1 << 2);
    /// Administration; refused to tenants of a managed instance.
    pub const ADMIN: Self = Self(1 << 3);
    /// Publishes or subscribes.
    pub const PUBSUB: Self = Self(1 << 4);
    /// Refused in scripts.
    pub const NOSCRIPT: Self = Self(1 << 5);
    /// May block its connection.
    pub const BLOCKING: Self = Self(1 << 6);
    /// Allowed while the data set loads.
    pub const LOADING: Self = Self(1 << 7);
    /// Allowed on a stale replica.
    pub const STALE: Self = Self(1 << 8);
    /// Constant or logarithmic time.
    pub const FAST: Self = Self(1 << 9);
    /// Allowed before AUTH.
    pub const NO_AUTH: Self = Self(1 << 10);
    /// Refused between MULTI and EXEC.
    pub const NO_MULTI: Self = Self(1 << 11);
    /// Allowed while a script is busy.
    pub const ALLOW_BUSY: Self = Self(1 << 12);
    /// ACL category `dangerous`.
    pub const DANGEROUS: Self = Self(1 << 13);
    /// ACL category `keyspace`.
    pub const KEYSPACE: Self = Self(1 << 14);
    /// Not shown to MONITOR.
    pub const SKIP_MONITOR: Self = Self(1 << 15);
    /// Has subcommands only; itself never runs with two words or more.
    pub const CONTAINER: Self = Self(1 << 16);
    /// Keys cannot be told from fixed positions.
    pub const MOVABLE_KEYS: Self = Self(1 << 17);
    /// Runs at once inside MULTI instead of being queued.
    pub const UNQUEUED: Self = Self(1 << 18);
    /// Allowed on a RESP2 connection that has subscriptions.
    pub const IN_PUBSUB: Self = Self(1 << 19);
    /// Administration that tenants of a managed instance may use all the same.
    pub const TENANT: Self = Self(1 << 20);

    /// Acts on other connections or on scripts that all share: refused to accounts that only read.
    pub const INTERFERES: Self = Self(1 << 22);
    /// Refused unless a directive of its own allows it.
    pub const PROTECTED: Self = Self(1 << 24);
    /// Can be long: it ticks, and a transaction with it runs beside its loop.
    pub const LONG: Self = Self(1 << 21);

    /// Not a write, and yet heard beyond the node: refused in read-only scripts.
    pub const MAY_REPLICATE: Self = Self(1 << 25);

    /// Not logged as slow: what it runs is.
    pub const SKIP_SLOW: Self = Self(1 << 26);

    /// True when all properties of `other` are set.
    #[inline]
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names as COMMAND prints them.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [(Flags, &str); 15] = [
            (Flags::WRITE, "write"),
            (Flags::READONLY, "readonly"),
            (Flags::DENYOOM, "denyoom"),
            (Flags::ADMIN, "admin"),
            (Flags::PUBSUB, "pubsub"),
            (Flags::NOSCRIPT, "noscript"),
            (Flags::BLOCKING, "blocking"),
            (Flags::LOADING, "loading"),
            (Flags::STALE, "stale"),
            (Flags::SKIP_MONITOR, "skip_monitor"),
            (Flags::FAST, "fast"),
            (Flags::NO_AUTH, "no_auth"),
            (Flags::NO_MULTI, "no_multi"),
            (Flags::ALLOW_BUSY, "allow_busy"),
            (Flags::MOVABLE_KEYS, "movablekeys"),
        ];
        NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Joins flags in constants, where `|` is not available.
#[must_use]
pub const fn all(flags: &[Flags]) -> Flags {
    let mut sum = 0;
    let mut at = 0;
    while at < flags.len() {
        sum |= flags[at].0;
        at += 1;
    }
    Flags(sum)
}

/// Where a command's keys are among its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// It names no key.
    None,
    /// Every `step`-th word from `first` to `last`; a negative `last` counts from the end.
    Range {
        /// Word of the first key.
        first: u8,
        /// Word of the last key.
        last: i8,
        /// Distance between keys.
        step: u8,
    },
    /// The first half of the words behind STREAMS, which is not looked for before word `after`.
    Streams {
        /// Words before it are no options.
        after: u8,
    },
    /// One key at word 1, another behind STORE. Patterns behind BY and GET may name any key.
    Sort,
    /// Word 1 says how many pairs of a key and a value follow it.
    CountedPairs,
    /// One key at word 1, another behind STORE or STOREDIST.
    Radius,
    /// Word `count` says how many keys follow it; a further key may be at word `store`.
    Counted {
        /// Word that holds the number of keys.
        count: u8,
        /// Word of the destination key, 0 for none.
        store: u8,
    },
}

/// One key at word 1.
pub const ONE: Keys = Keys::Range { first: 1, last: 1, step: 1 };
/// Keys at words 1 and 2.
pub const TWO: Keys = Keys::Range { first: 1, last: 2, step: 1 };
/// All words from 1 on.
pub const MANY: Keys = Keys::Range { first: 1, last: -1, step: 1 };
/// Words 1, 3, 5 …
pub const PAIRS: Keys = Keys::Range { first: 1, last: -1, step: 2 };

/// What a command must hold to run (the printed table is in ARCHITECTURE.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Its loop's pass only.
    None,
    /// The shards of its keys.
    Keys,
    /// One shard after the other, each held alone.
    Walk,
    /// Everything.
    Exclusive,
}

/// A group of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Strings.
    String,
    /// Bits of strings.
    Bitmap,
    /// Keys of any type.
    Generic,
    /// Hashes.
    Hash,
    /// Places on earth.
    Geo,
    /// HyperLogLogs.
    HyperLogLog,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// Transactions.
    Transactions,
    /// Publish and subscribe.
    PubSub,
    /// The connection itself.
    Connection,
    /// Scripts and functions.
    Scripting,
    /// The server.
    Server,
}

impl Family {
    /// Group as COMMAND DOCS prints it.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Bitmap => "bitmap",
            Self::Generic => "generic",
            Self::Hash => "hash",
            Self::Geo => "geo",
            Self::HyperLogLog => "hyperloglog",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::Transactions => "transactions",
            Self::PubSub => "pubsub",
            Self::Connection => "connection",
            Self::Scripting => "scripting",
            Self::Server => "server",
        }
    }

    /// ACL category.
    #[must_use]
    pub const fn category(self) -> &'static str {
        match self {
            Self::Generic => "keyspace",
            Self::SortedSet => "sortedset",
            Self::Transactions => "transaction",
            Self::Server => "admin",
            other => other.group(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_property_has_a_bit_of_its_own() {
        let all = [
            Flags::WRITE,
            Flags::READONLY,
            Flags::DENYOOM,
            Flags::ADMIN,
            Flags::PUBSUB,
            Flags::NOSCRIPT,
            Flags::BLOCKING,
            Flags::LOADING,
            Flags::STALE,
            Flags::FAST,
            Flags::NO_AUTH,
            Flags::NO_MULTI,
            Flags::ALLOW_BUSY,
            Flags::DANGEROUS,
            Flags::KEYSPACE,
            Flags::SKIP_MONITOR,
            Flags::CONTAINER,
            Flags::MOVABLE_KEYS,
            Flags::UNQUEUED,
            Flags::IN_PUBSUB,
            Flags::TENANT,
            Flags::PROTECTED,
            Flags::LONG,
            Flags::MAY_REPLICATE,
            Flags::SKIP_SLOW,
        ];
        let union = all.iter().fold(0, |union, flag| union | flag.0);
        assert_eq!(union.count_ones() as usize, all.len());
    }
}
