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
    /// Operations and their weights.
    mix: &'static str,
    /// Commands sent before an answer is awaited.
    pipeline: u32,
    connections: u32,
    /// Commands in all.
    pub operations: u32,
}

const fn load(
    name: &'static str,
    mix: &'static str,
    pipeline: u32,
    connections: u32,
    operations: u32,
) -> Load {
    Load { name, setup: Setup::Memory, mix, pipeline, connections, operations }
}

/// All loads, SET before GET so that there is something to get.
pub const LOADS: [Load; 7] = [
    load("SET P16", "set=1", 16, 50, 2_000_000),
    load("GET P16", "get=1", 16, 50, 2_000_000),
    load("SET P1", "set=1", 1, 50, 300_000),
    load("GET P1", "get=1", 1, 50, 300_000),
    load("SET P1, 1,000 connections", "set=1", 1, 1_000, 300_000),
    load("GET P1, 1,000 connections", "get=1", 1, 1_000, 300_000),
    Load { setup: Setup::AppendOnly, ..load("SET P16, AOF everysec", "set=1", 16, 50, 2_000_000) },
];

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
        let text = format!(
            "--mix {} --pipeline {} --connections {} --requests {} --seed 1",
            self.mix, self.pipeline, self.connections, self.operations
        );
        text.split(' ').map(str::to_owned).collect()
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
