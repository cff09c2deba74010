//! ModifyAccountPassword: sets an account's password for a caller who knows the present one; in
//! force when the call returns. Must not keep either.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, accounts};
use crate::error::{self, ApiError};
use crate::vault;
use control_model::Status;

/// The row.
pub const SPEC: Action = Action {
    name: "ModifyAccountPassword",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        accounts::NAME,
        Param::required("OldAccountPassword", Kind::Secret, "one that counts at present"),
        Param::required("NewAccountPassword", Kind::Secret, "8–32 characters of three kinds"),
        accounts::KEEP_OLD,
    ],
    doc: "Changes the password of an account.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = params.required("AccountName");
    let old = params.required("OldAccountPassword");
    let new = params.required("NewAccountPassword");
    let changed = context.change(params.required("InstanceId"), Status::allows_change, |it| {
        let verifiers = it.verifiers_of(name).map_err(accounts::refused)?;
        let known = verifiers.iter().find(|known| vault::accepts(known, old)).cloned();
        let known = known.ok_or_else(|| error::WRONG_OLD_PASSWORD.plain())?;
        let newest = accounts::verifier(params, "NewAccountPassword")?;
        let kept = params.is_true(accounts::KEEP_OLD.name).then_some(known);
        accounts::replace(verifiers, (newest, new), kept);
        Ok(())
    })?;
    Ok(Done::enforced(&changed))
}
