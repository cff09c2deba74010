//! ModifyInstanceAttribute: changes name, password of the default accounts, release protection; all
//! that was given, or nothing. Must not keep the password.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use crate::vault;
use control_model::{Status, name, password};
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "ModifyInstanceAttribute",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::optional("InstanceName", Kind::Text, "name for people, 2–80 characters"),
        Param::optional("NewPassword", Kind::Secret, "of the default accounts"),
        Param::optional("InstanceReleaseProtection", Kind::Boolean, "whether it cannot be deleted"),
    ],
    doc: "Changes an instance's name, password or release protection.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (new_name, new_password) = (params.text("InstanceName"), params.text("NewPassword"));
    let protection = params.text("InstanceReleaseProtection").is_some();
    let changed =
        context.amend(params.required("InstanceId"), Status::allows_change, |instance| {
            if new_name.is_none() && new_password.is_none() && !protection {
                let text = "InstanceName, NewPassword or InstanceReleaseProtection is mandatory.";
                return Err(error::MISSING_PARAMETER.says(text));
            }
            if let Some(new_name) = new_name {
                if !name::instance_name(new_name) {
                    return Err(error::INVALID_INSTANCE_NAME.plain());
                }
                instance.name = new_name.to_owned();
            }
            if let Some(new_password) = new_password {
                if let Err(fault) = password::check(new_password) {
                    let row = &error::INVALID_PASSWORD;
                    return Err(row.says(format!("{} Reason: {fault}.", row.message)));
                }
                instance.verifiers = vec![vault::verifier(new_password)];
                instance.touch();
            }
            if protection {
                instance.release_protection = params.is_true("InstanceReleaseProtection");
            }
            Ok(())
        })?;
    if new_password.is_some() { Ok(Done::enforced(&changed)) } else { Ok(Done::now(json!({}))) }
}
