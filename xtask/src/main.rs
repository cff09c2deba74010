//! `cargo xtask`: the project's own tools. Development only; nothing of it ships.
#![forbid(unsafe_code)]

mod bench;
mod conformance;
mod cost;
mod deb;
mod differ;
mod docs;
mod edges;
mod metrics;
mod shell;
mod suite;
mod tidy;

use clap::Parser;
use std::process::ExitCode;

/// The project's own tools.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
enum Tool {
    /// Check the house measures: sizes, headers, dependency order, unsafe, purity.
    Tidy,
    /// Write the pages that derive from tables.
    Docs,
    /// Run what CI runs: all steps, or the named ones.
    Test {
        /// Steps, in the order given; all of them when none is named.
        #[arg(value_enum)]
        steps: Vec<suite::Step>,
        /// Passed on to pytest: `-k name`, a file below tests/e2e.
        #[arg(last = true)]
        pytest: Vec<String>,
    },
    /// Measure CPU per operation, memory and time to the first PONG beside other servers.
    Bench(bench::Options),
    /// Measure the CPU time of every data command beside redis-server.
    Cost(cost::Options),
    /// Build the Debian package of the release build below target/debian.
    Deb,
    /// Run Redis' own test suite against the release build and count its checks.
    Conformance(conformance::Options),
    /// Draw random commands for our node and redis-server alike and compare their replies.
    Differ(differ::Options),
    /// Call every command with its numbers at the edges; judge time, memory and answers.
    Edges(edges::Options),
}

fn main() -> anyhow::Result<ExitCode> {
    let root = shell::root();
    let held = match Tool::parse() {
        Tool::Tidy => tidy::run(&root)?,
        Tool::Docs => docs::run(&root)?,
        Tool::Test { steps, pytest } => suite::run(&root, &steps, &pytest),
        Tool::Bench(options) => bench::run(&root, &options)?,
        Tool::Cost(options) => cost::run(&root, &options)?,
        Tool::Deb => deb::run(&root)?,
        Tool::Conformance(options) => conformance::run(&root, &options)?,
        Tool::Differ(options) => differ::run(&root, &options)?,
        Tool::Edges(options) => edges::run(&root, &options)?,
    };
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
