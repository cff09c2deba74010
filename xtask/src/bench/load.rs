//! The loads: redis-benchmark with fixed parameters, pinned to the core that no server uses.

use crate::shell;
use anyhow::{Context, Result};
use std::process::Command;

/// Core of the load.
const CORE: &str = "1";

/// One way of asking.
#[derive(Debug)]
pub struct Load {
    /// As shown.
    pub name: &'static str,
    /// Test of redis-benchmark.
    test: &'static str,
    /// Commands sent before an answer is awaited.
    pipeline: u32,
    /// Commands in all.
    pub operations: u32,
}

/// All loads, SET before GET so that there is something to get.
pub const LOADS: [Load; 4] = [
    Load { name: "SET P16", test: "set", pipeline: 16, operations: 2_000_000 },
    Load { name: "GET P16", test: "get", pipeline: 16, operations: 2_000_000 },
    Load { name: "SET P1", test: "set", pipeline: 1, operations: 300_000 },
    Load { name: "GET P1", test: "get", pipeline: 1, operations: 300_000 },
];

impl Load {
    /// Arguments of redis-benchmark, less the port.
    pub fn arguments(&self) -> Vec<String> {
        let text = format!(
            "-t {} -P {} -n {} -c 50 -d 32 -r 100000",
            self.test, self.pipeline, self.operations
        );
        text.split(' ').map(str::to_owned).collect()
    }

    /// Runs it against `port`; operations per second.
    pub fn run(&self, port: u16) -> Result<f64> {
        let mut command = Command::new("taskset");
        command.args(["-c", CORE, "redis-benchmark", "--csv", "-p", &port.to_string()]);
        let output = shell::read(command.args(self.arguments()))?;
        operations_per_s(&output).with_context(|| format!("no result in: {output}"))
    }
}

/// From the second line of the CSV: `"SET","123456.78",…`.
pub fn operations_per_s(csv: &str) -> Option<f64> {
    csv.lines().nth(1)?.split(',').nth(1)?.trim_matches('"').parse().ok()
}
