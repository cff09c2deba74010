//! DescribeInstancesOverview: all instances at once with few fields. Must not know how filters
//! match.

use super::params::{Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, describe_instances, views};
use crate::error::ApiError;
use serde_json::{Value, json};

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeInstancesOverview",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        REGION_ID,
        Param::optional("InstanceIds", Kind::Text, "up to 30, comma-separated"),
        Param::optional("InstanceStatus", Kind::Text, "exact; Released: the recycle bin"),
        Param::optional("SearchKey", Kind::Text, "part of id or name"),
        Param::optional("ArchitectureType", Kind::Text, "exact"),
        Param::optional("ChargeType", Kind::Text, "exact"),
        Param::optional("EditionType", Kind::Text, "exact"),
        Param::optional("EngineVersion", Kind::Text, "exact"),
        Param::optional("InstanceClass", Kind::Text, "exact"),
        Param::optional("InstanceType", Kind::Text, "exact"),
        Param::optional("NetworkType", Kind::Text, "exact"),
        Param::optional("NodeType", Kind::Text, "exact, either word"),
        Param::optional("VpcId", Kind::Text, "exact"),
        Param::optional("VSwitchId", Kind::Text, "exact"),
        Param::optional("ZoneId", Kind::Text, "exact"),
        Param::optional("PrivateIp", Kind::Text, "exact"),
    ],
    doc: "Lists instances, filtered, with their main fields and without pages.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let found = describe_instances::select(context, params)?;
    let item = |(instance, status): &_| views::overview(instance, *status, context.settings);
    let items: Vec<Value> = found.iter().map(item).collect();
    Ok(Done::now(json!({"TotalCount": items.len(), "Instances": items})))
}
