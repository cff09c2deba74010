//! `cargo xtask cost`: CPU time of every data command beside redis-server, each by a row of
//! `benches/commands.txt`. Where `cargo xtask bench` says what a load costs, this says that no
//! command was forgotten.

mod drive;
mod table;

use crate::bench::results::{self, median};
use crate::bench::server::Server;
use anyhow::{Context, Result, ensure};
use catalog::commands::{CommandId, Index};
use catalog::{Command, Family, Flags};
use drive::Driver;
use std::path::{Path, PathBuf};
use std::time::Duration;
use table::Row;

/// Commands without a row.
const UNMEASURED: [(&str, &str); 7] = [
    ("migrate", "needs a second server"),
    ("object|freq", "refused under the default eviction policy"),
    ("pfdebug", "for tests of the encoding"),
    ("pfselftest", "runs a test of seconds"),
    ("restore", "needs the bytes of a payload"),
    ("restore-asking", "is RESTORE"),
    ("wait", "waits for replicas"),
];

/// Names and command lines of the two servers.
const COMMANDS: [(&str, &str); 2] = [
    ("larder", "target/release/larder node --port {port} --save '' --io-threads 1"),
    ("redis", "redis-server --port {port} --save ''"),
];

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Rounds over all rows
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Milliseconds that each row is asked, of each server and in each round
    #[arg(long, default_value_t = 150)]
    time_ms: u64,
    /// Only rows that begin with this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Where to write the results; they are printed in any case
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The CPU time of a row: by server, one entry per round, in nanoseconds per request.
type Times = [Vec<f64>; 2];

/// Measures with the release build that is there, prints the table, and says whether no row costs
/// more than redis-server's.
pub fn run(root: &Path, options: &Options) -> Result<bool> {
    let file = root.join("benches/commands.txt");
    let text =
        std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let (fills, mut rows) = table::read(&text)?;
    let forgotten = forgotten(&rows);
    ensure!(forgotten.is_empty(), "no row for {}", forgotten.join(", "));
    rows.retain(|row| row.text.starts_with(&options.only));
    let mut times: Vec<Times> = vec![Times::default(); rows.len()];
    for round in 1..=options.rounds {
        println!("round {round}");
        let start = |(name, command)| -> Result<(Server, Driver)> {
            let server = Server::start(root, name, command)?;
            let driver = Driver::start(&server, &fills)?;
            Ok((server, driver))
        };
        let mut servers = [start(COMMANDS[0])?, start(COMMANDS[1])?];
        for (row, times) in rows.iter().zip(&mut times) {
            for ((server, driver), times) in servers.iter_mut().zip(times) {
                let time = Duration::from_millis(options.time_ms);
                let spent = driver.measure(server, row, time);
                times.push(spent.with_context(|| format!("{}: {}", server.name, row.text))?);
            }
        }
    }
    let page = page(&results::machine()?, options, &rows, &times);
    print!("{page}");
    if let Some(out) = &options.out {
        let file = root.join(out);
        std::fs::write(&file, page).with_context(|| format!("write {}", file.display()))?;
    }
    Ok(times.iter().all(|times| ratio(times) <= 1.0))
}

/// Median over the rounds of ours to theirs.
fn ratio([ours, theirs]: &Times) -> f64 {
    median(&ours.iter().zip(theirs).map(|(our, their)| our / their).collect::<Vec<_>>())
}

fn page(machine: &results::Machine, options: &Options, rows: &[Row], times: &[Times]) -> String {
    let results::Machine { date, description, commit, redis } = machine;
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| ratio(&times[*b]).total_cmp(&ratio(&times[*a])));
    let above = times.iter().filter(|times| ratio(times) > 1.0).count();
    let mut out = format!(
        "# CPU time of each command\n\nMade by `cargo xtask cost --rounds {}`, {date}, commit \
         {commit}, on\n{description}.\n{redis}.\n\nBatches of 16 over 50 connections, {} ms a \
         row. Nanoseconds of CPU per request, medians of\n{} rounds; the ratio is the median of \
         the rounds' ratios. {above} of {} rows are above 1.\n\n\
         | row | larder, ns | redis, ns | ratio | all ratios |\n|---|---|---|---|---|\n",
        options.rounds,
        options.time_ms,
        options.rounds,
        rows.len(),
    );
    for at in order {
        let [ours, theirs] = &times[at];
        let all: Vec<String> =
            ours.iter().zip(theirs).map(|(our, their)| format!("{:.2}", our / their)).collect();
        out.push_str(&format!(
            "| `{}` | {:.0} | {:.0} | {:.2} | {} |\n",
            rows[at].text.replace('|', "\\|"),
            median(ours),
            median(theirs),
            ratio(&times[at]),
            all.join(" "),
        ));
    }
    out.push_str("\nWithout a row:");
    for (name, why) in UNMEASURED {
        out.push_str(&format!(" {name} ({why});"));
    }
    out.push('\n');
    out
}

/// Commands on data that Redis 7.0 has too, less those named above, without a row.
fn forgotten(rows: &[Row]) -> Vec<&'static str> {
    let index = Index::new();
    let measured: Vec<_> = rows
        .iter()
        .flat_map(Row::heads)
        .filter_map(|(name, sub)| index.resolve(name, sub).ok())
        .collect();
    let missing = |id: &CommandId| {
        let row = index.row(*id);
        works_on_data(row) && !UNMEASURED.iter().any(|(name, _)| *name == row.name)
    };
    let names = index.rows().iter().filter_map(|row| index.find(row.name.as_bytes()));
    let names = names.filter(missing).filter(|id| !measured.contains(id));
    names.map(|id| index.row(id).name).collect()
}

fn works_on_data(row: &Command) -> bool {
    use Family::{Connection, PubSub, Scripting, Server, Transactions};
    let version = |text: &str| {
        let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    };
    !matches!(row.family, Transactions | PubSub | Connection | Scripting | Server)
        && version(row.since) < (7, 1)
        && !row.flags.has(Flags::CONTAINER)
        && !row.name.ends_with("|help")
}
