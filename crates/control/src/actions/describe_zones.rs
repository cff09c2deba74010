//! DescribeZones: the one zone of whatever region is asked for. Must not know hosts.

use super::params::{Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use control_model::region;
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeZones",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        Param::optional("RegionId", Kind::Text, "this host's region unless told"),
        Param::optional("AcceptLanguage", Kind::Text, "ignored"),
    ],
    doc: "Lists the zones of a region.",
    token: None,
    handler: run,
};

fn run(_: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let region_id = params.text("RegionId").unwrap_or(region::REGION);
    if !region::well_formed(region_id) {
        return Err(error::INVALID_REGION.plain());
    }
    let zone_id = region::default_zone(region_id);
    let zone = json!({
        "ZoneId": zone_id,
        "ZoneName": zone_id,
        "RegionId": region_id,
        "IsRds": true,
        "Disabled": false,
        "SwitchNetwork": false,
    });
    Ok(Done::now(json!({"Zones": {"KVStoreZone": [zone]}})))
}
