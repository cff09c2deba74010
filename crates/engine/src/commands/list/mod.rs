//! List commands.

pub mod blocking;
pub mod change;
pub mod pop;
pub mod pos;
pub mod push;
pub mod read;
pub mod shift;
pub mod shift_many;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("blmove", blocking::blmove),
    ("blmovem", shift_many::blmovem),
    ("blmpop", blocking::blmpop),
    ("blpop", blocking::blpop),
    ("brpop", blocking::brpop),
    ("brpoplpush", blocking::brpoplpush),
    ("lindex", read::lindex),
    ("linsert", change::linsert),
    ("llen", read::llen),
    ("lmove", shift::lmove),
    ("lmovem", shift_many::lmovem),
    ("lmpop", pop::lmpop),
    ("lpop", pop::lpop),
    ("lpos", pos::run),
    ("lpush", push::lpush),
    ("lpushx", push::lpushx),
    ("lrange", read::lrange),
    ("lrem", change::lrem),
    ("lset", change::lset),
    ("ltrim", change::ltrim),
    ("rpop", pop::rpop),
    ("rpoplpush", shift::rpoplpush),
    ("rpush", push::rpush),
    ("rpushx", push::rpushx),
];
