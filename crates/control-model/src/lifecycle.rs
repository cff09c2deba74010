//! Status of an instance, computed each time from intent and observation and never stored.
//!
//! ```text
//!   CreateInstance ─► Creating ──served──► Normal ◄──served── Rebooting ◄─ RestartInstance
//!                        │                   ▲ ◄──enforced─── Changing ◄─ ModifyInstanceSpec
//!                        │ cannot start      │ ▲ node gone or stopped
//!                        ▼                   ▼ │
//!                      Error             Unavailable
//!   DeleteInstance, from all but Creating and Rebooting ─► Released ─► (no such instance)
//!   RecoverInstance, out of the recycle bin ─► BackupRecovering ──served──► Normal
//! ```
//!
//! While the agent is away the last known fact stands: a grant is held until it is revoked, so a
//! node that served serves on. Must not know what the next step is; that is the planner's.

use crate::instance::Instance;
use crate::observation::Observed;
use crate::task::TaskKind;
use admin::agent::{NodeObserved, NodePhase};

/// `InstanceStatus` of the API, as far as one host enters them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Never served yet.
    Creating,
    /// Out of the recycle bin and not serving yet.
    BackupRecovering,
    /// Serves.
    Normal,
    /// On its way to a new incarnation.
    Rebooting,
    /// On its way to the newest program.
    MinorVersionUpgrading,
    /// On its way to another address.
    NetworkModifying,
    /// Serves, on its way to another class.
    Changing,
    /// Serves, while its data are emptied.
    Flushing,
    /// Serves, while keys whose time has come are removed.
    CleaningUpExpiredData,
    /// Was never able to serve.
    Error,
    /// Served before and does not now.
    Unavailable,
    /// Being taken away.
    Released,
}

impl Status {
    /// The API's word.
    pub fn name(self) -> &'static str {
        match self {
            Status::Creating => "Creating",
            Status::BackupRecovering => "BackupRecovering",
            Status::Normal => "Normal",
            Status::Rebooting => "Rebooting",
            Status::MinorVersionUpgrading => "MinorVersionUpgrading",
            Status::NetworkModifying => "NetworkModifying",
            Status::Changing => "Changing",
            Status::Flushing => "Flushing",
            Status::CleaningUpExpiredData => "CleaningUpExpiredData",
            Status::Error => "Error",
            Status::Unavailable => "Unavailable",
            Status::Released => "Released",
        }
    }

    /// Whether the owner may change the instance now.
    pub fn allows_change(self) -> bool {
        self == Status::Normal
    }

    /// Whether the owner may delete the instance now. A broken one too: there is no other cure.
    pub fn allows_delete(self) -> bool {
        matches!(self, Status::Normal | Status::Error | Status::Unavailable)
    }
}

/// The status of an instance under an observation of its node.
pub fn status(intent: &Instance, observed: Observed<'_>) -> Status {
    if intent.deleting {
        return Status::Released;
    }
    let serves = match observed {
        Observed::Unknown => intent.served_incarnation == intent.incarnation,
        Observed::Absent => false,
        Observed::Known(node) => serves(intent, node),
    };
    let failed =
        matches!(observed, Observed::Known(node) if matches!(node.phase, NodePhase::Failed { .. }));
    match (serves, intent.served_incarnation, failed) {
        (true, ..) => while_serving(intent, observed),
        (false, 0, true) => Status::Error,
        (false, 0, false) => match intent.running.as_ref().map(|running| running.kind) {
            Some(TaskKind::Recover) => Status::BackupRecovering,
            _ => Status::Creating,
        },
        (false, served, false) if served < intent.incarnation => on_the_way(intent),
        (false, ..) => Status::Unavailable,
    }
}

/// The status of an instance that is stopped and started again.
fn on_the_way(intent: &Instance) -> Status {
    match intent.running.as_ref().map(|running| running.kind) {
        Some(TaskKind::MinorVersion) => Status::MinorVersionUpgrading,
        Some(TaskKind::Network) => Status::NetworkModifying,
        _ => Status::Rebooting,
    }
}

/// The status of an instance that serves: what is on its way to the node may be one of its own.
fn while_serving(intent: &Instance, observed: Observed<'_>) -> Status {
    if enforces(intent.generation, observed) {
        return Status::Normal;
    }
    match intent.running.as_ref().map(|running| running.kind) {
        Some(TaskKind::Spec | TaskKind::Bandwidth) => Status::Changing,
        Some(TaskKind::Flush | TaskKind::FlushDb) => Status::Flushing,
        Some(TaskKind::FlushDead) => Status::CleaningUpExpiredData,
        Some(TaskKind::Create | TaskKind::Restart | TaskKind::Delete) | None => Status::Normal,
        Some(TaskKind::MinorVersion | TaskKind::Network) => Status::Normal,
        Some(TaskKind::Recover | TaskKind::Destroy) => Status::Normal,
    }
}

/// Whether the node serves what was last wanted of it. Settings may still be on their way: changing
/// them is no state of its own.
pub fn serves(intent: &Instance, node: &NodeObserved) -> bool {
    node.phase == NodePhase::Serving && node.incarnation >= intent.incarnation
}

