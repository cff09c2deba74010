//! The rules over one file, as a table. Each is a pure function from a [`Source`] to findings.

use super::Finding;
use super::facts::Kind;
use super::source::Source;

const FILE_LINES_MAX: usize = 800;
const TABLE_LINES_MAX: usize = 1500;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;
const PARAMETERS_MAX: usize = 6;
/// How far above an `unsafe` its reason may begin.
const SAFETY_LINES_MAX: usize = 12;

/// Crates whose code outside tests decides and never acts.
const PURE: [&str; 10] = [
    "stdx",
    "resp",
    "catalog",
    "engine",
    "journal",
    "persist",
    "replication",
    "server",
    "control-model",
    "series",
];

/// Files of pure crates that implement the traits over the real machine.
const REAL: [&str; 4] = [
    "crates/stdx/src/clock.rs",
    "crates/stdx/src/disk.rs",
    "crates/stdx/src/random.rs",
    "crates/stdx/src/reserve.rs",
];

/// Types below `std::net` and `std::time` that are values and act on nothing.
const VALUES: [&str; 8] = [
    "Duration",
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "SocketAddr",
    "SocketAddrV4",
    "SocketAddrV6",
    "AddrParseError",
];

type Rule = fn(&Source, &[String]) -> Vec<Finding>;

const RULES: [(&str, Rule); 11] = [
    ("header", header),
    ("file-lines", file_lines),
    ("function-lines", function_lines),
    ("columns", columns),
    ("parameters", parameters),
    ("unwrap", unwrap),
    ("unsafe-place", unsafe_place),
    ("unsafe-reason", unsafe_reason),
    ("unsafe-root", unsafe_root),
    ("pure", pure),
    ("unfinished", unfinished),
];

/// All findings in `source`; `unsafe_files` may contain `unsafe`.
pub fn check(source: &Source, unsafe_files: &[String]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, rule) in RULES {
        let named = rule(source, unsafe_files).into_iter();
        found.extend(named.map(|finding| Finding { rule: name, ..finding }));
    }
    found
}

fn finding(source: &Source, line: usize, value: usize, message: impl Into<String>) -> Finding {
    let message = message.into();
    Finding { rule: "", place: source.path.clone(), line, value, message }
}

fn header(source: &Source, _: &[String]) -> Vec<Finding> {
    let first = source.text.lines().next().unwrap_or("");
    let said = first.strip_prefix("//!").map(str::trim).unwrap_or("");
    match said {
        "" => vec![finding(source, 1, 1, "begin with `//!`: what it is, what it must not know")],
        _ if said.to_lowercase().starts_with("placeholder") => {
            vec![finding(source, 1, 1, "a placeholder is no header")]
        }
        _ => Vec::new(),
    }
}

fn file_lines(source: &Source, _: &[String]) -> Vec<Finding> {
    let flat = source.path.ends_with("/table.rs") || source.path.starts_with("crates/catalog/");
    let limit = if flat { TABLE_LINES_MAX } else { FILE_LINES_MAX };
    let lines = source.lines_without_tests();
    if lines <= limit {
        return Vec::new();
    }
    vec![finding(source, 0, lines, format!("{lines} lines without tests, at most {limit}"))]
}

fn function_lines(source: &Source, _: &[String]) -> Vec<Finding> {
    let long = source.functions.iter().filter(|function| function.lines > FUNCTION_LINES_MAX);
    let describe = |function: &super::source::Function| {
        let message = format!("{} lines, at most {FUNCTION_LINES_MAX}", function.lines);
        let mut finding = finding(source, function.line, function.lines, message);
        finding.place.push_str(&format!("::{}", function.name));
        finding
    };
    long.map(describe).collect()
}

fn columns(source: &Source, _: &[String]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let width = line.chars().count();
        if width > COLUMNS_MAX && !is_test_data(source, index + 1) {
            found.push(finding(source, index + 1, 1, format!("{width} columns")));
        }
    }
    found
}

/// Inside a text of several lines in a test: a transcript keeps each reply on its line.
fn is_test_data(source: &Source, line: usize) -> bool {
    let within = |first: usize, last: usize| first < line && line < last;
    let holds = |fact: &super::facts::Fact| match fact.kind {
        Kind::TextBlock(last) => within(fact.line, last),
        _ => false,
    };
    source.is_test_line(line) && source.facts.iter().any(holds)
}

