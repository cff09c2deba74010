//! ModifyInstanceVpcAuthMode: whether connections need AUTH; in force when the call returns. Must
//! not know who may connect at all; the allowlist is checked either way.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use control_model::Status;

/// The row.
pub const SPEC: Action = Action {
    name: "ModifyInstanceVpcAuthMode",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::required("VpcAuthMode", Kind::Text, "Open: with password; Close: without"),
    ],
    doc: "Switches access without password on or off.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let password_free = match params.required("VpcAuthMode").to_ascii_lowercase().as_str() {
        "open" => false,
        "close" => true,
        _ => return Err(error::malformed("VpcAuthMode", "Open or Close")),
    };
    let id = params.required("InstanceId");
    let changed = context.change(id, Status::allows_change, |instance| {
        instance.password_free = password_free;
        Ok(())
    })?;
    Ok(Done::enforced(&changed))
}
