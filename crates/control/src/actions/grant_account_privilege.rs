//! GrantAccountPrivilege: changes what an account may do, also on open connections, by the time the
//! call returns. Must not know which commands that concerns.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, accounts};
use crate::error::{self, ApiError};
use control_model::Status;

/// The row.
pub const SPEC: Action = Action {
    name: "GrantAccountPrivilege",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        accounts::NAME,
        Param::required("AccountPrivilege", Kind::Text, "RoleReadOnly or RoleReadWrite"),
    ],
    doc: "Changes the privilege of an account.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = params.required("AccountName");
    let role = params.required("AccountPrivilege");
    let changed = context.change(params.required("InstanceId"), Status::allows_change, |it| {
        let privilege = accounts::privilege(role);
        let privilege = privilege.ok_or_else(|| error::INVALID_ACCOUNT_PRIVILEGE.plain())?;
        it.grant_privilege(name, privilege).map_err(accounts::refused)
    })?;
    Ok(Done::enforced(&changed))
}
