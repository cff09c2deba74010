//! Tests of the counting and of what has to be installed.

use super::setup;
use super::tally::{self, Tally};

#[test]
fn runner_output_is_counted() {
    let check = |tally: Tally, success, expected: &str| {
        assert_eq!(tally.settled(success).to_string(), expected);
    };
    let ok = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
    let bad = "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out";
    check(tally::cargo_test(ok), true, "3 passed, 0 failed, 1 skipped");
    check(tally::cargo_test(&format!("{ok}\n{bad}")), false, "4 passed, 2 failed, 1 skipped");
    check(tally::cargo_test(ok), false, "3 passed, 1 failed, 1 skipped");
    check(tally::cargo_test("error: could not compile"), false, "0 passed, 1 failed");
    check(tally::pytest("..\n==== 2 passed in 0.1s ===="), true, "2 passed, 0 failed");
    let mixed = "= 1 failed, 3 passed, 2 skipped, 1 error in 3.2s =";
    check(tally::pytest(mixed), false, "3 passed, 2 failed, 2 skipped");
    check(tally::pytest("=== no tests ran in 0.01s ==="), true, "0 passed, 1 failed");
}

#[test]
fn only_missing_packages_are_named() {
    let none = setup::missing(&setup::PROGRAMS, |_| true);
    assert!(none.is_empty(), "{none:?}");
    let one = setup::missing(&setup::PROGRAMS, |program| program != "redis-cli");
    assert_eq!(one, ["redis-tools"]);
    assert!(setup::missing(&setup::PROGRAMS, |_| false).contains(&"chromium"));
}
