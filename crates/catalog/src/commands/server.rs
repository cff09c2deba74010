//! Commands of the session, of publish/subscribe and of the server.

use crate::command::{Command, Family, Flags, Keys, Lock, MANY, all};

const fn row(
    name: &'static str,
    arity: i16,
    flags: Flags,
    family: Family,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command { name, arity, flags, keys: Keys::None, lock: Lock::None, since, summary, family }
}

const fn locked(lock: Lock, row: Command) -> Command {
    Command { lock, ..row }
}

const OPEN: Flags = all(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE]);
const TX: Flags = all(&[OPEN, Flags::FAST, Flags::ALLOW_BUSY, Flags::UNQUEUED]);
const EXEC: Flags = all(&[OPEN, Flags::UNQUEUED, Flags::SKIP_SLOW]);
const WATCH: Flags = TX;
const UNWATCH: Flags = all(&[OPEN, Flags::FAST, Flags::ALLOW_BUSY]);

/// Transactions.
pub const TRANSACTIONS: &[Command] = &[
    row("discard", 1, TX, Family::Transactions, "2.0.0", "Forgets the queued commands."),
    row("exec", 1, EXEC, Family::Transactions, "1.2.0", "Runs the queued commands at once."),
    row("multi", 1, TX, Family::Transactions, "1.2.0", "Starts queueing commands."),
    row("unwatch", 1, UNWATCH, Family::Transactions, "2.2.0", "Forgets the watched keys."),
    Command {
        keys: MANY,
        lock: Lock::Keys,
        ..row(
            "watch",
            -2,
            WATCH,
            Family::Transactions,
            "2.2.0",
            "Makes the next EXEC fail if one of the keys changes before.",
        )
    },
];

const SUB: Flags = all(&[Flags::PUBSUB, OPEN, Flags::IN_PUBSUB]);
const PUB: Flags = all(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE, Flags::FAST]);
const PUBLISH: Flags = all(&[PUB, Flags::MAY_REPLICATE, Flags::INTERFERES]);
const ASK: Flags = all(&[Flags::PUBSUB, Flags::LOADING, Flags::STALE]);

/// Publish and subscribe.
pub const PUBSUB: &[Command] = &[
    row("psubscribe", -2, SUB, Family::PubSub, "2.0.0", "Subscribes to channel patterns."),
    row("publish", 3, PUBLISH, Family::PubSub, "2.0.0", "Sends a message to a channel."),
    row("pubsub", -2, Flags::CONTAINER, Family::PubSub, "2.8.0", "Looks at the subscriptions."),
    row("pubsub|channels", -2, ASK, Family::PubSub, "2.8.0", "Lists channels with subscribers."),
    row("pubsub|help", 2, OPEN, Family::PubSub, "6.2.0", "Lists the subcommands of PUBSUB."),
    row("pubsub|numpat", 2, ASK, Family::PubSub, "2.8.0", "Counts the subscribed patterns."),
    row("pubsub|numsub", -2, ASK, Family::PubSub, "2.8.0", "Counts subscribers of channels."),
    row("punsubscribe", -1, SUB, Family::PubSub, "2.0.0", "Ends subscriptions to patterns."),
    row("subscribe", -2, SUB, Family::PubSub, "2.0.0", "Subscribes to channels."),
    row("unsubscribe", -1, SUB, Family::PubSub, "2.0.0", "Ends subscriptions to channels."),
];

const HELLO: Flags = all(&[OPEN, Flags::FAST, Flags::NO_AUTH, Flags::ALLOW_BUSY]);
const RESET: Flags = all(&[HELLO, Flags::UNQUEUED, Flags::IN_PUBSUB]);
const QUIT: Flags = RESET;
const PING: Flags = all(&[Flags::FAST, Flags::IN_PUBSUB]);
const ECHO: Flags = all(&[Flags::FAST, Flags::LOADING, Flags::STALE]);
const CLIENT: Flags = OPEN;
const CLIENT_LIST: Flags = all(&[OPEN, Flags::DANGEROUS]);
const CLIENT_ADMIN: Flags = all(&[CLIENT_LIST, Flags::INTERFERES]);

