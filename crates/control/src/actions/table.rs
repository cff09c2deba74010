//! The only registry of actions: a thing the API does exists when it has a row here. Must not know
//! how calls arrive.

use super::{
    Action, active_operations, audit_log, backup_state, billing, contacts, create_account,
    create_instance, create_instances, delete_account, delete_instance, describe_accounts,
    describe_alert_log_list, describe_available_resource, describe_db_instance_connectivity,
    describe_engine_version, describe_history_tasks, describe_instance_attribute,
    describe_instances, describe_instances_overview, describe_parameters, describe_regions,
    describe_security_ips, describe_zones, flush, global_security_groups, grant_account_privilege,
    installation_accounts, instance_config, later, list_quotas, live, log_records, lookup_events,
    metric_data, metric_rules, modify_account_description, modify_account_password,
    modify_connection_string, modify_instance_attribute, modify_instance_bandwidth,
    modify_instance_maintain_time, modify_instance_parameter, modify_instance_spec,
    modify_instance_vpc_auth_mode, modify_security_ips, monitor_values, operation_preference,
    parameter_group_templates, parameter_groups, ram_attach, ram_groups, ram_keys, ram_login,
    ram_policies, ram_roles, ram_users, recycle_bin, refresh, reset_account_password,
    resource_groups, restart_instance, service_role, sts, tags, topology, versions, write_lock,
};
use crate::error::{self, ApiError};

/// API version of R-KVStore.
pub const KVSTORE: &str = "2015-01-01";
/// API version of CloudMonitor.
pub const CMS: &str = "2019-01-01";
/// API version of ActionTrail.
pub const ACTIONTRAIL: &str = "2020-07-06";
/// API version of RAM.
pub const RAM: &str = "2015-05-01";
/// API version of STS.
pub const STS: &str = "2015-04-01";
/// API version of VPC.
pub const VPC: &str = "2016-04-28";

/// API version of what Larder adds for its operators.
pub const LARDER: &str = "2026-01-01";

/// One endpoint answers for all services: the version tells which is meant. With each the name
/// that its permissions begin with.
const SERVICES: &[(&str, &str)] = &[
    (KVSTORE, "kvstore"),
    (CMS, "cms"),
    (ACTIONTRAIL, "actiontrail"),
    (RAM, "ram"),
    (STS, "sts"),
    (VPC, "vpc"),
    (LARDER, "larder"),
];

/// The permission that a call of this action needs: `kvstore:CreateInstance`, …
///
/// # Panics
/// When the row's version is none of the services'.
pub fn permission(row: &Action) -> String {
    format!("{}:{}", service(row), row.name)
}

/// The service that an action belongs to: `kvstore`, …
///
/// # Panics
/// When the row's version is none of the services'.
pub fn service(row: &Action) -> &'static str {
    let service = SERVICES.iter().find(|(version, _)| *version == row.version);
    service.expect("rows have a service's version").1
}

