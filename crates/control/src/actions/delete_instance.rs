//! DeleteInstance: marks the intent; the reconciler takes the node away and forgets the instance.
//! Must not know what a node leaves behind.

use super::params::{INSTANCE_ID, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::ApiError;
use control_model::Status;
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "DeleteInstance",
    version: KVSTORE,
    access: Access::Write,
    params: &[INSTANCE_ID],
    doc: "Deletes an instance and its data.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    context.change(params.required("InstanceId"), Status::allows_delete, |instance| {
        instance.deleting = true;
        Ok(())
    })?;
    Ok(Done::now(json!({})))
}
