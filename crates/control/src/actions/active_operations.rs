//! The actions on active operations: what waits for the maintenance window is listed, moved to
//! another time or given up. Must not know what it changes.

use super::params::{Kind as ParamKind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, views};
use crate::call::Call;
use crate::error::{self, ApiError};
use crate::store::documents::Versioned;
use crate::store::{Change, Expect, Kind, Store, documents};
use crate::tasks;
use control_model::operation::{self, State};
use control_model::selector::page;
use control_model::{Instance, Task};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Operations of one request.
const IDS_MAX: usize = 30;

const IDS: Param = Param::required("Ids", ParamKind::Text, "up to 30 numbers, comma-separated");
const REGION: &str = "of one region; all";
const PAGE: Param =
    Param::optional("PageNumber", ParamKind::Integer { min: 1, max: 1 << 31 }, "from 1");
const PAGE_SIZE: Param =
    Param::optional("PageSize", ParamKind::Integer { min: 1, max: 100 }, "25 or 30 unless told");
const ANY_OR_FLAG: ParamKind = ParamKind::OneOf(&["-1", "0", "1"]);

/// DescribeActiveOperationTasks.
pub const LIST: Action = Action {
    name: "DescribeActiveOperationTasks",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        Param::optional("Region", ParamKind::Text, REGION),
        Param::optional("TaskType", ParamKind::Text, "of one type"),
        Param::optional("Status", ParamKind::OneOf(&["-1", "3", "4", "5", "6", "7"]), "-1: any"),
        Param::optional("InsName", ParamKind::Text, "of one instance"),
        Param::optional("AllowCancel", ANY_OR_FLAG, "1: can be cancelled; -1: any"),
        Param::optional("AllowChange", ANY_OR_FLAG, "1: can be moved; -1: any"),
        Param::optional("ChangeLevel", ParamKind::OneOf(&["all", "S0", "S1"]), "all are S1"),
        Param::optional("DbType", ParamKind::Text, "redis"),
        Param::optional("ProductId", ParamKind::Text, "Redis"),
        PAGE,
        PAGE_SIZE,
    ],
    doc: "Lists operations that wait or waited for the maintenance window.",
    token: None,
    handler: list,
};

/// DescribeActiveOperationTask.
pub const OLDER: Action = Action {
    name: "DescribeActiveOperationTask",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        Param::required("Region", ParamKind::Text, REGION),
        Param::required("TaskType", ParamKind::Text, "of one type; all"),
        Param::optional("IsHistory", ParamKind::OneOf(&["0", "1"]), "1: those that have ended"),
        PAGE,
        PAGE_SIZE,
    ],
    doc: "Lists operations that wait for the maintenance window, or those that have ended.",
    token: None,
    handler: older,
};

/// DescribeActiveOperationTaskCount.
pub const COUNT: Action = Action {
    name: "DescribeActiveOperationTaskCount",
    version: KVSTORE,
    access: Access::Read,
    params: &[Param::optional("RegionId", ParamKind::Text, REGION)],
    doc: "Counts operations that wait for the maintenance window.",
    token: None,
    handler: count,
};

/// ModifyActiveOperationTasks.
pub const MODIFY: Action = Action {
    name: "ModifyActiveOperationTasks",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        IDS,
        Param::optional("SwitchTime", ParamKind::Text, "as 2026-11-22T12:00:00Z, to the deadline"),
        Param::optional("ImmediateStart", ParamKind::OneOf(&["0", "1"]), "1: now"),
    ],
    doc: "Has operations that wait be begun at a time of your choice, all or none.",
    token: None,
    handler: modify,
};

/// ModifyActiveOperationTask.
pub const MODIFY_OLDER: Action = Action {
    name: "ModifyActiveOperationTask",
    params: &[IDS, Param::required("SwitchTime", ParamKind::Text, "as 2026-11-22T12:00:00Z")],
    ..MODIFY
};

/// CancelActiveOperationTasks.
pub const CANCEL: Action = Action {
    name: "CancelActiveOperationTasks",
    version: KVSTORE,
    access: Access::Write,
    params: &[IDS],
    doc: "Gives up operations that wait, all or none.",
    token: None,
    handler: |context, params| {
        change(context, params, |instance, task| {
            let (store, now_unix_ms) = (context.store, context.now_unix_ms);
            Ok(tasks::cancel_one(store, instance, &task.task_id, now_unix_ms)?)
        })
    },
};

/// An operation as it stands.
struct Seen {
    task: Task,
    state: State,
    switch_unix_ms: i64,
    instance: Option<Instance>,
}

