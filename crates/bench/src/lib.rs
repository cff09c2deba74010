//! `larder bench`: asks a server as many clients would and says how it answered. What to send, what
//! came back and what follows from it are decided in files that know neither sockets nor clocks;
//! only `wire`, `load` and `run` touch the machine. Knows no control plane.
#![forbid(unsafe_code)]

mod distribution;
mod error;
mod lane;
mod load;
mod mix;
mod options;
pub mod replies;
mod run;
mod sizing;
mod summary;
mod tally;
mod target;
mod template;
#[cfg(test)]
mod tests;
mod wire;
mod workload;

pub use options::Options;

use options::Settings;
use std::io::Write;
use std::process::ExitCode;

/// `larder bench`: the result goes to standard output, what is wrong to standard error. Fails when
/// there is no result, a connection was lost or planned operations were not sent.
#[must_use]
pub fn run(options: Options) -> ExitCode {
    let seed = u64::from(u32::from_le_bytes(stdx::random::entropy()));
    let done = Settings::new(options, seed).and_then(|settings| run::execute(&settings));
    match done {
        Ok(outcome) => {
            // A closed pipe has read what it wanted.
            let _ = std::io::stdout().write_all(outcome.text.as_bytes());
            if outcome.whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
