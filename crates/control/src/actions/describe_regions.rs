//! DescribeRegions: this host as a region. Must not know other installations.

use super::params::{Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::ApiError;
use control_model::region::{REGION, ZONE};
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeRegions",
    version: KVSTORE,
    access: Access::Read,
    params: &[Param::optional("AcceptLanguage", Kind::Text, "ignored")],
    doc: "Lists the regions: this host.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, _: &Params<'_>) -> Result<Done, ApiError> {
    let region = json!({
        "RegionId": REGION,
        "LocalName": "This host",
        "RegionEndpoint": context.settings.api,
        "ZoneIds": ZONE,
        "ZoneIdList": {"ZoneId": [ZONE]},
    });
    Ok(Done::now(json!({"RegionIds": {"KVStoreRegion": [region]}})))
}
