//! The one binary: every role is a subcommand. Wires crates together and decides nothing.
#![forbid(unsafe_code)]

mod args;
mod roles;

use args::{Cli, Role};
use clap::Parser;
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
    match Cli::parse().role {
        Role::Up(up) => roles::up(&up),
        Role::Audit { verb: args::Audit::Verify { data_dir } } => roles::verify_audit(&data_dir),
        Role::Control(control) => roles::control(control),
        Role::Node { .. } => unreachable!("handled above"),
        Role::Instance { verb } => cli::run(cli::Command::Instance(verb)),
        Role::Bench(options) => bench::run(*options),
        Role::BackupState(backup) => cli::run(cli::Command::BackupState(backup)),
        Role::RestoreState(restore) => roles::restore_state(&restore),
        Role::Configure(configure) => cli::run(cli::Command::Configure(configure)),
    }
}
