//! The dependency order of the crates, from their manifests (ARCHITECTURE.md draws it).
//! Libraries from outside are no matter of this file.

use super::Finding;
use anyhow::{Context, Result};
use std::path::Path;

/// A crate of the workspace and the crates of the workspace that it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Name in the manifest.
    pub name: String,
    /// Workspace crates among its dependencies, of all kinds.
    pub uses: Vec<String>,
}

/// In each row a crate may use only what stands to its left.
const ORDER: [&[&str]; 5] = [
    &[
        "stdx",
        "resp",
        "catalog",
        "engine",
        "journal",
        "persist",
        "replication",
        "script",
        "server",
        "node",
    ],
    &["stdx", "catalog", "series", "admin", "control-model", "control", "console", "cli"],
    &["stdx", "resp", "catalog", "admin", "agent"],
    &["admin", "node"],
    &["stdx", "resp", "catalog", "bench"],
];

/// Uses that an order would permit and a boundary forbids.
const NEVER: [(&str, &[&str]); 1] = [("cli", &["console"])];

/// Crates that may use everything.
const FREE: [&str; 2] = ["larder", "xtask"];

/// Reads the workspace's packages by `cargo metadata`.
pub fn read(root: &Path) -> Result<Vec<Package>> {
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let mut command = std::process::Command::new(env!("CARGO"));
    let output = crate::shell::read(command.args(arguments).current_dir(root))?;
    let all: Metadata = serde_json::from_str(&output).context("read cargo metadata")?;
    let local = |dependency: &&Dependency| dependency.path.is_some();
    let package = |entry: &Entry| Package {
        name: entry.name.clone(),
        uses: entry.dependencies.iter().filter(local).map(|one| one.name.clone()).collect(),
    };
    Ok(all.packages.iter().map(package).collect())
}

#[derive(serde::Deserialize)]
struct Metadata {
    packages: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(serde::Deserialize)]
struct Dependency {
    name: String,
    path: Option<String>,
}

/// Uses that go against the order, and crates that have no place in it.
pub fn check(packages: &[Package]) -> Vec<Finding> {
    let mut found = Vec::new();
    for package in packages.iter().filter(|package| !FREE.contains(&package.name.as_str())) {
        if !ORDER.iter().any(|row| row.contains(&package.name.as_str())) {
            found.push(finding(package, "has no place in the dependency order"));
        }
        for used in package.uses.iter().filter(|used| !may_use(&package.name, used)) {
            found.push(finding(package, &format!("must not use {used}")));
        }
    }
    found
}

fn may_use(user: &str, used: &str) -> bool {
    let forbidden = NEVER.iter().any(|(name, list)| *name == user && list.contains(&used));
    let left_of = |row: &&[&str]| {
        let place = |name: &str| row.iter().position(|entry| *entry == name);
        matches!((place(used), place(user)), (Some(left), Some(right)) if left < right)
    };
    !forbidden && ORDER.iter().any(left_of)
}

fn finding(package: &Package, message: &str) -> Finding {
    Finding {
        rule: "order",
        place: format!("crates/{}/Cargo.toml", package.name),
        line: 0,
        value: 1,
        message: message.to_owned(),
    }
}
