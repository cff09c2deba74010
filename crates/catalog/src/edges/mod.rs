//! The edge table: calls of every command with each of its numbers, and each two of them, at the
//! edges where numbers end. Derived from the syntax lines; asks no server and knows no handler.

pub mod documented;
mod shape;
pub mod values;

use crate::command::{Command, Family, Flags};
use crate::commands::Index;
use crate::syntax::{self, Likeness, Syntax};
use shape::{Shape, Token};

/// Which keys the calls name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Keys of the right type.
    Present,
    /// Keys that are not there.
    Missing,
    /// Keys of another type.
    Wrong,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its words.
    pub words: Vec<Vec<u8>>,
    /// True when Redis 7.0 does not know it.
    pub newer: bool,
    /// Letters of the keys that it expects to be there.
    pub letters: Vec<char>,
}

/// A command with what its line says.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its row.
    pub row: &'static Command,
    /// How its answers compare.
    pub likeness: Likeness,
    shapes: Vec<Shape>,
    numbers: usize,
}

/// All commands, those without a number too, and the names of rows that no line describes.
#[must_use]
pub fn table() -> (Vec<Entry>, Vec<&'static str>) {
    let index = Index::new();
    let (mut entries, mut undescribed) = (Vec::new(), Vec::new());
    for &row in index.rows().iter().filter(|row| !row.flags.has(Flags::CONTAINER)) {
        let wordless = row.arity == row.name.split('|').count() as i16;
        match syntax::find_other(row.name).or_else(|| syntax::find(row.name)) {
            Some(syntax) => entries.push(Entry::new(row, &syntax)),
            None if wordless => entries.push(Entry::without_words(row)),
            None => undescribed.push(row.name),
        }
    }
    (entries, undescribed)
}

impl Entry {
    fn new(row: &'static Command, syntax: &Syntax) -> Self {
        let (shapes, numbers) = shape::all(&syntax.parts);
        Self { row, likeness: syntax.likeness, shapes, numbers }
    }

    fn without_words(row: &'static Command) -> Self {
        Self { row, likeness: Likeness::Exact, shapes: Vec::new(), numbers: 0 }
    }

    /// How many numbers its line has.
    #[must_use]
    pub const fn numbers(&self) -> usize {
        self.numbers
    }

    /// All calls: [`Self::singles`], then [`Self::pairs`].
    pub fn calls(&self) -> impl Iterator<Item = Call> + '_ {
        self.singles().chain(self.pairs())
    }

    /// Calls with one number at an edge: each number in each way of calling, with all kinds of
    /// keys.
    pub fn singles(&self) -> impl Iterator<Item = Call> + '_ {
        let single = self.shapes.iter().filter(|shape| shape.targets == 1);
        single.flat_map(|shape| self.at_each_edge(shape))
    }

    /// Calls with two numbers at edges.
    pub fn pairs(&self) -> impl Iterator<Item = Call> + '_ {
        let double = self.shapes.iter().filter(|shape| shape.targets == 2);
        double.flat_map(|shape| self.at_each_pair(shape))
    }

    fn at_each_edge<'e>(&'e self, shape: &'e Shape) -> impl Iterator<Item = Call> + 'e {
        let forms = shape.forms(0);
        let all_keys: &[Keys] = match (shape.plain, shape.names_key()) {
            (true, true) => &[Keys::Present, Keys::Missing, Keys::Wrong],
            _ => &[Keys::Present],
        };
        // Options do not change how a number is read, but may change what is done with it.
        let short = if shape.plain { values::EDGES } else { values::PAIRED };
        let short = short.iter().map(|edge| edge.as_bytes().to_vec());
        let long = values::long().into_iter().filter(move |_| shape.plain);
        let edges: Vec<Vec<u8>> = short.chain(long).collect();
        all_keys.iter().flat_map(move |&keys| {
            let edges = edges.clone();
            edges.into_iter().flat_map(move |edge| {
                // The longest once is enough: what it costs is its length.
                let forms = if edge.len() > 1000 { &forms[..1] } else { forms };
                let once = edge.len() > 1000 && keys != Keys::Present;
                let forms = if once { &[] } else { forms };
                forms.iter().map(move |form| self.call(shape, keys, &[written(form, &edge)]))
            })
        })
    }

    fn at_each_pair<'e>(&'e self, shape: &'e Shape) -> impl Iterator<Item = Call> + 'e {
        values::PAIRED.iter().flat_map(move |one| {
            values::PAIRED.iter().map(move |two| {
                let one = written(shape.forms(0)[0], one.as_bytes());
                let two = written(shape.forms(1)[0], two.as_bytes());
                self.call(shape, Keys::Present, &[one, two])
            })
        })
    }

    fn call(&self, shape: &Shape, keys: Keys, edges: &[Vec<u8>]) -> Call {
        let mut words: Vec<Vec<u8>> =
            self.row.name.split('|').map(|word| word.to_ascii_uppercase().into_bytes()).collect();
        let (mut letters, mut named) = (Vec::new(), 0);
        for token in &shape.tokens {
            words.push(match token {
                Token::Word(word) => word.as_bytes().to_vec(),
                Token::Target(at, _) => edges[*at].clone(),
                Token::Number => b"1".to_vec(),
                Token::Slot(kind @ ("key" | "lexset")) => {
                    let letter = self.letter(kind, keys);
                    letters.push(letter);
                    named += 1;
                    let start = if keys == Keys::Missing { "none" } else { "" };
                    format!("{start}{letter}:{}", named - 1).into_bytes()
                }
                Token::Slot(kind) => values::usual(kind).to_vec(),
            });
        }
        letters.dedup();
        Call { words, newer: shape.newer || is_newer(self.row.since), letters }
    }

    fn letter(&self, kind: &str, keys: Keys) -> char {
        let (own, other) = match (kind, self.row.name) {
            ("lexset", _) => ('y', 's'),
            (_, "sort" | "sort_ro") => ('l', 's'),
            _ => values::letters(self.row.family),
        };
        if keys == Keys::Wrong { other } else { own }
    }

    /// True when calls can reach beyond the keys that they name and the selected database.
    #[must_use]
    pub fn reaches_far(&self) -> bool {
        matches!(self.row.family, Family::Generic) || self.is_of_connection()
    }

    /// True when calls change what the connection is.
    #[must_use]
    pub fn is_of_connection(&self) -> bool {
        matches!(self.row.family, Family::Connection | Family::Server | Family::PubSub)
    }
}

