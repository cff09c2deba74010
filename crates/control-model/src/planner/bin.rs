//! What to do next about an instance in the recycle bin. It has no node; all that happens to it is
//! that its time ends, or that its owner does not want to wait for that. Must not know how steps
//! are carried out.

use crate::instance::{Instance, Kept};
use crate::observation::Observed;

/// One step about an instance in the recycle bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinStep {
    /// Its time is over: mark that it is not kept any more.
    Expire,
    /// Have the agent leave nothing of it, then forget it.
    Purge {
        /// Of the intent.
        generation: u64,
    },
    /// A node runs all the same, as after the restore of an older state: have the agent stop it and
    /// keep its data.
    Stop {
        /// Of the intent.
        generation: u64,
    },
}

/// The next step, or nothing. Data are asked to be deleted only once it is stored that they are not
/// kept: from then on nobody can bring the instance back.
pub fn plan_released(
    intent: &Instance,
    observed: Observed<'_>,
    now_unix_ms: i64,
) -> Option<BinStep> {
    let generation = intent.generation;
    match (intent.kept, observed) {
        (Some(Kept { until_unix_ms, .. }), _) if until_unix_ms <= now_unix_ms => {
            Some(BinStep::Expire)
        }
        (_, Observed::Unknown) | (Some(_), Observed::Absent) => None,
        (Some(_), Observed::Known(_)) => Some(BinStep::Stop { generation }),
        (None, _) => Some(BinStep::Purge { generation }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;
    use crate::observation::tests::node;
    use admin::agent::NodePhase;

    #[test]
    fn table() {
        let seen = node(NodePhase::Serving, 1, 1);
        let (known, absent, unknown) =
            (Observed::Known(&seen), Observed::Absent, Observed::Unknown);
        let kept = Some(Kept { deleted_unix_ms: 10, until_unix_ms: 20 });
        let (purge, stop) = (BinStep::Purge { generation: 4 }, BinStep::Stop { generation: 4 });
        let rows = [
            (kept, absent, 19, None),
            (kept, unknown, 19, None),
            (kept, known, 19, Some(stop)),
            (kept, absent, 20, Some(BinStep::Expire)),
            (kept, unknown, 20, Some(BinStep::Expire)),
            (kept, known, 21, Some(BinStep::Expire)),
            (None, absent, 0, Some(purge)),
            (None, known, 0, Some(purge)),
            (None, unknown, i64::MAX, None),
        ];
        for (kept, observed, now, expected) in rows {
            let intent = Instance { generation: 4, deleting: true, kept, ..sample() };
            let found = plan_released(&intent, observed, now);
            assert_eq!(found, expected, "{kept:?} {observed:?} {now}");
        }
    }
}
