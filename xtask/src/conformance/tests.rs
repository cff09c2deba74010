//! Output of the suite, counted; tables, merged.

use super::account::{Account, complete, replace};
use super::output::{Outcome, read};
use super::table::{Row, total};
use std::collections::BTreeSet;

const OUTPUT: &str = "\
[ready]: 4711
Testing unit/type/list
[\u{1b}[32mok\u{1b}[0m]: LPUSH, again (12 ms)
[ok]: LPUSH, again (0 ms)
[err]: BLPOP in a list in tests/unit/type/list.tcl
Expected '1' to equal or match '2'
[ignore]: a huge list: large memory flag not provided
[ignore]: large memory flag not provided
[1/1 done]: unit/type/list (3 seconds)
*** [err]: BLPOP in a list in tests/unit/type/list.tcl
";

fn names(text: &str) -> Vec<(String, Outcome)> {
    read(text).checks.into_iter().collect()
}

#[test]
fn every_check_counts_once() {
    let want = [
        ("BLPOP in a list", Outcome::Err),
        ("LPUSH, again", Outcome::Ok),
        ("LPUSH, again #2", Outcome::Ok),
        ("a huge list", Outcome::Skipped),
    ];
    assert_eq!(names(OUTPUT), want.map(|(name, outcome)| (name.to_owned(), outcome)));
    assert_eq!(read(OUTPUT).trouble, None);
}

#[test]
fn a_broken_run_is_told() {
    for (text, want) in [
        ("[ok]: one (1 ms)\n", "did not come to its end"),
        ("[exception]: Executing test client: ERR no\n", "Executing test client: ERR no"),
        ("[TIMEOUT]: clients state\nsock1 => (IN PROGRESS) BLPOP\n", "no end of: BLPOP"),
        ("[err]: Can't start the Redis server\n", "Can't start the Redis server"),
    ] {
        assert_eq!(read(text).trouble.as_deref(), Some(want), "{text}");
    }
}

#[test]
fn a_check_that_hangs_has_failed() {
    let want = [("BLPOP".to_owned(), Outcome::Err)];
    assert_eq!(names("[TIMEOUT]: state\nsock1 => (IN PROGRESS) BLPOP\n"), want);
}

#[test]
fn what_is_expected_and_absent_is_missing() {
    let key = |file: &str, name: &str| (file.to_owned(), name.to_owned());
    let list = "unit/type/list";
    let expected = Account::from([
        (key(list, "LPUSH, again"), Outcome::Ok),
        (key(list, "LPOP"), Outcome::Ok),
        (key("unit/scan", "SCAN"), Outcome::Ok),
    ]);
    let report = read(OUTPUT);
    let checks = complete(list, &report.checks, &expected, &BTreeSet::new());
    let excluded = BTreeSet::from([key(list, "BLPOP in a list")]);
    let row = Row::new(&checks, &excluded, &report);
    let want = Row { ok: 2, skipped: 1, missing: 1, excluded: 1, ..Row::default() };
    assert_eq!(row, want);
    assert!(!row.held());
    assert_eq!(total([row.clone(), row].iter()).missing, 2);
    let merged = replace(expected, list, checks);
    assert_eq!(merged.len(), 6, "the other file keeps its row");
    assert_eq!(merged[&key(list, "LPOP")], Outcome::Missing);
}
