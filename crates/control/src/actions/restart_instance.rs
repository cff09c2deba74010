//! RestartInstance: wants one incarnation more. Must not know processes.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use control_model::Status;
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "RestartInstance",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::optional(
            "EffectiveTime",
            Kind::OneOf(&["0", "1", "Immediately", "MaintainTime"]),
            "0 or Immediately",
        ),
        Param::optional("UpgradeMinorVersion", Kind::Boolean, "ignored"),
    ],
    doc: "Restarts an instance, with a save before.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    if matches!(params.text("EffectiveTime"), Some("1" | "MaintainTime")) {
        let text = "EffectiveTime MaintainTime is not available in this version of Larder yet.";
        return Err(error::INVALID_PARAMETER.says(text));
    }
    let id = params.required("InstanceId");
    let changed = context.change(id, Status::allows_change, |instance| {
        instance.incarnation += 1;
        Ok(())
    })?;
    let task = format!("t-{}-{}", changed.instance_id, changed.incarnation);
    Ok(Done::now(json!({"InstanceId": changed.instance_id, "TaskId": task})))
}
