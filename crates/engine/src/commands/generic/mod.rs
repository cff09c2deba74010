//! Commands on keys of any type.

mod copy;
mod delete;
mod dump;
mod exists;
pub mod expire;
mod keys;
mod memory;
mod object;
mod persist;
mod randomkey;
mod rename;
mod scan;
mod sort;
mod ttl;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("copy", copy::copy),
    ("del", delete::run),
    ("dump", dump::dump),
    ("exists", exists::exists),
    ("expire", expire::expire),
    ("expireat", expire::expireat),
    ("expiretime", ttl::expiretime),
    ("keys", keys::run),
    ("memory|usage", memory::usage),
    ("move", copy::move_to),
    ("object|encoding", object::encoding),
    ("object|freq", object::freq),
    ("object|help", object::help),
    ("object|idletime", object::idletime),
    ("object|refcount", object::refcount),
    ("persist", persist::run),
    ("pexpire", expire::pexpire),
    ("pexpireat", expire::pexpireat),
    ("pexpiretime", ttl::pexpiretime),
    ("pttl", ttl::pttl),
    ("randomkey", randomkey::run),
    ("rename", rename::rename),
    ("renamenx", rename::renamenx),
    ("restore", dump::restore),
    ("scan", scan::run),
    ("sort", sort::sort),
    ("sort_ro", sort::sort_ro),
    ("touch", exists::touch),
    ("ttl", ttl::ttl),
    ("type", exists::type_of),
    // Every large value goes to the reaper, so deleting and unlinking are the same work.
    ("unlink", delete::run),
];
