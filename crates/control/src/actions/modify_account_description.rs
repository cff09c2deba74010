//! ModifyAccountDescription: what people read about an account. Nodes must not hear of it.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, accounts};
use crate::error::ApiError;
use control_model::Status;
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "ModifyAccountDescription",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        accounts::NAME,
        Param::required("AccountDescription", Kind::Text, "for people, 2–256 characters"),
    ],
    doc: "Changes the description of an account.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = params.required("AccountName");
    let text = params.required("AccountDescription");
    context.amend(params.required("InstanceId"), Status::allows_change, |it| {
        it.describe_account(name, text).map_err(accounts::refused)
    })?;
    Ok(Done::now(json!({})))
}
