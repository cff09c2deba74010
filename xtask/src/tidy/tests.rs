//! Tests of the rules, each as source text and the findings it must give; and tidy itself.

use super::manifest::{self, Package};
use super::source::Source;
use super::{Finding, exceptions, rules};

fn rules_hit(path: &str, text: &str) -> Vec<String> {
    let source = Source::parse(path, text.to_owned()).expect("test source is Rust");
    let found = rules::check(&source, &["crates/engine/src/table.rs".to_owned()]);
    found.iter().map(|finding| format!("{} {}", finding.rule, finding.line)).collect()
}

fn check(path: &str, text: &str, expected: &[&str]) {
    assert_eq!(rules_hit(path, text), expected, "{path}:\n{text}");
}

#[test]
fn rules_see_code_and_not_comments_or_strings() {
    let engine = "crates/engine/src/a.rs";
    let node = "crates/node/src/a.rs";
    check(engine, "//! H.\nfn f() {}", &[]);
    check(engine, "fn f() {}", &["header 1"]);
    check(engine, "//! Placeholder header.\n", &["header 1"]);
    check(node, "//! H.\nfn f() { g().unwrap() }", &["unwrap 2"]);
    check(node, "//! H.\nfn f() { g().unwrap_or(1); \"x.unwrap()\"; } // .unwrap()", &[]);
    check(node, "//! H.\n#[cfg(test)]\nmod tests { fn f() { g().unwrap() } }", &[]);
    check(node, "//! H.\n#[cfg(not(test))]\nmod real { fn f() { g().unwrap() } }", &["unwrap 3"]);
    check(node, "//! H.\nfn f() { assert!(g().unwrap()) }", &["unwrap 2"]);
    check(node, "//! H.\nfn f() { todo!() }", &["unfinished 2"]);
    check(node, "//! H.\n#[test]\n#[ignore]\nfn f() {}", &["unfinished 3"]);
    check(node, "//! H.\n#[test]\nfn f() { std::thread::sleep(d) }", &["unfinished 3"]);
    check(node, "//! H.\nfn f() { std::thread::sleep(d) }", &[]);
    check(node, "//! H.\nfn f(a: A, b: A, c: A, d: A, e: A, f: A, g: A) {}", &["parameters 2"]);
    let wide = "x".repeat(98);
    check(node, &format!("//! H.\n// {wide}"), &["columns 2"]);
    let block = format!("const A: &str = \"\n   {wide}\n\";");
    check(node, &format!("//! H.\n{block}"), &["columns 3"]);
    check(node, &format!("//! H.\n#[cfg(test)]\n{block}"), &[]);
}

#[test]
fn pure_crates_do_not_reach_the_machine() {
    let engine = "crates/engine/src/a.rs";
    check(engine, "//! H.\nuse std::net::TcpStream;", &["pure 2"]);
    check(engine, "//! H.\nuse std::net::IpAddr;\nuse std::time::Duration;", &[]);
    check(engine, "//! H.\nuse std::{fmt, io::Read, fs};", &["pure 2"]);
    check(engine, "//! H.\nuse std::time::{Duration, Instant};", &["pure 2"]);
    check(engine, "//! H.\nfn f() -> u8 { ::std::fs::read(p); 1 }", &["pure 2"]);
    check(engine, "//! H.\nfn f() { getrandom::fill(b); }", &["pure 2"]);
    check(engine, "//! H.\n#[cfg(test)]\nuse std::fs;", &[]);
    check("crates/node/src/a.rs", "//! H.\nuse std::fs;", &[]);
    check("crates/stdx/src/disk.rs", "//! H.\nuse std::fs;", &[]);
}

#[test]
fn unsafe_stands_in_listed_files_with_its_reason() {
    let listed = "crates/engine/src/table.rs";
    let block = "//! H.\nfn f() {\n // SAFETY: x.\n unsafe { g() }\n}";
    check(listed, block, &[]);
    check("crates/engine/src/b.rs", block, &["unsafe-place 4"]);
    check(listed, "//! H.\nfn f() { unsafe { g() } }", &["unsafe-reason 2"]);
    check("crates/engine/src/lib.rs", "//! H.\n#![deny(unsafe_code)]", &[]);
    check("crates/engine/src/lib.rs", "//! H.\n#![forbid(unsafe_code)]", &["unsafe-root 1"]);
    check("crates/node/src/lib.rs", "//! H.\n#![forbid(unsafe_code)]", &[]);
    check("crates/node/src/lib.rs", "//! H.\n", &["unsafe-root 1"]);
}

