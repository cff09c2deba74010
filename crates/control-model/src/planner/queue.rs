//! The task that the instance is under has come about, or something waits for its time. Must not
//! know what it is.

use super::Step;
use crate::instance::Instance;
use crate::lifecycle;
use admin::agent::NodeObserved;

/// End the one when the node serves and enforces what is wanted; begin the other when its time has
/// come and nothing else is under way.
pub(super) fn plan(intent: &Instance, node: &NodeObserved, now_unix_ms: i64) -> Option<Step> {
    if !lifecycle::serves(intent, node) {
        return None;
    }
    if intent.running.is_some() {
        return (node.generation >= intent.generation).then_some(Step::EndTask);
    }
    intent.due(now_unix_ms).map(|_| Step::Begin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;
    use crate::observation::tests::node;
    use crate::task::{Change, Queued, Running, TaskKind};
    use admin::agent::NodePhase::{Serving, Starting};

    #[test]
    fn table() {
        let (open, shut) = (19 * 3_600_000, 3_600_000);
        let running = Some(Running { task_id: "t-2".into(), kind: TaskKind::Restart });
        let begin = Some(Step::Begin);
        let rows = [
            (1, Serving, None, open, begin),
            (1, Serving, None, shut, None),
            (0, Serving, None, open, None),
            (1, Starting, None, open, None),
            (1, Serving, running.clone(), open, Some(Step::EndTask)),
            (0, Serving, running.clone(), shut, Some(Step::EndTask)),
            (0, Starting, running, shut, None),
        ];
        for (queued, phase, running, now, expected) in rows {
            let (change, switch_unix_ms) = (Change::Restart, None);
            let wait = || Queued { task_id: "t-1".into(), change: change.clone(), switch_unix_ms };
            let queued: Vec<_> = (0..queued).map(|_| wait()).collect();
            let intent = Instance { queued, running, ..sample() };
            let step = plan(&intent, &node(phase.clone(), 1, 1), now);
            assert_eq!(step, expected, "{intent:?} {phase:?} {now}");
        }
    }
}
