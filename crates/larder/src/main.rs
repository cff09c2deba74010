//! The one binary: every role is a subcommand. Wires crates together and decides nothing.
#![forbid(unsafe_code)]

mod args;
mod manual;
mod roles;

use args::{Cli, Role};
use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;
use stdx::alloc::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    // `larder node` reads its words as redis-server does, which clap cannot.
    if words.get(1).map(String::as_str) == Some("node") {
        return roles::node(&words[2..]);
    }
    let program = cli::derived::augment(Cli::command());
    let matches = program.clone().get_matches();
    if let Some(ended) = cli::derived::run(&matches) {
        return ended;
    }
    let parsed = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match parsed.role {
        Role::Up(up) => roles::up(&up),
        Role::Audit { verb: args::Audit::Verify { data_dir } } => roles::verify_audit(&data_dir),
        Role::Control(control) => roles::control(control),
        Role::Node { .. } => unreachable!("handled above"),
        Role::Instance { verb } => cli::run(cli::Command::Instance(verb)),
        Role::Bench(options) => bench::run(*options),
        Role::BackupState(backup) => cli::run(cli::Command::BackupState(backup)),
        Role::RestoreState(restore) => roles::restore_state(&restore),
        Role::Completions { shell } => manual::completions(program, shell),
        Role::Man { command } => manual::page(program, &command),
        Role::Configure(configure) => cli::run(cli::Command::Configure(configure)),
    }
}
