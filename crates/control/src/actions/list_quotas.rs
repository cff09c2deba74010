//! ListQuotas: the limits that hold for the caller's account, and how much of each is used. Must
//! not enforce any: each limit is its own module's.

use super::params::Params;
use super::table::LARDER;
use super::{Access, Action, Context, Done, contacts, metric_rules, tags};
use crate::directory;
use crate::error::ApiError;
use crate::store::{Kind, documents};
use control_model::global_group::{self, GlobalGroups};
use control_model::parameter_group::{self, ParameterGroups};
use control_model::{address_list, allowlist, data_account, ram};
use serde_json::{Value, json};

/// The row.
pub const SPEC: Action = Action {
    name: "ListQuotas",
    version: LARDER,
    access: Access::Read,
    params: &[],
    doc: "Lists the limits that hold here, and how much of each your account uses.",
    token: None,
    handler: run,
};

/// `used` is `None` where the limit holds for each of several things.
fn row(name: &str, scope: &str, limit: usize, used: Option<usize>) -> Value {
    json!({"QuotaName": name, "Scope": scope, "Limit": limit, "Used": used})
}

fn run(context: &Context<'_>, _: &Params<'_>) -> Result<Done, ApiError> {
    let own = context.account_id;
    let (_, directory) = directory::read(context.store, own)?;
    let count_of = |kind| -> Result<Option<usize>, ApiError> {
        let all = context.store.list(kind)?;
        Ok(Some(all.iter().filter(|document| document.account_id == own).count()))
    };
    let global = documents::get::<GlobalGroups>(context.store, Kind::GlobalGroups, own)?;
    let sets = documents::get::<ParameterGroups>(context.store, Kind::ParameterGroups, own)?;
    let global = Some(global.map_or(0, |read| read.value.groups.len()));
    let sets = Some(sets.map_or(0, |read| read.value.groups.len()));
    let instances = count_of(Kind::Instance)?;
    let (account, instance) = ("account", "instance");
    let rows = [
        row("Instances", "host, all accounts", context.settings.instances_max, instances),
        row("Global allowlist groups", account, global_group::GROUPS_MAX, global),
        row("Parameter groups", account, parameter_group::GROUPS_MAX, sets),
        row("Alarm rules", account, metric_rules::RULES_MAX, count_of(Kind::AlarmRule)?),
        row("Contacts", account, contacts::EACH_MAX, count_of(Kind::Contact)?),
        row("Contact groups", account, contacts::EACH_MAX, count_of(Kind::ContactGroup)?),
        row("Users", account, ram::USERS_MAX, Some(directory.users.len())),
        row("User groups", account, ram::GROUPS_MAX, Some(directory.groups.len())),
        row("Roles", account, ram::ROLES_MAX, Some(directory.roles.len())),
        row("Policies", account, ram::POLICIES_MAX, Some(directory.policies.len())),
        row("Access keys", "user", ram::KEYS_MAX, None),
        row("Attached policies", "user, group or role", ram::ATTACHED_MAX, None),
        row("Database accounts", instance, data_account::CREATED_MAX, None),
        row("Allowlist groups", instance, allowlist::GROUPS_MAX, None),
        row("Entries", "allowlist group", address_list::ENTRIES_MAX, None),
        row("Bound global groups", instance, global_group::BOUND_MAX, None),
        row("Tags", instance, tags::KEYS_MAX, None),
    ];
    Ok(Done::now(json!({"TotalCount": rows.len(), "Quotas": rows})))
}
