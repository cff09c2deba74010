//! `larder instance restart`.

use super::session::Session;
use crate::error::Error;
use crate::options::{Common, Waiting};
use crate::output;
use crate::wait::Goal;
use clap::Args;

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Which instance
    #[arg(value_name = "ID")]
    instance_id: String,
    /// Not now but in the maintenance window
    #[arg(long, conflicts_with = "wait")]
    in_window: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Restarts, and as asked waits until it serves again.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let id = &options.instance_id;
    let effective = if options.in_window { "MaintainTime" } else { "Immediately" };
    let params = [("InstanceId", id.as_str()), ("EffectiveTime", effective)];
    let answer = session.call("RestartInstance", &params)?;
    if options.in_window {
        let task = output::text(&answer["TaskId"]);
        let text = || format!("{id} is restarted in its maintenance window: task {task}.\n");
        return session.show(&answer, text);
    }
    if !options.waiting.wait {
        return session.show(&answer, || format!("{id} is restarting.\n"));
    }
    session.wait(id, Goal::Normal, &options.waiting)?;
    session.show(&answer, || format!("{id} was restarted.\n"))
}
