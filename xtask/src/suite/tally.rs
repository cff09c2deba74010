//! Counts of tests, read from the closing lines of the runners.

use std::fmt;

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Held.
    pub passed: usize,
    /// Did not hold, or could not run.
    pub failed: usize,
    /// Were left out.
    pub skipped: usize,
}

impl Tally {
    /// A single test.
    pub fn of(success: bool) -> Tally {
        Tally { passed: usize::from(success), failed: usize::from(!success), skipped: 0 }
    }

    /// Adds `other` to this.
    pub fn add(&mut self, other: &Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// A runner that failed without naming a test (it did not compile), or ran none, counts as one
    /// failure.
    pub fn settled(mut self, success: bool) -> Tally {
        let silent = !success && self.failed == 0;
        let empty = self.passed + self.failed == 0;
        self.failed += usize::from(silent || empty);
        self
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(out, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// The sum over all `test result:` lines of `cargo test`.
pub fn cargo_test(output: &str) -> Tally {
    let mut tally = Tally::default();
    for line in output.lines().filter(|line| line.starts_with("test result:")) {
        tally.passed += count(line, "passed");
        tally.failed += count(line, "failed");
        tally.skipped += count(line, "ignored");
    }
    tally
}

/// The last line of pytest: `== 1 failed, 3 passed, 2 skipped, 1 error in 3.2s ==`.
pub fn pytest(output: &str) -> Tally {
    let Some(line) = output.lines().rev().find(|line| line.contains(" in ")) else {
        return Tally::default();
    };
    Tally {
        passed: count(line, "passed"),
        failed: count(line, "failed") + count(line, "error") + count(line, "errors"),
        skipped: count(line, "skipped"),
    }
}

/// The number before `word` in `line`, 0 when it is not there.
fn count(line: &str, word: &str) -> usize {
    let words: Vec<&str> = line.split(|letter: char| !letter.is_alphanumeric()).collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let pair = words.windows(2).find(|pair| pair[1] == word);
    pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}
