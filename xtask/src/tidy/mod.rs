//! `cargo xtask tidy`: the house measures of STYLE.md, checked over every source file and manifest.
//! Knows the shape of the code, nothing of what it does.

mod exceptions;
mod facts;
mod manifest;
mod rules;
mod source;
mod totals;

#[cfg(test)]
mod tests;

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Each of them needs its own argument, and Miri.
const UNSAFE_FILES_MAX: usize = 5;

/// One place where a rule does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name, as in `tidy-exceptions.txt`.
    pub rule: &'static str,
    /// `path` or `path::function`, relative to the repository.
    pub place: String,
    /// First line concerned, 0 when the whole file is.
    pub line: usize,
    /// What was measured; 1 for rules that count occurrences.
    pub value: usize,
    /// What is wrong and what to do.
    pub message: String,
}

/// Checks the repository at `root`; the answer is what to print, and whether all is well.
pub fn check(root: &Path) -> Result<(String, bool)> {
    let paths = rust_files(root)?;
    let unsafe_list = unsafe_list();
    let mut sources = Vec::with_capacity(paths.len());
    let mut findings = manifest::check(&manifest::read(root)?);
    for path in &paths {
        let text = std::fs::read_to_string(root.join(path))
            .with_context(|| format!("read {}", path.display()))?;
        let name = path.to_string_lossy().into_owned();
        match source::Source::parse(&name, text) {
            Ok(source) => sources.push(source),
            Err(error) => findings.push(Finding {
                rule: "parse",
                place: name,
                line: error.span().start().line,
                value: 1,
                message: format!("cannot be parsed: {error}"),
            }),
        }
    }
    mark_test_modules(&mut sources);
    findings.extend(sources.iter().flat_map(|source| rules::check(source, &unsafe_list)));
    findings.extend(unsafe_list.iter().filter_map(|file| needless(file, &sources)));
    let file = root.join("xtask/tidy-exceptions.txt");
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let left = exceptions::apply(findings, &text);
    Ok((report(&left, &totals::table(&sources)), left.is_empty()))
}

/// Files behind a `#[cfg(test)] mod name;`, and all below them, are tests too.
fn mark_test_modules(sources: &mut [source::Source]) {
    let modules: Vec<String> =
        sources.iter().flat_map(|source| source.test_modules.clone()).collect();
    for source in sources {
        let is_part = |module: &String| {
            let rest = source.path.strip_prefix(module.as_str());
            rest.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
        };
        if modules.iter().any(is_part) {
            source.mark_test();
        }
    }
}

/// Prints the report; true when nothing was found.
pub fn run(root: &Path) -> Result<bool> {
    let (text, clean) = check(root)?;
    print!("{text}");
    Ok(clean)
}

fn report(findings: &[Finding], totals: &str) -> String {
    let mut out = String::new();
    for finding in findings {
        let Finding { rule, place, line, message, .. } = finding;
        out.push_str(&format!("{place}:{line}: {rule}: {message}\n"));
    }
    out.push_str(totals);
    match findings.len() {
        0 => out.push_str("tidy: clean\n"),
        count => out.push_str(&format!("tidy: {count} to mend\n")),
    }
    out
}

/// Files that may hold `unsafe`, one path a line; `#` starts a comment.
fn unsafe_list() -> Vec<String> {
    let list = lines_of(include_str!("unsafe_files.txt"));
    assert!(list.len() <= UNSAFE_FILES_MAX, "more than {UNSAFE_FILES_MAX} files with unsafe");
    list
}

/// A listed file that is gone, or has no `unsafe` any more.
fn needless(file: &str, sources: &[source::Source]) -> Option<Finding> {
    let source = sources.iter().find(|source| source.path == file);
    let used =
        |fact: &facts::Fact| matches!(fact.kind, facts::Kind::Unsafe | facts::Kind::UnsafeDeclared);
    if source.is_some_and(|source| source.facts.iter().any(used)) {
        return None;
    }
    Some(Finding {
        rule: "unsafe-list",
        place: file.to_owned(),
        line: 0,
        value: 1,
        message: "has no unsafe: take it off xtask/src/tidy/unsafe_files.txt".to_owned(),
    })
}

fn lines_of(text: &str) -> Vec<String> {
    let bare = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    bare.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// All `.rs` files of the workspace, relative to `root`, sorted.
fn rust_files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.join("crates"), root.join("xtask")];
    while let Some(dir) = open.pop() {
        let entries = std::fs::read_dir(&dir).with_context(|| format!("list {}", dir.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(root)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
