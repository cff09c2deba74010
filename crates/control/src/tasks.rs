//! Task documents as parts of the transactions that change their instance: a task is opened with
//! the wish and ended with the fact. Must not know actions or agents.

use crate::random;
use crate::store::documents;
use crate::store::{Change, Expect, Kind, Store, StoreError};
use control_model::task::{self, Outcome, Queued, Running, Task, TaskKind};
use control_model::{Instance, ident};
use std::collections::BTreeMap;

/// How long ended tasks are kept.
const KEEP_MS: i64 = 30 * 24 * 3_600_000;

/// Puts the instance under a new task; one that it was under has come about, or is given up for
/// this one. Gives the task's id.
///
/// # Errors
/// When the store fails.
pub fn open(
    store: &dyn Store,
    instance: &mut Instance,
    (kind, former): (TaskKind, Outcome),
    now_unix_ms: i64,
) -> Result<(String, Vec<Change>), StoreError> {
    let mut changes = end_running(store, instance, former, now_unix_ms)?;
    let task_id = ident::task_id(&mut random::fill);
    let task = Task::new(task_id.clone(), kind, instance, now_unix_ms);
    changes.push(put(&task, Expect::Absent));
    instance.running = Some(Running { task_id: task_id.clone(), kind });
    Ok((task_id, changes))
}

/// Ends the task that the instance is under, if there is one.
///
/// # Errors
/// When the store fails.
pub fn end_running(
    store: &dyn Store,
    instance: &mut Instance,
    outcome: Outcome,
    now_unix_ms: i64,
) -> Result<Vec<Change>, StoreError> {
    let Some(running) = instance.running.take() else { return Ok(Vec::new()) };
    let mut changes = end(store, &running.task_id, outcome, now_unix_ms)?;
    if let Some(port) = instance.former_port.take() {
        changes.push(documents::delete(Kind::Port, &port.to_string(), Expect::Any));
    }
    Ok(changes)
}

/// Ends all that waits for its time.
///
/// # Errors
/// When the store fails.
pub fn cancel_queued(
    store: &dyn Store,
    instance: &mut Instance,
    now_unix_ms: i64,
) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::new();
    for Queued { task_id, .. } in instance.queued.drain(..) {
        changes.extend(end(store, &task_id, Outcome::Canceled, now_unix_ms)?);
    }
    Ok(changes)
}

/// Gives up one change that waits.
///
/// # Errors
/// When the store fails.
pub fn cancel_one(
    store: &dyn Store,
    instance: &mut Instance,
    task_id: &str,
    now_unix_ms: i64,
) -> Result<Vec<Change>, StoreError> {
    instance.queued.retain(|queued| queued.task_id != task_id);
    end(store, task_id, Outcome::Canceled, now_unix_ms)
}

/// Has one change that waits be begun at another time.
///
/// # Errors
/// When the store fails.
pub fn put_off(
    store: &dyn Store,
    instance: &mut Instance,
    (task_id, switch_unix_ms): (&str, i64),
    now_unix_ms: i64,
) -> Result<Vec<Change>, StoreError> {
    let mut queued = instance.queued.iter_mut();
    if let Some(queued) = queued.find(|queued| queued.task_id == task_id) {
        queued.switch_unix_ms = Some(switch_unix_ms);
    }
    amend(store, task_id, |task| task.planned_unix_ms = Some(now_unix_ms))
}

/// Has a change wait for the maintenance window. Gives its task's id.
pub fn queue(
    instance: &mut Instance,
    change: &task::Change,
    now_unix_ms: i64,
) -> (String, Vec<Change>) {
    let task_id = ident::task_id(&mut random::fill);
    let task = Task::planned(task_id.clone(), change.kind(), instance, now_unix_ms);
    let change = change.clone();
    let queued = Queued { task_id: task_id.clone(), change, switch_unix_ms: None };
    instance.queued.push(queued);
    (task_id, vec![put(&task, Expect::Absent)])
}

