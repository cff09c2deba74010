//! Flags that several verbs share. Knows what they are called, not what they do.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Flags of every verb that calls the API.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Profile with address and access key, as `larder up --ready-file` writes it
    /// [env: LARDER_PROFILE]
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// How to print the result
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = Format::Table)]
    pub output: Format,
}

/// Form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For scripts: the API's own words
    Json,
}

/// Flags of verbs that start a change.
#[derive(Debug, Clone, Args)]
pub struct Waiting {
    /// Return when the change is done, not when it is accepted
    #[arg(long)]
    pub wait: bool,
    /// Longest time to wait
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub wait_timeout: u64,
}

/// Flags of verbs that start a change which may wait.
#[derive(Debug, Clone, Args)]
pub struct Timing {
    /// Not now but in the maintenance window
    #[arg(long, conflicts_with = "wait")]
    pub in_window: bool,
    /// How the verb waits.
    #[command(flatten)]
    pub waiting: Waiting,
}

impl Timing {
    /// `EffectiveTime` of the API.
    #[must_use]
    pub fn effective_time(&self) -> &'static str {
        if self.in_window { "MaintainTime" } else { "Immediately" }
    }
}

/// Where a new password comes from.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub struct PasswordSource {
    /// Password; other users of this machine can see it in the process list
    #[arg(long, value_name = "TEXT")]
    pub password: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,
}
