//! Tasks: what was begun for an instance and is followed until it has come about. A task changes
//! nothing by itself; the intent does, and the task ends in the transaction that notes that the
//! world has reached it. Must not know stores.

use crate::class;
use crate::instance::Instance;
use crate::lifecycle;
use crate::observation::Observed;
use admin::Clears;
use admin::agent::NodePhase;
use serde::{Deserialize, Serialize};

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskKind {
    /// CreateInstance.
    Create,
    /// RestartInstance.
    Restart,
    /// ModifyInstanceSpec.
    Spec,
    /// ModifyInstanceBandwidth.
    Bandwidth,
    /// DeleteInstance.
    Delete,
    /// RecoverInstance.
    Recover,
    /// DestroyInstance, or the end of the time in the recycle bin.
    Destroy,
    /// ModifyInstanceMinorVersion.
    MinorVersion,
    /// ModifyDBInstanceConnectionString.
    Network,
    /// FlushInstance.
    Flush,
    /// FlushInstanceForDB.
    FlushDb,
    /// FlushExpireKeys.
    FlushDead,
}

/// A row of [`KINDS`].
#[derive(Debug, PartialEq, Eq)]
pub struct KindRow {
    /// Which.
    pub kind: TaskKind,
    /// `TaskType` of the API.
    pub name: &'static str,
    /// Names of its steps, in order.
    pub steps: &'static [&'static str],
}

/// All kinds.
pub const KINDS: &[KindRow] = &[
    KindRow { kind: TaskKind::Create, name: "CreateIns", steps: &["prepare", "start_node"] },
    KindRow {
        kind: TaskKind::Restart,
        name: "RestartIns",
        steps: &["save_and_stop_node", "start_node"],
    },
    KindRow { kind: TaskKind::Spec, name: "ModifyInsSpec", steps: &["apply_limits"] },
    KindRow { kind: TaskKind::Bandwidth, name: "ModifyInsBandwidth", steps: &["apply_limits"] },
    KindRow { kind: TaskKind::Flush, name: "FlushIns", steps: &["empty_databases"] },
    KindRow { kind: TaskKind::FlushDb, name: "FlushInsForDB", steps: &["empty_database"] },
    KindRow { kind: TaskKind::FlushDead, name: "FlushExpireKeys", steps: &["remove_dead_keys"] },
    KindRow {
        kind: TaskKind::MinorVersion,
        name: "UpgradeMinorVersion",
        steps: &["save_and_stop_node", "start_node"],
    },
    KindRow {
        kind: TaskKind::Network,
        name: "ModifyInsConnStr",
        steps: &["save_and_stop_node", "start_node"],
    },
    KindRow { kind: TaskKind::Delete, name: "DeleteIns", steps: &["remove_node"] },
    KindRow { kind: TaskKind::Recover, name: "RecoverIns", steps: &["prepare", "start_node"] },
    KindRow { kind: TaskKind::Destroy, name: "DestroyIns", steps: &["remove_data"] },
];

impl TaskKind {
    /// Its row.
    ///
    /// # Panics
    /// Never: each kind has a row, as a test of the table shows.
    pub fn row(self) -> &'static KindRow {
        KINDS.iter().find(|row| row.kind == self).expect("each kind has a row")
    }
}

/// A change of an instance that disturbs it, so that it may be put off to the maintenance window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// One incarnation more.
    Restart,
    /// One incarnation more, which is that of the newest program.
    MinorVersion,
    /// Another class, whose limits the node takes over while it serves.
    Spec {
        /// Row of [`class::CLASSES`].
        class: String,
    },
    /// Another bandwidth, which the node takes over while it serves. What the class has is no more
    /// than that.
    Bandwidth {
        /// MB/s in each direction.
        mb_per_s: u32,
    },
    /// Data are emptied.
    Clear(Clear),
}

/// What is emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clear {
    /// All databases.
    All,
    /// One database.
    Db(u16),
    /// Keys whose time has come.
    Dead,
}

impl Clear {
    /// Adds it to what was wanted before. Emptying all settles whatever was wanted of one.
    fn add_to(self, clears: &mut Clears) {
        let number = clears.newest() + 1;
        match self {
            Clear::All => *clears = Clears { all: number, ..Clears::default() },
            Clear::Db(db) => drop(clears.dbs.insert(db, number)),
            Clear::Dead => clears.dead = number,
        }
    }
}

impl Change {
    /// The kind of task that carries it out.
    pub fn kind(&self) -> TaskKind {
        match self {
            Change::Restart => TaskKind::Restart,
            Change::MinorVersion => TaskKind::MinorVersion,
            Change::Spec { .. } => TaskKind::Spec,
            Change::Bandwidth { .. } => TaskKind::Bandwidth,
            Change::Clear(Clear::All) => TaskKind::Flush,
            Change::Clear(Clear::Db(_)) => TaskKind::FlushDb,
            Change::Clear(Clear::Dead) => TaskKind::FlushDead,
        }
    }

