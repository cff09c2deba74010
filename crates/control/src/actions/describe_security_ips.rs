//! DescribeSecurityIps: the allowlist groups as written. Must not know what they admit.

use super::params::{INSTANCE_ID, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::ApiError;
use serde_json::{Value, json};

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeSecurityIps",
    version: KVSTORE,
    access: Access::Read,
    params: &[INSTANCE_ID],
    doc: "Lists the allowlist groups of an instance.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let groups = instance.groups.groups.iter().map(|group| {
        json!({
            "SecurityIpGroupName": group.name,
            "SecurityIpGroupAttribute": group.attribute,
            "SecurityIpList": group.entries.join(","),
        })
    });
    let groups: Vec<Value> = groups.collect();
    Ok(Done::now(json!({"SecurityIpGroups": {"SecurityIpGroup": groups}})))
}
