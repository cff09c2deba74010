//! DescribeRoleZoneInfo and DescribeLogicInstanceTopology: the one data node of an instance; there
//! are no proxies. Must not know whether the node is up.

use super::describe_engine_version::minor_version;
use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::ApiError;
use control_model::Instance;
use control_model::selector::page;
use serde_json::{Value, json};

/// DescribeRoleZoneInfo.
pub const ROLES: Action = Action {
    name: "DescribeRoleZoneInfo",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        INSTANCE_ID,
        Param::optional("QueryType", Kind::Integer { min: 0, max: 1 }, "1 data, 0 proxies"),
        Param::optional("PageNumber", Kind::Integer { min: 1, max: 1 << 31 }, "from 1"),
        Param::optional("PageSize", Kind::Integer { min: 1, max: 100 }, "10 unless told"),
    ],
    doc: "Lists the nodes of an instance with their roles and zones.",
    token: None,
    handler: roles,
};

/// DescribeLogicInstanceTopology.
pub const TOPOLOGY: Action = Action {
    name: "DescribeLogicInstanceTopology",
    version: KVSTORE,
    access: Access::Read,
    params: &[INSTANCE_ID],
    doc: "Lists the data nodes and the proxies of an instance.",
    token: None,
    handler: topology,
};

fn roles(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let proxies = params.integer("QueryType") == Some(0);
    let nodes: Vec<Value> = if proxies { Vec::new() } else { vec![role(&instance)] };
    let number = params.integer("PageNumber").unwrap_or(1);
    let size = params.integer("PageSize").unwrap_or(10);
    Ok(Done::now(json!({
        "PageNumber": number,
        "PageSize": size,
        "TotalCount": nodes.len(),
        "Node": {"NodeInfo": page(nodes, number as usize, size as usize)},
    })))
}

fn role(instance: &Instance) -> Value {
    json!({
        "NodeId": instance.node_id(),
        "CustinsId": instance.node_id(),
        "InsName": instance.instance_id,
        "InsType": 0,
        "NodeType": "normal",
        "Role": "master",
        "ZoneId": instance.zone_id,
        "DefaultBandWidth": instance.class().bandwidth_mb_per_s,
        "CurrentBandWidth": instance.bandwidth_mb_per_s(),
        "IsOpenBandWidthService": instance.raised_bandwidth_mb_per_s.is_some(),
        "CurrentMinorVersion": minor_version(instance),
        "IsLatestVersion": 1,
    })
}

fn topology(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let class = instance.class();
    let node = json!({
        "NodeId": instance.node_id(),
        "NodeType": "db",
        "SubInstanceType": "master",
        "Capacity": class.capacity_mb.to_string(),
        "Connection": class.connections_max.to_string(),
        "Bandwidth": instance.bandwidth_mb_per_s().to_string(),
    });
    Ok(Done::now(json!({
        "InstanceId": instance.instance_id,
        "RedisProxyList": {"NodeInfo": []},
        "RedisShardList": {"NodeInfo": [node]},
    })))
}
