//! DescribeServiceLinkedRoleExists and InitializeKvstorePermission: the service needs no role of
//! the account's, so it may always act. Must not know policies.

use super::params::{Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::ApiError;
use serde_json::json;

/// DescribeServiceLinkedRoleExists.
pub const EXISTS: Action = Action {
    name: "DescribeServiceLinkedRoleExists",
    version: KVSTORE,
    access: Access::Read,
    params: &[REGION_ID, Param::optional("Engine", Kind::Text, "ignored")],
    doc: "Tells whether the service may act for the account: always.",
    token: None,
    handler: exists,
};

/// InitializeKvstorePermission.
pub const INITIALIZE: Action = Action {
    name: "InitializeKvstorePermission",
    version: KVSTORE,
    access: Access::Write,
    params: &[REGION_ID],
    doc: "Lets the service act for the account, which it may anyway.",
    token: None,
    handler: initialize,
};

fn exists(_: &Context<'_>, _: &Params<'_>) -> Result<Done, ApiError> {
    Ok(Done::now(json!({"ExistsServiceLinkedRole": true})))
}

fn initialize(_: &Context<'_>, _: &Params<'_>) -> Result<Done, ApiError> {
    Ok(Done::now(json!({})))
}
