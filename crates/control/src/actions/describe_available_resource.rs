//! DescribeAvailableResource: what can be created, or what an instance can be changed to, as the
//! nested lists that clients walk level by level. Must not know what a host has left.

use super::params::{Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, create_instance};
use crate::error::{self, ApiError};
use control_model::class::{CLASSES, Class};
use control_model::region;
use serde_json::{Value, json};

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeAvailableResource",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        REGION_ID,
        Param::optional("ZoneId", Kind::Text, "the region's one zone unless told"),
        Param::optional("Engine", Kind::Text, "Redis in any case; others offer nothing"),
        Param::optional(
            "OrderType",
            Kind::OneOf(&["BUY", "UPGRADE", "DOWNGRADE"]),
            "BUY unless told",
        ),
        Param::optional("InstanceId", Kind::Text, "what an UPGRADE or DOWNGRADE is of"),
        Param::optional("ProductType", Kind::Text, "Local or OnECS; others offer nothing"),
        Param::optional("InstanceChargeType", Kind::Text, "ignored: nothing is billed"),
    ],
    doc: "Lists the classes that can be created, or that an instance can be changed to.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let region_id = params.required("RegionId");
    if !region::well_formed(region_id) {
        return Err(error::INVALID_REGION.plain());
    }
    let zone_id = match params.text("ZoneId") {
        Some(zone_id) if !region::well_formed(zone_id) => {
            return Err(error::ZONE_NOT_FOUND.plain());
        }
        Some(zone_id) => zone_id.to_owned(),
        None => region::default_zone(region_id),
    };
    let classes = classes(context, params)?;
    let zones: Vec<Value> = if classes.is_empty() {
        Vec::new()
    } else {
        vec![json!({
            "ZoneId": zone_id,
            "ZoneName": zone_id,
            "RegionId": region_id,
            "IsMainSale": true,
            "SupportedEngines": {"SupportedEngine": [engine(&classes)]},
        })]
    };
    Ok(Done::now(json!({"AvailableZones": {"AvailableZone": zones}})))
}

/// The classes that engine, product and order leave.
fn classes(context: &Context<'_>, params: &Params<'_>) -> Result<Vec<&'static Class>, ApiError> {
    let order = params.text("OrderType").unwrap_or("BUY");
    let mut present_mb = 0;
    if order != "BUY" {
        let id = params.text("InstanceId").ok_or_else(|| error::missing("InstanceId"))?;
        present_mb = context.instance(id)?.class().capacity_mb;
    }
    let engine = params.text("Engine").unwrap_or("Redis");
    let family = match params.text("ProductType").unwrap_or("Local") {
        _ if !engine.eq_ignore_ascii_case("Redis") => return Ok(Vec::new()),
        "Local" => "redis.master.",
        "OnECS" => "redis.shard.",
        "Tair_rdb" => "tair.rdb.",
        _ => return Ok(Vec::new()),
    };
    let fits = |class: &&Class| match order {
        "UPGRADE" => class.capacity_mb > present_mb,
        "DOWNGRADE" => class.capacity_mb < present_mb,
        _ => true,
    };
    Ok(CLASSES.iter().filter(|class| class.name.starts_with(family)).filter(fits).collect())
}

/// One engine down to its engine versions. Terraform falls over a level that is not there.
fn engine(classes: &[&Class]) -> Value {
    let versions: Vec<Value> =
        create_instance::ENGINE_VERSIONS.iter().map(|name| version(name, classes)).collect();
    json!({
        "Engine": "Redis",
        "SupportedEditionTypes": {"SupportedEditionType": [{
            "EditionType": "Community",
            "SupportedSeriesTypes": {"SupportedSeriesType": [{
                "SeriesType": "standard",
                "SupportedEngineVersions": {"SupportedEngineVersion": versions},
            }]},
        }]},
    })
}

/// One engine version down to its classes: a single node without shards.
fn version(name: &str, classes: &[&Class]) -> Value {
    let resource = |class: &&Class| {
        let remark = format!("{} MB, {} connections", class.capacity_mb, class.connections_max);
        json!({
            "InstanceClass": class.name,
            "InstanceClassRemark": remark,
            "Capacity": class.capacity_mb,
        })
    };
    let resources: Vec<Value> = classes.iter().map(resource).collect();
    json!({
        "Version": name,
        "SupportedArchitectureTypes": {"SupportedArchitectureType": [{
            "Architecture": "standard",
            "SupportedShardNumbers": {"SupportedShardNumber": [{
                "ShardNumber": "1",
                "SupportedNodeTypes": {"SupportedNodeType": [{
                    "SupportedNodeType": "single",
                    "AvailableResources": {"AvailableResource": resources},
                }]},
            }]},
        }]},
    })
}
