//! CreateAccount: makes an account of the data plane; it can log in when the call returns. Must not
//! keep the password.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, accounts};
use crate::error::ApiError;
use admin::Privilege;
use control_model::Status;
use control_model::data_account::DataAccount;
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "CreateAccount",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::required("AccountName", Kind::Text, "1–100 of a-z, 0-9 and _, not a reserved word"),
        Param::required("AccountPassword", Kind::Secret, "8–32 characters of three kinds"),
        Param::optional(
            "AccountPrivilege",
            Kind::OneOf(&["RoleReadWrite", "RoleReadOnly"]),
            "RoleReadWrite unless told",
        ),
        Param::optional("AccountDescription", Kind::Text, "for people, 2–256 characters"),
        Param::optional("AccountType", Kind::OneOf(&["Normal"]), "Normal"),
    ],
    doc: "Makes an account with a privilege.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = params.required("AccountName");
    let role = params.text("AccountPrivilege").and_then(accounts::privilege);
    let changed = context.change(params.required("InstanceId"), Status::allows_change, |it| {
        let account = DataAccount {
            name: name.to_owned(),
            description: params.required("AccountDescription").to_owned(),
            privilege: role.unwrap_or(Privilege::ReadWrite),
            verifiers: vec![accounts::verifier(params, "AccountPassword")?],
        };
        it.create_account(account).map_err(accounts::refused)
    })?;
    let body = json!({
        "InstanceId": changed.instance_id,
        // Misspelt upstream, and read so by Terraform.
        "AcountName": name,
        "AccountName": name,
    });
    Ok(Done { body: super::object(body), ..Done::enforced(&changed) })
}
