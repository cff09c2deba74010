//! ResetAccountPassword: sets an account's password; the default accounts share theirs. In force
//! when the call returns. Must not keep the password.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, accounts};
use crate::error::ApiError;
use control_model::Status;

/// The row.
pub const SPEC: Action = Action {
    name: "ResetAccountPassword",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        accounts::NAME,
        Param::required("AccountPassword", Kind::Secret, "8–32 characters of three kinds"),
        accounts::KEEP_OLD,
    ],
    doc: "Sets an account's password without asking for the old one.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = params.required("AccountName");
    let new = params.required("AccountPassword");
    let changed = context.change(params.required("InstanceId"), Status::allows_change, |it| {
        let verifiers = it.verifiers_of(name).map_err(accounts::refused)?;
        let newest = accounts::verifier(params, "AccountPassword")?;
        let kept = verifiers.first().filter(|_| params.is_true(accounts::KEEP_OLD.name)).cloned();
        accounts::replace(verifiers, (newest, new), kept);
        Ok(())
    })?;
    Ok(Done::enforced(&changed))
}
