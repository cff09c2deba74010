//! `larder instance top`: what the node says of itself, again and again.

use super::session::Session;
use super::show;
use crate::error::Error;
use crate::options::Common;
use clap::Args;
use std::time::Duration;

/// Clears a terminal and puts the cursor into its corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Which instance
    #[arg(value_name = "ID")]
    instance_id: String,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Looks before it ends by itself; for ever unless told
    #[arg(long, value_name = "COUNT")]
    times: Option<u64>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Shows until it is interrupted.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let id = [("InstanceId", &*options.instance_id)];
    for look in 1.. {
        let live = session.call("LarderDescribeInstanceLive", &id)?;
        let clear = if session.terminal.output_is_tty { CLEAR } else { "" };
        session.show(&live, || format!("{clear}{}{}", options.instance_id, show::live(&live)))?;
        if options.times.is_some_and(|times| times <= look) {
            break;
        }
        (session.terminal.pause)(Duration::from_secs(options.every));
    }
    Ok(())
}
