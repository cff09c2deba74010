//! The host has no node of the instance: the first start, or a host that lost it. Must not know
//! which of the two it is; the step is the same.

use super::Step;
use crate::instance::Instance;

/// Apply, unless this agent has taken it and not shown it yet.
pub(super) fn plan(intent: &Instance, accepted: u64) -> Option<Step> {
    let generation = intent.generation;
    (accepted < generation).then_some(Step::Apply { generation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::sample;

    #[test]
    fn table() {
        let apply = |generation| Some(Step::Apply { generation });
        // (wanted generation, generation that the agent took, step)
        for (generation, accepted, expected) in
            [(1, 0, apply(1)), (1, 1, None), (2, 1, apply(2)), (2, 2, None)]
        {
            let intent = Instance { generation, ..sample() };
            assert_eq!(plan(&intent, accepted), expected, "{generation} {accepted}");
        }
    }
}
