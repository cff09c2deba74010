//! What may stand behind a command's name, one line a command: tools make calls from it. The lines
//! are in [`table`]; this file reads them. Knows no handler and makes no call itself.
//!
//! A line is `NAME parts -> shapes ~ likeness`:
//!
//! | part | meaning |
//! |---|---|
//! | `WORD` | itself |
//! | `slot` | a value of that kind ([`SLOTS`]) |
//! | `[a b\|c]` | one of the alternatives, or nothing |
//! | `(a\|b)` | one of the alternatives |
//! | `x...` | once or several times |
//! | `#x` | a number, then as many times `x` |
//! | `&x` | once or several times, to be followed by as many `=x` |
//! | `=x` | `x` as often as the last `#` or `&` |
//! | `'w'` | the word `w` itself, whatever it means above |
//! | `^` | what follows in this alternative is newer than Redis 7.0 |
//!
//! Shapes are what it can answer; likeness says how the answers of two servers compare.

mod others;
mod table;

pub use others::OTHERS;
pub use table::LINES;

/// Kinds of values. A `lexset` is a key whose members all have the same score.
pub const SLOTS: &[&str] = &[
    "key",
    "lexset",
    "field",
    "member",
    "element",
    "value",
    "number",
    "index",
    "count",
    "offset",
    "float",
    "score",
    "min",
    "max",
    "lexmin",
    "lexmax",
    "seconds",
    "ms",
    "unix-s",
    "unix-ms",
    "pattern",
    "cursor",
    "db",
    "bit",
    "bits",
    "place",
    "width",
    "longitude",
    "latitude",
    "unit",
    "id",
    "moment",
    "new-id",
    "id-min",
    "id-max",
    "after",
    "given",
    "min-idle",
    "idle",
    "wait",
    "group",
    "consumer",
    "payload",
    "timeout",
    "rank",
    "distance",
    "text",
    "type",
    "channel",
    "channels",
    "parameter",
    "limit",
    "script",
    "sha",
    "library",
    "library-name",
    "function",
    "section",
    "name",
    "call",
];

/// A part of a command's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A word that stands for itself.
    Word(&'static str),
    /// A value of a kind.
    Slot(&'static str),
    /// One of the sequences, or nothing.
    Optional(Vec<Vec<Part>>),
    /// One of the sequences.
    Choice(Vec<Vec<Part>>),
    /// Once or several times.
    Many(Box<Part>),
    /// A number and as many of these.
    Counted(Box<Part>),
    /// Once or several times; no number says so.
    Several(Box<Part>),
    /// As many as the last number said, or as the last several were.
    Again(Box<Part>),
    /// What follows is newer than Redis 7.0.
    Newer,
}

/// How the answers of two servers to the same call compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Byte by byte.
    Exact,
    /// The same elements in any order.
    Unordered,
    /// The same pairs in any order.
    Pairs,
    /// A cursor and elements, of which whole walks are the same.
    Walk,
    /// The same moment or span, but for the time between the two calls.
    Near,
    /// Byte by byte, but for moments and spans among what is known of a stream.
    Aged,
    /// Confirmations of the end of subscriptions, whose names come in any order.
    Batches,
    /// Libraries of functions in any order.
    Libraries,
    /// Chosen at random: the same shape and number of elements.
    Random,
    /// The same shape: what it says is about the inside of a server.
    Shape,
}

/// What the table says about a command.
#[derive(Debug, Clone)]
pub struct Syntax {
    /// Name as in its row.
    pub name: &'static str,
    /// Its words behind the name.
    pub parts: Vec<Part>,
    /// Shapes of its answers other than errors.
    pub shapes: Vec<&'static str>,
    /// How answers compare.
    pub likeness: Likeness,
}

/// Reads the line of the command called `name` as its row is.
#[must_use]
pub fn find(name: &str) -> Option<Syntax> {
    LINES.iter().map(|line| read(line)).find(|syntax| syntax.name == name)
}

/// As [`find`], among [`OTHERS`].
#[must_use]
pub fn find_other(name: &str) -> Option<Syntax> {
    OTHERS.iter().map(|line| read(line)).find(|syntax| syntax.name == name)
}

/// Reads all lines but [`OTHERS`].
pub fn all() -> impl Iterator<Item = Syntax> {
    LINES.iter().map(|line| read(line))
}

