//! `larder instance delete`. Nothing brings the data back, so a person types the id and a script
//! says --yes.

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
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Asks, deletes, and as asked waits until it is gone.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let id = &options.instance_id;
    if !options.yes {
        confirm(id, session)?;
    }
    let answer = session.call("DeleteInstance", &[("InstanceId", id)])?;
    if !options.waiting.wait {
        return session.show(&answer, || format!("{id} is being deleted.\n"));
    }
    session.wait(id, Goal::Gone, &options.waiting)?;
    session.show(&answer, || format!("{id} is deleted.\n"))
}

fn confirm(id: &str, session: &mut Session<'_>) -> Result<(), Error> {
    if !session.terminal.input_is_tty {
        return Err(Error::Usage {
            problem: format!("delete {id} without asking: standard input is no terminal"),
            hint: "add --yes".to_owned(),
        });
    }
    let prompt = format!("This deletes {id} and all its data. Type its id to go on: ");
    let typed = session.terminal.read_line(&prompt, "read the confirmation")?;
    if typed.trim() == id {
        return Ok(());
    }
    Err(Error::Usage {
        problem: "the id was not repeated; nothing was deleted".to_owned(),
        hint: format!("type {id}, or add --yes"),
    })
}
