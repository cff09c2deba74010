//! `cargo xtask bench`: what an operation costs in CPU time, beside other servers on this machine.
//! Each server runs on one core and the load on the other, in turn, round after round; only ratios
//! of the same run mean anything on a shared machine.

mod load;
mod results;
mod sample;
mod server;

#[cfg(test)]
mod tests;

use crate::shell;
use anyhow::{Context, Result};
use load::{LOADS, Load};
use server::Server;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fewer rounds make no median.
const ROUNDS_MIN: usize = 3;

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Another server: its name, and the command with {port} where the port goes
    #[arg(long = "peer", value_name = "NAME=CMD", value_parser = peer)]
    peers: Vec<Peer>,
    /// Rounds over all servers
    #[arg(long, default_value_t = ROUNDS_MIN)]
    rounds: usize,
    /// Leave the time from CreateInstance to the first PONG out
    #[arg(long)]
    no_create: bool,
    /// Where to write the results
    #[arg(long, value_name = "FILE", default_value = "benches/RESULTS.md")]
    out: PathBuf,
}

/// A server to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    name: String,
    command: String,
}

fn peer(text: &str) -> Result<Peer, String> {
    match text.split_once('=') {
        Some((name, command)) if !name.is_empty() && !command.trim().is_empty() => {
            Ok(Peer { name: name.to_owned(), command: command.to_owned() })
        }
        _ => Err("write NAME=COMMAND".to_owned()),
    }
}

/// One measurement of one server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// CPU time of the server, in microseconds per operation.
    pub cpu_us: f64,
    /// Throughput that the load saw.
    pub operations_per_s: f64,
}

/// All measurements of one server.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its command line.
    pub command: String,
    /// Proportional set size before the first load.
    pub idle_pss_kb: u64,
    /// By load, one entry per round.
    pub rounds: Vec<Vec<Measure>>,
}

/// Runs everything, prints the table and writes it to the file asked for.
pub fn run(root: &Path, options: &Options) -> Result<bool> {
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--package", "larder"]).current_dir(root);
    anyhow::ensure!(build.status().context("run cargo build")?.success(), "it does not build");
    let servers = start_all(root, &options.peers)?;
    let mut accounts = Vec::new();
    for server in &servers {
        accounts.push(Account {
            name: server.name.clone(),
            command: server.command.clone(),
            idle_pss_kb: sample::pss_kb(server.pid())?,
            rounds: vec![Vec::new(); LOADS.len()],
        });
    }
    for round in 1..=options.rounds.max(ROUNDS_MIN) {
        for (server, account) in servers.iter().zip(&mut accounts) {
            for (load, measures) in LOADS.iter().zip(&mut account.rounds) {
                let measure = measure(server, load)?;
                println!("round {round} {:<8} {:<9} {measure}", account.name, load.name);
                measures.push(measure);
            }
        }
    }
    drop(servers);
    let create_ms = if options.no_create { None } else { Some(create_to_pong(root)?) };
    let page = results::page(&results::machine()?, &accounts, create_ms.as_deref());
    print!("\n{page}");
    let file = root.join(&options.out);
    std::fs::write(&file, page).with_context(|| format!("write {}", file.display()))?;
    Ok(true)
}

fn start_all(root: &Path, peers: &[Peer]) -> Result<Vec<Server>> {
    let ours = "target/release/larder node --port {port} --save '' --io-threads 1";
    let redis = "redis-server --port {port} --save '' --appendonly no";
    let mut servers = vec![
        Server::start(root, "larder", ours).context("build it first: cargo build --release")?,
        Server::start(root, "redis", redis)?,
    ];
    for peer in peers {
        servers.push(Server::start(root, &peer.name, &peer.command)?);
    }
    Ok(servers)
}

fn measure(server: &Server, load: &Load) -> Result<Measure> {
    let before = sample::cpu_us(server.pid())?;
    let operations_per_s = load.run(server.port)?;
    let spent = sample::cpu_us(server.pid())? - before;
    Ok(Measure { cpu_us: spent as f64 / f64::from(load.operations), operations_per_s })
}

impl std::fmt::Display for Measure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:.3} µs CPU/op, {:.0} op/s", self.cpu_us, self.operations_per_s)
    }
}

/// Milliseconds from CreateInstance to the first PONG, several times, by the official SDK.
fn create_to_pong(root: &Path) -> Result<Vec<f64>> {
    let python = crate::suite::python(root)?;
    let script = root.join("benches/create_to_pong.py");
    let output = shell::read(Command::new(python).arg(script).current_dir(root))?;
    serde_json::from_str(output.trim()).context("read the times of create_to_pong.py")
}
