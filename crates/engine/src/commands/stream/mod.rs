//! Stream commands.

pub mod add;
pub mod claim;
pub mod delete;
mod emit;
pub mod fetch;
pub mod group;
mod ids;
pub mod info;
pub mod nack;
pub mod pending;
mod portions;
pub mod produce;
pub mod read;
pub mod refs;
mod trimming;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("xack", pending::xack),
    ("xackdel", refs::xackdel),
    ("xadd", add::xadd),
    ("xautoclaim", claim::xautoclaim),
    ("xcfgset", produce::xcfgset),
    ("xclaim", claim::xclaim),
    ("xdel", delete::xdel),
    ("xdelex", refs::xdelex),
    ("xgroup|create", group::create),
    ("xgroup|createconsumer", group::create_consumer),
    ("xgroup|delconsumer", group::delete_consumer),
    ("xgroup|destroy", group::destroy),
    ("xgroup|help", group::help),
    ("xgroup|setid", group::set_id),
    ("xidmprecord", produce::xidmprecord),
    ("xinfo|consumers", info::consumers),
    ("xinfo|groups", info::groups),
    ("xinfo|help", info::help),
    ("xinfo|stream", info::stream),
    ("xlen", read::xlen),
    ("xnack", nack::xnack),
    ("xpending", pending::xpending),
    ("xrange", read::xrange),
    ("xread", fetch::xread),
    ("xreadgroup", fetch::xreadgroup),
    ("xrevrange", read::xrevrange),
    ("xsetid", delete::xsetid),
    ("xtrim", delete::xtrim),
];