/// All actions, by name and version.
pub const ACTIONS: &[&Action] = &[
    &ram_groups::ADD,
    &sts::ASSUME,
    &ram_attach::TO_GROUP,
    &ram_attach::TO_ROLE,
    &ram_attach::TO_USER,
    &backup_state::SPEC,
    &active_operations::CANCEL,
    &ram_keys::CREATE,
    &create_account::SPEC,
    &global_security_groups::CREATE,
    &ram_groups::CREATE,
    &installation_accounts::CREATE,
    &create_instance::SPEC,
    &create_instances::SEVERAL,
    &ram_login::CREATE,
    &parameter_groups::CREATE,
    &ram_policies::CREATE,
    &ram_policies::CREATE_VERSION,
    &ram_roles::CREATE,
    &create_instances::TAIR,
    &ram_users::CREATE,
    &ram_keys::DELETE,
    &delete_account::SPEC,
    &contacts::DELETE,
    &contacts::DELETE_GROUP,
    &global_security_groups::DELETE,
    &ram_groups::DELETE,
    &delete_instance::SPEC,
    &ram_login::DELETE,
    &metric_rules::DELETE,
    &parameter_groups::DELETE,
    &ram_policies::DELETE,
    &ram_policies::DELETE_VERSION,
    &ram_roles::DELETE,
    &ram_users::DELETE,
    &describe_accounts::SPEC,
    &operation_preference::DESCRIBE,
    &active_operations::OLDER,
    &active_operations::COUNT,
    &active_operations::LIST,
    &describe_alert_log_list::SPEC,
    &audit_log::CONFIG,
    &audit_log::RECORDS,
    &describe_available_resource::SPEC,
    &refresh::BACKUP_POLICY,
    &contacts::LIST_GROUPS,
    &contacts::LIST,
    &monitor_values::INTERVAL,
    &refresh::NET_INFO,
    &describe_db_instance_connectivity::SPEC,
    &describe_engine_version::SPEC,
    &global_security_groups::DESCRIBE,
    &global_security_groups::RELATION,
    &monitor_values::VALUES,
    &describe_history_tasks::SPEC,
    &describe_history_tasks::STAT,
    &describe_instance_attribute::SPEC,
    &billing::RENEWAL,
    &instance_config::DESCRIBE,
    &refresh::SSL,
    &describe_instances::SPEC,
    &describe_instances_overview::SPEC,
    &refresh::INTRANET,
    &topology::TOPOLOGY,
    &metric_data::DATA,
    &metric_data::LAST,
    &metric_data::LIST,
    &metric_data::META,
    &metric_rules::LIST,
    &metric_data::TOP,
    &monitor_values::ITEMS,
    &parameter_groups::DESCRIBE,
    &parameter_group_templates::SUPPORT,
    &parameter_group_templates::TEMPLATES,
    &parameter_groups::LIST,
    &describe_parameters::HISTORY,
    &describe_parameters::TEMPLATES,
    &describe_parameters::PARAMETERS,
    &billing::PRICE,
    &describe_regions::SPEC,
    &topology::ROLES,
    &log_records::RUNNING,
    &refresh::SECURITY_GROUPS,
    &describe_security_ips::SPEC,
    &service_role::EXISTS,
    &log_records::SLOW,
    &tags::DESCRIBE,
    &describe_history_tasks::DETAIL,
    &lookup_events::TRAILS,
    &describe_zones::SPEC,
    &recycle_bin::DESTROY,
    &ram_attach::FROM_GROUP,
    &ram_attach::FROM_ROLE,
    &ram_attach::FROM_USER,
    &metric_rules::DISABLE,
    &metric_rules::ENABLE,
    &flush::DEAD,
    &flush::ALL,
    &flush::DB,
    &ram_keys::LAST_USED,
    &sts::IDENTITY,
    &ram_groups::GET,
    &ram_login::GET,
    &ram_policies::GET,
    &ram_policies::GET_VERSION,
    &ram_roles::GET,
    &ram_users::GET,
    &grant_account_privilege::SPEC,
    &service_role::INITIALIZE,
    &live::SPEC,
    &ram_keys::LIST,
    &ram_attach::ENTITIES,
    &ram_groups::LIST,
    &ram_groups::GROUPS,
    &installation_accounts::LIST,
    &ram_policies::LIST,
    &ram_attach::FOR_GROUP,
    &ram_attach::FOR_ROLE,
    &ram_attach::FOR_USER,
    &ram_policies::LIST_VERSIONS,
    &list_quotas::SPEC,
    &ram_roles::LIST,
    &tags::LIST,
    &ram_users::LIST,
    &ram_groups::USERS,
    &write_lock::LOCK,
    &lookup_events::SPEC,
    &modify_account_description::SPEC,
    &modify_account_password::SPEC,
    &operation_preference::MODIFY,
    &active_operations::MODIFY_OLDER,
    &active_operations::MODIFY,
    &audit_log::MODIFY,
    &versions::AUTO,
    &modify_connection_string::SPEC,
    &monitor_values::SET_INTERVAL,
    &global_security_groups::MODIFY,
    &global_security_groups::RENAME,
    &global_security_groups::BIND,
    &modify_instance_attribute::SPEC,
    &modify_instance_bandwidth::SPEC,
    &instance_config::MODIFY,
    &modify_instance_maintain_time::SPEC,
    &versions::MINOR,
    &modify_instance_parameter::SPEC,
    &modify_instance_spec::SPEC,
    &modify_instance_vpc_auth_mode::SPEC,
    &parameter_groups::MODIFY,
    &resource_groups::MODIFY,
    &refresh::BIND_SECURITY_GROUPS,
    &modify_security_ips::SPEC,
    &contacts::PUT,
    &contacts::PUT_GROUP,
    &metric_rules::PUT,
    &metric_rules::PUT_MANY,
    &recycle_bin::RECOVER,
    &ram_groups::REMOVE,
    &reset_account_password::SPEC,
    &restart_instance::SPEC,
    &ram_policies::SET_DEFAULT,
    &tags::TAG,
    &write_lock::UNLOCK,
    &tags::UNTAG,
    &ram_keys::UPDATE,
    &ram_groups::UPDATE,
    &ram_login::UPDATE,
    &ram_roles::UPDATE,
    &ram_users::UPDATE,
];

