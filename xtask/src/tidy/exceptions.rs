//! The ratchet: `tidy-exceptions.txt` names what is tolerated, with its present measure.
//!
//! ```text
//! # rule           place                              at most
//! function-lines   crates/engine/src/x.rs::run        84
//! ```
//! An entry that is worse than it need be, or needless, is itself a finding: the list only shrinks.

use super::Finding;
use std::collections::BTreeMap;

type Key = (String, String);

/// What remains of `findings` after the exceptions in `text`, sorted by place.
pub fn apply(findings: Vec<Finding>, text: &str) -> Vec<Finding> {
    let (allowed, mut left) = read(text);
    let mut groups: BTreeMap<Key, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        let key = (finding.rule.to_owned(), finding.place.clone());
        groups.entry(key).or_default().push(finding);
    }
    for (key, (limit, line)) in &allowed {
        let measured = groups.get(key).map_or(0, |group| measure(group));
        if measured < *limit {
            left.push(stale(*line, &format!("{} {}: now {measured}, not {limit}", key.0, key.1)));
        }
    }
    for (key, group) in groups {
        let limit = allowed.get(&key).map_or(0, |(limit, _)| *limit);
        if measure(&group) > limit {
            left.extend(group);
        }
    }
    left.sort_by(|one, other| (&one.place, one.line).cmp(&(&other.place, other.line)));
    left
}

/// A single measured value, or the number of occurrences.
fn measure(group: &[Finding]) -> usize {
    match group.iter().map(|finding| finding.value).max() {
        Some(largest) if largest > 1 => largest,
        _ => group.len(),
    }
}

/// The entries with their line numbers, and a finding for each line that is none.
fn read(text: &str) -> (BTreeMap<Key, (usize, usize)>, Vec<Finding>) {
    let mut entries = BTreeMap::new();
    let mut bad = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split('#').next().unwrap_or("").split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [rule, place, limit] if limit.parse::<usize>().is_ok() => {
                let limit = limit.parse().unwrap_or_default();
                entries.insert(((*rule).to_owned(), (*place).to_owned()), (limit, index + 1));
            }
            _ => bad.push(stale(index + 1, "write: rule place number")),
        }
    }
    (entries, bad)
}

fn stale(line: usize, message: &str) -> Finding {
    Finding {
        rule: "exceptions",
        place: "xtask/tidy-exceptions.txt".to_owned(),
        line,
        value: 1,
        message: message.to_owned(),
    }
}
