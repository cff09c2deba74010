//! `larder instance passwd`.

use super::session::Session;
use crate::error::Error;
use crate::options::{Common, PasswordSource};
use clap::Args;

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Which instance
    #[arg(value_name = "ID")]
    instance_id: String,
    /// Account to change [default: the instance's own, which `default` shares]
    #[arg(long)]
    account: Option<String>,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Sets the password; connections that are open stay so.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let Some(password) = session.password(&options.password)? else {
        return Err(Error::Usage {
            problem: "passwd needs the new password".to_owned(),
            hint: format!(
                "printf '%s\\n' \"$NEW\" | larder instance passwd {} --password-stdin",
                options.instance_id
            ),
        });
    };
    let account = options.account.as_ref().unwrap_or(&options.instance_id);
    let params = [
        ("InstanceId", &*options.instance_id),
        ("AccountName", &**account),
        ("AccountPassword", &*password),
    ];
    let answer = session.call("ResetAccountPassword", &params)?;
    session.show(&answer, || format!("Password of {account} is set.\n"))
}
