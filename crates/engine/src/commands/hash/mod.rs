//! Hash commands.

pub mod change;
pub mod counter;
pub mod expire;
pub mod extended;
mod fields;
pub mod random;
pub mod read;
pub mod scan;
pub mod ttl;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("hdel", change::hdel),
    ("hexists", read::hexists),
    ("hexpire", expire::hexpire),
    ("hexpireat", expire::hexpireat),
    ("hexpiretime", ttl::hexpiretime),
    ("hget", read::hget),
    ("hgetall", read::hgetall),
    ("hgetdel", extended::hgetdel),
    ("hgetex", extended::hgetex),
    ("hincrby", counter::hincrby),
    ("hincrbyfloat", counter::hincrbyfloat),
    ("hkeys", read::hkeys),
    ("hlen", read::hlen),
    ("hmget", read::hmget),
    ("hmset", change::hmset),
    ("hpersist", ttl::hpersist),
    ("hpexpire", expire::hpexpire),
    ("hpexpireat", expire::hpexpireat),
    ("hpexpiretime", ttl::hpexpiretime),
    ("hpttl", ttl::hpttl),
    ("hrandfield", random::run),
    ("hscan", scan::run),
    ("hset", change::hset),
    ("hsetex", extended::hsetex),
    ("hsetnx", change::hsetnx),
    ("hstrlen", read::hstrlen),
    ("httl", ttl::httl),
    ("hvals", read::hvals),
];
