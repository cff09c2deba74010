//! BackupState: everything that the control plane remembers, for safekeeping elsewhere. Must not
//! know what documents mean.

use super::params::Params;
use super::table::LARDER;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use crate::state;
use crate::store::{Kind, documents};
use control_model::account::Bootstrap;
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
    let operator = documents::list::<Bootstrap>(context.store, Kind::Bootstrap)?;
    if operator.iter().all(|read| read.value.account_id != context.account_id) {
        let text = "Only the installation's first account may back its state up.";
        return Err(error::NO_PERMISSION.says(text));
    }
    let state = state::export(context.store, &context.settings.key_id, context.now_unix_ms)?;
    Ok(Done::now(json!({ "State": state })))
}
