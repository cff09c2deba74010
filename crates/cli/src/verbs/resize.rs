//! `larder instance resize`.

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
    /// New class; `larder instance create --help` lists them
    #[arg(long)]
    class: String,
    #[command(flatten)]
    timing: Timing,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Resizes, and as asked waits until the new limits are in force.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let (id, class) = (options.instance_id.as_str(), options.class.as_str());
    let effective = options.timing.effective_time();
    let params = [("InstanceId", id), ("InstanceClass", class), ("EffectiveTime", effective)];
    let answer = session.call("ModifyInstanceSpec", &params)?;
    if options.timing.waiting.wait {
        session.wait(id, Goal::Normal, &options.timing.waiting)?;
        return session.show(&answer, || format!("{id} has class {class}.\n"));
    }
    let task = output::text(&answer["OrderId"]);
    session.show(&answer, || format!("{id} is being changed to {class}: task {task}.\n"))
}
