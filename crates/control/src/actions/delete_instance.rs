//! DeleteInstance: marks the intent; the reconciler takes the node away and forgets the instance.
//! Must not know what a node leaves behind.

use super::params::{INSTANCE_ID, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use crate::tasks;
use control_model::Status;
use control_model::task::{Outcome, TaskKind};
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

/// DestroyInstance: what DeleteInstance leaves nothing of needs no purging.
pub const DESTROY: Action = Action {
    name: "DestroyInstance",
    version: KVSTORE,
    access: Access::Write,
    params: &[INSTANCE_ID],
    doc: "Purges a released instance; there is no recycle bin that would keep one.",
    token: None,
    handler: destroy,
};

/// A released instance is on its way out already.
fn destroy(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let status = context.status(&context.instance(params.required("InstanceId"))?);
    if status == Status::Released {
        return Ok(Done::now(json!({})));
    }
    let row = &error::INCORRECT_STATE;
    let cure = "DeleteInstance releases an instance and its data at once";
    Err(row.says(format!("{} It is {}; {cure}.", row.message, status.name())))
}

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (store, now_unix_ms) = (context.store, context.now_unix_ms);
    context.update(params.required("InstanceId"), Status::allows_delete, |instance| {
        if instance.release_protection {
            return Ok(Err(error::RELEASE_PROTECTION.plain()));
        }
        // What is seen to have come about need not be noted yet.
        let is_normal = context.status(instance) == Status::Normal;
        let former = if is_normal { Outcome::Succeed } else { Outcome::Canceled };
        instance.touch();
        instance.deleting = true;
        let mut changes = tasks::cancel_queued(store, instance, now_unix_ms)?;
        let task = (TaskKind::Delete, former);
        changes.extend(tasks::open(store, instance, task, now_unix_ms)?.1);
        Ok(Ok(changes))
    })?;
    Ok(Done::now(json!({})))
}
