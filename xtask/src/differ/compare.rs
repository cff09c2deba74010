//! Whether two replies to the same call are the same, by the likeness that the catalog states.
//! Knows no server.

use super::reply::{Reply, pairs};
use catalog::syntax::Likeness;

/// Between the same call at two servers, in milliseconds; spans that are drawn are much longer.
const LAG_MS: i64 = 30_000;

/// True when the replies are alike.
pub fn alike(likeness: Likeness, ours: &Reply, theirs: &Reply) -> bool {
    if ours == theirs {
        return true;
    }
    if matches!(ours, Reply::Error(_)) || matches!(theirs, Reply::Error(_)) {
        return false;
    }
    match likeness {
        Likeness::Exact => ours.clone().settled() == theirs.clone().settled(),
        Likeness::Unordered => unordered(ours) == unordered(theirs),
        Likeness::Pairs => paired(ours) == paired(theirs),
        Likeness::Walk => walks(ours, theirs),
        Likeness::Near => near(ours, theirs),
        Likeness::Random => same_size(ours, theirs),
        Likeness::Shape => ours.shape() == theirs.shape(),
    }
}

fn unordered(reply: &Reply) -> (String, Vec<Reply>) {
    let mut all = reply.elements().unwrap_or(std::slice::from_ref(reply)).to_vec();
    all.sort();
    (reply.shape(), all)
}

fn paired(reply: &Reply) -> Reply {
    match reply.clone().settled() {
        Reply::Array(all) => Reply::Array(pairs(all)),
        other => other,
    }
}

/// Walks that took more than one call cannot be compared call by call.
fn walks(ours: &Reply, theirs: &Reply) -> bool {
    let end = Reply::Bulk(b"0".to_vec());
    match (ours.elements(), theirs.elements()) {
        (Some([a, all_a]), Some([b, all_b])) if *a == end && *b == end => {
            unordered(all_a) == unordered(all_b)
        }
        (Some([_, a]), Some([_, b])) => a.elements().is_some() && b.elements().is_some(),
        _ => false,
    }
}

fn near(ours: &Reply, theirs: &Reply) -> bool {
    match (ours, theirs) {
        (Reply::Int(a), Reply::Int(b)) => {
            (*a < 0) == (*b < 0) && a.abs_diff(*b) <= LAG_MS.unsigned_abs()
        }
        _ => match (ours.elements(), theirs.elements()) {
            (Some(a), Some(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || near(a, b))
            }
            _ => false,
        },
    }
}

fn same_size(ours: &Reply, theirs: &Reply) -> bool {
    let size = |reply: &Reply| reply.elements().map(<[Reply]>::len);
    ours.shape() == theirs.shape() && size(ours) == size(theirs)
}
