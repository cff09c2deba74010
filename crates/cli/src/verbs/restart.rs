//! `larder instance restart`.

use super::session::Session;
use crate::error::Error;
use crate::options::{Common, Waiting};
use crate::wait::Goal;
use clap::Args;

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Which instance
    #[arg(value_name = "ID")]
    instance_id: String,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Restarts, and as asked waits until it serves again.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let id = &options.instance_id;
    let answer = session.call("RestartInstance", &[("InstanceId", id)])?;
    if !options.waiting.wait {
        return session.show(&answer, || format!("{id} is restarting.\n"));
    }
    session.wait(id, Goal::Normal, &options.waiting)?;
    session.show(&answer, || format!("{id} was restarted.\n"))
}
