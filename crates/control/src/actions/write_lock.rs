//! LockDBInstanceWrite and UnlockDBInstanceWrite: the accounts of an instance read and do not write
//! until it is unlocked. In force when the call returns. Must not know how nodes refuse.

use super::params::{Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, After, Context, Done, object};
use crate::error::{self, ApiError};
use control_model::{Instance, Status, name};
use serde_json::{Value, json};

const INSTANCE: Param = Param::required("DBInstanceId", Kind::Text, "which instance");

/// LockDBInstanceWrite.
pub const LOCK: Action = Action {
    name: "LockDBInstanceWrite",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE,
        Param::required("LockReason", Kind::Text, "up to 128 characters; clients see it"),
    ],
    doc: "Has an instance refuse writes, with the reason.",
    token: None,
    handler: |context, params| {
        let reason = params.required("LockReason");
        if !name::lock_reason(reason) {
            let wanted = "1 to 128 characters that can be shown, on one line";
            return Err(error::malformed("LockReason", wanted));
        }
        set(context, params, Some(reason), json!({"LockReason": reason}))
    },
};

/// UnlockDBInstanceWrite.
pub const UNLOCK: Action = Action {
    name: "UnlockDBInstanceWrite",
    version: KVSTORE,
    access: Access::Write,
    params: &[INSTANCE],
    doc: "Has an instance take writes again.",
    token: None,
    handler: |context, params| set(context, params, None, json!({})),
};

fn set(
    context: &Context<'_>,
    params: &Params<'_>,
    reason: Option<&str>,
    more: Value,
) -> Result<Done, ApiError> {
    let id = params.required("DBInstanceId");
    let changed = context.amend(id, Status::allows_change, |instance| {
        if instance.write_lock.as_deref() != reason {
            instance.write_lock = reason.map(str::to_owned);
            instance.touch();
        }
        Ok(())
    })?;
    // No task is left to follow.
    let mut body = object(json!({"DBInstanceName": id, "TaskId": 0}));
    body.extend(object(more));
    let (node_id, generation) = (changed.node_id(), changed.generation);
    Ok(Done { body, after: After::Enforced { node_id, generation } })
}

/// Refuses what would change the data of an instance that is locked.
///
/// # Errors
/// `IncorrectDBInstanceLockMode`, with the reason of the lock.
pub fn check(instance: &Instance) -> Result<(), ApiError> {
    let Some(reason) = &instance.write_lock else { return Ok(()) };
    let row = &error::LOCK_MODE;
    Err(row.says(format!("{} Reason: {reason}", row.message)))
}
