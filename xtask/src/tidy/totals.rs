//! The closing table: how large the files and functions are, crate by crate.

use super::facts::Kind;
use super::source::Source;
use std::collections::BTreeMap;

/// Totals of all sources: a row per crate and one for the whole, tests left out.
pub fn table(sources: &[Source]) -> String {
    let mut crates: BTreeMap<&str, Vec<&Source>> = BTreeMap::new();
    for source in sources {
        crates.entry(source.crate_name()).or_default().push(source);
    }
    let mut out = format!(
        "{:<14}{:>6}{:>8}{:>8}  {:<16}{:>6}  {:<12}{:>7}\n",
        "crate", "files", "lines", "tests", "file med/p90/max", "fns", "fn med/p90/max", "expect"
    );
    for (name, members) in &crates {
        out.push_str(&row(name, members));
    }
    out.push_str(&row("all", &sources.iter().collect::<Vec<_>>()));
    out
}

fn row(name: &str, sources: &[&Source]) -> String {
    let files: Vec<usize> = sources.iter().map(|source| source.lines_without_tests()).collect();
    let all: usize = sources.iter().map(|source| source.text.lines().count()).sum();
    let code: usize = files.iter().sum();
    let functions = sources.iter().flat_map(|source| &source.functions);
    let lengths: Vec<usize> =
        functions.filter(|function| !function.is_test).map(|function| function.lines).collect();
    let expects: usize = sources.iter().map(|source| expects(source)).sum();
    format!(
        "{name:<14}{:>6}{code:>8}{:>8}  {:<16}{:>6}  {:<14}{expects:>7}\n",
        files.len(),
        all - code,
        spread(files.clone()),
        lengths.len(),
        spread(lengths.clone()),
    )
}

fn expects(source: &Source) -> usize {
    let calls = source.facts.iter().filter(|fact| fact.kind == Kind::Expect);
    calls.filter(|fact| !source.is_test_line(fact.line)).count()
}

/// `median/p90/max`.
fn spread(mut values: Vec<usize>) -> String {
    values.sort_unstable();
    let at = |percent: usize| match values.len() {
        0 => 0,
        count => values[(count * percent / 100).min(count - 1)],
    };
    format!("{}/{}/{}", at(50), at(90), at(100))
}