#[test]
fn the_list_of_unsafe_files_only_names_what_needs_it() {
    let parse =
        |path: &str, text: &str| Source::parse(path, text.to_owned()).expect("test source is Rust");
    let sources = [parse("a.rs", "unsafe fn f() {}"), parse("b.rs", "fn f() {}")];
    let needless = |file| super::needless(file, &sources).is_some();
    assert_eq!(["a.rs", "b.rs", "gone.rs"].map(needless), [false, true, true]);
}

#[test]
fn lengths_are_measured_without_tests() {
    let long = format!("//! H.\nfn f() {{\n{}}}", "g();\n".repeat(69));
    check("crates/node/src/a.rs", &long, &["function-lines 2"]);
    let just = format!("//! H.\nfn f() {{\n{}}}", "g();\n".repeat(68));
    check("crates/node/src/a.rs", &just, &[]);
    let statics = "static A: u8 = 1;\n".repeat(800);
    check("crates/node/src/a.rs", &format!("//! H.\n{statics}"), &["file-lines 0"]);
    check("crates/node/src/table.rs", &format!("//! H.\n{statics}"), &[]);
    let tail = format!("//! H.\n#[cfg(test)]\nmod tests {{\n{statics}}}");
    check("crates/node/src/a.rs", &tail, &[]);
}

#[test]
fn modules_of_tests_in_their_own_files_are_tests() {
    let parse =
        |path: &str, text: &str| Source::parse(path, text.to_owned()).expect("test source is Rust");
    let mut sources = [
        parse("crates/cli/src/lib.rs", "//! H.\n#[cfg(test)]\nmod testing;\nmod real;"),
        parse("crates/cli/src/testing.rs", "//! H.\n"),
        parse("crates/cli/src/testing/world.rs", "//! H.\n"),
        parse("crates/cli/src/real.rs", "//! H.\n#[cfg(test)]\nmod cases;"),
        parse("crates/cli/src/real/cases.rs", "//! H.\n"),
    ];
    super::mark_test_modules(&mut sources);
    let marked = sources.iter().map(|source| source.is_test_line(1)).collect::<Vec<_>>();
    assert_eq!(marked, [false, true, true, false, true]);
}

#[test]
fn crates_use_only_what_stands_to_their_left() {
    let check = |name: &str, uses: &str, expected: usize| {
        let uses = uses.split_whitespace().map(str::to_owned).collect();
        let package = Package { name: name.to_owned(), uses };
        assert_eq!(manifest::check(&[package]).len(), expected, "{name}");
    };
    check("engine", "stdx resp catalog", 0);
    check("engine", "journal", 1);
    check("node", "admin server", 0);
    check("node", "agent control", 2);
    check("agent", "stdx resp catalog admin", 0);
    check("agent", "engine", 1);
    check("cli", "catalog admin", 0);
    check("cli", "control", 0);
    check("cli", "console", 1);
    check("stray", "", 1);
    check("xtask", "engine control", 0);
}

#[test]
fn exceptions_only_shrink() {
    let finding = |rule, value| Finding {
        rule,
        place: "crates/a.rs::f".to_owned(),
        line: 3,
        value,
        message: String::new(),
    };
    let check = |list: &str, expected: &[&str]| {
        let left = exceptions::apply(vec![finding("function-lines", 80)], list);
        assert_eq!(left.iter().map(|one| one.rule).collect::<Vec<_>>(), expected, "{list}");
    };
    check("", &["function-lines"]);
    check("function-lines crates/a.rs::f 80 # it is a table", &[]);
    check("function-lines crates/a.rs::f 79", &["function-lines"]);
    check("function-lines crates/a.rs::f 81", &["exceptions"]);
    check("function-lines crates/a.rs::f 80\ncolumns crates/b.rs 1", &["exceptions"]);
    check("function-lines crates/a.rs::f 80\nnonsense", &["exceptions"]);
}

#[test]
fn the_repository_is_tidy() {
    let root = crate::shell::root();
    let (report, clean) = super::check(&root).expect("tidy can read the repository");
    assert!(clean, "{report}");
}
