//! A sequence as a file: one request a line, with its connection and how its replies compare.
//! `tests/e2e/test_differ.py` replays them.

use super::play::Difference;
use super::step::{Step, Way};
use catalog::syntax::Likeness;
use std::fmt::Write;

/// The file's text.
pub fn text(opening: &[Step], steps: &[Step], difference: &Difference, seed: u64) -> String {
    let mut text = format!("# Found with --seed {seed}.\n");
    let _ = writeln!(text, "# ours:   {}\n# theirs: {}", difference.ours, difference.theirs);
    let used = |connection: usize| {
        connection == 0 || steps.iter().any(|step| step.connection == connection)
    };
    for step in opening.iter().filter(|step| used(step.connection)) {
        line(&mut text, "ignored", step);
    }
    for step in steps {
        line(&mut text, likeness(step.likeness), step);
    }
    text
}

fn line(text: &mut String, likeness: &str, step: &Step) {
    let way = match step.way {
        Way::Ask => likeness,
        Way::Gather => "gather",
        Way::Park => "park",
    };
    let _ = write!(text, "{} {way}", step.connection);
    for word in &step.words {
        let _ = write!(text, " {}", quoted(word));
    }
    text.push('\n');
}

fn likeness(likeness: Likeness) -> &'static str {
    match likeness {
        Likeness::Exact => "exact",
        Likeness::Unordered => "unordered",
        Likeness::Pairs => "pairs",
        Likeness::Walk => "walk",
        Likeness::Near => "near",
        Likeness::Aged => "aged",
        Likeness::Batches => "batches",
        Likeness::Libraries => "libraries",
        Likeness::Random => "random",
        Likeness::Shape => "shape",
    }
}

/// A word bare where it can be, else in quotes with escapes.
fn quoted(word: &[u8]) -> String {
    let bare = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\#".contains(byte);
    if !word.is_empty() && word.iter().all(bare) {
        return String::from_utf8_lossy(word).into_owned();
    }
    let mut text = String::from("\"");
    for &byte in word {
        let _ = match byte {
            b'"' | b'\\' => write!(text, "\\{}", byte as char),
            b' '..=b'~' => write!(text, "{}", byte as char),
            _ => write!(text, "\\x{byte:02x}"),
        };
    }
    text.push('"');
    text
}
