//! `larder instance set`.

use super::session::Session;
use crate::error::Error;
use crate::options::Common;
use clap::Args;
use serde_json::json;

/// Flags of the verb.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub struct Options {
    /// Which instance
    #[arg(value_name = "ID")]
    instance_id: String,
    /// New name
    #[arg(long, group = "what")]
    name: Option<String>,
    /// Whether the instance cannot be deleted
    #[arg(long, value_name = "BOOL", group = "what")]
    protect: Option<bool>,
    /// Daily span of UTC in which the instance may be disturbed, as 01:00Z-03:00Z
    #[arg(long, value_name = "START-END", value_parser = window, group = "what")]
    window: Option<(String, String)>,
    #[command(flatten)]
    pub(super) common: Common,
}

fn window(text: &str) -> Result<(String, String), String> {
    let (start, end) = text.split_once('-').ok_or("write it as 01:00Z-03:00Z")?;
    Ok((start.to_owned(), end.to_owned()))
}

/// Changes what was given, attributes first.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let id = options.instance_id.as_str();
    let protect = options.protect.map(|on| on.to_string());
    let mut params = vec![("InstanceId", id)];
    params.extend(options.name.as_deref().map(|name| ("InstanceName", name)));
    params.extend(protect.as_deref().map(|on| ("InstanceReleaseProtection", on)));
    let mut answer = json!({});
    if params.len() > 1 {
        answer = session.call("ModifyInstanceAttribute", &params)?;
    }
    if let Some((start, end)) = &options.window {
        let params = [("InstanceId", id), ("MaintainStartTime", start), ("MaintainEndTime", end)];
        answer = session.call("ModifyInstanceMaintainTime", &params)?;
    }
    session.show(&answer, || format!("{id} was changed.\n"))
}
