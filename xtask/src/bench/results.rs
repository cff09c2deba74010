//! The page of results: medians, ratios to ours, and what made them. Pure but for [`machine`].

use super::load::LOADS;
use super::memory::{Cost, DATA_SETS};
use super::{Account, Measure};
use crate::shell;
use anyhow::Result;
use std::process::Command;

/// Where and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `2026-11-22 16:00 UTC`
    pub date: String,
    /// Processor and kernel.
    pub description: String,
    /// Commit of the repository.
    pub commit: String,
    /// `redis-server --version`
    pub redis: String,
}

/// Asks this machine.
pub fn machine() -> Result<Machine> {
    let ask = |program: &str, arguments: &[&str]| -> Result<String> {
        Ok(shell::read(Command::new(program).args(arguments))?.trim().to_owned())
    };
    let cpus = std::fs::read_to_string("/proc/cpuinfo")?;
    let models: Vec<&str> = cpus
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|two| two.1))
        .collect();
    let model = models.first().copied().unwrap_or("unknown processor");
    let kernel = ask("uname", &["-sr"])?;
    Ok(Machine {
        date: ask("date", &["-u", "+%Y-%m-%d %H:%M UTC"])?,
        description: format!("{} cores of {model}, {kernel}", models.len()),
        commit: ask("git", &["describe", "--always", "--dirty"])?,
        redis: ask("redis-server", &["--version"])?,
    })
}

/// The whole page in Markdown; the first account is ours.
pub fn page(machine: &Machine, accounts: &[Account], create_ms: Option<&[f64]>) -> String {
    let Machine { date, description, commit, redis } = machine;
    let rounds = accounts.first().map_or(0, |account| account.rounds[0].len());
    let mut out = "# Measurements\n\n".to_owned();
    out.push_str(&format!("Made by `cargo xtask bench`, {date}, commit {commit}, on\n"));
    out.push_str(&format!("{description}.\n{redis}.\n\n"));
    out.push_str("Servers on one core, `larder bench` on the other, in turn; medians of ");
    out.push_str(&format!("{rounds} rounds.\nCPU is the server's own user and system time. "));
    out.push_str("50 connections unless said, 32-byte values, 100,000 keys.\n");
    out.push_str("Ratios are medians over the rounds of ours to theirs.\n\n");
    out.push_str("## CPU time per operation\n\n");
    out.push_str("| load | server | µs CPU/op | larder's ratio to it | op/s | p50, p99, p99.9 µs ");
    out.push_str("| all rounds, µs CPU |\n|---|---|---|---|---|---|---|\n");
    for (index, load) in LOADS.iter().enumerate() {
        for account in accounts {
            let ratio = ratio(&accounts[0].rounds[index], &account.rounds[index]);
            let cpu: Vec<f64> = values(&account.rounds[index], |measure| measure.cpu_us);
            let rate = values(&account.rounds[index], |measure| measure.seen.operations_per_s);
            let [p50, p99, p999] = [0, 1, 2].map(|at| {
                let rounds = account.rounds[index].iter();
                median(&rounds.map(|measure| measure.seen.latency_us[at]).collect::<Vec<_>>())
            });
            let all: Vec<String> = cpu.iter().map(|value| format!("{value:.3}")).collect();
            out.push_str(&format!(
                "| {} | {} | {:.3} | {ratio:.2} | {:.0} | {p50:.0}, {p99:.0}, {p999:.0} | {} |\n",
                load.name,
                account.name,
                median(&cpu),
                median(&rate),
                all.join(" "),
            ));
        }
    }
    out.push_str(&fresh(accounts));
    out.push_str(&data(accounts));
    if let Some(times) = create_ms {
        let all: Vec<String> = times.iter().map(|time| format!("{time:.0}")).collect();
        out.push_str(&format!(
            "\n## From CreateInstance to the first PONG\n\nWith password and allowlist, by the \
             official Python SDK: median {:.0} ms (all: {}).\n",
            median(times),
            all.join(" "),
        ));
    }
    out.push_str("\n## Commands\n\n");
    for account in accounts {
        out.push_str(&format!("    {}\n", account.command));
    }
    for load in LOADS {
        let words = load.arguments();
        let quoted = words
            .iter()
            .map(|word| if word.contains(' ') { format!("'{word}'") } else { word.clone() });
        out.push_str(&format!("    larder bench {}\n", quoted.collect::<Vec<_>>().join(" ")));
    }
    out
}

fn fresh(accounts: &[Account]) -> String {
    let mut out = "\n## A fresh server\n\n| server | PSS, KiB | idle, % of a core |\n".to_owned();
    out.push_str("|---|---|---|\n");
    for account in accounts {
        let Account { name, idle_pss_kb, idle_cpu_percent, .. } = account;
        out.push_str(&format!("| {name} | {idle_pss_kb} | {idle_cpu_percent:.3} |\n"));
    }
    out
}

fn data(accounts: &[Account]) -> String {
    if accounts.iter().any(|account| account.data.is_empty()) {
        return String::new();
    }
    let heads =
        accounts.iter().map(|Account { name, .. }| format!(" {name}, B | {name}, ns CPU |"));
    let mut out = format!(
        "\n## Resident bytes and CPU time per element\n\nSent in pipelines of 200 over one \
         connection.\n\n| data | payload |{}\n|---|---|{}\n",
        heads.collect::<String>(),
        "---|".repeat(2 * accounts.len()),
    );
    for (index, data) in DATA_SETS.iter().enumerate() {
        let each = accounts.iter().map(|account| {
            let Cost { bytes, cpu_ns } = account.data[index];
            format!(" {bytes:.0} | {cpu_ns:.0} |")
        });
        let each = each.collect::<String>();
        out.push_str(&format!("| {} | {} |{each}\n", data.name, data.payload_bytes));
    }
    out
}

/// Median over the rounds of ours to theirs; both of one round were measured close together.
fn ratio(ours: &[Measure], theirs: &[Measure]) -> f64 {
    let pairs = ours.iter().zip(theirs);
    median(&pairs.map(|(our, their)| our.cpu_us / their.cpu_us).collect::<Vec<_>>())
}

fn values(measures: &[Measure], field: fn(&Measure) -> f64) -> Vec<f64> {
    measures.iter().map(field).collect()
}

/// The middle value; of an even number the upper middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
