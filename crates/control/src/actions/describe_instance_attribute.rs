//! DescribeInstanceAttribute: everything about one instance; what every client polls. Must not know
//! how the status came about.

use super::params::{INSTANCE_ID, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, views};
use crate::error::ApiError;
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeInstanceAttribute",
    version: KVSTORE,
    access: Access::Read,
    params: &[INSTANCE_ID],
    doc: "Tells all attributes of one instance.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let item = views::attribute(&instance, context.status(&instance), context.settings);
    Ok(Done::now(json!({"Instances": {"DBInstanceAttribute": [item]}})))
}
