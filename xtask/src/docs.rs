//! `cargo xtask docs`: pages that derive from tables. A test fails when a page on disk is stale.

use crate::metrics;
use anyhow::Context;
use catalog::commands::Index;
use catalog::{Command, Flags, Lock};
use std::fmt::Write;
use std::path::Path;

const PATH: &str = "docs/commands.md";

/// Writes the pages.
pub fn run(root: &Path) -> anyhow::Result<bool> {
    let pages = [
        (PATH, commands()),
        (metrics::PAGE, metrics::page()),
        (metrics::DASHBOARD, metrics::dashboard()),
    ];
    for (name, page) in pages {
        let path = root.join(name);
        let directory = path.parent().context("pages lie in directories")?;
        std::fs::create_dir_all(directory)
            .with_context(|| format!("make {}", directory.display()))?;
        std::fs::write(&path, page).with_context(|| format!("write {}", path.display()))?;
        println!("wrote {name}");
    }
    Ok(true)
}

/// The page of all commands.
fn commands() -> String {
    let index = Index::new();
    let mut page = String::from(
        "# Commands\n\nMade by `cargo xtask docs` from `crates/catalog`. The lock class says what \
         a command holds while it runs (ARCHITECTURE.md).\n",
    );
    let mut group = "";
    for row in index.rows() {
        if row.flags.has(Flags::CONTAINER) && row.arity != -1 {
            continue;
        }
        if row.family.group() != group {
            group = row.family.group();
            let _ = write!(page, "\n## {group}\n\n| command | since | lock | what it does |\n");
            page.push_str("|---|---|---|---|\n");
        }
        let name = row.name.replace('|', " ").to_ascii_uppercase();
        let _ = writeln!(page, "| {name} | {} | {} | {} |", row.since, class(row), row.summary);
    }
    page
}

fn class(row: &Command) -> &'static str {
    match row.lock {
        Lock::None => "none",
        Lock::Keys => "keys",
        Lock::Walk => "walk",
        Lock::Exclusive => "exclusive",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_disk_is_what_the_table_says() {
        let path = crate::shell::root().join(PATH);
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == commands(), "{PATH} is stale: run `cargo xtask docs`");
    }
}