fn read(line: &'static str) -> Syntax {
    let (call, answer) = line.split_once(" -> ").unwrap_or((line, ""));
    let (shapes, likeness) = match answer.split_once(" ~ ") {
        None => (answer, Likeness::Exact),
        Some((shapes, "unordered")) => (shapes, Likeness::Unordered),
        Some((shapes, "pairs")) => (shapes, Likeness::Pairs),
        Some((shapes, "walk")) => (shapes, Likeness::Walk),
        Some((shapes, "near")) => (shapes, Likeness::Near),
        Some((shapes, "aged")) => (shapes, Likeness::Aged),
        Some((shapes, "batches")) => (shapes, Likeness::Batches),
        Some((shapes, "libraries")) => (shapes, Likeness::Libraries),
        Some((shapes, "random")) => (shapes, Likeness::Random),
        Some((shapes, _)) => (shapes, Likeness::Shape),
    };
    let (name, rest) = call.split_once(' ').unwrap_or((call, ""));
    let tokens = tokens(rest);
    let mut reader = Reader { tokens: &tokens };
    let parts = reader.sequence();
    Syntax { name, parts, shapes: shapes.split_whitespace().collect(), likeness }
}

fn tokens(text: &'static str) -> Vec<&'static str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let length = match rest.as_bytes()[0] {
            b'[' | b']' | b'(' | b')' | b'|' | b'#' | b'&' | b'=' | b'^' => 1,
            _ if rest.starts_with("...") => 3,
            _ => {
                let ends = |c: char| c.is_whitespace() || "[]()|".contains(c);
                let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
                word.strip_suffix("...").unwrap_or(word).len()
            }
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

struct Reader<'t> {
    tokens: &'t [&'static str],
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&'static str> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn sequence(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        while self.tokens.first().is_some_and(|token| !matches!(*token, "]" | ")" | "|")) {
            let part = self.part();
            parts.push(part);
        }
        parts
    }

    fn alternatives(&mut self) -> Vec<Vec<Part>> {
        let mut all = vec![self.sequence()];
        while self.next() == Some("|") {
            all.push(self.sequence());
        }
        all
    }

    fn part(&mut self) -> Part {
        let part = match self.next().unwrap_or_default() {
            "[" => Part::Optional(self.alternatives()),
            "(" => Part::Choice(self.alternatives()),
            "#" => Part::Counted(Box::new(self.part())),
            "&" => Part::Several(Box::new(self.part())),
            "=" => Part::Again(Box::new(self.part())),
            "^" => Part::Newer,
            word if word.chars().any(|c| c.is_ascii_lowercase()) => Part::Slot(word),
            word => Part::Word(word.trim_matches('\'')),
        };
        if self.tokens.first() != Some(&"...") {
            return part;
        }
        self.next();
        Part::Many(Box::new(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Family;
    use crate::commands::Index;

    fn slots(parts: &[Part], found: &mut Vec<&'static str>) {
        for part in parts {
            match part {
                Part::Slot(slot) => found.push(slot),
                Part::Optional(all) | Part::Choice(all) => {
                    all.iter().for_each(|one| slots(one, found));
                }
                Part::Many(one) | Part::Counted(one) | Part::Several(one) | Part::Again(one) => {
                    slots(std::slice::from_ref(one), found);
                }
                Part::Word(_) | Part::Newer => {}
            }
        }
    }

    #[test]
    fn every_line_belongs_to_a_row_and_uses_known_kinds() {
        let index = Index::new();
        let mut seen = Vec::new();
        for syntax in all() {
            let Some(id) = index.find(syntax.name.as_bytes()) else {
                // Written before its row: the row makes it count.
                continue;
            };
            assert_eq!(index.row(id).name, syntax.name);
            assert!(!seen.contains(&syntax.name), "{} twice", syntax.name);
            seen.push(syntax.name);
            let mut found = Vec::new();
            slots(&syntax.parts, &mut found);
            for slot in found {
                assert!(SLOTS.contains(&slot), "{}: {slot}", syntax.name);
            }
        }
        let missing: Vec<&str> = index
            .rows()
            .iter()
            .filter(|row| !matches!(row.family, Family::Server | Family::Connection))
            .filter(|row| !matches!(row.family, Family::PubSub | Family::Scripting))
            .filter(|row| !row.flags.has(crate::Flags::CONTAINER))
            .map(|row| row.name)
            .filter(|name| !seen.contains(name) && !name.ends_with("|help"))
            .collect();
        // A list to shrink, not yet a failure: rows and lines are being added side by side.
        println!("rows without a line: {missing:?}");
    }

    #[test]
    fn lines_are_read_part_by_part() {
        let line = read("zunion #key [WEIGHTS =score|^ NEW x] (A|B) member... -> array ~ pairs");
        assert_eq!((line.name, line.likeness), ("zunion", Likeness::Pairs));
        assert_eq!(line.shapes, ["array"]);
        let slot = |name| Part::Slot(name);
        let boxed = |name| Box::new(Part::Slot(name));
        let want = vec![
            Part::Counted(boxed("key")),
            Part::Optional(vec![
                vec![Part::Word("WEIGHTS"), Part::Again(boxed("score"))],
                vec![Part::Newer, Part::Word("NEW"), slot("x")],
            ]),
            Part::Choice(vec![vec![Part::Word("A")], vec![Part::Word("B")]]),
            Part::Many(boxed("member")),
        ];
        assert_eq!(line.parts, want);
    }
}
