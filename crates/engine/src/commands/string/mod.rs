//! String commands.

pub mod append;
pub mod compare;
pub mod counter;
pub mod counter_bounded;
pub mod delete;
pub mod expiry_option;
pub mod get;
pub mod lcs;
pub mod multi;
pub mod multi_expiring;
pub mod range;
pub mod set;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("append", append::run),
    ("decr", counter::decr),
    ("decrby", counter::decrby),
    ("delex", delete::delex),
    ("delifeq", delete::delifeq),
    ("digest", delete::run_digest),
    ("get", get::get),
    ("getdel", get::getdel),
    ("getex", get::getex),
    ("getrange", range::getrange),
    ("getset", get::getset),
    ("incr", counter::incr),
    ("incrby", counter::incrby),
    ("incrbyfloat", counter::incrbyfloat),
    ("increx", counter_bounded::run),
    ("lcs", lcs::run),
    ("mget", multi::mget),
    ("mset", multi::mset),
    ("msetex", multi_expiring::run),
    ("msetnx", multi::msetnx),
    ("psetex", set::psetex),
    ("set", set::run),
    ("setex", set::setex),
    ("setnx", set::setnx),
    ("setrange", range::setrange),
    ("strlen", range::strlen),
    ("substr", range::getrange),
];
