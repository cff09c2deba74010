//! Active operations: tasks that wait for their time, as their owner sees, moves and cancels them.
//! Pure; must not know stores, or how a task is begun.

use crate::instance::Instance;
use crate::task::{Outcome, Task, TaskKind};

/// An operation can be put off so long after it was asked for: 31 days, past each day that any
/// preference names.
pub const PUT_OFF_MS_MAX: i64 = 31 * 24 * 3_600_000;
/// A time so long ago still is now: clients write whole seconds, and requests travel.
const SLACK_MS: i64 = 60_000;

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits.
    Pending,
    /// It was begun.
    Processing,
    /// It has come about.
    Succeeded,
    /// It could not be begun.
    Failed,
    /// It was given up.
    Canceled,
}

impl State {
    /// Of a task.
    pub fn of(task: &Task) -> State {
        match (task.ended, task.started_unix_ms) {
            (Some((_, Outcome::Succeed)), _) => State::Succeeded,
            (Some((_, Outcome::Failed)), _) => State::Failed,
            (Some((_, Outcome::Canceled)), _) => State::Canceled,
            (None, Some(_)) => State::Processing,
            (None, None) => State::Pending,
        }
    }

    /// `Status` of the API.
    pub fn number(self) -> i64 {
        match self {
            State::Pending => 3,
            State::Processing => 4,
            State::Succeeded => 5,
            State::Failed => 6,
            State::Canceled => 7,
        }
    }

    /// Whether it has not ended.
    pub fn is_current(self) -> bool {
        matches!(self, State::Pending | State::Processing)
    }
}

/// How a kind of operation reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wording {
    /// `TaskType` of the API.
    pub name: &'static str,
    /// What it is, in English and Chinese.
    pub texts: [&'static str; 2],
    /// What clients feel of it, in English and Chinese.
    pub impacts: [&'static str; 2],
}

/// The words for a kind of task.
pub fn wording(kind: TaskKind) -> Wording {
    let [breaks, slows] =
        [["Transient disconnection", "闪断"], ["Commands are served meanwhile", "不影响服务"]];
    let of = |texts, impacts| Wording { name: kind.row().name, texts, impacts };
    match kind {
        // The one that the service upstream has under a name of its own.
        TaskKind::MinorVersion => Wording {
            name: "rds_apsaradb_upgrade",
            ..of(["Minor version update", "小版本升级"], breaks)
        },
        TaskKind::Restart => of(["Restart", "重启"], breaks),
        TaskKind::Network => of(["Endpoint change", "修改连接地址"], breaks),
        TaskKind::Spec => of(["Specification change", "变更配置"], slows),
        TaskKind::Bandwidth => of(["Bandwidth change", "调整带宽"], slows),
        TaskKind::Flush => of(["Clearing of all data", "清空数据"], slows),
        TaskKind::FlushDb => of(["Clearing of one database", "清空数据库"], slows),
        TaskKind::FlushDead => of(["Clearing of expired keys", "清理过期数据"], slows),
        TaskKind::Create => of(["Creation", "创建"], slows),
        TaskKind::Delete => of(["Deletion", "释放"], breaks),
        TaskKind::Recover => of(["Recovery from the recycle bin", "从回收站恢复"], slows),
        TaskKind::Destroy => of(["Removal from the recycle bin", "从回收站销毁"], slows),
    }
}

/// The number under which the API knows a task: it has numbers where other actions have ids. Tasks
/// of one account have the same number once in a billion pairs.
pub fn number(task_id: &str) -> i64 {
    let prime = i64::from(i32::MAX);
    let step = |number: i64, byte: u8| (number * 257 + i64::from(byte)) % prime;
    task_id.bytes().fold(1, step) % (prime - 1) + 1
}

/// When at the latest the operation may be begun, as its owner wishes.
pub fn deadline_unix_ms(task: &Task) -> i64 {
    task.created_unix_ms + PUT_OFF_MS_MAX
}

/// When it is or was begun, as things are.
pub fn switch_unix_ms(task: &Task, instance: Option<&Instance>, now_unix_ms: i64) -> i64 {
    let waits = instance.and_then(|instance| {
        let mut queued = instance.queued.iter();
        let queued = queued.find(|queued| queued.task_id == task.task_id)?;
        let window_ms = || instance.next_open_ms(now_unix_ms);
        Some(queued.switch_unix_ms.unwrap_or_else(window_ms))
    });
    let ended = task.ended.map(|(unix_ms, _)| unix_ms);
    waits.or(task.started_unix_ms).or(ended).unwrap_or(task.created_unix_ms)
}

/// Whether an operation can be moved to this time.
pub fn can_switch_at(task: &Task, wanted_unix_ms: i64, now_unix_ms: i64) -> bool {
    (now_unix_ms - SLACK_MS..=deadline_unix_ms(task)).contains(&wanted_unix_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;
    use crate::task::{Change, KINDS, Queued};
    use std::collections::BTreeSet;

    fn waiting() -> Task {
        let task = Task::new("t-1".into(), TaskKind::Restart, &sample(), 5);
        Task { started_unix_ms: None, ..task }
    }

    #[test]
    fn states_and_times() {
        let hour_ms = 3_600_000;
        let queued = |switch_unix_ms| {
            let queued = Queued { task_id: "t-1".into(), change: Change::Restart, switch_unix_ms };
            Instance { queued: vec![queued], ..sample() }
        };
        let task = waiting();
        let begun = Task { started_unix_ms: Some(7), ..task.clone() };
        let ended = |outcome| Task { ended: Some((9, outcome)), ..task.clone() };
        for (task, instance, state, at_ms) in [
            (&task, Some(queued(None)), State::Pending, 18 * hour_ms),
            (&task, Some(queued(Some(77))), State::Pending, 77),
            (&begun, Some(sample()), State::Processing, 7),
            (
                &Task { ended: Some((9, Outcome::Succeed)), ..begun.clone() },
                None,
                State::Succeeded,
                7,
            ),
            (&ended(Outcome::Failed), None, State::Failed, 9),
            (&ended(Outcome::Canceled), Some(sample()), State::Canceled, 9),
        ] {
            assert_eq!(State::of(task), state);
            assert_eq!(switch_unix_ms(task, instance.as_ref(), hour_ms), at_ms, "{state:?}");
            assert_eq!(state.is_current(), state.number() < 5);
        }
    }

    #[test]
    fn times_that_can_be_wished() {
        let (task, now) = (waiting(), 10 * SLACK_MS);
        for (wanted, expected) in [
            (now, true),
            (now - SLACK_MS, true),
            (now - SLACK_MS - 1, false),
            (5 + PUT_OFF_MS_MAX, true),
            (6 + PUT_OFF_MS_MAX, false),
        ] {
            assert_eq!(can_switch_at(&task, wanted, now), expected, "{wanted}");
        }
    }

    #[test]
    fn numbers_fit_every_client_and_differ() {
        let ids = (0..10_000).map(|n| format!("t-{n:016}"));
        let numbers: BTreeSet<_> = ids.map(|id| number(&id)).collect();
        assert_eq!(numbers.len(), 10_000);
        assert!(numbers.iter().all(|n| (1..=i64::from(i32::MAX)).contains(n)));
    }

    #[test]
    fn every_kind_has_words() {
        let names: BTreeSet<_> = KINDS.iter().map(|row| wording(row.kind).name).collect();
        assert_eq!(names.len(), KINDS.len());
    }
}
