//! `cargo xtask conformance`: Redis' own test suite, unmodified, with ours in redis-server's place.
//! Knows how to run the suite and count its checks, not what they check.

mod account;
mod output;
mod table;
mod tree;

#[cfg(test)]
mod tests;

use crate::shell;
use account::{Account, Key};
use anyhow::{Context, Result};
use output::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tree::{SERVER_PACKAGE, Server, Tree};

/// What to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Which release's suite
    #[arg(long, value_parser = ["redis-7.0.15"], default_value = "redis-7.0.15")]
    suite: String,
    /// Test files, as unit/type/list; all of them when none is named
    #[arg(long, value_name = "FILE", num_args = 1..)]
    only: Vec<String>,
    /// Loops of the server (its io-threads); the results go to a file of their own
    #[arg(long, value_name = "N", conflicts_with = "reference")]
    loops: Option<u32>,
    /// Run Debian's own redis-server and note its checks as the ones to expect
    #[arg(long)]
    reference: bool,
    /// Longest time of one file, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    limit_s: u32,
}

impl Options {
    /// Where the results lie, in the repository.
    fn results(&self) -> PathBuf {
        let name = match self.loops {
            _ if self.reference => format!("reference-{}.tsv", self.suite),
            Some(loops) => format!("{}-loops-{loops}.tsv", self.suite),
            None => format!("{}.tsv", self.suite),
        };
        Path::new("conformance").join(name)
    }
}

/// Runs the files asked for and rewrites their rows; true when every expected check held.
pub fn run(root: &Path, options: &Options) -> Result<bool> {
    let tree = Tree::fetch(root, &options.suite)?;
    tree.place(&match options.reference {
        true => Server::Reference,
        false => Server::Ours { binary: binary(root)?, loops: options.loops },
    })?;
    let files = tree.files(&options.only)?;
    let reference = root.join(format!("conformance/reference-{}.tsv", options.suite));
    let expected = if options.reference { Account::new() } else { account::read(&reference)? };
    let mut excluded: BTreeSet<Key> = account::named(&root.join("conformance/excluded.tsv"))?;
    if options.loops.is_some_and(|loops| loops > 1) {
        excluded.extend(account::named(&root.join("conformance/excluded-loops.tsv"))?);
    }
    let later: BTreeSet<Key> = match options.reference {
        true => BTreeSet::new(),
        false => account::named(&root.join("conformance/later.tsv"))?,
    };
    let results = root.join(options.results());
    let mut rows = BTreeMap::new();
    for file in &files {
        let left_out: Vec<&str> = later
            .union(&excluded)
            .filter(|(of, _)| of == file)
            .map(|(_, name)| name.as_str())
            .collect();
        let report = run_file(&tree, file, &left_out, options.limit_s)?;
        let checks = account::complete(file, &report.checks, &expected, &later);
        let row = table::Row::new(&checks, &excluded, &report);
        println!("{}", row.line(file));
        // Written after every file, so that a run may be cut short.
        account::write(&results, &account::replace(account::read(&results)?, file, checks))?;
        rows.insert(file.clone(), row);
    }
    let total = table::total(rows.values());
    print!("\n{}", table::page(&rows, &total));
    Ok(total.held())
}

/// The release build of ours.
fn binary(root: &Path) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root.join("target"), |directory| root.join(directory));
    let binary = target.join("release/larder");
    let hint = "build it first: cargo build --release --package larder";
    anyhow::ensure!(binary.is_file(), "no {}; {hint}", binary.display());
    Ok(binary)
}

/// One file of the suite with one client, without the checks in `left_out`. The suite's durable
/// mode: a check that breaks down has failed, and those behind it run all the same.
fn run_file(tree: &Tree, file: &str, left_out: &[&str], limit_s: u32) -> Result<Report> {
    let log = tree.log(file)?;
    let skips = left_out.iter().flat_map(|name| ["--skiptest", name]);
    // A file, not a pipe: a server left behind would keep a pipe open.
    let out = File::create(&log).with_context(|| format!("write {}", log.display()))?;
    // Less than the limit, so that the suite itself says which check hangs.
    let quiet_s = (limit_s / 5).max(1).to_string();
    let status = Command::new("timeout")
        .args(["--kill-after=30s", &format!("{limit_s}s"), "./runtest"])
        .args(["--durable", "--clients", "1", "--timeout", &quiet_s, "--single", file])
        .args(skips)
        .current_dir(tree.directory())
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stderr(out.try_clone()?)
        .stdout(out)
        .status()
        .context("run ./runtest")?;
    let bytes = std::fs::read(&log).with_context(|| format!("read {}", log.display()))?;
    let mut report = output::read(&String::from_utf8_lossy(&bytes));
    if status.code() == Some(TIMED_OUT) {
        report.trouble = Some(format!("stopped after {limit_s} s"));
    }
    Ok(report)
}

/// What timeout(1) exits with when the time ran out.
const TIMED_OUT: i32 = 124;

/// The version of the package that brings the reference server.
fn installed_version() -> Result<String> {
    let mut query = Command::new("dpkg-query");
    let version = shell::read(query.args(["--show", "--showformat=${Version}", SERVER_PACKAGE]))?;
    Ok(version.trim().to_owned())
}
