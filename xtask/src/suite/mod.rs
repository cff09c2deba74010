//! `cargo xtask test`: everything that must hold, step by step, with one count at the end.
//! Knows how to run the tests, not what they test.

mod setup;
mod tally;

#[cfg(test)]
mod tests;

pub use setup::install;

use crate::{shell, tidy};
use anyhow::Result;
use clap::ValueEnum;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tally::Tally;

/// One step of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// rustfmt changes nothing.
    Fmt,
    /// The house measures.
    Tidy,
    /// No lint speaks up.
    Clippy,
    /// Tests inside the crates.
    Unit,
    /// Locks and inboxes under a model checker.
    Models,
    /// The release build.
    Build,
    /// The Python suite against the release build.
    E2e,
}

const ALL: [Step; 7] =
    [Step::Fmt, Step::Tidy, Step::Clippy, Step::Unit, Step::Models, Step::Build, Step::E2e];

/// Longest times, several times what two cores need from a fresh clone.
const UNIT_LIMIT: &str = "25m";
const E2E_LIMIT: &str = "22m";

/// Runs `steps` (all when empty); true when all held.
pub fn run(root: &Path, steps: &[Step], pytest: &[String]) -> bool {
    let steps = if steps.is_empty() { &ALL } else { steps };
    let mut rows = Vec::new();
    for step in steps {
        let started = now();
        let tally = run_step(root, *step, pytest).unwrap_or_else(|error| {
            eprintln!("{step:?}: {error:#}");
            Tally::of(false)
        });
        rows.push((*step, tally, started.elapsed().as_secs()));
    }
    let mut total = Tally::default();
    println!("\n{:<8}{:>8}{:>8}{:>9}{:>8}", "step", "passed", "failed", "skipped", "s");
    for (step, tally, seconds) in &rows {
        let Tally { passed, failed, skipped } = tally;
        let name = format!("{step:?}").to_lowercase();
        println!("{name:<8}{passed:>8}{failed:>8}{skipped:>9}{seconds:>8}");
        total.add(tally);
    }
    println!("\n{total}");
    total.failed == 0
}

#[expect(clippy::disallowed_methods, reason = "a tool for people times its own steps")]
fn now() -> Instant {
    Instant::now()
}

/// The Python that has the SDKs, made ready if need be.
pub fn python(root: &Path) -> Result<std::path::PathBuf> {
    setup::prepare(root)
}

fn run_step(root: &Path, step: Step, pytest: &[String]) -> Result<Tally> {
    match step {
        Step::Fmt => cargo(root, &["fmt", "--all", "--check"]),
        Step::Tidy => Ok(Tally::of(tidy::run(root)?)),
        Step::Clippy => {
            cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
        }
        Step::Unit => tests(root, &["--workspace", "--no-fail-fast"]),
        Step::Models => tests(root, &["--package", "server", "--features", "shuttle", "models::"]),
        Step::Build => cargo(root, &["build", "--release", "--package", "larder"]),
        Step::E2e => e2e(root, pytest),
    }
}

/// A cargo command that counts as one test.
fn cargo(root: &Path, arguments: &[&str]) -> Result<Tally> {
    let ended = shell::show(Command::new(env!("CARGO")).args(arguments).current_dir(root))?;
    Ok(Tally::of(ended.success))
}

/// Ends what hangs, so that a broken test cannot hold everything up.
fn limited(limit: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10s", limit]);
    command
}

fn tests(root: &Path, arguments: &[&str]) -> Result<Tally> {
    let mut command = limited(UNIT_LIMIT);
    command.arg(env!("CARGO")).arg("test").args(arguments).current_dir(root);
    let ended = shell::show(&mut command)?;
    Ok(tally::cargo_test(&ended.output).settled(ended.success))
}

fn e2e(root: &Path, extra: &[String]) -> Result<Tally> {
    let python = setup::prepare(root)?;
    let binary = root.join("target/release/larder");
    anyhow::ensure!(binary.is_file(), "no {}: run the step build first", binary.display());
    let named = extra.iter().any(|argument| argument.contains("tests/e2e"));
    let mut command = limited(E2E_LIMIT);
    command.arg(python).args(["-m", "pytest", "--color=no", "-ra"]).args(extra).current_dir(root);
    if !named {
        command.arg("tests/e2e");
    }
    let ended = shell::show(&mut command)?;
    Ok(tally::pytest(&ended.output).settled(ended.success))
}
