//! `larder instance connect`: redis-cli on the instance's endpoint. The password travels in the
//! child's environment, never on its command line.

use super::session::Session;
use crate::error::Error;
use crate::options::Common;
use crate::output;
use clap::Args;
use std::io::ErrorKind;
use std::process::Command;

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Which instance
    #[arg(value_name = "ID")]
    instance_id: String,
    /// Account to log in as; the instance's own unless told
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Do not ask for a password: the instance needs none
    #[arg(long)]
    no_password: bool,
    /// Program to run
    #[arg(long, value_name = "PROGRAM", default_value = "redis-cli")]
    program: String,
    #[command(flatten)]
    pub(super) common: Common,
    /// A command to run instead of a prompt, such as `PING`
    #[arg(last = true, value_name = "COMMAND")]
    words: Vec<String>,
}

/// Finds the endpoint, asks for the password and runs the program until it ends.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let attributes = session.attributes(&options.instance_id)?;
    let (host, port) =
        (output::text(&attributes["ConnectionDomain"]), output::text(&attributes["Port"]));
    let mut command = Command::new(&options.program);
    command.args(["-h", &host, "-p", &port]);
    if let Some(account) = &options.account {
        command.args(["--user", account]);
    }
    let needs_password = output::text(&attributes["VpcAuthMode"]) != "Close";
    if needs_password && !options.no_password {
        let prompt = format!("Password for {host}:{port}: ");
        let password = session.terminal.read_line(&prompt, "read the password")?;
        command.env("REDISCLI_AUTH", password);
    }
    let ended = command.args(&options.words).status();
    let ended = ended.map_err(|source| start_failed(&options.program, &source))?;
    match ended.success() {
        true => Ok(()),
        false => Err(Error::Usage {
            problem: format!("{} ended with {ended}", options.program),
            hint: "it says above why".to_owned(),
        }),
    }
}

fn start_failed(program: &str, source: &std::io::Error) -> Error {
    let hint = match source.kind() {
        ErrorKind::NotFound => {
            "install it (Debian: apt install redis-tools), or name another \
                                program by --program"
        }
        _ => "name another program by --program",
    };
    Error::Usage { problem: format!("run {program}: {source}"), hint: hint.to_owned() }
}
