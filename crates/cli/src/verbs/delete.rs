//! `larder instance delete`. Clients lose their data at once, and nothing brings them back once the
//! recycle bin is emptied, so a person types the id and a script says --yes.

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
    let done = if options.waiting.wait {
        session.wait(id, Goal::Gone, &options.waiting)?;
        "is deleted"
    } else {
        "is being deleted"
    };
    let until = kept_until(id, session);
    session.show(&answer, || match until {
        Some(until) => format!(
            "{id} {done}. Until {until} it can be brought back: larder instance recover {id}\n"
        ),
        None => format!("{id} {done}.\n"),
    })
}

/// How long the instance stays in the recycle bin; `None` when it is in none, or nobody says.
fn kept_until(id: &str, session: &Session<'_>) -> Option<String> {
    let region = session.region(None);
    let params = [("RegionId", &*region), ("InstanceStatus", "Released"), ("InstanceIds", id)];
    let answer = session.call("DescribeInstances", &params).ok()?;
    let until = output::text(&answer["Instances"]["KVStoreInstance"][0]["DestroyTime"]);
    (!until.is_empty()).then_some(until)
}

fn confirm(id: &str, session: &mut Session<'_>) -> Result<(), Error> {
    if !session.terminal.input_is_tty {
        return Err(Error::Usage {
            problem: format!("delete {id} without asking: standard input is no terminal"),
            hint: "add --yes".to_owned(),
        });
    }
    let prompt = format!(
        "This deletes {id}; only the recycle bin still has its data. Type its id to go on: "
    );
    let typed = session.terminal.read_line(&prompt, "read the confirmation")?;
    if typed.trim() == id {
        return Ok(());
    }
    Err(Error::Usage {
        problem: "the id was not repeated; nothing was deleted".to_owned(),
        hint: format!("type {id}, or add --yes"),
    })
}