/// The connection.
pub const CONNECTION: &[Command] = &[
    row("auth", -2, HELLO, Family::Connection, "1.0.0", "Logs in."),
    row("client", -2, Flags::CONTAINER, Family::Connection, "2.4.0", "Looks at connections."),
    row("client|caching", 3, CLIENT, Family::Connection, "6.0.0", "Chooses what is tracked."),
    row("client|getname", 2, CLIENT, Family::Connection, "2.6.9", "Returns the name given."),
    row("client|help", 2, CLIENT, Family::Connection, "5.0.0", "Lists CLIENT's subcommands."),
    row("client|id", 2, CLIENT, Family::Connection, "5.0.0", "Returns the connection's number."),
    row("client|info", 2, CLIENT, Family::Connection, "6.2.0", "Describes this connection."),
    row("client|kill", -3, CLIENT_ADMIN, Family::Connection, "2.4.0", "Closes connections."),
    row("client|list", -2, CLIENT_LIST, Family::Connection, "2.4.0", "Describes connections."),
    row(
        "client|no-evict",
        3,
        CLIENT,
        Family::Connection,
        "7.0.0",
        "Exempts this connection from client eviction.",
    ),
    row(
        "client|no-touch",
        3,
        CLIENT,
        Family::Connection,
        "7.2.0",
        "Makes commands of this connection leave access times alone.",
    ),
    locked(
        Lock::Exclusive,
        row("client|pause", -3, CLIENT_ADMIN, Family::Connection, "3.0.0", "Makes others wait."),
    ),
    row("client|reply", 3, CLIENT, Family::Connection, "3.2.0", "Switches replies off or on."),
    row("client|setinfo", 4, CLIENT, Family::Connection, "7.2.0", "Names the client library."),
    row("client|setname", 3, CLIENT, Family::Connection, "2.6.9", "Names this connection."),
    row(
        "client|getredir",
        2,
        CLIENT,
        Family::Connection,
        "6.0.0",
        "Returns where invalidations go.",
    ),
    row(
        "client|tracking",
        -3,
        CLIENT,
        Family::Connection,
        "6.0.0",
        "Tells this connection when something that it has read changes.",
    ),
    row("client|trackinginfo", 2, CLIENT, Family::Connection, "6.2.0", "Describes the tracking."),
    row(
        "client|unblock",
        -3,
        CLIENT_ADMIN,
        Family::Connection,
        "5.0.0",
        "Ends the wait of a blocked connection.",
    ),
    locked(
        Lock::Exclusive,
        row("client|unpause", 2, CLIENT_ADMIN, Family::Connection, "6.2.0", "Ends a pause."),
    ),
    row("echo", 2, ECHO, Family::Connection, "1.0.0", "Returns its argument."),
    row("hello", -1, HELLO, Family::Connection, "6.0.0", "Chooses the protocol and logs in."),
    row("ping", -1, PING, Family::Connection, "1.0.0", "Answers PONG, or its argument."),
    row("quit", -1, QUIT, Family::Connection, "1.0.0", "Closes the connection."),
    row("reset", 1, RESET, Family::Connection, "6.2.0", "Makes the connection like a new one."),
    row("select", 2, ECHO, Family::Connection, "1.0.0", "Chooses a database."),
    row("wait", 3, Flags::NOSCRIPT, Family::Connection, "3.0.0", "Waits for replicas."),
];

const ADMIN: Flags = all(&[Flags::ADMIN, OPEN, Flags::DANGEROUS]);
const LOOK: Flags = all(&[ADMIN, Flags::TENANT]);
/// Tenants may, as far as the handler lets them; accounts that only read may not.
const CHANGE: Flags = all(&[LOOK, Flags::INTERFERES]);
const DEBUG: Flags = all(&[ADMIN, Flags::PROTECTED]);
const SAVE: Flags = all(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::NO_MULTI, Flags::DANGEROUS]);
const BGSAVE: Flags = all(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::DANGEROUS]);
const STOP: Flags = all(&[ADMIN, Flags::NO_MULTI, Flags::ALLOW_BUSY]);
const TELL: Flags = all(&[Flags::LOADING, Flags::STALE]);
const FLUSH: Flags = all(&[Flags::WRITE, Flags::DANGEROUS, Flags::KEYSPACE]);
const SIZE: Flags = all(&[Flags::READONLY, Flags::FAST, Flags::KEYSPACE]);
const SWAP: Flags = all(&[Flags::WRITE, Flags::FAST, Flags::DANGEROUS, Flags::KEYSPACE]);
const INFO: Flags = all(&[TELL, Flags::DANGEROUS]);

const SYNC: Flags = SAVE;
const FOLLOW: Flags = all(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::STALE, Flags::DANGEROUS]);
const LINK: Flags = all(&[ADMIN, Flags::ALLOW_BUSY]);

