//! ModifyAuditLogConfig, DescribeAuditLogConfig and DescribeAuditRecords: the audit log of the data
//! plane. Must not know files.

use super::log_records::{instance, means, paging, time};
use super::params::{INSTANCE_ID, Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, views};
use crate::error::{self, ApiError};
use admin::logs::{LogPage, LogQuery, LogRow, NodeLog};
use control_model::Status;
use serde_json::json;

/// The row of ModifyAuditLogConfig.
pub const MODIFY: Action = Action {
    name: "ModifyAuditLogConfig",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::optional("DbAudit", Kind::Boolean, "on unless told"),
        Param::optional("Retention", Kind::Text, "1 to 365 days; needed to switch it on"),
    ],
    doc: "Switches the audit log of the data plane.",
    token: None,
    handler: modify,
};

/// The row of DescribeAuditLogConfig.
pub const CONFIG: Action = Action {
    name: "DescribeAuditLogConfig",
    version: KVSTORE,
    access: Access::Read,
    params: &[REGION_ID, INSTANCE_ID],
    doc: "Tells whether the audit log of the data plane is on.",
    token: None,
    handler: config,
};

/// The row of DescribeAuditRecords.
pub const RECORDS: Action = Action {
    name: "DescribeAuditRecords",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        INSTANCE_ID,
        Param::required("StartTime", Kind::Text, "at or after, as 2026-11-22T12:00:00Z"),
        Param::required("EndTime", Kind::Text, "at or before"),
        Param::optional("NodeId", Kind::Text, "the instance's one node"),
        Param::optional("AccountName", Kind::Text, "only of this account"),
        Param::optional("DatabaseName", Kind::Integer { min: 0, max: 255 }, "only this database"),
        Param::optional("QueryKeywords", Kind::Text, "what a command must hold"),
        Param::optional("HostAddress", Kind::Text, "only clients at this address"),
        Param::optional("PageSize", Kind::OneOf(&["30", "50", "100"]), "30, 50 or 100"),
        Param::optional("PageNumber", Kind::Integer { min: 1, max: 1 << 31 }, "from 1"),
    ],
    doc: "Lists writes and refusals of the data plane.",
    token: None,
    handler: records,
};

/// Days unless somebody told.
const RETENTION_DAYS_SHOWN: u32 = 30;
const DAY_MS: i64 = 24 * 3_600_000;

fn modify(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let is_on = params.text("DbAudit").is_none() || params.is_true("DbAudit");
    let days = params.text("Retention").map(|text| text.parse::<u32>().unwrap_or(0));
    if days.is_some_and(|days| !(1..=365).contains(&days)) || is_on && days.is_none() {
        return Err(error::INVALID_RETENTION.plain());
    }
    let id = params.required("InstanceId");
    let changed = context.change(id, Status::allows_change, |instance| {
        instance.audit_log_days = days.filter(|_| is_on);
        Ok(())
    })?;
    Ok(Done::enforced(&changed))
}

fn config(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let days = instance.audit_log_days.unwrap_or(RETENTION_DAYS_SHOWN);
    Ok(Done::now(json!({
        "DbAudit": instance.audit_log_days.is_some().to_string(),
        "Retention": days.to_string(),
    })))
}

fn records(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = instance(context, params.required("InstanceId"))?;
    let (from_unix_ms, end_unix_ms) = (time(params, "StartTime")?, time(params, "EndTime")?);
    if end_unix_ms < from_unix_ms {
        return Err(error::INVALID_AUDIT_END.plain());
    }
    let days = instance.audit_log_days.unwrap_or(RETENTION_DAYS_SHOWN);
    let kept_unix_ms = context.now_unix_ms - i64::from(days) * DAY_MS;
    let (number, size) = paging(params);
    let query = LogQuery {
        node_id: instance.node_id(),
        log: NodeLog::Audit,
        from_unix_ms: from_unix_ms.max(kept_unix_ms),
        // Whole seconds: what happened within the last of them belongs to the range.
        to_unix_ms: end_unix_ms + 1000,
        db: params.integer("DatabaseName").and_then(|db| u16::try_from(db).ok()),
        user: params.text("AccountName").map(str::to_owned),
        host: params.text("HostAddress").map(str::to_owned),
        keyword: params.text("QueryKeywords").map(str::to_owned),
        newest_first: true,
        skip: (number - 1).saturating_mul(size),
        count: size,
    };
    let page = match means(&instance, params) {
        true => context.nodes.log(&query)?,
        false => LogPage::default(),
    };
    let row = |row: &LogRow| {
        let host = row.peer.rsplit_once(':').map_or(&*row.peer, |(host, _)| host);
        json!({
            "HostAddress": host,
            "IPAddress": host,
            "SQLText": row.text,
            "SQLType": if row.refused { "non_read_write" } else { "write" },
            "DatabaseName": row.db.to_string(),
            "AccountName": row.user,
            "ExecuteTime": views::time(row.unix_ms),
            "TotalExecutionTimes": row.took_us.to_string(),
            "NodeId": instance.node_id(),
            // Ours: why the command was refused or failed; empty when it went well.
            "Outcome": row.outcome,
        })
    };
    Ok(Done::now(json!({
        "InstanceName": instance.name,
        "StartTime": views::time(from_unix_ms),
        "EndTime": views::time(end_unix_ms),
        "PageNumber": number,
        "PageSize": size,
        "TotalRecordCount": page.total,
        // Ours: records that came faster than they could be written.
        "LeftOutCount": page.left_out,
        "Items": {"SQL": page.rows.iter().map(row).collect::<Vec<_>>()},
    })))
}
