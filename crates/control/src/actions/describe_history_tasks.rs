//! DescribeHistoryTasks: lists tasks with how far they are. Must not know what they change.

use super::params::{INSTANCE_ID, Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, views};
use crate::error::{self, ApiError};
use crate::store::{self, documents};
use control_model::selector::page;
use control_model::task::{self, Outcome, TaskKind};
use control_model::{Instance, Status, Task};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;

const SECONDS: Kind = Kind::Integer { min: 0, max: 1 << 40 };

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeHistoryTasks",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        REGION_ID,
        Param::required("FromStartTime", Kind::Text, "made at or after, as 2026-11-22T12:00:00Z"),
        Param::required("ToStartTime", Kind::Text, "made at or before"),
        Param::optional("InstanceId", Kind::Text, "up to 30, comma-separated"),
        Param::optional("TaskId", Kind::Text, "up to 30, comma-separated"),
        Param::optional("Status", Kind::Text, "any of these, comma-separated"),
        Param::optional("TaskType", Kind::Text, "any of these, comma-separated"),
        Param::optional("InstanceType", Kind::Text, "any"),
        Param::optional("FromExecTime", SECONDS, "ran so many seconds or longer"),
        Param::optional("ToExecTime", SECONDS, "ran so many seconds or shorter"),
        Param::optional("PageNumber", Kind::Integer { min: 1, max: 1 << 31 }, "from 1"),
        Param::optional("PageSize", Kind::Integer { min: 1, max: 100 }, "10 unless told"),
    ],
    doc: "Lists tasks of instances and their progress.",
    token: None,
    handler: run,
};

/// DescribeHistoryTasksStat.
pub const STAT: Action = Action {
    name: "DescribeHistoryTasksStat",
    version: KVSTORE,
    access: Access::Read,
    params: SPEC.params,
    doc: "Counts tasks of instances by their status.",
    token: None,
    handler: stat,
};

/// DescribeTaskDetail.
pub const DETAIL: Action = Action {
    name: "DescribeTaskDetail",
    version: KVSTORE,
    access: Access::Read,
    params: &[INSTANCE_ID, Param::required("TaskId", Kind::Text, "which task")],
    doc: "Tells the status of one task of an instance.",
    token: None,
    handler: detail,
};

const LIST_MAX: usize = 30;

/// What is asked for.
struct Filter<'a> {
    from_unix_ms: i64,
    to_unix_ms: i64,
    instances: Option<Vec<&'a str>>,
    tasks: Option<Vec<&'a str>>,
    statuses: Option<Vec<&'a str>>,
    types: Option<Vec<&'a str>>,
    exec_s: (i64, i64),
}

/// A task as it stands.
struct Seen {
    task: Task,
    status: &'static str,
    step: &'static str,
    progress: usize,
}

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let number = params.integer("PageNumber").unwrap_or(1);
    let size = params.integer("PageSize").unwrap_or(10);
    let items = select(context, params)?;
    let total = items.len();
    let shown: Vec<Value> = page(items, number as usize, size as usize).iter().map(view).collect();
    Ok(Done::now(json!({
        "PageNumber": number,
        "PageSize": size,
        "TotalCount": total,
        "Items": shown,
    })))
}

fn stat(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let mut counts = BTreeMap::new();
    for seen in select(context, params)? {
        *counts.entry(seen.status).or_insert(0) += 1;
    }
    let item = |(status, count): (&str, i64)| json!({"Status": status, "TotalCount": count});
    Ok(Done::now(json!({"Items": counts.into_iter().map(item).collect::<Vec<_>>()})))
}

fn detail(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let id = params.required("TaskId");
    let found = documents::get::<Task>(context.store, store::Kind::Task, id)?;
    let own = found.filter(|read| read.value.instance_id == instance.instance_id);
    let task = own.ok_or_else(|| error::TASK_NOT_FOUND.plain())?.value;
    let seen = see(context, Some(&instance), task);
    let begin = views::time(seen.task.created_unix_ms);
    Ok(Done::now(json!({"BeginTime": begin, "Status": seen.status})))
}

/// The caller's tasks that the filters leave, the newest first, as people look for it.
fn select(context: &Context<'_>, params: &Params<'_>) -> Result<Vec<Seen>, ApiError> {
    let filter = filter(params)?;
    let instances: BTreeMap<_, _> = documents::instances(context.store)?
        .into_iter()
        .map(|read| (read.value.instance_id.clone(), read.value))
        .collect();
    let tasks = documents::list::<Task>(context.store, store::Kind::Task)?;
    let mut items: Vec<Seen> = tasks
        .into_iter()
        .filter(|read| read.value.account_id == context.account_id)
        .map(|read| see(context, instances.get(&read.value.instance_id), read.value))
        .filter(|seen| filter.matches(seen, context.now_unix_ms))
        .collect();
    items.sort_by_key(|seen| (Reverse(seen.task.created_unix_ms), seen.task.task_id.clone()));
    Ok(items)
}

