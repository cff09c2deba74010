//! BackupState: everything that the control plane remembers, for safekeeping elsewhere. Must not
//! know what documents mean.

use super::params::Params;
use super::table::LARDER;
use super::{Access, Action, Context, Done};
use crate::error::ApiError;
use crate::state;
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "BackupState",
    version: LARDER,
    access: Access::Write,
    params: &[],
    doc: "Gives the control plane's whole memory; secrets in it open only with master.key.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, _: &Params<'_>) -> Result<Done, ApiError> {
    context.operator()?;
    let state = state::export(context.store, &context.settings.key_id, context.now_unix_ms)?;
    Ok(Done::now(json!({ "State": state })))
}
