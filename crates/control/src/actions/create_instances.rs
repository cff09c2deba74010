//! CreateInstances and CreateTairInstance: other forms of CreateInstance, translated into it. Must
//! not decide what an instance may be.

use super::params::{Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, create_instance, making, views};
use crate::error::{self, ApiError};
use control_model::{Instance, name};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Instances of one request.
const INSTANCES_MAX: usize = 50;

/// CreateInstances.
pub const SEVERAL: Action = Action {
    name: "CreateInstances",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        // They hold passwords.
        Param::required("Instances", Kind::Secret, "a JSON list of CreateInstance's parameters"),
        Param::optional("EngineVersion", Kind::Text, "of those that name none"),
        Param::optional("ResourceGroupId", Kind::Text, "of those that name none"),
        Param::optional("RebuildInstance", Kind::Boolean, "false: there is no recycle bin for it"),
        Param::optional("Token", Kind::Text, "makes a repeated request the same request"),
    ],
    doc: "Creates several instances, all or none.",
    token: Some("Token"),
    handler: several,
};

/// CreateTairInstance.
pub const TAIR: Action = Action {
    name: "CreateTairInstance",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        REGION_ID,
        Param::required("InstanceClass", Kind::Text, "size by name"),
        Param::required(
            "InstanceType",
            Kind::OneOf(&["tair_rdb", "tair_scm", "tair_essd"]),
            "tair_rdb: data are in memory",
        ),
        Param::optional("ClientToken", Kind::Text, "makes a repeated request the same request"),
        Param::optional("Password", Kind::Secret, "of the default accounts; may be set later"),
        Param::optional(
            "ShardType",
            Kind::OneOf(&["MASTER_SLAVE", "STAND_ALONE"]),
            "kept; there is one node now",
        ),
        Param::optional("DryRun", Kind::Boolean, "only check; never succeeds"),
        Param::optional("InstanceName", Kind::Text, "as of CreateInstance"),
        Param::optional("ZoneId", Kind::Text, "as of CreateInstance"),
        Param::optional("VpcId", Kind::Text, "as of CreateInstance"),
        Param::optional("VSwitchId", Kind::Text, "as of CreateInstance"),
        Param::optional("ChargeType", Kind::Text, "as of CreateInstance"),
        Param::optional("EngineVersion", Kind::Text, "as of CreateInstance"),
        Param::optional("Port", Kind::Text, "as of CreateInstance"),
        Param::optional("ResourceGroupId", Kind::Text, "as of CreateInstance"),
        Param::optional("ShardCount", Kind::Text, "as of CreateInstance"),
        Param::optional("ReplicaCount", Kind::Text, "as of CreateInstance"),
        Param::optional("SlaveReplicaCount", Kind::Text, "as of CreateInstance"),
        Param::optional("ReadOnlyCount", Kind::Text, "as of CreateInstance"),
        Param::optional("SlaveReadOnlyCount", Kind::Text, "as of CreateInstance"),
        Param::optional("SrcDBInstanceId", Kind::Text, "as of CreateInstance"),
        Param::optional("BackupId", Kind::Text, "as of CreateInstance"),
        Param::optional("ClusterBackupId", Kind::Text, "as of CreateInstance"),
        Param::optional("RestoreTime", Kind::Text, "as of CreateInstance"),
        Param::optional("GlobalSecurityGroupIds", Kind::Text, "as of CreateInstance"),
        Param::optional("ParamGroupId", Kind::Text, "as of CreateInstance"),
        Param::optional("MaintainStartTime", Kind::Text, "as of CreateInstance"),
        Param::optional("MaintainEndTime", Kind::Text, "as of CreateInstance"),
        Param::optional("Tag", Kind::Tags, "as of CreateInstance"),
    ],
    doc: "Creates an instance of a Tair class, which works like any other.",
    token: Some("ClientToken"),
    handler: tair,
};

