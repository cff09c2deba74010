//! Sorted-set commands.

pub mod add;
pub mod blocking;
pub mod combine;
pub mod emit;
pub mod interval;
pub mod pop;
pub mod random;
pub mod range;
pub mod read;
pub mod remove;
pub mod scan;

use super::Binding;

/// The family's handlers.
pub const BINDINGS: &[Binding] = &[
    ("bzmpop", blocking::bzmpop),
    ("bzpopmax", blocking::bzpopmax),
    ("bzpopmin", blocking::bzpopmin),
    ("zadd", add::zadd),
    ("zcard", read::zcard),
    ("zcount", read::zcount),
    ("zdiff", combine::zdiff),
    ("zdiffstore", combine::zdiffstore),
    ("zincrby", add::zincrby),
    ("zinter", combine::zinter),
    ("zintercard", combine::zintercard),
    ("zinterstore", combine::zinterstore),
    ("zlexcount", read::zlexcount),
    ("zmpop", pop::zmpop),
    ("zmscore", read::zmscore),
    ("zpopmax", pop::zpopmax),
    ("zpopmin", pop::zpopmin),
    ("zrandmember", random::run),
    ("zrange", range::zrange),
    ("zrangebylex", range::zrangebylex),
    ("zrangebyscore", range::zrangebyscore),
    ("zrangestore", range::zrangestore),
    ("zrank", read::zrank),
    ("zrem", remove::zrem),
    ("zremrangebylex", remove::zremrangebylex),
    ("zremrangebyrank", remove::zremrangebyrank),
    ("zremrangebyscore", remove::zremrangebyscore),
    ("zrevrange", range::zrevrange),
    ("zrevrangebylex", range::zrevrangebylex),
    ("zrevrangebyscore", range::zrevrangebyscore),
    ("zrevrank", read::zrevrank),
    ("zscan", scan::run),
    ("zscore", read::zscore),
    ("zunion", combine::zunion),
    ("zunionstore", combine::zunionstore),
];
