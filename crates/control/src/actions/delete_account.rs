//! DeleteAccount: takes an account away; its connections are cut when the call returns. Must not
//! know how.

use super::params::{INSTANCE_ID, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, accounts};
use crate::error::{self, ApiError};
use control_model::Status;
use control_model::data_account::AccountFault;

/// The row.
pub const SPEC: Action = Action {
    name: "DeleteAccount",
    version: KVSTORE,
    access: Access::Write,
    params: &[INSTANCE_ID, accounts::NAME],
    doc: "Takes an account away.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = params.required("AccountName");
    let changed = context.change(params.required("InstanceId"), Status::allows_change, |it| {
        it.delete_account(name).map_err(|fault| match fault {
            AccountFault::Default => error::DEFAULT_ACCOUNT_STAYS.plain(),
            other => accounts::refused(other),
        })
    })?;
    Ok(Done::enforced(&changed))
}