    /// Makes it the intent.
    pub fn apply(&self, instance: &mut Instance) {
        instance.touch();
        match self {
            Change::Restart | Change::MinorVersion => instance.incarnation += 1,
            Change::Spec { class } => {
                instance.class.clone_from(class);
                // It was so much more than the former class has.
                instance.raised_bandwidth_mb_per_s = None;
            }
            Change::Bandwidth { mb_per_s } => {
                let class = instance.class();
                let raised = (*mb_per_s).min(class.bandwidth_mb_per_s_max());
                let is_more = class.bandwidth_mb_per_s < raised;
                instance.raised_bandwidth_mb_per_s = is_more.then_some(raised);
            }
            Change::Clear(clear) => clear.add_to(&mut instance.clears),
        }
    }

    /// Bytes of memory that the node has afterwards, where that changes: more data than that must
    /// not be there.
    pub fn limit_bytes(&self) -> Option<u64> {
        let Change::Spec { class } = self else { return None };
        class::find(class).map(|class| class.capacity_mb << 20)
    }
}

/// The task that an instance is under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Key of its document.
    pub task_id: String,
    /// What it does.
    pub kind: TaskKind,
}

/// A change that waits for its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// Key of its task.
    pub task_id: String,
    /// What is to be done.
    pub change: Change,
    /// When, in Unix milliseconds; `None` when the maintenance window is open.
    #[serde(default)]
    pub switch_unix_ms: Option<i64>,
}

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The world is as wanted.
    Succeed,
    /// Something else was wanted before it came to that.
    Canceled,
    /// It could not be begun.
    Failed,
}

/// The document of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// `t-…`.
    pub task_id: String,
    /// Owner.
    pub account_id: String,
    /// Which instance.
    pub instance_id: String,
    /// Its name when the task was made.
    pub instance_name: String,
    /// Its region.
    pub region_id: String,
    /// What it does.
    pub kind: TaskKind,
    /// Unix milliseconds.
    pub created_unix_ms: i64,
    /// Unix milliseconds; `None` while it waits for the maintenance window.
    pub started_unix_ms: Option<i64>,
    /// Unix milliseconds and how; `None` while it has not ended.
    pub ended: Option<(i64, Outcome)>,
    /// When its time was set last, in Unix milliseconds; `None` of what was to be begun at once.
    #[serde(default)]
    pub planned_unix_ms: Option<i64>,
}

impl Task {
    /// A task for `instance`, started at once.
    pub fn new(task_id: String, kind: TaskKind, instance: &Instance, now_unix_ms: i64) -> Task {
        Task {
            task_id,
            account_id: instance.account_id.clone(),
            instance_id: instance.instance_id.clone(),
            instance_name: instance.name.clone(),
            region_id: instance.region_id.clone(),
            kind,
            created_unix_ms: now_unix_ms,
            started_unix_ms: Some(now_unix_ms),
            ended: None,
            planned_unix_ms: None,
        }
    }

    /// As [`Task::new`], to be begun later.
    pub fn planned(task_id: String, kind: TaskKind, instance: &Instance, now_unix_ms: i64) -> Task {
        let task = Task::new(task_id, kind, instance, now_unix_ms);
        Task { started_unix_ms: None, planned_unix_ms: Some(now_unix_ms), ..task }
    }

    /// `Status` of the API. `fails` says that the instance cannot get there as things are.
    pub fn status(&self, fails: bool) -> &'static str {
        match (self.ended, self.started_unix_ms) {
            (Some((_, Outcome::Succeed)), _) => "Succeed",
            (Some((_, Outcome::Canceled)), _) => "Canceled",
            (Some((_, Outcome::Failed)), _) => "Failed",
            (None, None) => "Scheduled",
            (None, Some(_)) if fails => "Failed",
            (None, Some(_)) => "Running",
        }
    }
}

