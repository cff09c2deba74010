//! What the suite prints, read: one outcome per check. Knows no files.

use std::collections::BTreeMap;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It held.
    Ok,
    /// It did not.
    Err,
    /// The suite left it out.
    Skipped,
    /// It is expected and did not run.
    Missing,
    /// It needs a command that is yet to come, and was left out for that.
    Later,
}

impl Outcome {
    /// Its word in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Err => "err",
            Self::Skipped => "skipped",
            Self::Missing => "missing",
            Self::Later => "later",
        }
    }

    /// The outcome of a word.
    pub fn find(word: &str) -> Option<Self> {
        let all = [Self::Ok, Self::Err, Self::Skipped, Self::Missing, Self::Later];
        all.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// What one run of one file printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By name; a name's second appearance is called `name #2`.
    pub checks: BTreeMap<String, Outcome>,
    /// Why the file did not come to its end.
    pub trouble: Option<String>,
}

/// Why the suite leaves a check out, behind the check's name.
const REASONS: [&str; 3] = [": large memory flag not provided", ": Not supported", ": Tag: "];

/// Reads all output of a run.
pub fn read(text: &str) -> Report {
    let mut report = Report::default();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut ended = false;
    for line in text.lines().map(plain) {
        if let Some((_, name)) = line.split_once(" => (IN PROGRESS) ") {
            report.checks.insert(name.replace('\t', " "), Outcome::Err);
            report.trouble = Some(format!("no end of: {name}"));
            continue;
        }
        let Some((tag, rest)) = line.strip_prefix('[').and_then(|line| line.split_once("]: "))
        else {
            continue;
        };
        let found = match tag {
            "ok" => Some((without_time(rest), Outcome::Ok)),
            "err" => match rest.rsplit_once(" in tests/") {
                Some((name, _)) => Some((name, Outcome::Err)),
                None => {
                    report.trouble.get_or_insert_with(|| rest.to_owned());
                    None
                }
            },
            "skip" => Some((rest, Outcome::Skipped)),
            "ignore" => left_out(rest).map(|name| (name, Outcome::Skipped)),
            "exception" | "TIMEOUT" => {
                report.trouble.get_or_insert_with(|| rest.to_owned());
                None
            }
            _ => {
                ended |= tag.ends_with(" done");
                None
            }
        };
        if let Some((name, outcome)) = found {
            let name = name.replace('\t', " ");
            let count = seen.entry(name.clone()).or_default();
            *count += 1;
            let name = if *count == 1 { name } else { format!("{name} #{count}") };
            report.checks.insert(name, outcome);
        }
    }
    if !ended {
        report.trouble.get_or_insert_with(|| "did not come to its end".to_owned());
    }
    report
}

/// The line without terminal colours.
fn plain(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

/// `name (12 ms)` without the time.
fn without_time(text: &str) -> &str {
    let timed = text.strip_suffix(" ms)").and_then(|text| text.rsplit_once(" ("));
    match timed {
        Some((name, time)) if time.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    }
}

/// The check's name; none when a whole group was left out, which has no name.
fn left_out(text: &str) -> Option<&str> {
    REASONS.iter().find_map(|reason| text.rfind(reason)).map(|at| &text[..at])
}
