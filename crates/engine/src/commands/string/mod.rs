//! String commands.

pub mod append;
pub mod counter;
pub mod expiry_option;
pub mod get;
pub mod lcs;
pub mod multi;
pub mod range;
pub mod set;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("append", append::run),
    ("decr", counter::decr),
    ("decrby", counter::decrby),
    ("get", get::get),
    ("getdel", get::getdel),
    ("getex", get::getex),
    ("getrange", range::getrange),
    ("getset", get::getset),
    ("incr", counter::incr),
    ("incrby", counter::incrby),
    ("incrbyfloat", counter::incrbyfloat),
    ("lcs", lcs::run),
    ("mget", multi::mget),
    ("mset", multi::mset),
    ("msetnx", multi::msetnx),
    ("psetex", set::psetex),
    ("set", set::run),
    ("setex", set::setex),
    ("setnx", set::setnx),
    ("setrange", range::setrange),
    ("strlen", range::strlen),
    ("substr", range::getrange),
];