/// Makes the first change whose time has come the intent.
///
/// # Errors
/// When the store fails.
pub fn begin(
    store: &dyn Store,
    instance: &mut Instance,
    now_unix_ms: i64,
) -> Result<Vec<Change>, StoreError> {
    let Some(due) = instance.due(now_unix_ms) else { return Ok(Vec::new()) };
    let Queued { task_id, change, .. } = instance.queued.remove(due);
    change.apply(instance);
    instance.running = Some(Running { task_id: task_id.clone(), kind: change.kind() });
    amend(store, &task_id, |task| task.started_unix_ms = Some(now_unix_ms))
}

/// Ends the first change whose time has come: it cannot be begun.
///
/// # Errors
/// When the store fails.
pub fn fail_due(
    store: &dyn Store,
    instance: &mut Instance,
    now_unix_ms: i64,
) -> Result<Vec<Change>, StoreError> {
    let Some(due) = instance.due(now_unix_ms) else { return Ok(Vec::new()) };
    let Queued { task_id, .. } = instance.queued.remove(due);
    end(store, &task_id, Outcome::Failed, now_unix_ms)
}

/// Forgets tasks that ended long ago, and the client tokens that made them.
///
/// # Errors
/// When the store fails.
pub fn prune(store: &dyn Store, now_unix_ms: i64) -> Result<(), StoreError> {
    let is_old = |task: &Task| task.ended.is_some_and(|(ms, _)| ms < now_unix_ms - KEEP_MS);
    let tasks = documents::list::<Task>(store, Kind::Task)?.into_iter();
    let old: BTreeMap<_, _> = tasks
        .filter(|read| is_old(&read.value))
        .map(|read| (read.value.task_id, read.revision))
        .collect();
    if old.is_empty() {
        return Ok(());
    }
    let mut changes = Vec::new();
    for token in store.list(Kind::Token)? {
        let made = token.body["resource_id"].as_str();
        if made.is_some_and(|made| old.contains_key(made)) {
            changes.push(documents::delete(Kind::Token, &token.id, Expect::Any));
        }
    }
    let delete = |(id, revision): (&String, &u64)| {
        documents::delete(Kind::Task, id, Expect::Revision(*revision))
    };
    changes.extend(old.iter().map(delete));
    store.txn(&changes).map(drop)
}

fn end(
    store: &dyn Store,
    task_id: &str,
    outcome: Outcome,
    now_unix_ms: i64,
) -> Result<Vec<Change>, StoreError> {
    amend(store, task_id, |task| task.ended = Some((now_unix_ms, outcome)))
}

/// A change of a task; none when it is not there any more.
fn amend(
    store: &dyn Store,
    task_id: &str,
    change: impl FnOnce(&mut Task),
) -> Result<Vec<Change>, StoreError> {
    let Some(read) = documents::get::<Task>(store, Kind::Task, task_id)? else {
        return Ok(Vec::new());
    };
    let mut task = read.value;
    change(&mut task);
    Ok(vec![put(&task, Expect::Revision(read.revision))])
}

fn put(task: &Task, expect: Expect) -> Change {
    documents::put(Kind::Task, &task.task_id, expect, &task.account_id, task)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn old_tasks_are_forgotten_and_open_ones_are_not() {
        let world = World::new();
        let id = world.instance("").await;
        let store = world.control.shared.store.as_ref();
        let read = documents::get::<Instance>(store, Kind::Instance, &id).expect("read");
        let mut instance = read.expect("there").value;
        let restart = (TaskKind::Restart, Outcome::Succeed);
        let mut open_at = |now| {
            let (id, changes) = open(store, &mut instance, restart, now).expect("opened");
            store.txn(&changes).expect("written");
            id
        };
        let (first, second) = (open_at(10), open_at(20));
        let is_there = |id: &str| store.get(Kind::Task, id).expect("read").is_some();
        prune(store, 20 + KEEP_MS).expect("pruned");
        assert!(is_there(&first));
        prune(store, 21 + KEEP_MS).expect("pruned");
        assert!(!is_there(&first));
        prune(store, i64::MAX).expect("pruned");
        assert!(is_there(&second), "it has not ended");
    }
}
