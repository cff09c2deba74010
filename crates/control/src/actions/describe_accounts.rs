//! DescribeAccounts: the accounts of an instance, the default ones first. Must not show verifiers.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, accounts};
use crate::error::ApiError;
use admin::Privilege;
use control_model::{Instance, lifecycle};
use serde_json::{Value, json};

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeAccounts",
    version: KVSTORE,
    access: Access::Read,
    params: &[INSTANCE_ID, Param::optional("AccountName", Kind::Text, "only this one")],
    doc: "Lists the accounts of an instance.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let observed = context.host.node(&instance.node_id());
    let enforced = lifecycle::enforces(instance.generation, observed);
    let status = if enforced { "Available" } else { "Unavailable" };
    let only = params.text("AccountName");
    let rows = rows(&instance).filter(|row| only.is_none_or(|name| row.name == name));
    let rows: Vec<Value> = rows.map(|row| row.shown(&instance.instance_id, status)).collect();
    Ok(Done::now(json!({"Accounts": {"Account": rows}})))
}

struct Row<'a> {
    name: &'a str,
    description: &'a str,
    privilege: Privilege,
}

fn rows(instance: &Instance) -> impl Iterator<Item = Row<'_>> {
    let by_default = instance.default_accounts().into_iter().map(|name| Row {
        name,
        description: instance.default_description(name),
        privilege: Privilege::ReadWrite,
    });
    let created = instance.accounts.iter().map(|account| Row {
        name: &account.name,
        description: &account.description,
        privilege: account.privilege,
    });
    by_default.chain(created)
}

impl Row<'_> {
    fn shown(&self, instance_id: &str, status: &str) -> Value {
        let role = accounts::role(self.privilege);
        json!({
            "InstanceId": instance_id,
            "AccountName": self.name,
            "AccountDescription": self.description,
            "AccountType": "Normal",
            "AccountStatus": status,
            "DatabasePrivileges": {"DatabasePrivilege": [{"AccountPrivilege": role}]},
        })
    }
}
