//! The owner wants the instance gone, for good or into the recycle bin. Must not know what a node
//! leaves behind; the agent says when it is done.

use super::Step;
use crate::instance::Instance;
use crate::observation::Observed;

/// Remove or release, also when the agent shows no node: it may hold files of one. Wait while it is
/// away.
pub(super) fn plan(intent: &Instance, observed: Observed<'_>) -> Option<Step> {
    let reachable = observed != Observed::Unknown;
    let generation = intent.generation;
    reachable.then_some(match intent.kept {
        Some(_) => Step::Release { generation },
        None => Step::Remove { generation },
    })
}
