//! Documented actions of the R-KVStore API that have no row yet, and values that are not taken yet,
//! so that a caller is told the truth instead of being sent to look for a typing error. A name
//! leaves this list when it gets a row.

use super::params::Params;
use crate::error::{self, ApiError};

/// Names, alphabetic.
pub const ACTIONS: &[&str] = &[
    "AddShardingNode",
    "AllocateDirectConnection",
    "AllocateInstancePublicConnection",
    "CancelInspectionTask",
    "CreateBackup",
    "CreateCacheAnalysisTask",
    "CreateInspectionSchedule",
    "CreateInspectionTask",
    "DeleteBackup",
    "DeleteInspectionSchedule",
    "DeleteShardingNode",
    "DescribeBackupTasks",
    "DescribeBackups",
    "DescribeCacheAnalysisReport",
    "DescribeCacheAnalysisReportList",
    "DescribeClusterBackupList",
    "DescribeClusterMemberInfo",
    "DescribeDBNodeDirectVipInfo",
    "DescribeEncryptionKey",
    "DescribeEncryptionKeyList",
    "DescribeHistoryEvents",
    "DescribeHistoryEventsStat",
    "DescribeInspectionScheduleReports",
    "DescribeInspectionSchedules",
    "DescribeInspectionTaskReport",
    "DescribeInspectionTasks",
    "DescribeInstanceTDEStatus",
    "MasterNodeShutDownFailOver",
    "MigrateToOtherZone",
    "ModifyBackupExpireTime",
    "ModifyBackupPolicy",
    "ModifyEventInfo",
    "ModifyInspectionSchedule",
    "ModifyInstanceMajorVersion",
    "ModifyInstanceSSL",
    "ModifyInstanceTDE",
    "ModifyTaskInfo",
    "RebootProxy",
    "ReleaseDirectConnection",
    "ReleaseInstancePublicConnection",
    "RestoreInstance",
    "RetryInspectionTask",
    "SwitchInstanceHA",
    "SwitchInstanceToTargetZone",
    "SwitchInstanceZoneFailOver",
    "UpgradeProxy",
];

/// What else a caller of an action that is not there should know; empty for most.
pub fn reason(name: &str) -> &'static str {
    match name {
        "ModifyBackupPolicy" => " No backups are taken automatically, whatever policy is wanted.",
        _ => "",
    }
}

/// The refusal of a parameter's value.
pub fn value(param: &str) -> ApiError {
    let text = format!("{param} with this value is not available in this version of Larder yet.");
    error::TYPE_NOT_SUPPORT.says(text)
}

/// Refuses every wish for more than the one node that an instance has.
///
/// # Errors
/// As [`value`].
pub fn one_node(params: &Params<'_>) -> Result<(), ApiError> {
    let counts = [
        ("ShardCount", 1),
        ("ReplicaCount", 0),
        ("SlaveReplicaCount", 0),
        ("ReadOnlyCount", 0),
        ("SlaveReadOnlyCount", 0),
    ];
    let above = |(name, most): &&(&str, i64)| params.integer(name).is_some_and(|n| n > *most);
    counts.iter().find(above).map_or(Ok(()), |(name, _)| Err(value(name)))
}
