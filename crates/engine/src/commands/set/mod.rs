//! Set commands.

pub mod algebra;
pub mod change;
pub mod pop;
pub mod random;
pub mod read;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("sadd", change::sadd),
    ("scard", read::scard),
    ("sdiff", algebra::sdiff),
    ("sdiffcard", algebra::sdiffcard),
    ("sdiffstore", algebra::sdiffstore),
    ("sinter", algebra::sinter),
    ("sintercard", algebra::sintercard),
    ("sinterstore", algebra::sinterstore),
    ("sismember", read::sismember),
    ("smembers", read::smembers),
    ("smismember", read::smismember),
    ("smove", change::smove),
    ("spop", pop::run),
    ("srandmember", random::run),
    ("srem", change::srem),
    ("sscan", read::sscan),
    ("sunion", algebra::sunion),
    ("sunioncard", algebra::sunioncard),
    ("sunionstore", algebra::sunionstore),
];
