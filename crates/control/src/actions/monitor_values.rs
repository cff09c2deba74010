//! DescribeHistoryMonitorValues and DescribeMonitorItems: what was measured of an instance's node,
//! by the keys of the table of metrics; and how fine it is shown. Must not know how series are
//! kept.

use super::describe_history_tasks::time;
use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, views};
use crate::error::{self, ApiError};
use catalog::metrics::{self, CALLS, MetricId, Submetric};
use control_model::instance::MONITOR_INTERVAL_S;
use control_model::{Instance, Status};
use serde_json::{Map, Value, json};
use series::rollup::Fold;

/// DescribeHistoryMonitorValues.
pub const VALUES: Action = Action {
    name: "DescribeHistoryMonitorValues",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        INSTANCE_ID,
        Param::required("StartTime", Kind::Text, "as 2026-11-22T12:00:00Z, of the last month"),
        Param::required("EndTime", Kind::Text, "after StartTime, by 7 days at most"),
        Param::required("IntervalForHistory", Kind::Text, "01m; the range decides"),
        Param::optional("MonitorKeys", Kind::Text, "comma-separated; UsedMemory,quotaMemory"),
        Param::optional("NodeId", Kind::Text, "a node of the instance"),
        Param::optional("NodeRole", Kind::OneOf(&["MASTER", "READONLY"]), "role of the node"),
        Param::optional("Type", Kind::Text, "any"),
    ],
    doc: "Reads what was measured of an instance.",
    token: None,
    handler: values,
};

/// DescribeMonitorItems.
pub const ITEMS: Action = Action {
    name: "DescribeMonitorItems",
    version: KVSTORE,
    access: Access::Read,
    params: &[],
    doc: "Lists what is measured of instances.",
    token: None,
    handler: items,
};

const INSTANCE: Param = Param::required("DBInstanceId", Kind::Text, "which instance");

/// DescribeDBInstanceMonitor.
pub const INTERVAL: Action = Action {
    name: "DescribeDBInstanceMonitor",
    version: KVSTORE,
    access: Access::Read,
    params: &[INSTANCE],
    doc: "Tells how fine metrics of an instance are shown, in seconds.",
    token: None,
    handler: |context, params| {
        let instance = context.instance(params.required("DBInstanceId"))?;
        Ok(Done::now(json!({"Interval": instance.monitor_interval_s.to_string()})))
    },
};

/// ModifyDBInstanceMonitor.
pub const SET_INTERVAL: Action = Action {
    name: "ModifyDBInstanceMonitor",
    version: KVSTORE,
    access: Access::Write,
    params: &[INSTANCE, Param::required("Interval", Kind::OneOf(&["5", "60"]), "seconds")],
    doc: "Sets how fine metrics of an instance are shown; they are measured every 5 s anyway.",
    token: None,
    handler: |context, params| {
        let interval_s = params.integer("Interval").and_then(|s| u32::try_from(s).ok());
        let interval_s = interval_s.unwrap_or(MONITOR_INTERVAL_S);
        context.amend(params.required("DBInstanceId"), Status::allows_change, |instance| {
            instance.monitor_interval_s = interval_s;
            Ok(())
        })?;
        Ok(Done::now(json!({})))
    },
};

const MONTH_S: i64 = 31 * 86_400;
const RANGE_S_MAX: i64 = 7 * 86_400;
/// Steps of the answer: ranges up to the first number of seconds come in steps of the second.
const STEPS_S: [(i64, i64); 3] = [(600, 5), (86_400, 60), (RANGE_S_MAX, 600)];

fn items(_: &Context<'_>, _: &Params<'_>) -> Result<Done, ApiError> {
    let item = |(key, unit): (&str, metrics::Unit)| json!({"MonitorKey": key, "Unit": unit.api()});
    let items: Vec<Value> = metrics::monitor_keys().into_iter().map(item).collect();
    Ok(Done::now(json!({"MonitorItems": {"KVStoreMonitorItem": items}})))
}

