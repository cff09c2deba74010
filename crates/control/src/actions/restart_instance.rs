//! RestartInstance: wants one incarnation more. Must not know processes.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, When};
use crate::error::ApiError;
use control_model::task::Change;
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
            "now, or in the maintenance window: 1 or MaintainTime",
        ),
        Param::optional("UpgradeMinorVersion", Kind::Boolean, "ignored"),
    ],
    doc: "Restarts an instance, with a save before.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let id = params.required("InstanceId");
    let task = context.begin(id, &Change::Restart, When::of(params))?;
    Ok(Done::now(json!({"InstanceId": id, "TaskId": task})))
}