/// How many steps of a running task are done.
pub fn steps_done(kind: TaskKind, intent: &Instance, observed: Observed<'_>) -> usize {
    let Observed::Known(node) = observed else { return 0 };
    match kind {
        TaskKind::Create
        | TaskKind::Recover
        | TaskKind::Restart
        | TaskKind::MinorVersion
        | TaskKind::Network
            if lifecycle::serves(intent, node) =>
        {
            2
        }
        TaskKind::Create | TaskKind::Recover => 1,
        // The node of before goes on until it is told, and stops then.
        TaskKind::Restart | TaskKind::MinorVersion | TaskKind::Network => {
            usize::from(node.incarnation >= intent.incarnation && node.phase != NodePhase::Stopping)
        }
        TaskKind::Spec
        | TaskKind::Bandwidth
        | TaskKind::Flush
        | TaskKind::FlushDb
        | TaskKind::FlushDead => usize::from(node.generation >= intent.generation),
        TaskKind::Delete | TaskKind::Destroy => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;
    use crate::observation::tests::node;

    #[test]
    fn each_kind_has_one_row_with_steps() {
        use TaskKind::{Bandwidth, Restart, Spec};
        use TaskKind::{Create, Delete, Flush, FlushDb, FlushDead, MinorVersion, Network};
        let all = [
            Create,
            Restart,
            Spec,
            Bandwidth,
            MinorVersion,
            Network,
            Flush,
            FlushDb,
            FlushDead,
            Delete,
        ];
        for kind in all.into_iter().chain([TaskKind::Recover, TaskKind::Destroy]) {
            assert_eq!(KINDS.iter().filter(|row| row.kind == kind).count(), 1, "{kind:?}");
            assert!(!kind.row().steps.is_empty());
        }
        let change = Change::Restart;
        let mut instance = sample();
        change.apply(&mut instance);
        assert_eq!((instance.generation, instance.incarnation), (2, 2));
        assert_eq!(change.kind(), TaskKind::Restart);
        assert_eq!(change.limit_bytes(), None);
        let change = Change::Spec { class: "redis.shard.micro.ce".into() };
        change.apply(&mut instance);
        assert_eq!((instance.generation, instance.class().capacity_mb), (3, 256));
        assert_eq!(change.limit_bytes(), Some(256 << 20));
        let rows = [(60, Some(60), 60), (24, None, 24), (23, None, 24), (169, Some(168), 168)];
        for (mb_per_s, raised, expected) in rows {
            Change::Bandwidth { mb_per_s }.apply(&mut instance);
            assert_eq!(instance.raised_bandwidth_mb_per_s, raised, "{mb_per_s}");
            assert_eq!(instance.bandwidth_mb_per_s(), expected, "{mb_per_s}");
        }
        change.apply(&mut instance);
        assert_eq!((instance.generation, instance.bandwidth_mb_per_s()), (8, 24));
    }

    #[test]
    fn documents_of_before_are_read() {
        let task = Task::new("t-1".into(), TaskKind::Restart, &sample(), 5);
        let mut body = serde_json::to_value(&task).expect("plain data");
        body.as_object_mut().expect("an object").remove("planned_unix_ms").expect("there");
        assert_eq!(serde_json::from_value::<Task>(body).expect("read"), task);
        let queued =
            Queued { task_id: "t-1".into(), change: Change::Restart, switch_unix_ms: None };
        let mut body = serde_json::to_value(&queued).expect("plain data");
        body.as_object_mut().expect("an object").remove("switch_unix_ms").expect("there");
        assert_eq!(serde_json::from_value::<Queued>(body).expect("read"), queued);
    }

    #[test]
    fn statuses() {
        let task = Task::new("t-1".into(), TaskKind::Restart, &sample(), 5);
        let waits = Task { started_unix_ms: None, ..task.clone() };
        let ended = |outcome| Task { ended: Some((9, outcome)), ..task.clone() };
        let rows = [
            (&task, false, "Running"),
            (&task, true, "Failed"),
            (&waits, false, "Scheduled"),
            (&waits, true, "Scheduled"),
            (&ended(Outcome::Succeed), true, "Succeed"),
            (&ended(Outcome::Canceled), false, "Canceled"),
            (&ended(Outcome::Failed), false, "Failed"),
        ];
        for (task, fails, expected) in rows {
            assert_eq!(task.status(fails), expected, "{task:?}");
        }
    }

    #[test]
    fn steps_follow_the_node() {
        use NodePhase::{Serving, Starting, Stopping};
        let rows = [
            (TaskKind::Create, 1, Starting, 1, 1),
            (TaskKind::Create, 1, Serving, 1, 2),
            (TaskKind::Restart, 2, Serving, 1, 0),
            (TaskKind::Restart, 2, Stopping, 1, 0),
            (TaskKind::Restart, 2, Starting, 2, 1),
            (TaskKind::Restart, 2, Serving, 2, 2),
            (TaskKind::Spec, 1, Serving, 1, 1),
            (TaskKind::Bandwidth, 1, Serving, 1, 1),
            (TaskKind::Delete, 1, Serving, 1, 0),
        ];
        for (kind, wanted, phase, incarnation, expected) in rows {
            let intent = Instance { incarnation: wanted, ..sample() };
            let seen = node(phase.clone(), 1, incarnation);
            let done = steps_done(kind, &intent, Observed::Known(&seen));
            assert_eq!(done, expected, "{kind:?} {phase:?}");
            assert_eq!(steps_done(kind, &intent, Observed::Absent), 0);
            assert!(done <= kind.row().steps.len());
        }
    }
}
