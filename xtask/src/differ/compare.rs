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
        Likeness::Aged => aged(ours, theirs),
        Likeness::Batches => batches(ours) == batches(theirs),
        Likeness::Libraries => unordered_deep(ours) == unordered_deep(theirs),
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

/// What comes behind these names is a moment or a span.
const AGES: [&[u8]; 2] = [b"idle", b"seen-time"];

/// In XINFO and XPENDING: spans by their names, and the last but one of what says an entry is
/// pending.
fn aged(ours: &Reply, theirs: &Reply) -> bool {
    let (Some(a), Some(b)) = (ours.elements(), theirs.elements()) else { return ours == theirs };
    let id = matches!(b.first(), Some(Reply::Bulk(id)) if id.contains(&b'-'));
    let pending = id && matches!(b.last(), Some(Reply::Int(_)));
    let is_age = |at: usize| match b[..at].last() {
        Some(Reply::Bulk(name)) if AGES.contains(&name.as_slice()) => true,
        _ => pending && at + 2 == b.len(),
    };
    let each = |at: usize| match (&a[at], &b[at]) {
        (Reply::Int(_), Reply::Int(_)) if is_age(at) => near(&a[at], &b[at]),
        (a, b) => aged(a, b),
    };
    std::mem::discriminant(ours) == std::mem::discriminant(theirs)
        && a.len() == b.len()
        && (0..b.len()).all(each)
}

/// What a listener was told, but for what has no order: the names whose subscriptions end, and the
/// patterns that hear the same message.
fn batches(reply: &Reply) -> (Vec<Reply>, Vec<Reply>) {
    let (mut names, mut rest) = (Vec::new(), Vec::new());
    for told in reply.elements().unwrap_or(&[]).chunk_by(same_message) {
        if let [one] = told
            && let Some([word, name, count @ Reply::Int(_)]) = one.elements()
        {
            rest.extend([word.clone(), count.clone()]);
            names.push(name.clone());
            continue;
        }
        let from = rest.len();
        rest.extend(told.iter().cloned());
        rest[from..].sort();
    }
    names.sort();
    (names, rest)
}

fn same_message(a: &Reply, b: &Reply) -> bool {
    match (a.elements(), b.elements()) {
        (Some([_, _, channel, text]), Some([_, _, other, same])) => {
            channel == other && text == same
        }
        _ => false,
    }
}

/// Lists at every depth in an order of their own.
fn unordered_deep(reply: &Reply) -> Reply {
    match reply.elements() {
        Some(all) => {
            let mut all: Vec<Reply> = all.iter().map(unordered_deep).collect();
            all.sort();
            Reply::Array(all)
        }
        None => reply.clone(),
    }
}

fn same_size(ours: &Reply, theirs: &Reply) -> bool {
    let size = |reply: &Reply| reply.elements().map(<[Reply]>::len);
    ours.shape() == theirs.shape() && size(ours) == size(theirs)
}