/// The account's operations, the newest first.
fn operations(context: &Context<'_>) -> Result<Vec<Seen>, ApiError> {
    let instances: BTreeMap<_, _> = documents::instances(context.store)?
        .into_iter()
        .map(|read| (read.value.instance_id.clone(), read.value))
        .collect();
    let see = |task: Task| {
        let instance = instances.get(&task.instance_id).cloned();
        let now_unix_ms = context.now_unix_ms;
        let switch_unix_ms = operation::switch_unix_ms(&task, instance.as_ref(), now_unix_ms);
        Seen { state: State::of(&task), task, switch_unix_ms, instance }
    };
    let mut seen: Vec<_> =
        planned(context.store, context.account_id)?.into_iter().map(see).collect();
    seen.sort_by_key(|seen| (Reverse(seen.task.created_unix_ms), seen.task.task_id.clone()));
    Ok(seen)
}

/// Tasks of an account that waited, or do.
fn planned(store: &dyn Store, account_id: &str) -> Result<Vec<Task>, ApiError> {
    let tasks = documents::list::<Task>(store, Kind::Task)?.into_iter().map(|read| read.value);
    let waited = |task: &Task| task.planned_unix_ms.is_some() || task.started_unix_ms.is_none();
    Ok(tasks.filter(|task| task.account_id == account_id && waited(task)).collect())
}

/// The caller's instances that a call is about because it names their operations.
///
/// # Errors
/// When the store fails.
pub(crate) fn instances(
    store: &dyn Store,
    call: &Call,
    row: &Action,
) -> Result<Vec<String>, ApiError> {
    if row.version != KVSTORE || !row.params.contains(&IDS) {
        return Ok(Vec::new());
    }
    let named = call.params.get(IDS.name).and_then(|list| numbers(list)).unwrap_or_default();
    let mut tasks = planned(store, call.principal.account_id())?;
    tasks.retain(|task| named.contains(&operation::number(&task.task_id)));
    Ok(tasks.into_iter().map(|task| task.instance_id).collect())
}

/// The numbers of a list, each once; `None` when it is none.
fn numbers(list: &str) -> Option<BTreeSet<i64>> {
    let numbers: Result<BTreeSet<i64>, _> = list.split(',').map(|id| id.trim().parse()).collect();
    numbers.ok().filter(|numbers| numbers.len() <= IDS_MAX)
}

/// Whether an operation is one of these: all, or those of a word.
fn is_of(wanted: Option<&str>, found: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == found || wanted == "all")
}

fn is_of_type(seen: &Seen, wanted: Option<&str>) -> bool {
    is_of(wanted, operation::wording(seen.task.kind).name)
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let mut seen = operations(context)?;
    let number = |name: &str| params.integer(name).filter(|number| 0 <= *number);
    let flag = |name: &str, found: bool| number(name).is_none_or(|flag| (flag == 1) == found);
    let text = |name: &str| params.text(name);
    let redis = |name: &str| text(name).is_none_or(|it| it.eq_ignore_ascii_case("redis"));
    seen.retain(|seen| {
        let waits = seen.state == State::Pending;
        is_of(text("Region"), &seen.task.region_id)
            && is_of_type(seen, text("TaskType"))
            && number("Status").is_none_or(|status| status == seen.state.number())
            && text("InsName").is_none_or(|id| id == seen.task.instance_id)
            && flag("AllowCancel", waits)
            && flag("AllowChange", waits)
            && is_of(text("ChangeLevel"), "S1")
            && redis("DbType")
            && redis("ProductId")
    });
    Ok(paged(params, seen, 25, shown))
}

fn older(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let mut seen = operations(context)?;
    let current = params.text("IsHistory") != Some("1");
    seen.retain(|seen| {
        seen.state.is_current() == current
            && is_of(params.text("Region"), &seen.task.region_id)
            && is_of_type(seen, params.text("TaskType"))
    });
    Ok(paged(params, seen, 30, common))
}

fn count(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let mut seen = operations(context)?;
    seen.retain(|seen| {
        seen.state == State::Pending && is_of(params.text("RegionId"), &seen.task.region_id)
    });
    Ok(Done::now(json!({"NeedPop": 0, "TaskCount": seen.len()})))
}

fn paged(
    params: &Params<'_>,
    seen: Vec<Seen>,
    default_size: i64,
    view: fn(&Seen) -> Value,
) -> Done {
    let number = params.integer("PageNumber").unwrap_or(1);
    let size = params.integer("PageSize").unwrap_or(default_size);
    let total = seen.len();
    let items: Vec<Value> = page(seen, number as usize, size as usize).iter().map(view).collect();
    Done::now(json!({
        "PageNumber": number,
        "PageSize": size,
        "TotalRecordCount": total,
        "Items": items,
    }))
}

