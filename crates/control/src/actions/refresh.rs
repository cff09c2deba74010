//! What clients read of an instance each time they refresh it: endpoints, security groups, TLS and
//! the backup policy. What does not exist here reads as absent. Must not know statuses.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, Handler, views};
use crate::error::{self, ApiError};
use serde_json::{Value, json};

const fn read(
    name: &'static str,
    params: &'static [Param],
    doc: &'static str,
    handler: Handler,
) -> Action {
    Action { name, version: KVSTORE, access: Access::Read, params, doc, token: None, handler }
}

/// DescribeDBInstanceNetInfo.
pub const NET_INFO: Action = read(
    "DescribeDBInstanceNetInfo",
    &[
        INSTANCE_ID,
        Param::optional("NetType", Kind::OneOf(&["Private", "Public"]), "both unless told"),
    ],
    "Lists the endpoints of an instance: the private one, there are no others.",
    net_info,
);

/// DescribeSecurityGroupConfiguration.
pub const SECURITY_GROUPS: Action = read(
    "DescribeSecurityGroupConfiguration",
    &[INSTANCE_ID],
    "Lists the security groups of an instance: none, this host has none.",
    security_groups,
);

/// ModifySecurityGroupConfiguration.
pub const BIND_SECURITY_GROUPS: Action = Action {
    name: "ModifySecurityGroupConfiguration",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        Param::required("DBInstanceId", Kind::Text, "which instance"),
        Param::optional("SecurityGroupId", Kind::Text, "comma-separated; empty: none"),
    ],
    doc: "Binds an instance to security groups: this host has none, so only to none.",
    token: None,
    handler: bind_security_groups,
};

/// DescribeInstanceSSL.
pub const SSL: Action = read(
    "DescribeInstanceSSL",
    &[INSTANCE_ID],
    "Tells whether an instance takes TLS: not yet.",
    ssl,
);

/// DescribeBackupPolicy.
pub const BACKUP_POLICY: Action = read(
    "DescribeBackupPolicy",
    &[INSTANCE_ID],
    "Tells when backups are taken by themselves: never yet, so weekdays and times are empty.",
    backup_policy,
);

/// DescribeIntranetAttribute.
pub const INTRANET: Action = read(
    "DescribeIntranetAttribute",
    &[INSTANCE_ID],
    "Tells the bandwidth of an instance, MB/s in each direction.",
    intranet,
);

fn intranet(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    Ok(Done::now(json!({
        "IntranetBandwidth": instance.bandwidth_mb_per_s(),
        "IntranetBandWidthBurst": 0,
        "BandwidthExpireTime": "",
        "BandwidthPrePaid": "",
        "ExpireTime": "",
        "HasPrePaidBandWidthOrderRunning": false,
        "AutoRenewal": false,
    })))
}

fn net_info(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let (network, ip_type) = match instance.network_type.as_str() {
        "CLASSIC" => ("1", "Inner"),
        _ => ("2", "Private"),
    };
    // Terraform takes the private port only from an item without IsSlaveProxy.
    let private = json!({
        "DBInstanceNetType": network,
        "IPType": ip_type,
        "ConnectionString": context.settings.advertise,
        "IPAddress": views::private_ip(context.settings),
        "Port": instance.port.to_string(),
        "VPCId": instance.vpc_id,
        "VSwitchId": instance.vswitch_id,
        "VPCInstanceId": "",
        "DirectConnection": 0,
        "Upgradeable": "",
        "ExpiredTime": "",
    });
    let wanted = params.text("NetType") != Some("Public");
    let items: Vec<Value> = wanted.then_some(private).into_iter().collect();
    Ok(Done::now(json!({
        "InstanceNetworkType": instance.network_type,
        "NetInfoItems": {"InstanceNetInfo": items},
    })))
}

fn security_groups(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    context.instance(params.required("InstanceId"))?;
    Ok(Done::now(json!({"Items": {"EcsSecurityGroupRelation": []}})))
}

fn bind_security_groups(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    context.instance(params.required("DBInstanceId"))?;
    match params.text("SecurityGroupId") {
        None if params.is_given("SecurityGroupId") => Ok(Done::now(json!({}))),
        None => Err(error::missing("SecurityGroupId")),
        // Saying yes would let its owner believe that the group's rules hold.
        Some(groups) => {
            let first = groups.split(',').next().unwrap_or_default().trim();
            let first: String = first.chars().take(64).collect();
            let row = &error::SECURITY_GROUP_NOT_FOUND;
            Err(row.says(format!(
                "{} There is no security group {first}: say who may connect with \
                 ModifySecurityIps or ModifyGlobalSecurityIPGroupRelation.",
                row.message
            )))
        }
    }
}

fn ssl(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    Ok(Done::now(json!({
        "InstanceId": instance.instance_id,
        "SSLEnabled": "Disable",
        "SSLExpiredTime": "",
        "CertCommonName": "",
        "CertDownloadURL": "",
    })))
}

fn backup_policy(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    context.instance(params.required("InstanceId"))?;
    // A weekday here would promise backups that nobody takes; the retention is the documented
    // default, for clients that read a number.
    Ok(Done::now(json!({
        "BackupRetentionPeriod": "7",
        "PreferredBackupPeriod": "",
        "PreferredBackupTime": "",
        "PreferredNextBackupTime": "",
        "BackupLogStartTime": "",
        "EnableBackupLog": 0,
        "DbsInstance": "",
    })))
}
