//! The node runs as an older incarnation than wanted. The agent stops and starts it; here it is
//! only told, and what was seen serving is noted. Must not know processes.

use super::Step;
use crate::instance::Instance;
use crate::lifecycle;
use admin::agent::NodeObserved;

/// Note a first serving; else apply a wanted restart that the agent has not taken.
pub(super) fn plan(intent: &Instance, node: &NodeObserved, accepted: u64) -> Option<Step> {
    if lifecycle::serves(intent, node) {
        let incarnation = node.incarnation;
        let news = intent.served_incarnation < incarnation;
        return news.then_some(Step::NoteServed { incarnation });
    }
    let behind = node.incarnation < intent.incarnation && accepted < intent.generation;
    behind.then_some(Step::Apply { generation: intent.generation })
}
