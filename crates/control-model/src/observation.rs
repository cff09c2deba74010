//! What is known of the host's nodes: absent, unknown or known. Must not know how it is learned.

use admin::agent::NodeObserved;
use std::collections::BTreeMap;

/// What is known of one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed<'a> {
    /// The agent answers and has no such node.
    Absent,
    /// The agent does not answer.
    Unknown,
    /// The agent's word.
    Known(&'a NodeObserved),
}

/// What is known of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostView {
    /// Nodes by id while the agent answers; nothing while it does not.
    nodes: Option<BTreeMap<String, NodeObserved>>,
}

impl HostView {
    /// The agent does not answer.
    pub fn unknown() -> HostView {
        HostView::default()
    }

    /// The agent's whole list.
    pub fn known(nodes: Vec<NodeObserved>) -> HostView {
        let by_id = nodes.into_iter().map(|node| (node.node_id.clone(), node)).collect();
        HostView { nodes: Some(by_id) }
    }

    /// Whether the agent answers.
    pub fn is_known(&self) -> bool {
        self.nodes.is_some()
    }

    /// All nodes by id; none while the agent does not answer.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeObserved> {
        self.nodes.iter().flat_map(BTreeMap::values)
    }

    /// What is known of this node.
    pub fn node(&self, node_id: &str) -> Observed<'_> {
        match &self.nodes {
            None => Observed::Unknown,
            Some(nodes) => nodes.get(node_id).map_or(Observed::Absent, Observed::Known),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use admin::agent::NodePhase;

    /// An observation of the sample instance's node.
    pub(crate) fn node(phase: NodePhase, generation: u64, incarnation: u64) -> NodeObserved {
        NodeObserved {
            node_id: "r-000000000000aaaa-node-0".into(),
            instance_id: "r-000000000000aaaa".into(),
            generation,
            incarnation,
            phase,
            port: 6379,
            pid: Some(1),
            epoch: 1,
            crashes: 0,
        }
    }

    #[test]
    fn three_values() {
        let known = node(NodePhase::Serving, 1, 1);
        let id = known.node_id.clone();
        assert_eq!(HostView::unknown().node(&id), Observed::Unknown);
        assert_eq!(HostView::known(Vec::new()).node(&id), Observed::Absent);
        assert_eq!(HostView::known(vec![known.clone()]).node(&id), Observed::Known(&known));
    }
}