fn values(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let range_s = range_s(context, params)?;
    let shown = shown(params)?;
    let has_node = node_is_asked(&instance, params)?;
    let step_s = STEPS_S.iter().find(|(upto_s, _)| range_s.1 - range_s.0 <= *upto_s);
    let step_s = step_s.map_or(600, |(_, step_s)| *step_s);
    let step_s = step_s.max(i64::from(instance.monitor_interval_s));
    let columns: Vec<u16> = shown.iter().map(|(sub, _)| sub.column).collect();
    let mut history = Map::new();
    if has_node && !columns.is_empty() {
        let read = context.metrics.read(&instance.node_id(), &columns, range_s, step_s);
        for (at_s, row) in read.map_err(unreadable)? {
            let value = |(sub, counts): &(Submetric, bool)| {
                let text = text(sub, row.get(&sub.column)?, *counts, step_s);
                Some((sub.name.to_owned(), Value::from(text)))
            };
            let row: Map<String, Value> = shown.iter().filter_map(value).collect();
            history.insert(views::time(at_s * 1000), Value::Object(row));
        }
    }
    Ok(Done::now(json!({"MonitorHistory": Value::Object(history).to_string()})))
}

/// What the disk said, for the log; the caller is told that it may try again.
pub(super) fn unreadable(error: std::io::Error) -> ApiError {
    tracing::error!("reading metrics: {error}");
    error::SERVICE_UNAVAILABLE.says("The metrics cannot be read now.")
}

fn range_s(context: &Context<'_>, params: &Params<'_>) -> Result<(i64, i64), ApiError> {
    let from_s = time(params, "StartTime")?.div_euclid(1000);
    let to_s = time(params, "EndTime")?.div_euclid(1000);
    if from_s < context.now_unix_ms / 1000 - MONTH_S {
        return Err(error::malformed("StartTime", "a time of the last month"));
    }
    if to_s <= from_s || RANGE_S_MAX < to_s - from_s {
        return Err(error::malformed("EndTime", "after StartTime, by 7 days at most"));
    }
    Ok((from_s, to_s))
}

/// Submetrics in the order asked for, with whether they count runs in a step.
fn shown(params: &Params<'_>) -> Result<Vec<(Submetric, bool)>, ApiError> {
    let keys = params.text("MonitorKeys").unwrap_or("UsedMemory,quotaMemory");
    let mut shown = Vec::new();
    for key in keys.split(',').map(str::trim).filter(|key| !key.is_empty()) {
        let (name, part) = key.split_once('$').unwrap_or((key, "db"));
        let known = metrics::monitor_keys().iter().any(|(known, _)| *known == name);
        if !known || !matches!(part, "db" | "proxy") {
            let wanted = "a list of keys that DescribeMonitorItems names";
            return Err(error::malformed("MonitorKeys", &format!("{wanted}, which {key} is not")));
        }
        // There are no proxies.
        if part == "db" {
            shown.extend(metrics::submetrics(name).into_iter().map(|sub| (sub, name == CALLS)));
        }
    }
    Ok(shown)
}

/// False for a role that no node has.
fn node_is_asked(instance: &Instance, params: &Params<'_>) -> Result<bool, ApiError> {
    if params.text("NodeId").is_some_and(|node_id| node_id != instance.node_id()) {
        return Err(error::malformed("NodeId", "a node of the instance"));
    }
    Ok(params.text("NodeRole") != Some("READONLY"))
}

fn text(sub: &Submetric, fold: &Fold, counts: bool, step_s: i64) -> String {
    let mean = fold.sum as f64 / f64::from(fold.count.max(1));
    if counts {
        return format!("{:.0}", sub.unit.load(mean) * step_s as f64);
    }
    let stored = if sub.column == MetricId::MaxLatency.column() { fold.max as f64 } else { mean };
    sub.unit.text(sub.unit.load(stored))
}
