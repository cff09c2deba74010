//! The tables under conformance/: rows of file, check and outcome, sorted, separated by tabs.
//! Knows nothing of how a check is run.

use super::output::Outcome;
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Test file and name of a check.
pub type Key = (String, String);

/// All that is known: the outcome of each check.
pub type Account = BTreeMap<Key, Outcome>;

/// The outcomes of one file, by name.
pub type Checks = BTreeMap<Key, Outcome>;

/// Reads a table; empty where there is none yet.
pub fn read(path: &Path) -> Result<Account> {
    let mut account = Account::new();
    for (file, name, word) in rows(path)? {
        let outcome = Outcome::find(&word);
        let outcome = outcome.with_context(|| format!("{}: outcome '{word}'", path.display()))?;
        account.insert((file, name), outcome);
    }
    Ok(account)
}

/// Reads checks that are named apart; each row must say why.
pub fn named(path: &Path) -> Result<BTreeSet<Key>> {
    let mut keys = BTreeSet::new();
    for (file, name, reason) in rows(path)? {
        let reasoned = !reason.trim().is_empty();
        anyhow::ensure!(reasoned, "{}: {file} {name}: give the reason", path.display());
        keys.insert((file, name));
    }
    Ok(keys)
}

/// Rows of three fields below the heading.
fn rows(path: &Path) -> Result<Vec<(String, String, String)>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let row = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            [file, name, last] => Ok((file.to_owned(), name.to_owned(), last.to_owned())),
            _ => anyhow::bail!("{}: three fields wanted in: {line}", path.display()),
        }
    };
    text.lines().skip(1).map(row).collect()
}

/// Writes a table.
pub fn write(path: &Path, account: &Account) -> Result<()> {
    let mut text = "file\tcheck\toutcome\n".to_owned();
    for ((file, name), outcome) in account {
        text.push_str(&format!("{file}\t{name}\t{}\n", outcome.word()));
    }
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

/// What ran in `file`, what was expected there and did not run, and what was left for later. What
/// the reference itself does not hold is not expected of us.
pub fn complete(
    file: &str,
    ran: &BTreeMap<String, Outcome>,
    expected: &Account,
    later: &BTreeSet<Key>,
) -> Checks {
    let absent = expected.keys().filter(|(of, _)| of == file);
    let mut checks: Checks = absent.map(|key| (key.clone(), Outcome::Missing)).collect();
    checks.extend(ran.iter().map(|(name, outcome)| ((file.to_owned(), name.clone()), *outcome)));
    for (key, outcome) in &mut checks {
        if later.contains(key) {
            *outcome = Outcome::Later;
        } else if expected.get(key) == Some(&Outcome::Err) && *outcome != Outcome::Ok {
            *outcome = Outcome::Skipped;
        }
    }
    checks
}

/// The account with the rows of `file` replaced.
pub fn replace(mut account: Account, file: &str, checks: Checks) -> Account {
    account.retain(|(of, _), _| of != file);
    account.extend(checks);
    account
}
