//! `larder backup-state`: the control plane's memory, into a file for `larder restore-state`.

use crate::client::{Client, Stamp};
use crate::error::Error;
use crate::profile;
use crate::terminal::Terminal;
use clap::Args;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Version of the service that Larder adds for its operators.
const VERSION: &str = "2026-01-01";

/// Write all that the control plane remembers into a file, while it serves. Keep the installation's
/// master.key elsewhere: without it, the passwords and keys in the file open for nobody
#[derive(Debug, Args)]
pub struct BackupCommand {
    /// File to write, readable for you only; one that is there stays
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Profile with address and access key, as `larder up --ready-file` writes it
    /// [env: LARDER_PROFILE]
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

/// Asks and writes.
pub fn run(options: &BackupCommand, terminal: &mut Terminal) -> Result<(), Error> {
    let (profile, origin) = profile::find(options.profile.as_deref(), &terminal.env)?;
    let stamp = Stamp { unix_ms: terminal.clock.unix_ms(), nonce: stdx::random::entropy() };
    let answer = Client::new(profile, origin).call_of(VERSION, "BackupState", &[], &stamp)?;
    let state = &answer["State"];
    write_new(&options.file, &format!("{state}\n"))?;
    let documents = state["documents"].as_array().map_or(0, Vec::len);
    let (file, time) = (options.file.display(), state["time"].as_str().unwrap_or_default());
    terminal.note(&format!("wrote {file}: {documents} documents of {time}"));
    Ok(())
}

/// A file that holds all of `text` or is not there.
fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let fail = |source| Error::WriteFile { path: path.to_owned(), source };
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|source| {
        let _ = fs::remove_file(path);
        fail(source)
    })
}
