//! `larder configure`: keeps a profile in the home directory, so that later commands need no flag.

use crate::error::Error;
use crate::profile::{self, Profile};
use crate::terminal::Terminal;
use clap::Args;
use std::path::PathBuf;

/// Store address and access key for later commands, readable for you only
#[derive(Debug, Args)]
pub struct ConfigureCommand {
    /// Take everything from this file, as `larder up --ready-file` writes it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["api", "access_key_id"])]
    from: Option<PathBuf>,
    /// Address of the API, such as http://127.0.0.1:8077
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// Public half of the access key
    #[arg(long, value_name = "ID")]
    access_key_id: Option<String>,
    /// Region that later commands use
    #[arg(long)]
    region: Option<String>,
}

/// Stores the profile; asks on standard input for what no flag gives, always for the secret.
pub fn run(options: ConfigureCommand, terminal: &mut Terminal) -> Result<(), Error> {
    let Some(path) = profile::stored_path(&terminal.env) else {
        return Err(Error::Usage {
            problem: "there is no home directory to keep a profile in".to_owned(),
            hint: "set HOME or XDG_CONFIG_HOME".to_owned(),
        });
    };
    let mut profile = match &options.from {
        Some(file) => profile::read(file)?,
        None => ask(&options, terminal)?,
    };
    profile.region = options.region.or(profile.region);
    profile::store(&path, &profile)?;
    terminal.note(&format!("stored {} for {}", path.display(), profile.api));
    Ok(())
}

fn ask(options: &ConfigureCommand, terminal: &mut Terminal) -> Result<Profile, Error> {
    let mut value = |flag: &Option<String>, prompt: &str, doing| match flag {
        Some(value) => Ok(value.clone()),
        None => terminal.read_line(prompt, doing),
    };
    let profile = Profile {
        api: value(&options.api, "API address: ", "read the API address")?,
        access_key_id: value(&options.access_key_id, "Access key id: ", "read the access key id")?,
        access_key_secret: value(&None, "Access key secret: ", "read the access key secret")?,
        region: None,
    };
    profile::checked(profile).map_err(|problem| Error::Usage {
        problem,
        hint: "larder configure --api http://127.0.0.1:8077 --access-key-id ID".to_owned(),
    })
}
