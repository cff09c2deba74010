//! Hash commands.

pub mod change;
pub mod counter;
pub mod random;
pub mod read;
pub mod scan;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("hdel", change::hdel),
    ("hexists", read::hexists),
    ("hget", read::hget),
    ("hgetall", read::hgetall),
    ("hincrby", counter::hincrby),
    ("hincrbyfloat", counter::hincrbyfloat),
    ("hkeys", read::hkeys),
    ("hlen", read::hlen),
    ("hmget", read::hmget),
    ("hmset", change::hmset),
    ("hrandfield", random::run),
    ("hscan", scan::run),
    ("hset", change::hset),
    ("hsetnx", change::hsetnx),
    ("hstrlen", read::hstrlen),
    ("hvals", read::hvals),
];
