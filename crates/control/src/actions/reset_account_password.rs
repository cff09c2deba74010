//! ResetAccountPassword: sets the password that both default accounts share; in force when the call
//! returns. Must not keep the password.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use crate::vault;
use control_model::{Status, password};

/// The row.
pub const SPEC: Action = Action {
    name: "ResetAccountPassword",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::required("AccountName", Kind::Text, "the instance id or default"),
        Param::required("AccountPassword", Kind::Secret, "8–32 characters of three kinds"),
    ],
    doc: "Sets an account's password without asking for the old one.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let id = params.required("InstanceId");
    let account = params.required("AccountName");
    let new = params.required("AccountPassword");
    let changed = context.change(id, Status::allows_change, |instance| {
        if !instance.default_accounts().contains(&account) {
            return Err(error::ACCOUNT_NOT_FOUND.plain());
        }
        if let Err(fault) = password::check(new) {
            let row = &error::INVALID_ACCOUNT_PASSWORD;
            return Err(row.says(format!("{} Reason: {fault}.", row.message)));
        }
        instance.verifiers = vec![vault::verifier(new)];
        Ok(())
    })?;
    Ok(Done::enforced(&changed))
}
