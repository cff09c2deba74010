//! Handlers of the session and server commands.

pub mod client;
pub mod command;
pub mod config;
pub mod connection;
pub mod debug;
mod debug_protocol;
pub mod function;
pub mod keyspace;
pub mod latency;
pub mod memory;
pub mod monitor;
pub mod pause;
pub mod pubsub;
pub mod replication;
pub mod script;
pub mod server;
pub mod slowlog;
pub mod tracking;
pub mod transaction;

use crate::dispatch::Bound::{self, Exec, Session};

/// All handlers of this crate; a name is a row's name.
pub const BINDINGS: &[(&str, Bound)] = &[
    ("auth", Session(connection::auth)),
    ("bgrewriteaof", Session(server::bgrewriteaof)),
    ("bgsave", Session(server::bgsave)),
    ("client|getname", Session(client::getname)),
    ("client|help", Session(client::help)),
    ("client|id", Session(client::id)),
    ("client|info", Session(client::info)),
    ("client|kill", Session(client::kill)),
    ("client|list", Session(client::list)),
    ("client|no-evict", Session(client::no_evict)),
    ("client|no-touch", Session(client::no_touch)),
    ("client|pause", Session(pause::pause)),
    ("client|reply", Session(client::reply)),
    ("client|setinfo", Session(client::setinfo)),
    ("client|setname", Session(client::setname)),
    ("client|caching", Session(tracking::caching)),
    ("client|getredir", Session(tracking::getredir)),
    ("client|tracking", Session(tracking::tracking)),
    ("client|trackinginfo", Session(tracking::info)),
    ("client|unblock", Session(client::unblock)),
    ("client|unpause", Session(pause::unpause)),
    ("command", Session(command::all)),
    ("command|count", Session(command::count)),
    ("command|docs", Session(command::docs)),
    ("command|getkeys", Session(command::getkeys)),
    ("command|help", Session(command::help)),
    ("command|info", Session(command::info)),
    ("command|list", Session(command::list)),
    ("config|get", Session(config::get)),
    ("config|help", Session(config::help)),
    ("config|resetstat", Session(config::resetstat)),
    ("config|rewrite", Session(config::rewrite)),
    ("config|set", Session(config::set)),
    ("dbsize", Session(keyspace::dbsize)),
    ("debug", Session(debug::debug)),
    ("discard", Session(transaction::discard)),
    ("echo", Session(connection::echo)),
    ("eval", Session(script::eval)),
    ("eval_ro", Session(script::eval_ro)),
    ("evalsha", Session(script::evalsha)),
    ("evalsha_ro", Session(script::evalsha_ro)),
    ("exec", Exec),
    ("fcall", Session(function::fcall)),
    ("fcall_ro", Session(function::fcall_ro)),
    ("function|delete", Session(function::delete)),
    ("function|dump", Session(function::dump)),
    ("function|flush", Session(function::flush)),
    ("function|help", Session(function::help)),
    ("function|kill", Session(function::kill)),
    ("function|list", Session(function::list)),
    ("function|load", Session(function::load)),
    ("function|restore", Session(function::restore)),
    ("function|stats", Session(function::stats)),
    ("flushall", Session(keyspace::flushall)),
    ("flushdb", Session(keyspace::flushdb)),
    ("hello", Session(connection::hello)),
    ("info", Session(server::info)),
    ("lastsave", Session(server::lastsave)),
    ("latency|doctor", Session(latency::doctor)),
    ("latency|help", Session(latency::help)),
    ("latency|histogram", Session(latency::histogram)),
    ("latency|history", Session(latency::history)),
    ("latency|latest", Session(latency::latest)),
    ("latency|reset", Session(latency::reset)),
    ("memory|doctor", Session(memory::doctor)),
    ("memory|help", Session(memory::help)),
    ("memory|malloc-stats", Session(memory::malloc_stats)),
    ("memory|purge", Session(memory::purge)),
    ("memory|stats", Session(memory::stats)),
    ("monitor", Session(monitor::run)),
    ("multi", Session(transaction::multi)),
    ("ping", Session(connection::ping)),
    ("psubscribe", Session(pubsub::psubscribe)),
    ("psync", Session(replication::psync)),
    ("publish", Session(pubsub::publish)),
    ("pubsub|channels", Session(pubsub::channels)),
    ("pubsub|help", Session(pubsub::help)),
    ("pubsub|numpat", Session(pubsub::numpat)),
    ("pubsub|numsub", Session(pubsub::numsub)),
    ("punsubscribe", Session(pubsub::punsubscribe)),
    ("quit", Session(connection::quit)),
    ("reset", Session(connection::reset)),
    ("replconf", Session(replication::replconf)),
    ("replicaof", Session(replication::replicaof)),
    ("role", Session(replication::role)),
    ("save", Session(server::save)),
    ("script|debug", Session(script::debug)),
    ("script|exists", Session(script::exists)),
    ("script|flush", Session(script::flush)),
    ("script|help", Session(script::help)),
    ("script|kill", Session(script::kill)),
    ("script|load", Session(script::load)),
    ("select", Session(connection::select)),
    ("shutdown", Session(server::shutdown)),
    ("slowlog|get", Session(slowlog::get)),
    ("slowlog|help", Session(slowlog::help)),
    ("slowlog|len", Session(slowlog::len)),
    ("slowlog|reset", Session(slowlog::reset)),
    ("subscribe", Session(pubsub::subscribe)),
    ("swapdb", Session(keyspace::swapdb)),
    ("slaveof", Session(replication::replicaof)),
    ("sync", Session(replication::sync)),
    ("time", Session(server::time)),
    ("unsubscribe", Session(pubsub::unsubscribe)),
    ("unwatch", Session(transaction::unwatch)),
    ("wait", Session(replication::wait)),
    ("watch", Session(transaction::watch)),
];

/// Writes the lines of a HELP subcommand.
fn help_lines(reply: &mut resp::Reply<'_>, container: &str, index: &catalog::commands::Index) {
    let prefix = format!("{}|", container.to_ascii_lowercase());
    let rows: Vec<_> = index.rows().iter().filter(|row| row.name.starts_with(&prefix)).collect();
    reply.array(rows.len() * 2 + 1);
    reply.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for row in rows {
        let sub = row.name[prefix.len()..].to_ascii_uppercase();
        reply.simple(&sub);
        reply.simple(&format!("    {}", row.summary));
    }
}
