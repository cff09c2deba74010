//! The node enforces older settings than the intent's: users, allowlist, limits. Must not know what
//! they mean.

use super::Step;
use crate::instance::Instance;
use admin::agent::NodeObserved;

/// Apply a generation that the agent has neither taken nor shown.
pub(super) fn plan(intent: &Instance, node: &NodeObserved, accepted: u64) -> Option<Step> {
    let generation = intent.generation;
    let behind = node.generation < generation && accepted < generation;
    behind.then_some(Step::Apply { generation })
}