/// Whether the node enforces everything that the intent says.
pub fn enforces(generation: u64, observed: Observed<'_>) -> bool {
    matches!(observed, Observed::Known(node) if node.generation >= generation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;
    use crate::observation::tests::node;
    use crate::task::Running;

    #[test]
    fn table() {
        use NodePhase::{Serving, Starting, Stopping};
        let failed = || NodePhase::Failed { reason: "disk".into() };
        // (served, wanted incarnation, observation, status)
        let rows = [
            (0, 1, None, Status::Creating),
            (0, 1, Some((Starting, 0)), Status::Creating),
            (0, 1, Some((Starting, 1)), Status::Creating),
            (0, 1, Some((failed(), 1)), Status::Error),
            (0, 1, Some((Serving, 1)), Status::Normal),
            (1, 1, Some((Serving, 1)), Status::Normal),
            (1, 1, Some((Starting, 1)), Status::Unavailable),
            (1, 1, Some((failed(), 1)), Status::Unavailable),
            (1, 1, None, Status::Unavailable),
            (1, 2, Some((Serving, 1)), Status::Rebooting),
            (1, 2, Some((Stopping, 1)), Status::Rebooting),
            (1, 2, Some((Starting, 2)), Status::Rebooting),
            (1, 2, Some((failed(), 2)), Status::Unavailable),
            (1, 2, Some((Serving, 2)), Status::Normal),
        ];
        for (served, wanted, seen, expected) in rows {
            let intent = Instance { served_incarnation: served, incarnation: wanted, ..sample() };
            let known = seen.clone().map(|(phase, incarnation)| node(phase, 1, incarnation));
            let observed = known.as_ref().map_or(Observed::Absent, Observed::Known);
            assert_eq!(status(&intent, observed), expected, "{served} {wanted} {seen:?}");
            let going = Instance { deleting: true, ..intent };
            assert_eq!(status(&going, observed), Status::Released);
        }
    }

    #[test]
    fn some_changes_are_states_until_they_are_enforced() {
        let base = Instance { served_incarnation: 1, generation: 2, ..sample() };
        let [before, after] = [1, 2].map(|generation| node(NodePhase::Serving, generation, 1));
        assert_eq!(status(&base, Observed::Known(&before)), Status::Normal);
        let rows = [
            (TaskKind::Spec, Status::Changing),
            (TaskKind::Bandwidth, Status::Changing),
            (TaskKind::Flush, Status::Flushing),
            (TaskKind::FlushDb, Status::Flushing),
            (TaskKind::FlushDead, Status::CleaningUpExpiredData),
        ];
        for (kind, expected) in rows {
            let running = Some(Running { task_id: "t-1".into(), kind });
            let changing = Instance { running, ..base.clone() };
            assert_eq!(status(&changing, Observed::Known(&before)), expected);
            assert_eq!(status(&changing, Observed::Known(&after)), Status::Normal);
            assert_eq!(status(&changing, Observed::Unknown), expected);
        }
    }

    #[test]
    fn why_it_is_started_again_is_told() {
        let rows = [
            (TaskKind::Restart, Status::Rebooting),
            (TaskKind::MinorVersion, Status::MinorVersionUpgrading),
            (TaskKind::Network, Status::NetworkModifying),
        ];
        for (kind, expected) in rows {
            let running = Some(Running { task_id: "t-1".into(), kind });
            let base = Instance { served_incarnation: 1, generation: 2, running, ..sample() };
            let intent = Instance { incarnation: 2, ..base };
            let before = node(NodePhase::Serving, 1, 1);
            for observed in [Observed::Unknown, Observed::Known(&before), Observed::Absent] {
                assert_eq!(status(&intent, observed), expected, "{observed:?}");
            }
            let after = node(NodePhase::Serving, 2, 2);
            assert_eq!(status(&intent, Observed::Known(&after)), Status::Normal);
        }
    }

    #[test]
    fn what_comes_out_of_the_recycle_bin_is_not_new() {
        use NodePhase::{Serving, Starting};
        let running = Some(Running { task_id: "t-1".into(), kind: TaskKind::Recover });
        let intent = Instance { incarnation: 3, running, ..sample() };
        let failed = NodePhase::Failed { reason: "disk".into() };
        let rows = [
            (None, Status::BackupRecovering),
            (Some((Starting, 3)), Status::BackupRecovering),
            (Some((failed, 3)), Status::Error),
            (Some((Serving, 3)), Status::Normal),
        ];
        for (seen, expected) in rows {
            let known = seen.clone().map(|(phase, incarnation)| node(phase, 1, incarnation));
            let observed = known.as_ref().map_or(Observed::Absent, Observed::Known);
            assert_eq!(status(&intent, observed), expected, "{seen:?}");
        }
    }

    #[test]
    fn facts_stand_while_the_agent_is_away() {
        for (served, wanted, expected) in
            [(0, 1, Status::Creating), (1, 1, Status::Normal), (1, 2, Status::Rebooting)]
        {
            let intent = Instance { served_incarnation: served, incarnation: wanted, ..sample() };
            assert_eq!(status(&intent, Observed::Unknown), expected);
        }
    }
}
