//! `cargo xtask bench`: what an operation costs in CPU time, beside other servers on this machine.
//! Each server runs on one core and the load on the other, in turn, round after round; only ratios
//! of the same run mean anything on a shared machine.

mod load;
mod memory;
pub mod results;
pub mod sample;
pub mod server;

#[cfg(test)]
mod tests;

use crate::shell;
use anyhow::{Context, Result};
use load::{LOADS, Load, Seen, Setup};
use memory::{Cost, DATA_SETS};
use server::Server;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Rounds unless told otherwise.
const ROUNDS: usize = 5;
/// Fewer rounds make no median.
const ROUNDS_MIN: usize = 3;
/// How long a fresh server is left alone to see what it does then.
const IDLE: Duration = Duration::from_secs(10);

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Another server: its name, and the command with {port} where the port goes
    #[arg(long = "peer", value_name = "NAME=CMD", value_parser = peer)]
    peers: Vec<Peer>,
    /// Rounds over all servers
    #[arg(long, default_value_t = ROUNDS)]
    rounds: usize,
    /// Leave the memory per element out
    #[arg(long)]
    no_memory: bool,
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
    /// What the load saw.
    pub seen: Seen,
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
    /// Percent of a core that it takes while nobody asks.
    pub idle_cpu_percent: f64,
    /// By load, one entry per round.
    pub rounds: Vec<Vec<Measure>>,
    /// By data set, what an element costs; empty when left out.
    pub data: Vec<Cost>,
}

/// Runs everything, prints the table and writes it to the file asked for.
pub fn run(root: &Path, options: &Options) -> Result<bool> {
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--package", "larder"]).current_dir(root);
    anyhow::ensure!(build.status().context("run cargo build")?.success(), "it does not build");
    let contestants = contestants(&options.peers);
    let mut accounts = loads(root, &contestants, options.rounds.max(ROUNDS_MIN))?;
    if !options.no_memory {
        for data in &DATA_SETS {
            for (contestant, account) in contestants.iter().zip(&mut accounts) {
                let server = contestant.start(root, Setup::Memory)?;
                let Cost { bytes, cpu_ns } = data.fill(&server)?;
                account.data.push(Cost { bytes, cpu_ns });
                println!("{:<8} {}: {bytes:.1} B, {cpu_ns:.0} ns", account.name, data.name);
            }
        }
    }
    let create_ms = if options.no_create { None } else { Some(create_to_pong(root)?) };
    let page = results::page(&results::machine()?, &accounts, create_ms.as_deref());
    print!("\n{page}");
    let file = root.join(&options.out);
    std::fs::write(&file, page).with_context(|| format!("write {}", file.display()))?;
    Ok(true)
}

fn loads(root: &Path, contestants: &[Peer], rounds: usize) -> Result<Vec<Account>> {
    let mut servers = Vec::new();
    let mut accounts = Vec::new();
    for contestant in contestants {
        let memory = contestant.start(root, Setup::Memory)?;
        accounts.push(Account {
            name: memory.name.clone(),
            command: memory.command.clone(),
            idle_pss_kb: sample::pss_kb(memory.pid())?,
            idle_cpu_percent: idle(&memory)?,
            rounds: vec![Vec::new(); LOADS.len()],
            data: Vec::new(),
        });
        servers.push((memory, contestant.start(root, Setup::AppendOnly)?));
    }
    for round in 1..=rounds {
        for (index, load) in LOADS.iter().enumerate() {
            for ((memory, append_only), account) in servers.iter().zip(&mut accounts) {
                let server = if load.setup == Setup::Memory { memory } else { append_only };
                let measure = measure(root, server, load)?;
                println!("round {round} {:<8} {:<26} {measure}", account.name, load.name);
                account.rounds[index].push(measure);
            }
        }
    }
    Ok(accounts)
}

/// Ours, Debian's redis-server and the peers asked for.
fn contestants(peers: &[Peer]) -> Vec<Peer> {
    let of = |name: &str, command: &str| Peer { name: name.into(), command: command.into() };
    let ours = of("larder", "target/release/larder node --port {port} --save '' --io-threads 1");
    let redis = of("redis", "redis-server --port {port} --save ''");
    [ours, redis].into_iter().chain(peers.iter().cloned()).collect()
}

impl Peer {
    fn start(&self, root: &Path, setup: Setup) -> Result<Server> {
        let extra = match setup {
            Setup::Memory => "--appendonly no",
            Setup::AppendOnly => {
                "--appendonly yes --appendfsync everysec --auto-aof-rewrite-percentage 0"
            }
        };
        Server::start(root, &self.name, &format!("{} {extra}", self.command))
    }
}

#[expect(clippy::disallowed_methods, reason = "what is measured is that nothing happens")]
fn idle(server: &Server) -> Result<f64> {
    let before_ns = sample::cpu_ns(server.pid())?;
    std::thread::sleep(IDLE);
    let spent_ns = sample::cpu_ns(server.pid())? - before_ns;
    Ok(spent_ns as f64 * 100.0 / IDLE.as_nanos() as f64)
}

fn measure(root: &Path, server: &Server, load: &Load) -> Result<Measure> {
    let before_ns = sample::cpu_ns(server.pid())?;
    let seen = load.run(root, server.port)?;
    let spent_ns = sample::cpu_ns(server.pid())? - before_ns;
    Ok(Measure { cpu_us: spent_ns as f64 / 1000.0 / f64::from(load.operations), seen })
}

impl std::fmt::Display for Measure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p99, p999] = self.seen.latency_us;
        let rate = self.seen.operations_per_s;
        write!(out, "{:.3} µs CPU/op, {rate:.0} op/s, {p50:.0} {p99:.0} {p999:.0} µs", self.cpu_us)
    }
}

/// Milliseconds from CreateInstance to the first PONG, several times, by the official SDK.
fn create_to_pong(root: &Path) -> Result<Vec<f64>> {
    let python = crate::suite::python(root)?;
    let script = root.join("benches/create_to_pong.py");
    let output = shell::read(Command::new(python).arg(script).current_dir(root))?;
    serde_json::from_str(output.trim()).context("read the times of create_to_pong.py")
}
