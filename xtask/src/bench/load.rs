//! The loads: our own generator with fixed parameters, pinned to the core that no server uses.

use crate::shell;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Core of the load.
const CORE: &str = "1";

/// How the servers of a load are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Nothing goes to disk.
    Memory,
    /// An append-only file, fsynced every second.
    AppendOnly,
}

/// One way of asking.
#[derive(Debug)]
pub struct Load {
    /// As shown.
    pub name: &'static str,
    /// Which servers it asks.
    pub setup: Setup,
    /// Commands, as often as one another.
    commands: &'static [&'static str],
    /// Commands sent before an answer is awaited.
    pipeline: u32,
    connections: u32,
    /// Commands in all.
    pub operations: u32,
}

const SET: &[&str] = &["SET __key__ __value__"];
const GET: &[&str] = &["GET __key__"];

const fn load(
    name: &'static str,
    commands: &'static [&'static str],
    pipeline: u32,
    connections: u32,
    operations: u32,
) -> Load {
    Load { name, setup: Setup::Memory, commands, pipeline, connections, operations }
}

/// Pipelines of 16 on 50 connections.
const fn deep(name: &'static str, commands: &'static [&'static str], operations: u32) -> Load {
    load(name, commands, 16, 50, operations)
}

/// All loads; what reads comes after what writes what it reads.
pub const LOADS: &[Load] = &[
    deep("SET P16", SET, 2_000_000),
    deep("GET P16", GET, 2_000_000),
    load("SET P1", SET, 1, 50, 300_000),
    load("GET P1", GET, 1, 50, 300_000),
    load("SET P1, 1,000 connections", SET, 1, 1_000, 300_000),
    load("GET P1, 1,000 connections", GET, 1, 1_000, 300_000),
    Load { setup: Setup::AppendOnly, ..deep("SET P16, AOF everysec", SET, 2_000_000) },
    deep("INCR P16", &["INCR number:__key__"], 1_000_000),
    deep("MSET 10 P16", &[MSET], 200_000),
    deep("HSET P16", &["HSET hash __key__ __value__"], 1_000_000),
    deep("SADD P16", &["SADD set __key__"], 1_000_000),
    deep("SPOP P16", &["SADD popped __key__", "SPOP popped"], 1_000_000),
    deep("ZADD P16", &["ZADD zset 0 __key__"], 1_000_000),
    deep("ZRANGE 100 P16", &["ZRANGE zset 0 99"], 200_000),
    deep("LPUSH+RPOP P16", &["LPUSH queue __value__", "RPOP queue"], 1_000_000),
    deep("RPUSH P16", &["RPUSH list __value__"], 500_000),
    deep("LRANGE 100 P16", &["LRANGE list 0 99"], 200_000),
    deep("XADD P16", &["XADD stream * field __value__"], 500_000),
];

const MSET: &str = "MSET __key__ __value__ __key__ __value__ __key__ __value__ __key__ __value__ \
                    __key__ __value__ __key__ __value__ __key__ __value__ __key__ __value__ \
                    __key__ __value__ __key__ __value__";

/// What the load saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Operations per second.
    pub operations_per_s: f64,
    /// Latencies in microseconds: median, 99 and 99.9 percent.
    pub latency_us: [f64; 3],
}

impl Load {
    /// Arguments of `larder bench`, less the address.
    pub fn arguments(&self) -> Vec<String> {
        let commands = self.commands.iter().flat_map(|command| ["--command", command]);
        let rest = format!(
            "--pipeline {} --connections {} --requests {} --seed 1",
            self.pipeline, self.connections, self.operations
        );
        commands.chain(rest.split(' ')).map(str::to_owned).collect()
    }

    /// Runs it against `port`.
    pub fn run(&self, root: &Path, port: u16) -> Result<Seen> {
        let mut command = Command::new("taskset");
        command.args(["-c", CORE]).arg(root.join("target/release/larder"));
        command.args(["bench", "--url", &format!("redis://127.0.0.1:{port}")]);
        let output = shell::read(command.args(self.arguments()).args(["--output", "json"]))?;
        seen(&output).with_context(|| format!("no whole result in: {output}"))
    }
}

/// From the JSON document of `larder bench`; nothing when a reply was an error or did not come.
pub fn seen(json: &str) -> Option<Seen> {
    let document: Value = serde_json::from_str(json).ok()?;
    let all = document.pointer("/result/all")?;
    let lost = document.pointer("/result/connections_lost")?.as_u64()?;
    let unsent = document.pointer("/result/operations_unsent")?.as_u64()?;
    let latency = |name: &str| all.get("latency_us")?.get(name)?.as_f64();
    (all.get("errors")?.as_u64()? + lost + unsent == 0).then_some(Seen {
        operations_per_s: all.get("per_s")?.as_f64()?,
        latency_us: [latency("p50")?, latency("p99")?, latency("p99.9")?],
    })
}