fn several(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    token(params, "Token")?;
    if let Some(made) = making::made_before(context)? {
        return Ok(ids(&made));
    }
    let wanted = "a JSON list of 1 to 50 objects with the parameters of CreateInstance";
    let list: Option<Vec<Map<String, Value>>> =
        serde_json::from_str(params.required("Instances")).ok();
    let list = list.filter(|list| (1..=INSTANCES_MAX).contains(&list.len()));
    let list = list.ok_or_else(|| error::malformed("Instances", wanted))?;
    let mut instances = Vec::new();
    for (number, fields) in list.iter().enumerate() {
        let of_it = |error: ApiError| ApiError {
            message: format!("Instances[{number}]: {}", error.message),
            ..error
        };
        let mut given = flat(fields).ok_or_else(|| error::malformed("Instances", wanted))?;
        for name in ["EngineVersion", "ResourceGroupId"] {
            if let Some(value) = params.text(name) {
                given.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        instances.push(prepare(context, &given).map_err(of_it)?);
    }
    making::room_for(context, instances.len())?;
    making::persist(context, &mut instances)?;
    Ok(ids(&instances))
}

fn ids(instances: &[Instance]) -> Done {
    let ids: Vec<_> = instances.iter().map(|instance| &instance.instance_id).collect();
    Done::now(json!({"OrderId": "", "InstanceIds": {"InstanceId": ids}}))
}

/// A request of CreateInstance, checked as one that came by itself.
fn prepare(context: &Context<'_>, given: &BTreeMap<String, String>) -> Result<Instance, ApiError> {
    let params = Params::check(given, create_instance::SPEC.params)?;
    create_instance::prepare(context, &params)
}

/// Parameters as they would come by themselves; `None` for values that no parameter has.
fn flat(fields: &Map<String, Value>) -> Option<BTreeMap<String, String>> {
    let mut given = BTreeMap::new();
    for (name, value) in fields {
        match value {
            Value::Null => {}
            Value::String(text) => drop(given.insert(name.clone(), text.clone())),
            Value::Number(number) => drop(given.insert(name.clone(), number.to_string())),
            Value::Bool(flag) => drop(given.insert(name.clone(), flag.to_string())),
            Value::Array(tags) if name == "Tag" => {
                for (number, tag) in (1..).zip(tags) {
                    for field in ["Key", "Value"] {
                        let text = tag.get(field).map_or(Some(""), Value::as_str)?;
                        given.insert(format!("Tag.{number}.{field}"), text.to_owned());
                    }
                }
            }
            Value::Array(_) | Value::Object(_) => return None,
        }
    }
    Some(given)
}

fn tair(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    token(params, "ClientToken")?;
    if params.text("InstanceType") != Some("tair_rdb") {
        return Err(super::later::value("InstanceType"));
    }
    let mut given = params.given().clone();
    given.remove("InstanceType");
    if let Some(kind) = given.remove("ShardType") {
        given.insert("NodeType".to_owned(), kind);
    }
    if let Some([made]) = making::made_before(context)?.as_deref() {
        return Ok(answer(context, made));
    }
    let instance = prepare(context, &given)?;
    if params.is_true("DryRun") {
        making::room_for(context, 1)?;
        return Err(error::DRY_RUN.plain());
    }
    making::room_for(context, 1)?;
    let mut instances = [instance];
    making::persist(context, &mut instances)?;
    let [instance] = instances;
    Ok(answer(context, &instance))
}

/// The instance, and the task that makes it.
fn answer(context: &Context<'_>, instance: &Instance) -> Done {
    let mut body = views::snapshot(instance, context.status(instance), context.settings);
    let task = instance.running.as_ref().map(|running| running.task_id.clone());
    body.insert("TaskId".to_owned(), task.unwrap_or_default().into());
    Done { body, after: super::After::Nothing }
}

fn token(params: &Params<'_>, name: &str) -> Result<(), ApiError> {
    let is_good = params.text(name).is_none_or(name::client_token);
    if is_good { Ok(()) } else { Err(error::INVALID_TOKEN.plain()) }
}
