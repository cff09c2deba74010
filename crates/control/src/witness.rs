//! Tells the audit log what happens without a call: tasks that begin and end, nodes that are
//! started again after a crash. Level-triggered: it compares what is there with what it told.
//! Changes nothing else.

use crate::audit::{Durability, time};
use crate::pipeline::Shared;
use crate::store::{Kind, StoreError, documents};
use control_model::alarm::Alert;
use control_model::task::Outcome;
use control_model::{Instance, Task};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Changes of the store come in swarms; one look a moment later sees them all.
const SETTLE: Duration = Duration::from_millis(200);

/// Something that happened by itself.
pub(crate) struct SystemEvent<'a> {
    /// Of the account.
    pub(crate) account_id: &'a str,
    /// `InstanceTask:Succeeded`, …
    pub(crate) name: &'a str,
    /// Which instance.
    pub(crate) instance_id: &'a str,
    /// When.
    pub(crate) unix_ms: i64,
    /// Particulars.
    pub(crate) details: Value,
}

/// Writes a line about it. A line that cannot be written is logged: there is no call to refuse.
pub(crate) fn note_system(shared: &Shared, event: &SystemEvent<'_>) {
    let line = crate::actions::object(json!({
        "time": time(event.unix_ms),
        "event": "system",
        "request_id": crate::random::request_id(),
        "action": event.name,
        "version": crate::actions::table::KVSTORE,
        "service": "kvstore",
        "rw": "Write",
        "account_id": event.account_id,
        "principal": "system",
        "source": "Internal",
        "resource_type": "ACS::KVStore::DBInstance",
        "resource": event.instance_id,
        "params": event.details,
        "code": "",
    }));
    if let Err(error) = shared.audit.append(line, Durability::Buffered, event.unix_ms) {
        tracing::error!("writing the audit log: {error}");
    }
}

/// What was told last.
#[derive(Default)]
struct Told {
    /// Ended, by task.
    tasks: HashMap<String, bool>,
    /// Crashes by node.
    crashes: HashMap<String, u32>,
    /// The newest alert; their ids grow with time.
    alert: String,
}

/// Tells until it is dropped. To be called before the first call of an action is taken: what comes
/// later is told.
pub(crate) fn start(shared: Arc<Shared>) -> impl Future<Output = ()> + Send {
    // What a start before this one did not come to tell is told too.
    let since = shared.audit.newest_system_ms().unwrap_or_else(|| (shared.clock)() - 1);
    let told = Told { crashes: crashes(&shared), ..Told::default() };
    run(shared, told, since)
}

async fn run(shared: Arc<Shared>, mut told: Told, since: i64) {
    let mut changes = shared.store.watch();
    let mut view = shared.view.clone();
    let mut since = Some(since);
    loop {
        changes.borrow_and_update();
        view.borrow_and_update();
        let (sharing, from) = (shared.clone(), since.take());
        let looked = tokio::task::spawn_blocking(move || {
            let outcome = look(&sharing, &mut told, from);
            (told, outcome)
        });
        match looked.await {
            Ok((kept, outcome)) => {
                told = kept;
                if let Err(error) = outcome {
                    tracing::error!("looking for events: {error}");
                }
            }
            Err(error) => return tracing::error!("looking for events: {error}"),
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            changed = view.changed() => if changed.is_err() { return },
        }
        tokio::time::sleep(SETTLE).await;
    }
}

/// Crashes of nodes as seen now.
fn crashes(shared: &Shared) -> HashMap<String, u32> {
    let view = shared.view.borrow().clone();
    let nodes = view.host.nodes();
    nodes.map(|node| (node.node_id.clone(), node.crashes)).collect()
}

/// Tells what is new; with `since`, only what happened after that moment.
fn look(shared: &Shared, told: &mut Told, since: Option<i64>) -> Result<(), StoreError> {
    let tasks = documents::list::<Task>(shared.store.as_ref(), Kind::Task)?;
    let tasks: Vec<Task> = tasks.into_iter().map(|read| read.value).collect();
    let is_new = |unix_ms: i64| since.is_none_or(|since| since < unix_ms);
    let mut news = Vec::new();
    let mut kept = HashMap::new();
    for task in &tasks {
        let known = told.tasks.get(&task.task_id).copied();
        if known.is_none() && is_new(task.created_unix_ms) {
            news.push((task.created_unix_ms, "InstanceTask:Begun", task));
        }
        let ended = task.ended.filter(|(unix_ms, _)| known != Some(true) && is_new(*unix_ms));
        if let Some((unix_ms, outcome)) = ended {
            news.push((unix_ms, ended_as(outcome), task));
        }
        kept.insert(task.task_id.clone(), task.ended.is_some());
    }
    told.tasks = kept;
    news.sort_by_key(|(unix_ms, ..)| *unix_ms);
    for (unix_ms, name, task) in news {
        tell_task(shared, task, name, unix_ms);
    }
    tell_alerts(shared, told, since)?;
    tell_crashes(shared, told)
}

/// Tells of alarms that began and ended.
fn tell_alerts(shared: &Shared, told: &mut Told, since: Option<i64>) -> Result<(), StoreError> {
    for document in shared.store.list(Kind::Alert)? {
        if document.id <= told.alert {
            continue;
        }
        let Ok(alert) = serde_json::from_value::<Alert>(document.body) else { continue };
        told.alert = document.id;
        if since.is_some_and(|since| alert.at_unix_ms <= since) {
            continue;
        }
        note_system(
            shared,
            &SystemEvent {
                account_id: &alert.account_id,
                name: &format!("InstanceAlarm:{:?}", alert.event),
                instance_id: &alert.instance_id,
                unix_ms: alert.at_unix_ms,
                details: json!({
                    "RuleId": alert.rule_id,
                    "RuleName": alert.rule_name,
                    "MetricName": alert.metric,
                    "Level": format!("{:?}", alert.level),
                    "Expression": alert.expression,
                    "Value": alert.value,
                }),
            },
        );
    }
    Ok(())
}

fn ended_as(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeed => "InstanceTask:Succeeded",
        Outcome::Failed => "InstanceTask:Failed",
        Outcome::Canceled => "InstanceTask:Canceled",
    }
}

fn tell_task(shared: &Shared, task: &Task, name: &str, unix_ms: i64) {
    let details = json!({"TaskId": task.task_id, "TaskType": task.kind.row().name});
    let (account_id, instance_id) = (&task.account_id, &task.instance_id);
    note_system(shared, &SystemEvent { account_id, name, instance_id, unix_ms, details });
}

fn tell_crashes(shared: &Shared, told: &mut Told) -> Result<(), StoreError> {
    let now = crashes(shared);
    if now.is_empty() {
        // The agent is away; its nodes are where they were.
        return Ok(());
    }
    for (node_id, count) in &now {
        // An agent that starts counts anew.
        let before = told.crashes.get(node_id).copied().unwrap_or(0).min(*count);
        if *count == before {
            continue;
        }
        let Some((instance_id, _)) = node_id.split_once("-node-") else { continue };
        let found = documents::get::<Instance>(shared.store.as_ref(), Kind::Instance, instance_id)?;
        let Some(instance) = found else { continue };
        let event = SystemEvent {
            account_id: &instance.value.account_id,
            name: "InstanceNode:RestartedAfterFailure",
            instance_id,
            unix_ms: (shared.clock)(),
            details: json!({"NodeId": node_id, "Failures": count}),
        };
        note_system(shared, &event);
    }
    told.crashes = now;
    Ok(())
}
