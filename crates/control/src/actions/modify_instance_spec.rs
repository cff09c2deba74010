//! ModifyInstanceSpec: another class. The node takes its limits over while it serves; a class that
//! the data would not fit is refused. Must not know how a node enforces a limit.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, When, later};
use crate::error::{self, ApiError};
use control_model::task::Change;
use control_model::{Instance, class, selector};
use serde_json::json;

const COUNT: Kind = Kind::Integer { min: 0, max: 1000 };

/// The row.
pub const SPEC: Action = Action {
    name: "ModifyInstanceSpec",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::optional("InstanceClass", Kind::Text, "size by name"),
        Param::optional(
            "EffectiveTime",
            Kind::OneOf(&["0", "1", "Immediately", "MaintainTime"]),
            "now, or in the maintenance window: 1 or MaintainTime",
        ),
        Param::optional("ClientToken", Kind::Text, "makes a repeated request the same request"),
        Param::optional("ForceUpgrade", Kind::Boolean, "of no effect: nothing needs force"),
        Param::optional("ForceTrans", Kind::Boolean, "of no effect: nothing needs force"),
        Param::optional("MajorVersion", Kind::Text, "the present one"),
        Param::optional(
            "NodeType",
            Kind::OneOf(&["MASTER_SLAVE", "STAND_ALONE", "double", "single"]),
            "the present one",
        ),
        Param::optional("ShardCount", COUNT, "1"),
        Param::optional("ReplicaCount", COUNT, "0"),
        Param::optional("SlaveReplicaCount", COUNT, "0"),
        Param::optional("ReadOnlyCount", COUNT, "0"),
        Param::optional("SlaveReadOnlyCount", COUNT, "0"),
    ],
    doc: "Changes an instance's class while it serves; it then has the bandwidth of that class.",
    token: Some("ClientToken"),
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    if let Some(made) = context.token.as_ref().and_then(|token| token.made.as_ref()) {
        return Ok(Done::now(json!({"OrderId": made.resource_id})));
    }
    supported(&instance, params)?;
    let Some(name) = params.text("InstanceClass") else {
        return Err(error::MISSING_PARAMETER.says("InstanceClass is mandatory for this action."));
    };
    let none = || error::INVALID_CLASS.says(format!("There is no InstanceClass {name}."));
    if name == instance.class {
        return Err(error::SAME_CLASS.says(format!("The instance is of class {name} already.")));
    }
    let limit_bytes = class::find(name).ok_or_else(none)?.capacity_mb << 20;
    if limit_bytes < instance.class().capacity_mb << 20 {
        let used_bytes = context.nodes.status(&instance.node_id())?.used_memory_bytes;
        if used_bytes > limit_bytes {
            let row = &error::TARGET_MEMORY;
            let figures = format!("{used_bytes} bytes are used, {name} has {limit_bytes}");
            return Err(row.says(format!("{} Reason: {figures}.", row.message)));
        }
    }
    let change = Change::Spec { class: name.to_owned() };
    let task = context.begin(&instance.instance_id, &change, When::of(params))?;
    Ok(Done::now(json!({"OrderId": task})))
}

/// What is documented and cannot be done yet is refused rather than left out silently.
fn supported(instance: &Instance, params: &Params<'_>) -> Result<(), ApiError> {
    later::one_node(params)?;
    if params.text("MajorVersion").is_some_and(|version| version != instance.engine_version) {
        return Err(later::value("MajorVersion"));
    }
    let same = |word: &str| selector::node_type(word) == instance.node_type;
    if params.text("NodeType").is_some_and(|word| !same(word)) {
        return Err(later::value("NodeType"));
    }
    Ok(())
}