/// `form` with `edge` where it says so.
fn written(form: &str, edge: &[u8]) -> Vec<u8> {
    let (head, tail) = form.split_once("{}").unwrap_or((form, ""));
    [head.as_bytes(), edge, tail.as_bytes()].concat()
}

fn is_newer(since: &str) -> bool {
    let mut numbers = since.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) > (7, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(name: &str) -> Vec<String> {
        let (entries, _) = table();
        let entry = entries.into_iter().find(|entry| entry.row.name == name).expect(name);
        let text = |words: &[Vec<u8>]| String::from_utf8_lossy(&words.join(&b' ')).into_owned();
        entry.calls().map(|call| text(&call.words)).collect()
    }

    #[test]
    fn every_number_meets_every_edge() {
        let check = |name: &str, wanted: &[&str]| {
            let calls = lines(name);
            for one in wanted {
                assert!(calls.iter().any(|call| call == one), "{name}: no {one}");
            }
        };
        check("lrange", &["LRANGE l:0 -1 1", "LRANGE nonel:0 1 nan", "LRANGE s:0 1e400 1"]);
        check("lrange", &["LRANGE l:0 18446744073709551615 -inf"]);
        check("sintercard", &["SINTERCARD 4294967296 t:0", "SINTERCARD 1 t:0 LIMIT 0x10"]);
        check("bitcount", &["BITCOUNT s:0 1 2147483648 BIT", "BITCOUNT s:0 1 1e400 BYTE"]);
        check("bitfield", &["BITFIELD s:0 GET u65536 0", "BITFIELD s:0 SET u8 #-1 1"]);
        check("xrange", &["XRANGE x:0 (18446744073709551615 9", "XRANGE x:0 1-+1 9"]);
        check("select", &["SELECT 2147483648", "SELECT "]);
    }

    #[test]
    fn a_command_without_a_number_is_not_called() {
        for name in ["del", "dbsize", "hgetall", "client|setname", "save"] {
            assert!(lines(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn most_rows_are_described_and_many_have_numbers() {
        let (entries, undescribed) = table();
        let numbers: usize = entries.iter().map(Entry::numbers).sum();
        let with = entries.iter().filter(|entry| entry.numbers() > 0).count();
        let calls: usize = entries.iter().map(|entry| entry.calls().count()).sum();
        println!(
            "{calls} calls of {} commands, {with} of them with {numbers} numbers",
            entries.len()
        );
        assert!(with > 130 && numbers > 300 && calls > 50_000, "{with} {numbers} {calls}");
        // A list to shrink: rows and lines are being added side by side.
        assert!(undescribed.len() < 6, "rows without a syntax line: {undescribed:?}");
    }
}
