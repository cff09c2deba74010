//! `larder instance restart`.

use super::session::Session;
use crate::error::Error;
use crate::options::{Common, Timing};
use crate::output;
use crate::wait::Goal;
use clap::Args;

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Which instance
    #[arg(value_name = "ID")]
    instance_id: String,
    #[command(flatten)]
    timing: Timing,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Restarts, and as asked waits until it serves again.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let id = &options.instance_id;
    let params = [("InstanceId", id.as_str()), ("EffectiveTime", options.timing.effective_time())];
    let answer = session.call("RestartInstance", &params)?;
    if options.timing.in_window {
        let task = output::text(&answer["TaskId"]);
        let text = || format!("{id} is restarted in its maintenance window: task {task}.\n");
        return session.show(&answer, text);
    }
    if !options.timing.waiting.wait {
        return session.show(&answer, || format!("{id} is restarting.\n"));
    }
    session.wait(id, Goal::Normal, &options.timing.waiting)?;
    session.show(&answer, || format!("{id} was restarted.\n"))
}
