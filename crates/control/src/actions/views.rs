//! How an instance reads in answers: every documented field with its documented JSON type. Must not
//! know which action asks.

use super::Settings;
use control_model::instance::Kept;
use control_model::{Instance, Status, Tag};
use serde_json::{Map, Value, json};

/// Documented fields of an item of DescribeInstancesOverview.
const OVERVIEW: &[&str] = &[
    "ArchitectureType",
    "Capacity",
    "ChargeType",
    "ConnectionDomain",
    "CreateTime",
    "EndTime",
    "EngineVersion",
    "GlobalInstanceId",
    "InstanceClass",
    "InstanceId",
    "InstanceName",
    "InstanceStatus",
    "InstanceType",
    "NetworkType",
    "NodeType",
    "PrivateIp",
    "RegionId",
    "ResourceGroupId",
    "SecondaryZoneId",
    "VSwitchId",
    "VpcId",
    "ZoneId",
];

/// Fields that all views share.
fn common(instance: &Instance, status: Status, settings: &Settings) -> Map<String, Value> {
    let class = instance.class();
    super::object(json!({
        "InstanceId": instance.instance_id,
        "InstanceName": instance.name,
        "InstanceStatus": status.name(),
        "RegionId": instance.region_id,
        "ZoneId": instance.zone_id,
        "VpcId": instance.vpc_id,
        "VSwitchId": instance.vswitch_id,
        "NetworkType": instance.network_type,
        "NodeType": instance.node_type,
        "ChargeType": "PostPaid",
        "EndTime": kept_time(instance, |kept| kept.deleted_unix_ms),
        "ConnectionDomain": settings.advertise,
        "Port": instance.port,
        "Capacity": class.capacity_mb,
        "Bandwidth": instance.bandwidth_mb_per_s(),
        "Connections": class.connections_max,
        "QPS": class.qps,
        "Config": config(instance),
    }))
}

/// Further fields of the two Describe views.
fn described(instance: &Instance, status: Status, settings: &Settings) -> Map<String, Value> {
    let mut fields = common(instance, status, settings);
    fields.extend(super::object(json!({
        "InstanceClass": instance.class,
        "InstanceType": "Redis",
        "EngineVersion": instance.engine_version,
        "ArchitectureType": "standard",
        "PackageType": "standard",
        "ComputingType": "",
        "CloudType": "",
        "CreateTime": time(instance.created_unix_ms),
        "PrivateIp": private_ip(settings),
        "GlobalInstanceId": "",
        "ResourceGroupId": instance.resource_group_id,
        "SecondaryZoneId": "",
        "IsRds": true,
        "ShardCount": 1,
        "ReplicaCount": 0,
        "SlaveReplicaCount": 0,
        "SlaveReadOnlyCount": 0,
        "Tags": { "Tag": tags(&instance.tags) },
    })));
    fields
}

/// What CreateInstance answers.
pub fn snapshot(instance: &Instance, status: Status, settings: &Settings) -> Map<String, Value> {
    let mut fields = common(instance, status, settings);
    fields.extend(super::object(json!({
        "PrivateIpAddr": private_ip(settings),
        "UserName": instance.instance_id,
        "OrderId": 0,
    })));
    fields
}

/// An item of DescribeInstances.
pub fn listed(instance: &Instance, status: Status, settings: &Settings) -> Value {
    let mut fields = described(instance, status, settings);
    fields.extend(super::object(json!({
        "UserName": instance.instance_id,
        "EditionType": "Community",
        "DestroyTime": kept_time(instance, |kept| kept.until_unix_ms),
        "HasRenewChangeOrder": false,
        "ReplacateId": "",
        "ShardClass": "",
        "ReadOnlyCount": "0",
        "ConnectionMode": "Standard",
    })));
    Value::Object(fields)
}

/// An item of DescribeInstancesOverview.
pub fn overview(instance: &Instance, status: Status, settings: &Settings) -> Value {
    let mut fields = described(instance, status, settings);
    fields.retain(|name, _| OVERVIEW.contains(&name.as_str()));
    Value::Object(fields)
}

/// The item of DescribeInstanceAttribute.
pub fn attribute(instance: &Instance, status: Status, settings: &Settings) -> Value {
    let mut fields = described(instance, status, settings);
    let settled = status.allows_change();
    let [maintain_start, maintain_end] = instance.maintain.texts();
    fields.extend(super::object(json!({
        "Engine": "Redis",
        "StorageType": "LOCAL_SSD",
        "Storage": "",
        "VpcAuthMode": if instance.password_free { "Close" } else { "Open" },
        "VpcCloudInstanceId": "",
        "AvailabilityValue": "",
        "SecurityIPList": instance.groups.all_entries().join(","),
        "ReadOnlyCount": 0,
        "AuditLogRetention": instance.audit_log_days.map(|d| d.to_string()).unwrap_or_default(),
        "ZoneType": "singlezone",
        "MaintainStartTime": maintain_start,
        "MaintainEndTime": maintain_end,
        "RealInstanceClass": instance.class,
        "HasRenewChangeOrder": "false",
        "InstanceReleaseProtection": instance.release_protection,
        "ReplicationMode": "",
        "ReplicaId": "",
        "BackupLogStartTime": "",
        "IsOrderCompleted": settled,
        "IsSupportTDE": false,
        "AutoSecondaryZone": false,
    })));
    // No documented field tells of it, so it is there only while it matters.
    if let Some(reason) = &instance.write_lock {
        let lock = json!({"LockMode": "ManualLock", "LockReason": reason});
        fields.extend(super::object(lock));
    }
    Value::Object(fields)
}

/// A time of an instance in the recycle bin, or on its way there; empty for others.
fn kept_time(instance: &Instance, of: fn(Kept) -> i64) -> String {
    instance.kept.map(|kept| time(of(kept))).unwrap_or_default()
}

/// Tags as a list of pairs.
fn tags(tags: &[Tag]) -> Vec<Value> {
    tags.iter().map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect()
}

/// Parameters as a JSON object in a string.
fn config(instance: &Instance) -> String {
    json!(instance.parameters).to_string()
}

/// The advertised address where it is an IP address.
pub fn private_ip(settings: &Settings) -> &str {
    let literal = settings.advertise.parse::<std::net::IpAddr>().is_ok();
    if literal { &settings.advertise } else { "" }
}

/// `2026-11-22T12:51:19Z`.
pub fn time(unix_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(unix_ms).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
