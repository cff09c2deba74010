//! The owner wants the instance gone. Must not know what a node leaves behind; the agent says when
//! nothing is left.

use super::Step;
use crate::instance::Instance;
use crate::observation::Observed;

/// Remove, also when the agent shows no node: it may hold files of one. Wait while it is away.
pub(super) fn plan(intent: &Instance, observed: Observed<'_>) -> Option<Step> {
    let reachable = observed != Observed::Unknown;
    reachable.then_some(Step::Remove { generation: intent.generation })
}