fn parameters(source: &Source, _: &[String]) -> Vec<Finding> {
    let many = source.functions.iter().filter(|function| function.parameters > PARAMETERS_MAX);
    let describe = |function: &super::source::Function| {
        let message = format!("{} parameters: make a struct", function.parameters);
        let mut finding = finding(source, function.line, function.parameters, message);
        finding.place.push_str(&format!("::{}", function.name));
        finding
    };
    many.map(describe).collect()
}

fn unwrap(source: &Source, _: &[String]) -> Vec<Finding> {
    let message = "no bare unwrap: expect(\"why it cannot fail\"), or pass the error on";
    let bare = source.facts.iter().filter(|fact| fact.kind == Kind::Unwrap);
    let outside = bare.filter(|fact| !source.is_test_line(fact.line));
    outside.map(|fact| finding(source, fact.line, 1, message)).collect()
}

fn unsafe_place(source: &Source, unsafe_files: &[String]) -> Vec<Finding> {
    if unsafe_files.contains(&source.path) {
        return Vec::new();
    }
    let kinds = [Kind::Unsafe, Kind::UnsafeDeclared];
    let facts = source.facts.iter().filter(|fact| kinds.contains(&fact.kind));
    let message = "unsafe outside the files of xtask/src/tidy/unsafe_files.txt";
    facts.map(|fact| finding(source, fact.line, 1, message)).collect()
}

fn unsafe_reason(source: &Source, _: &[String]) -> Vec<Finding> {
    let lines: Vec<&str> = source.text.lines().collect();
    let unexplained = |line: usize| {
        let above = &lines[line.saturating_sub(SAFETY_LINES_MAX)..line];
        !above.iter().any(|text| text.contains("SAFETY:"))
    };
    let blocks = source.facts.iter().filter(|fact| fact.kind == Kind::Unsafe);
    let bare = blocks.filter(|fact| unexplained(fact.line));
    bare.map(|fact| finding(source, fact.line, 1, "say why it is sound: `SAFETY:`")).collect()
}

fn unsafe_root(source: &Source, unsafe_files: &[String]) -> Vec<Finding> {
    let root = ["/src/lib.rs", "/src/main.rs"].iter().any(|name| source.path.ends_with(name));
    if !root {
        return Vec::new();
    }
    let own = format!("crates/{}/", source.crate_name());
    let listed = unsafe_files.iter().any(|file| file.starts_with(&own));
    let wanted = if listed { "deny(unsafe_code)" } else { "forbid(unsafe_code)" };
    if source.attributes.iter().any(|attribute| attribute == wanted) {
        return Vec::new();
    }
    vec![finding(source, 1, 1, format!("a crate root says #![{wanted}]"))]
}

fn pure(source: &Source, _: &[String]) -> Vec<Finding> {
    let real = REAL.contains(&source.path.as_str());
    if real || !PURE.contains(&source.crate_name()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for fact in &source.facts {
        let Kind::Path(path) = &fact.kind else { continue };
        if !source.is_test_line(fact.line) && acts(path) {
            let message = format!("{} in a pure crate: take it through a trait", path.join("::"));
            found.push(finding(source, fact.line, 1, message));
        }
    }
    found
}

/// True for a path that reaches the machine: sockets, files, threads, clocks, randomness.
fn acts(path: &[String]) -> bool {
    let at = |index: usize| path.get(index).map(String::as_str);
    match (at(0), at(1)) {
        (Some("std"), Some("net" | "time")) => !at(2).is_some_and(|name| VALUES.contains(&name)),
        (Some("std"), Some("fs" | "thread" | "process" | "env")) => true,
        (Some("std"), _) => false,
        _ => true,
    }
}

fn unfinished(source: &Source, _: &[String]) -> Vec<Finding> {
    let mut found = Vec::new();
    for fact in &source.facts {
        let message = match &fact.kind {
            Kind::Macro(name) if matches!(name.as_str(), "todo" | "unimplemented" | "dbg") => {
                format!("{name}! does not land")
            }
            Kind::Attribute(name) if name == "ignore" => "no test is ignored".to_owned(),
            Kind::Sleep if source.is_test_line(fact.line) => {
                "a test waits for the event, it does not sleep".to_owned()
            }
            _ => continue,
        };
        found.push(finding(source, fact.line, 1, message));
    }
    found
}