fn filter<'a>(params: &Params<'a>) -> Result<Filter<'a>, ApiError> {
    let filter = Filter {
        from_unix_ms: time(params, "FromStartTime")?,
        to_unix_ms: time(params, "ToStartTime")?,
        instances: words(params, "InstanceId")?,
        tasks: words(params, "TaskId")?,
        statuses: words(params, "Status")?,
        types: words(params, "TaskType")?,
        exec_s: (
            params.integer("FromExecTime").unwrap_or(0),
            params.integer("ToExecTime").unwrap_or(i64::MAX),
        ),
    };
    if filter.to_unix_ms < filter.from_unix_ms {
        return Err(error::INVALID_TIME_RANGE.plain());
    }
    Ok(filter)
}

/// A time to the second or to the minute, in Unix milliseconds.
pub(super) fn time(params: &Params<'_>, name: &str) -> Result<i64, ApiError> {
    let text = params.required(name);
    let to_minute = text.len() == "2026-11-22T12:00Z".len();
    let whole = if to_minute { text.replace('Z', ":00Z") } else { text.to_owned() };
    let parsed = whole.parse::<jiff::Timestamp>();
    let wanted = "a UTC time such as 2026-11-22T12:00:00Z";
    parsed.map(jiff::Timestamp::as_millisecond).map_err(|_| error::malformed(name, wanted))
}

fn words<'a>(params: &Params<'a>, name: &str) -> Result<Option<Vec<&'a str>>, ApiError> {
    let Some(text) = params.text(name) else { return Ok(None) };
    let words: Vec<_> = text.split(',').map(str::trim).collect();
    if words.len() > LIST_MAX {
        return Err(error::malformed(name, "a list of at most 30"));
    }
    Ok(Some(words))
}

impl Filter<'_> {
    fn matches(&self, seen: &Seen, now_unix_ms: i64) -> bool {
        let any = |wanted: &Option<Vec<&str>>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.contains(&found))
        };
        let task = &seen.task;
        let end_ms = task.ended.map_or(now_unix_ms, |(ms, _)| ms);
        let exec_s = task.started_unix_ms.map_or(0, |start_ms| (end_ms - start_ms) / 1000);
        // Whole seconds: what was made within the last of them belongs to the range.
        (self.from_unix_ms..self.to_unix_ms + 1000).contains(&task.created_unix_ms)
            && any(&self.instances, &task.instance_id)
            && any(&self.tasks, &task.task_id)
            && any(&self.statuses, seen.status)
            && any(&self.types, task.kind.row().name)
            && (self.exec_s.0..=self.exec_s.1).contains(&exec_s)
    }
}

fn see(context: &Context<'_>, instance: Option<&Instance>, task: Task) -> Seen {
    let fails = instance.is_some_and(|instance| {
        let broken = matches!(context.status(instance), Status::Error | Status::Unavailable);
        broken && task.kind != TaskKind::Delete
    });
    let status = task.status(fails);
    let steps = task.kind.row().steps;
    let done = match (&task, instance) {
        (Task { ended: Some((_, Outcome::Succeed)), .. }, _) => steps.len(),
        (Task { ended: None, started_unix_ms: Some(_), kind, .. }, Some(instance)) => {
            task::steps_done(*kind, instance, context.host.node(&instance.node_id()))
        }
        _ => 0,
    };
    let step = if task.ended.is_some() { "" } else { steps.get(done).copied().unwrap_or("note") };
    Seen { progress: done * 100 / steps.len(), task, status, step }
}

fn view(seen: &Seen) -> Value {
    let task = &seen.task;
    json!({
        "TaskId": task.task_id,
        "TaskType": task.kind.row().name,
        "Status": seen.status,
        "CurrentStepName": seen.step,
        "Progress": seen.progress,
        "RemainTime": 0,
        "StartTime": views::time(task.created_unix_ms),
        "EndTime": task.ended.map(|(ms, _)| views::time(ms)).unwrap_or_default(),
        "RegionId": task.region_id,
        "InstanceId": task.instance_id,
        "InstanceName": task.instance_name,
        "InstanceType": "Instance",
        "DbType": "redis",
        "Product": "kvstore",
        "TaskDetail": "",
        "ReasonCode": "",
        "ActionInfo": "",
        "Uid": task.account_id,
        "CallerSource": "User",
        "CallerUid": task.account_id,
    })
}
