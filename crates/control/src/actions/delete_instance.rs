//! DeleteInstance: marks the intent; the reconciler takes the node away and puts the instance into
//! the recycle bin, or forgets it where there is none. Must not know what a node leaves behind.

use super::params::{INSTANCE_ID, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use crate::tasks;
use control_model::task::{Outcome, TaskKind};
use control_model::{Status, recycle};
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "DeleteInstance",
    version: KVSTORE,
    access: Access::Write,
    params: &[INSTANCE_ID],
    doc: "Deletes an instance; its data stay in the recycle bin for some days.",
    token: None,
    handler: run,
};

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
        instance.kept = recycle::keep(context.settings.recycle_days, now_unix_ms);
        let mut changes = tasks::cancel_queued(store, instance, now_unix_ms)?;
        let task = (TaskKind::Delete, former);
        changes.extend(tasks::open(store, instance, task, now_unix_ms)?.1);
        Ok(Ok(changes))
    })?;
    Ok(Done::now(json!({})))
}
