//! ModifyInstanceParameter: sets parameters of an instance from a group, from a JSON object, or
//! from both, where the object wins. The group is copied. Must not know ranges.

use super::params::{INSTANCE_ID, Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, After, Context, Done, instance_config, object, parameter_groups};
use crate::error::{self, ApiError};
use control_model::{Instance, Status, parameter};
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "ModifyInstanceParameter",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        REGION_ID,
        INSTANCE_ID,
        Param::optional("ParameterGroupId", Kind::Text, "a group of the instance's version"),
        Param::optional("Parameters", Kind::Text, "names and values as a JSON object"),
    ],
    doc: "Sets parameters of an instance from a parameter group or a JSON object.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let id = params.required("InstanceId");
    let changed = context.update(id, Status::allows_change, |instance| {
        match wanted(context, params, instance) {
            Ok(wanted) => instance_config::set(context, instance, &wanted).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    })?;
    let (node_id, generation) = (changed.node_id(), changed.generation);
    // No task is left to follow: all is in force when the call returns.
    let body = object(json!({"InstanceId": id, "TaskId": 0}));
    Ok(Done { body, after: After::Enforced { node_id, generation } })
}

/// Names with values, the later ones of the same name winning.
fn wanted(
    context: &Context<'_>,
    params: &Params<'_>,
    instance: &Instance,
) -> Result<Vec<(String, String)>, ApiError> {
    let version = &instance.engine_version;
    let (name, text) = ("ParameterGroupId", params.text("Parameters"));
    let mut wanted = match params.text(name) {
        Some(group_id) => parameter_groups::values(context, (name, group_id), version)?,
        None if text.is_none() => {
            let text = "ParameterGroupId or Parameters is mandatory for this action.";
            return Err(error::MISSING_PARAMETER.says(text));
        }
        None => Vec::new(),
    };
    if let Some(text) = text {
        let given = parameter::parse(version, text);
        let given =
            given.map_err(|fault| instance_config::refused("Parameters", version, &fault))?;
        wanted.retain(|(name, _)| given.iter().all(|(known, _)| known != name));
        wanted.extend(given);
    }
    Ok(wanted)
}