/// The row of an action.
///
/// # Errors
/// `InvalidVersion` when no action has this version, else `InvalidAction.NotFound`.
pub fn find(name: &str, version: &str) -> Result<&'static Action, ApiError> {
    if !SERVICES.iter().any(|(known, _)| *known == version) {
        return Err(error::INVALID_VERSION.plain());
    }
    let mut rows = ACTIONS.iter();
    if let Some(row) = rows.find(|row| row.name == name && row.version == version) {
        return Ok(row);
    }
    if version == KVSTORE && later::ACTIONS.contains(&name) {
        let also = later::reason(name);
        let text = format!("{name} is not available in this version of Larder yet.{also}");
        return Err(error::ACTION_NOT_FOUND.says(text));
    }
    Err(error::ACTION_NOT_FOUND.plain())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::Access;
    use crate::actions::params::{Kind, Param};
    use std::collections::BTreeSet;

    #[test]
    fn rows_are_sorted_unique_and_documented() {
        let names: Vec<_> = ACTIONS.iter().map(|row| (row.name, row.version)).collect();
        let sorted: BTreeSet<_> = names.iter().copied().collect();
        assert!(names.iter().eq(sorted.iter()), "{names:?}");
        for row in ACTIONS {
            assert!(permission(row).ends_with(row.name));
            assert!(row.doc.ends_with('.'), "{}", row.name);
            let params: BTreeSet<_> = row.params.iter().map(|param| param.name).collect();
            assert_eq!(params.len(), row.params.len(), "{}", row.name);
            assert!(row.params.iter().all(|param| !param.doc.is_empty()), "{}", row.name);
            assert!(row.token.is_none_or(|token| params.contains(token)), "{}", row.name);
            let reads = ["Describe", "LarderDescribe", "Get", "List", "Lookup"];
            let reads = reads.iter().any(|word| row.name.starts_with(word));
            assert_eq!(row.access == Access::Read, reads, "{}", row.name);
            let password = |param: &&Param| {
                let about = param.name.contains("Password") && param.kind != Kind::Boolean;
                about && !param.name.contains("PasswordFree")
            };
            for param in row.params.iter().filter(password) {
                assert_eq!(param.kind, Kind::Secret, "{} {}", row.name, param.name);
            }
        }
        assert!(later::ACTIONS.iter().all(|name| !sorted.contains(&(*name, KVSTORE))));
    }

    #[test]
    fn refused_commands_name_actions_that_are_there() {
        for restriction in catalog::restrictions::RESTRICTIONS {
            let (command, name) = (restriction.command, restriction.action);
            let there = ACTIONS.iter().any(|row| row.name == name);
            assert!(name.is_empty() || there, "{command} sends to {name}");
        }
    }

    #[test]
    fn unknown_actions_and_versions() {
        let code = |name, version| find(name, version).map(|row| row.name).map_err(|e| e.code);
        assert_eq!(code("DescribeZones", KVSTORE), Ok("DescribeZones"));
        assert_eq!(code("describezones", KVSTORE), Err("InvalidAction.NotFound".into()));
        assert_eq!(code("DescribeZones", "2015-01-02"), Err("InvalidVersion".into()));
        let error = find("CreateBackup", KVSTORE).err().expect("not there yet");
        assert_eq!((error.status, &*error.code), (404, "InvalidAction.NotFound"));
        assert!(error.message.contains("not available in this version"));
    }
}
