//! The hard case of `types/model.rs` with nodes of their real size.

use engine::types::{Hash, List, Set, SortedSet, list, pages};

#[path = "../src/types/model.rs"]
mod model;

#[test]
fn large_nodes_behave_as_their_models() {
    model::run_all(5_000, &[700]);
}