/// What both lists tell.
fn common(seen: &Seen) -> Value {
    let task = &seen.task;
    let switch = views::time(seen.switch_unix_ms);
    json!({
        "Id": operation::number(&task.task_id),
        "InsName": task.instance_id,
        "Region": task.region_id,
        "TaskType": operation::wording(task.kind).name,
        "Status": seen.state.number(),
        "DbType": "redis",
        "CreatedTime": views::time(task.created_unix_ms),
        "ModifiedTime": views::time(task.planned_unix_ms.unwrap_or(task.created_unix_ms)),
        "StartTime": switch,
        "SwitchTime": switch,
        "Deadline": views::time(operation::deadline_unix_ms(task)),
        "PrepareInterval": "00:00:00",
    })
}

fn shown(seen: &Seen) -> Value {
    let wording = operation::wording(seen.task.kind);
    let waits = if seen.state == State::Pending { "1" } else { "0" };
    let of_instance = |text: fn(&Instance) -> &String| {
        seen.instance.as_ref().map_or(String::new(), |instance| text(instance).clone())
    };
    let mut item = common(seen);
    let more = json!({
        "AllowCancel": waits,
        "AllowChange": waits,
        "ChangeLevel": "S1",
        "ChangeLevelEn": "System maintenance",
        "ChangeLevelZh": "系统运维",
        "CurrentAVZ": of_instance(|instance| &instance.zone_id),
        "DbVersion": of_instance(|instance| &instance.engine_version),
        "Impact": wording.impacts[0],
        "ImpactEn": wording.impacts[0],
        "ImpactZh": wording.impacts[1],
        "InsComment": seen.task.instance_name,
        "ResultInfo": "",
        "SubInsNames": [],
        "TaskParams": "{}",
        "TaskTypeEn": wording.texts[0],
        "TaskTypeZh": wording.texts[1],
    });
    if let (Value::Object(item), Value::Object(more)) = (&mut item, more) {
        item.extend(more);
    }
    item
}

fn modify(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let now_unix_ms = context.now_unix_ms;
    let at_once = params.text("ImmediateStart") == Some("1");
    if !at_once && params.text("SwitchTime").is_none() {
        return Err(error::missing("SwitchTime"));
    }
    let parsed = params.required("SwitchTime").parse::<jiff::Timestamp>();
    let parsed = parsed.ok().map(jiff::Timestamp::as_millisecond);
    change(context, params, |instance, task| {
        let wanted = if at_once { Some(now_unix_ms) } else { parsed };
        let good = wanted.filter(|at| operation::can_switch_at(task, *at, now_unix_ms));
        let Some(at) = good else {
            let latest = views::time(operation::deadline_unix_ms(task));
            let wanted = format!("a UTC time from now to the Deadline, {latest}");
            return Err(error::malformed("SwitchTime", &wanted));
        };
        Ok(tasks::put_off(context.store, instance, (&task.task_id, at), now_unix_ms)?)
    })
}

/// Changes each of the operations that are named, if all of them wait.
fn change(
    context: &Context<'_>,
    params: &Params<'_>,
    change: impl Fn(&mut Instance, &Task) -> Result<Vec<Change>, ApiError>,
) -> Result<Done, ApiError> {
    let wanted = || error::malformed("Ids", "a list of 1 to 30 numbers, joined by commas");
    let ids = numbers(params.required("Ids")).ok_or_else(wanted)?;
    context.settle(|| {
        let own = planned(context.store, context.account_id)?;
        let mut instances: BTreeMap<&str, Versioned<Instance>> = BTreeMap::new();
        let mut changes = Vec::new();
        for id in &ids {
            let task = own.iter().find(|task| operation::number(&task.task_id) == *id);
            let task = task.ok_or_else(|| unknown(*id))?;
            let mut read = match instances.remove(&*task.instance_id) {
                Some(read) => read,
                None => get(context, task)?.ok_or_else(|| begun(*id))?,
            };
            let is_it = |queued: &control_model::task::Queued| queued.task_id == task.task_id;
            if !read.value.queued.iter().any(is_it) {
                return Err(begun(*id));
            }
            changes.extend(change(&mut read.value, task)?);
            instances.insert(&task.instance_id, read);
        }
        let put = |read: &Versioned<Instance>| {
            documents::put_instance(&read.value, Expect::Revision(read.revision))
        };
        changes.extend(instances.values().map(put));
        let ids: Vec<_> = ids.iter().map(i64::to_string).collect();
        Ok((changes, Done::now(json!({"Ids": ids.join(",")}))))
    })
}

fn get(context: &Context<'_>, task: &Task) -> Result<Option<Versioned<Instance>>, ApiError> {
    Ok(documents::get::<Instance>(context.store, Kind::Instance, &task.instance_id)?)
}

fn unknown(id: i64) -> ApiError {
    error::TASK_NOT_FOUND.says(format!(
        "The Ids hold {id}, and there is no such operation; DescribeActiveOperationTasks lists all."
    ))
}

fn begun(id: i64) -> ApiError {
    error::OPERATION_STARTED.says(format!("The operation {id} does not wait any more."))
}
