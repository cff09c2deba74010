//! The terminal's verbs: `larder instance …` and `larder configure`, as a plain client of the
//! public API. Signs, sends, waits and prints; must not know the store, the agent or any file of
//! the data directory, so that it works the same against another host.
#![forbid(unsafe_code)]

mod client;
pub mod derived;
mod error;
mod options;
mod output;
mod profile;
mod sign;
mod terminal;
#[cfg(test)]
mod testing;
mod verbs;
mod wait;

pub use error::{Error, Kind};
pub use verbs::{BackupCommand, ConfigureCommand, InstanceCommand};

use std::process::ExitCode;
use terminal::Terminal;

/// What `crates/larder` hands over after parsing the command line.
#[derive(Debug)]
pub enum Command {
    /// `larder instance …`.
    Instance(InstanceCommand),
    /// `larder configure`.
    Configure(ConfigureCommand),
    /// `larder backup-state`.
    BackupState(BackupCommand),
}

/// Runs one command against the real terminal and environment. An error is explained on standard
/// error, with hints, and becomes the exit code of its [`Kind`].
#[must_use]
pub fn run(command: Command) -> ExitCode {
    let mut terminal = Terminal::real();
    match verbs::execute(command, &mut terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.explain(&error);
            ExitCode::from(error.kind().exit_code())
        }
    }
}
