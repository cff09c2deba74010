//! What two right servers may answer differently, and what is therefore not compared or not drawn.
//! The list may shrink and holds at most ten.

/// Something that is not compared byte by byte.
pub struct Exception {
    /// What is left out.
    pub what: &'static str,
    /// Why no answer is the right one.
    pub why: &'static str,
}

/// All exceptions.
pub const ALL: [Exception; 9] = [
    Exception {
        what: "which elements SPOP, SRANDMEMBER, HRANDFIELD, ZRANDMEMBER and RANDOMKEY choose",
        why: "chance; that they are members, and distinct where that is promised, is compared",
    },
    Exception {
        what: "the order of sets, hashes, walks, RESP3 maps and subscriptions that end",
        why: "that of a hash table; walks are compared from end to end",
    },
    Exception {
        what: "moments and spans, up to 30 seconds",
        why: "the same call comes to the second server later",
    },
    Exception {
        what: "what INFO, DUMP, MEMORY, CLIENT LIST, COMMAND DOCS and HELP say",
        why: "it is about the inside of a server, its version and its texts",
    },
    Exception {
        what: "the form of a sorted set once SORT has met it (a ZADD levels it out)",
        why: "Redis enlarges it for good in order to read it, which would only cost memory",
    },
    Exception {
        what: "ranges by member over different scores, and members as far away as others",
        why: "documented as unspecified; Redis' answer depends on the levels of a skip list",
    },
    Exception {
        what: "SORT ALPHA of strings that differ behind a zero byte",
        why: "Redis compares them as equal and leaves them in the order of its hash table",
    },
    Exception {
        what: "PFDEBUG GETREG and TODENSE, PFSELFTEST, COMMAND GETKEYS PFMERGE with one key",
        why: "tools of Redis' own tests, which watch no key and take a second",
    },
    Exception {
        what: "commands that end, save or watch a server: SHUTDOWN, SAVE, SYNC, MONITOR, QUIT…",
        why: "they have no reply that could be compared, or end the run",
    },
];