/// The server.
pub const SERVER: &[Command] = &[
    row("bgrewriteaof", 1, BGSAVE, Family::Server, "1.0.0", "Rewrites the append-only file."),
    locked(
        Lock::Exclusive,
        row("bgsave", -1, BGSAVE, Family::Server, "1.0.0", "Saves the data set beside all else."),
    ),
    row("command", -1, Flags(TELL.0 | Flags::CONTAINER.0), Family::Server, "2.8.13", "Lists."),
    row("command|count", 2, TELL, Family::Server, "2.8.13", "Counts the commands."),
    row("command|docs", -2, TELL, Family::Server, "7.0.0", "Documents commands."),
    row("command|getkeys", -4, TELL, Family::Server, "2.8.13", "Finds the keys of a request."),
    row("command|help", 2, TELL, Family::Server, "5.0.0", "Lists COMMAND's subcommands."),
    row("command|info", -2, TELL, Family::Server, "2.8.13", "Describes commands."),
    row("command|list", -2, TELL, Family::Server, "7.0.0", "Lists command names."),
    row("config", -2, Flags::CONTAINER, Family::Server, "2.0.0", "Reads and sets parameters."),
    row("config|get", -3, LOOK, Family::Server, "2.0.0", "Returns parameters."),
    row("config|help", 2, TELL, Family::Server, "5.0.0", "Lists CONFIG's subcommands."),
    locked(
        Lock::Exclusive,
        row("config|resetstat", 2, ADMIN, Family::Server, "2.0.0", "Sets counters to zero."),
    ),
    row("config|rewrite", 2, ADMIN, Family::Server, "2.8.0", "Writes parameters to their file."),
    locked(
        Lock::Exclusive,
        row("config|set", -4, CHANGE, Family::Server, "2.0.0", "Sets parameters."),
    ),
    locked(Lock::Exclusive, row("debug", -2, DEBUG, Family::Server, "1.0.0", "Serves tests.")),
    locked(Lock::Walk, row("dbsize", 1, SIZE, Family::Server, "1.0.0", "Counts the keys.")),
    locked(
        Lock::Exclusive,
        row("flushall", -1, FLUSH, Family::Server, "1.0.0", "Deletes all keys of all databases."),
    ),
    locked(
        Lock::Exclusive,
        row("flushdb", -1, FLUSH, Family::Server, "1.0.0", "Deletes all keys of the database."),
    ),
    locked(
        Lock::Walk,
        row("info", -1, INFO, Family::Server, "1.0.0", "Describes the server and its state."),
    ),
    row("lastsave", 1, ADMIN, Family::Server, "1.0.0", "Returns the time of the last save."),
    row("monitor", 1, ADMIN, Family::Server, "1.0.0", "Shows every command from now on."),
    locked(
        Lock::Exclusive,
        row("psync", -3, SYNC, Family::Server, "2.8.0", "Follows the stream of effects."),
    ),
    row("replconf", -1, LINK, Family::Server, "3.0.0", "Tells about a replica."),
    row("latency", -2, Flags::CONTAINER, Family::Server, "2.8.13", "Tells what took long."),
    row("latency|doctor", 2, LOOK, Family::Server, "2.8.13", "Sums the spikes up."),
    row("latency|help", 2, OPEN, Family::Server, "2.8.13", "Lists LATENCY's subcommands."),
    row("latency|histogram", -2, LOOK, Family::Server, "7.0.0", "Returns times by command."),
    row("latency|history", 3, LOOK, Family::Server, "2.8.13", "Returns the spikes of an event."),
    row("latency|latest", 2, LOOK, Family::Server, "2.8.13", "Returns the last spikes."),
    row("latency|reset", -2, ADMIN, Family::Server, "2.8.13", "Forgets spikes."),
    row("memory", -2, Flags::CONTAINER, Family::Server, "4.0.0", "Tells where memory goes."),
    row("memory|doctor", 2, Flags::NONE, Family::Server, "4.0.0", "Reports problems of memory."),
    row("memory|help", 2, OPEN, Family::Server, "4.0.0", "Lists MEMORY's subcommands."),
    row("memory|malloc-stats", 2, Flags::NONE, Family::Server, "4.0.0", "Shows the allocator."),
    row("memory|purge", 2, Flags::NONE, Family::Server, "4.0.0", "Gives unused pages back."),
    locked(
        Lock::Walk,
        row("memory|stats", 2, Flags::NONE, Family::Server, "4.0.0", "Shows the use of memory."),
    ),
    Command {
        keys: Keys::Range { first: 2, last: 2, step: 1 },
        lock: Lock::Keys,
        ..row(
            "memory|usage",
            -3,
            Flags::READONLY,
            Family::Server,
            "4.0.0",
            "Estimates the bytes of a key.",
        )
    },
    locked(
        Lock::Exclusive,
        row("replicaof", 3, FOLLOW, Family::Server, "5.0.0", "Follows a primary, or none."),
    ),
    row("role", 1, LOOK, Family::Server, "2.8.12", "Returns the replication role."),
    locked(Lock::Exclusive, row("save", 1, SAVE, Family::Server, "1.0.0", "Saves the data set.")),
    locked(
        Lock::Exclusive,
        row("shutdown", -1, STOP, Family::Server, "1.0.0", "Saves and stops the server."),
    ),
    locked(
        Lock::Exclusive,
        row("swapdb", 3, SWAP, Family::Server, "4.0.0", "Exchanges two databases."),
    ),
    locked(
        Lock::Exclusive,
        row("slaveof", 3, FOLLOW, Family::Server, "1.0.0", "Follows a primary, or none."),
    ),
    locked(
        Lock::Exclusive,
        row("sync", 1, SYNC, Family::Server, "1.0.0", "Copies the data set and follows."),
    ),
    row("slowlog", -2, Flags::CONTAINER, Family::Server, "2.2.12", "Tells slow requests."),
    row("slowlog|get", -2, LOOK, Family::Server, "2.2.12", "Returns slow requests."),
    row("slowlog|help", 2, OPEN, Family::Server, "6.2.0", "Lists SLOWLOG's subcommands."),
    row("slowlog|len", 2, LOOK, Family::Server, "2.2.12", "Counts slow requests."),
    row("slowlog|reset", 2, ADMIN, Family::Server, "2.2.12", "Forgets slow requests."),
    row("time", 1, Flags(TELL.0 | Flags::FAST.0), Family::Server, "2.6.0", "Returns the time."),
];
