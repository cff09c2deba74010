//! The table that a run prints: counts per file and in all. Pure.

use super::account::{Checks, Key};
use super::output::{Outcome, Report};
use std::collections::{BTreeMap, BTreeSet};

/// Counts of one file, or of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Held.
    pub ok: usize,
    /// Did not hold.
    pub err: usize,
    /// Left out by the suite.
    pub skipped: usize,
    /// Expected, and did not run.
    pub missing: usize,
    /// Named in later.tsv: they need commands that are yet to come.
    pub later: usize,
    /// Named in excluded.tsv, however they ended.
    pub excluded: usize,
    /// Why the file stopped early.
    pub trouble: Option<String>,
}

impl Row {
    /// Counts `checks`.
    pub fn new(checks: &Checks, excluded: &BTreeSet<Key>, report: &Report) -> Self {
        let mut row = Self { trouble: report.trouble.clone(), ..Self::default() };
        for (key, outcome) in checks {
            let count = match outcome {
                _ if excluded.contains(key) => &mut row.excluded,
                Outcome::Ok => &mut row.ok,
                Outcome::Err => &mut row.err,
                Outcome::Skipped => &mut row.skipped,
                Outcome::Missing => &mut row.missing,
                Outcome::Later => &mut row.later,
            };
            *count += 1;
        }
        row
    }

    /// True when nothing failed and nothing is missing.
    pub const fn held(&self) -> bool {
        self.err == 0 && self.missing == 0 && self.trouble.is_none()
    }

    /// The row under its name.
    pub fn line(&self, name: &str) -> String {
        let Self { ok, err, skipped, missing, later, excluded, trouble } = self;
        let trouble = trouble.as_deref().unwrap_or_default();
        let short: String = trouble.chars().take(TROUBLE_CHARS_MAX).collect();
        let line =
            format!("{name:<28}{ok:>6}{err:>6}{skipped:>9}{missing:>9}{later:>7}{excluded:>10}");
        format!("{line}  {short}").trim_end().to_owned()
    }
}

const TROUBLE_CHARS_MAX: usize = 90;

/// The sum of all rows; its trouble is some file's.
pub fn total<'r>(rows: impl Iterator<Item = &'r Row>) -> Row {
    rows.fold(Row::default(), |sum, row| Row {
        ok: sum.ok + row.ok,
        err: sum.err + row.err,
        skipped: sum.skipped + row.skipped,
        missing: sum.missing + row.missing,
        later: sum.later + row.later,
        excluded: sum.excluded + row.excluded,
        trouble: sum.trouble.or_else(|| row.trouble.as_ref().map(|_| "see above".to_owned())),
    })
}

/// Heading, rows and total.
pub fn page(rows: &BTreeMap<String, Row>, total: &Row) -> String {
    let mut page = format!(
        "{:<28}{:>6}{:>6}{:>9}{:>9}{:>7}{:>10}\n",
        "file", "ok", "err", "skipped", "missing", "later", "excluded"
    );
    let lines = rows.iter().map(|(name, row)| row.line(name));
    for line in lines.chain([total.line("total")]) {
        page.push_str(&line);
        page.push('\n');
    }
    page
}
