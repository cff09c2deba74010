//! DescribeParameters, DescribeParameterTemplates and DescribeParameterModificationHistory: what
//! can be set, what is set, what is in force, and what was set when. Must not know how it is set.

use super::describe_history_tasks::time;
use super::params::{INSTANCE_ID, Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, views};
use crate::error::{self, ApiError};
use crate::store::{Kind as StoreKind, documents};
use catalog::managed::{self, Managed};
use control_model::Instance;
use control_model::parameter::{ParameterChange, ParameterHistory};
use serde_json::{Value, json};

/// DescribeParameters.
pub const PARAMETERS: Action = Action {
    name: "DescribeParameters",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        Param { required: false, ..REGION_ID },
        Param::required("DBInstanceId", Kind::Text, "which instance"),
        Param::optional("NodeId", Kind::Text, "a node of the instance"),
    ],
    doc: "Reads the parameters of an instance as they are set and as they are in force.",
    token: None,
    handler: parameters,
};

/// DescribeParameterTemplates.
pub const TEMPLATES: Action = Action {
    name: "DescribeParameterTemplates",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        Param::required("CharacterType", Kind::OneOf(&["logic", "normal"]), "either: one table"),
        Param::required("Engine", Kind::Text, "Redis"),
        Param::required("EngineVersion", Kind::Text, "5.0, 6.0 or 7.0"),
        Param::optional("InstanceId", Kind::Text, "an instance"),
        Param::optional("ResourceGroupId", Kind::Text, "ignored"),
        Param::optional("ParameterCategory", Kind::Text, "ignored"),
    ],
    doc: "Lists the parameters of a version with default and range.",
    token: None,
    handler: templates,
};

/// DescribeParameterModificationHistory.
pub const HISTORY: Action = Action {
    name: "DescribeParameterModificationHistory",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        INSTANCE_ID,
        Param::required("StartTime", Kind::Text, "as 2026-11-22T12:00:00Z"),
        Param::required("EndTime", Kind::Text, "not before StartTime"),
        Param::optional("ParameterName", Kind::Text, "one parameter"),
        Param::optional("NodeId", Kind::Text, "a node of the instance"),
    ],
    doc: "Lists what parameters of an instance were set, the newest first.",
    token: None,
    handler: history,
};

/// Whether a call is about the instance's node: about all nodes, or about this one by name.
fn is_about_node(instance: &Instance, params: &Params<'_>) -> Result<(), ApiError> {
    match params.text("NodeId") {
        Some(node) if node != instance.node_id() && node != instance.instance_id => {
            Err(error::malformed("NodeId", "a node of the instance"))
        }
        _ => Ok(()),
    }
}

fn parameters(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("DBInstanceId"))?;
    is_about_node(&instance, params)?;
    let set = instance.effective_parameters();
    // A node that cannot be asked has nothing in force that anybody knows of.
    let running = context.nodes.parameters(&instance.node_id()).unwrap_or_default();
    let rows = || managed::rows(&instance.engine_version);
    let of_set = |row| of(row, set.get(row.name).cloned()?, Value::Bool).into();
    let text = |flag: bool| Value::from(flag.to_string());
    let of_running = |row| of(row, running.get(row.name).cloned()?, text).into();
    Ok(Done::now(json!({
        "Engine": "redis",
        "EngineVersion": instance.engine_version,
        "ConfigParameters": {"Parameter": rows().filter_map(of_set).collect::<Vec<Value>>()},
        "RunningParameters": {"Parameter": rows().filter_map(of_running).collect::<Vec<Value>>()},
    })))
}

/// A parameter with a value; `flag` writes whether it needs a restart and whether it can be set.
fn of(row: &Managed, value: String, flag: impl Fn(bool) -> Value) -> Value {
    json!({
        "CheckingCode": row.checking_code(),
        "ParameterName": row.name,
        "ParameterValue": value,
        "ForceRestart": flag(false),
        "ParameterDescription": row.doc,
        "ModifiableStatus": flag(true),
    })
}

fn templates(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (engine, version) = (params.required("Engine"), params.required("EngineVersion"));
    if !engine.eq_ignore_ascii_case("redis") {
        return Err(error::INVALID_PARAMETERS
            .says("The Specified parameter Engine is not valid. Reason: it is Redis."));
    }
    if managed::rows(version).next().is_none() {
        let text = "There are no parameters of this EngineVersion; there are of 5.0, 6.0 and 7.0.";
        return Err(ApiError { status: 403, ..error::PARAM_NOT_SUPPORTED.says(text) });
    }
    if let Some(id) = params.text("InstanceId") {
        context.instance(id)?;
    }
    let record = |row: &Managed| {
        json!({
            "CheckingCode": row.checking_code(),
            "ParameterName": row.name,
            "ParameterValue": row.default,
            "ForceModify": true,
            "ForceRestart": false,
            "ParameterDescription": row.doc,
        })
    };
    let records: Vec<Value> = managed::rows(version).map(record).collect();
    Ok(Done::now(json!({
        "Engine": "redis",
        "EngineVersion": version,
        "ParameterCount": records.len().to_string(),
        "Parameters": {"TemplateRecord": records},
    })))
}

fn history(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    is_about_node(&instance, params)?;
    let (from_unix_ms, to_unix_ms) = (time(params, "StartTime")?, time(params, "EndTime")?);
    if to_unix_ms < from_unix_ms {
        return Err(error::malformed("EndTime", "not before StartTime"));
    }
    let name = params.text("ParameterName");
    let kind = StoreKind::ParameterHistory;
    let read = documents::get::<ParameterHistory>(context.store, kind, &instance.instance_id)?;
    let all = read.map(|read| read.value.changes).unwrap_or_default();
    // An end to the second includes that second.
    let range = from_unix_ms..to_unix_ms.saturating_add(1000);
    let is_meant = |change: &&ParameterChange| {
        range.contains(&change.unix_ms) && name.is_none_or(|name| name == change.name)
    };
    let entry = |change: &ParameterChange| {
        json!({
            "ParameterName": change.name,
            "OldParameterValue": change.old,
            "NewParameterValue": change.new,
            "ModifyTime": views::time(change.unix_ms),
            "Modifier": change.user,
        })
    };
    let entries: Vec<Value> = all.iter().rev().filter(is_meant).map(entry).collect();
    Ok(Done::now(json!({"HistoricalParameters": {"HistoricalParameter": entries}})))
}
