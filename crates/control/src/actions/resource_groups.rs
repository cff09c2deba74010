//! Resource groups: a word that instances are sorted by. Groups are not kept here, so any
//! well-formed id names one. ModifyResourceGroup.

use super::params::{INSTANCE_ID, Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use control_model::{Status, name};
use serde_json::json;

/// ModifyResourceGroup.
pub const MODIFY: Action = Action {
    name: "ModifyResourceGroup",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        REGION_ID,
        INSTANCE_ID,
        Param::required("ResourceGroupId", Kind::Text, "rg-…"),
        Param::optional("ClientToken", Kind::Text, "of no effect: repeating changes nothing"),
    ],
    doc: "Puts an instance into another resource group.",
    token: None,
    handler: modify,
};

fn modify(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let group = given(params)?;
    context.amend(params.required("InstanceId"), Status::allows_change, |instance| {
        instance.resource_group_id.clone_from(&group);
        Ok(())
    })?;
    Ok(Done::now(json!({})))
}

/// The resource group that a request names, or the default one.
///
/// # Errors
/// `ResourceGroupNotExist` when it cannot be one.
pub fn given(params: &Params<'_>) -> Result<String, ApiError> {
    match params.text("ResourceGroupId") {
        None => Ok(name::RESOURCE_GROUP_DEFAULT.to_owned()),
        Some(id) if name::resource_group_id(id) => Ok(id.to_owned()),
        Some(_) => Err(error::RESOURCE_GROUP.plain()),
    }
}
