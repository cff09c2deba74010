//! Ways of calling a command, such that each has one or two numbers to replace. Knows no value.

use super::values::forms;
use crate::syntax::Part;

/// A place among a call's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A word that stands for itself.
    Word(&'static str),
    /// A value of a kind.
    Slot(&'static str),
    /// A number that says how many follow.
    Number,
    /// The n-th number to replace, of a kind.
    Target(usize, &'static str),
}

/// A way of calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Its words behind the command's name.
    pub tokens: Vec<Token>,
    /// Numbers to replace.
    pub targets: usize,
    /// True when it has no option but those that its numbers need.
    pub plain: bool,
    /// True when it has a part that is newer than Redis 7.0.
    pub newer: bool,
}

impl Shape {
    /// How the n-th number may be written.
    pub fn forms(&self, at: usize) -> &'static [&'static str] {
        let kind = self.tokens.iter().find_map(|token| match token {
            Token::Target(found, kind) if *found == at => Some(*kind),
            _ => None,
        });
        forms(kind.unwrap_or("number"))
    }

    /// True when it names a key.
    pub fn names_key(&self) -> bool {
        self.tokens.iter().any(|token| matches!(token, Token::Slot("key" | "lexset")))
    }
}

/// All shapes of a line, and how many numbers it has. Parts that can be a number or an alternative
/// are numbered in the order in which they are written; a shape is made by saying which are in it.
pub fn all(parts: &[Part]) -> (Vec<Shape>, usize) {
    let mut marks = Marks::default();
    marks.sequence(parts);
    let mut shapes: Vec<Shape> = Vec::new();
    let mut add = |targets: &[usize], option: Option<usize>| {
        let shape = build(parts, targets, option);
        if let Some(shape) = shape.filter(|shape| shape.targets == targets.len()) {
            let known = |other: &Shape| other.tokens == shape.tokens;
            if !shapes.iter().any(known) {
                shapes.push(shape);
            }
        }
    };
    for (at, &one) in marks.numbers.iter().enumerate() {
        add(&[one], None);
        marks.alternatives.iter().for_each(|&option| add(&[one], Some(option)));
        marks.numbers[at + 1..].iter().for_each(|&two| add(&[one, two], None));
    }
    (shapes, marks.numbers.len())
}

/// Which marks are numbers and which are alternatives.
#[derive(Default)]
struct Marks {
    next: usize,
    numbers: Vec<usize>,
    alternatives: Vec<usize>,
}

impl Marks {
    fn sequence(&mut self, parts: &[Part]) {
        parts.iter().for_each(|part| self.part(part));
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Slot(kind) => {
                if !forms(kind).is_empty() {
                    self.numbers.push(self.next);
                }
                self.next += 1;
            }
            Part::Counted(one) => {
                self.numbers.push(self.next);
                self.next += 1;
                self.part(one);
            }
            Part::Optional(all) | Part::Choice(all) => {
                for one in all {
                    self.alternatives.push(self.next);
                    self.next += 1;
                    self.sequence(one);
                }
            }
            Part::Many(one) | Part::Several(one) | Part::Again(one) => self.part(one),
            Part::Word(_) | Part::Newer => {}
        }
    }
}

fn build(parts: &[Part], targets: &[usize], option: Option<usize>) -> Option<Shape> {
    let shape = Shape { tokens: Vec::new(), targets: 0, plain: option.is_none(), newer: false };
    let wanted = targets.iter().copied().chain(option).collect();
    let mut builder = Builder { next: 0, wanted, targets, option, shape };
    builder.sequence(parts, true);
    builder.wanted.is_empty().then_some(builder.shape)
}

struct Builder<'b> {
    next: usize,
    /// Marks that are not in yet.
    wanted: Vec<usize>,
    targets: &'b [usize],
    option: Option<usize>,
    shape: Shape,
}

impl Builder<'_> {
    fn sequence(&mut self, parts: &[Part], chosen: bool) {
        parts.iter().for_each(|part| self.part(part, chosen));
    }

    fn part(&mut self, part: &Part, chosen: bool) {
        match part {
            Part::Word(word) if chosen => self.shape.tokens.push(Token::Word(word)),
            Part::Newer if chosen => self.shape.newer = true,
            Part::Word(_) | Part::Newer => {}
            Part::Slot(kind) => self.value(chosen, kind, Token::Slot(kind)),
            Part::Counted(one) => {
                self.value(chosen, "count", Token::Number);
                self.part(one, chosen);
            }
            Part::Many(one) | Part::Several(one) | Part::Again(one) => self.part(one, chosen),
            Part::Optional(all) => self.alternatives(all, chosen, false),
            Part::Choice(all) => self.alternatives(all, chosen, true),
        }
    }

    fn value(&mut self, chosen: bool, kind: &'static str, otherwise: Token) {
        let mark = self.next;
        self.next += 1;
        if !chosen {
            return;
        }
        if self.targets.contains(&mark) {
            self.wanted.retain(|one| *one != mark);
            self.shape.tokens.push(Token::Target(self.shape.targets, kind));
            self.shape.targets += 1;
        } else {
            self.shape.tokens.push(otherwise);
        }
    }

    /// Takes the alternative that has something wanted in it, else the first if there must be one.
    fn alternatives(&mut self, all: &[Vec<Part>], chosen: bool, must: bool) {
        let mut counted = Marks { next: self.next, ..Marks::default() };
        let mut ends = Vec::new();
        for one in all {
            counted.next += 1;
            counted.sequence(one);
            ends.push(counted.next);
        }
        let start_of = |at: usize| if at == 0 { self.next } else { ends[at - 1] };
        let has = |at: &usize| {
            let range = start_of(*at)..ends[*at];
            self.wanted.iter().any(|one| range.contains(one))
        };
        let taken = (0..all.len()).find(has).or(must.then_some(0));
        for (at, one) in all.iter().enumerate() {
            let taken = chosen && taken == Some(at);
            if taken && self.option == Some(self.next) {
                self.wanted.retain(|mark| *mark != self.next);
            }
            self.next += 1;
            self.sequence(one, taken);
        }
    }
}
