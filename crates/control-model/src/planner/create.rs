//! The host has no node of the instance: the first start, or a host that lost it. Must not know
//! which of the two it is; the step is the same.

use super::Step;
use crate::instance::Instance;

/// Apply, unless this agent has taken it and not shown it yet.
pub(super) fn plan(intent: &Instance, accepted: u64) -> Option<Step> {
    let generation = intent.generation;
    (accepted < generation).then_some(Step::Apply { generation })
}
