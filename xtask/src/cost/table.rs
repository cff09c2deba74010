//! The rows of `benches/commands.txt`: what they say and which commands they call. Asks no server.

use anyhow::{Context, Result, ensure};
use resp::inline::split_words;
use stdx::random::Rng;

/// Operations of a batch, at most.
pub const DEPTH: usize = 16;

/// The words of a request.
type Words = Vec<Vec<u8>>;

/// What makes data: the request, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// Times, with `{i}` from 0.
    pub times: u64,
    words: Words,
}

/// What is measured: requests that are sent again and again in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// As written.
    pub text: String,
    cycle: Vec<Words>,
}

/// Reads the file: first what makes data, then the rows.
///
/// # Errors
/// Names the line whose form is wrong.
pub fn read(text: &str) -> Result<(Vec<Fill>, Vec<Row>)> {
    let (mut fills, mut rows) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().map(str::trim).enumerate() {
        let place = || format!("line {} of benches/commands.txt: {line}", number + 1);
        match line.chars().next() {
            None | Some('#') => {}
            Some('+') => {
                let (times, command) = line[1..].split_once(' ').with_context(place)?;
                let times = times.parse().with_context(place)?;
                fills.push(Fill { times, words: words(command).with_context(place)? });
            }
            Some(_) => {
                let cycle: Result<Vec<Words>> = line.split("; ").map(words).collect();
                let cycle = cycle.with_context(place)?;
                ensure!(cycle.len() <= DEPTH, "{}: more than {DEPTH} commands", place());
                rows.push(Row { text: line.to_owned(), cycle });
            }
        }
    }
    Ok((fills, rows))
}

fn words(command: &str) -> Result<Words> {
    let words = split_words(command.as_bytes()).context("its quotes do not match")?;
    ensure!(!words.is_empty(), "a command has at least a name");
    Ok(words.into_iter().collect())
}

impl Fill {
    /// Appends the `index`th request.
    pub fn write(&self, index: u64, out: &mut Vec<u8>) {
        encode(&self.words, out, |_| index);
    }
}

impl Row {
    /// First and second word of each request.
    pub fn heads(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.cycle.iter().map(|words| (words[0].as_slice(), words.get(1).map(Vec::as_slice)))
    }

    /// How many requests a batch holds: whole cycles, at most [`DEPTH`].
    pub fn batch_len(&self) -> usize {
        DEPTH / self.cycle.len() * self.cycle.len()
    }

    /// Appends one batch.
    pub fn write(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        for _ in 0..DEPTH / self.cycle.len() {
            for words in &self.cycle {
                encode(words, out, |below| rng.below(below as usize) as u64);
            }
        }
    }
}

/// Writes the request; `number` gives what stands at `{N}`, N being 0 for `{i}`.
fn encode(words: &Words, out: &mut Vec<u8>, mut number: impl FnMut(u64) -> u64) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        let filled = fill(word, &mut number);
        out.extend_from_slice(format!("${}\r\n", filled.len()).as_bytes());
        out.extend_from_slice(&filled);
        out.extend_from_slice(b"\r\n");
    }
}

fn fill(word: &[u8], number: &mut impl FnMut(u64) -> u64) -> Vec<u8> {
    let place = || {
        let open = word.iter().position(|byte| *byte == b'{')?;
        let len = word[open..].iter().position(|byte| *byte == b'}')?;
        let inside = std::str::from_utf8(&word[open + 1..open + len]).ok()?;
        let below = if inside == "i" { 0 } else { inside.parse().ok()? };
        Some((open, open + len + 1, below))
    };
    let Some((open, end, below)) = place() else { return word.to_vec() };
    let drawn = number(below).to_string();
    [&word[..open], drawn.as_bytes(), &word[end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use catalog::commands::Index;

    const FILE: &str = include_str!("../../../benches/commands.txt");

    #[test]
    fn places_are_filled() {
        let (fills, rows) = read("+3 SET a:{i} \"b c\"\n# no row\nGET a:{1}; PING\n").unwrap();
        assert_eq!(fills[0].times, 3);
        let mut out = Vec::new();
        fills[0].write(2, &mut out);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$3\r\na:2\r\n$3\r\nb c\r\n");
        out.clear();
        rows[0].write(&mut Rng::new(1), &mut out);
        assert_eq!(rows[0].batch_len(), 16);
        assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$3\r\na:0\r\n*1\r\n$4\r\nPING\r\n".repeat(8));
        for (text, want) in [("+x SET a b", "line 1"), ("PING\nGET \"a", "line 2")] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(want), "{text}: {error}");
        }
    }

    #[test]
    fn every_command_is_measured() {
        let index = Index::new();
        let (_, rows) = read(FILE).unwrap();
        for (name, sub) in rows.iter().flat_map(Row::heads) {
            assert!(index.resolve(name, sub).is_ok(), "{}", name.escape_ascii());
        }
        assert_eq!(super::super::forgotten(&rows), [""; 0]);
        assert!(super::super::forgotten(&rows[1..]).contains(&"get"));
    }
}
