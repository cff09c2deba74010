//! The words of one call: right, nearly right or wrong. Knows no sequence.

use super::grammar::{Callable, Care, Grammar};
use super::peer::Words;
use super::value;
use catalog::Family;
use catalog::syntax::Part;
use std::rc::Rc;
use stdx::random::Rng;

/// Draws words.
pub struct Draw {
    /// Where all chance comes from.
    pub rng: Rng,
    /// What is drawn from.
    pub grammar: Rc<Grammar>,
    /// Calls that may wait do so for ever.
    pub endless: bool,
    /// First half of the id that a new entry of a stream is likely to get.
    moment: u64,
}

/// What is being drawn.
struct Call<'c> {
    family: Family,
    words: &'c mut Words,
    count: usize,
}

impl Draw {
    /// Draws that follow from `seed`.
    pub fn new(seed: u64, grammar: Rc<Grammar>) -> Self {
        Self { rng: Rng::new(seed), grammar, endless: false, moment: 0 }
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.rng.below(times) == 0
    }

    /// Words of the callable at a place, the command's name included.
    pub fn words(&mut self, at: usize) -> Words {
        let grammar = Rc::clone(&self.grammar);
        let one = &grammar.callables[at];
        let name = one.row.name.split('|').map(|word| word.to_ascii_uppercase().into_bytes());
        let mut words: Words = name.collect();
        let mut call = Call { family: one.row.family, words: &mut words, count: 0 };
        self.fill(&one.parts, &mut call);
        words
    }

    fn fill(&mut self, parts: &[Part], call: &mut Call<'_>) {
        for part in parts {
            match part {
                Part::Word(word) => call.words.push(word.as_bytes().to_vec()),
                Part::Slot("call") => {
                    let at = self.rng.below(self.grammar.callables.len());
                    if self.grammar.callables[at].row.name != "pfmerge" {
                        let inner = self.words(at);
                        call.words.extend(inner);
                    }
                }
                Part::Slot(slot) => {
                    let word = self.slot(call.family, slot);
                    call.words.push(word);
                }
                Part::Optional(all) => {
                    if self.rng.below(5) < 2 {
                        self.one(all, call);
                    }
                }
                Part::Choice(all) => self.one(all, call),
                Part::Many(one) => {
                    let most = if self.once_in(8) { 12 } else { 3 };
                    let count = 1 + self.rng.below(most);
                    self.times(count, one, call);
                }
                Part::Counted(one) => {
                    call.count = 1 + self.rng.below(3);
                    call.words.push(call.count.to_string().into_bytes());
                    let count = call.count;
                    self.times(count, one, call);
                }
                Part::Several(one) => {
                    call.count = 1 + self.rng.below(2);
                    let count = call.count;
                    self.times(count, one, call);
                }
                Part::Again(one) => {
                    let count = call.count;
                    self.times(count, one, call);
                }
                Part::Newer => {}
            }
        }
    }

    fn times(&mut self, count: usize, part: &Part, call: &mut Call<'_>) {
        for _ in 0..count {
            self.fill(std::slice::from_ref(part), call);
        }
    }

    fn one(&mut self, all: &[Vec<Part>], call: &mut Call<'_>) {
        let is_old = |one: &&Vec<Part>| one.first() != Some(&Part::Newer);
        let old = all.iter().filter(is_old).count();
        if old > 0 {
            let chosen = self.rng.below(old);
            let parts = all.iter().filter(is_old).nth(chosen).expect("there are that many");
            self.fill(parts, call);
        }
    }

    fn slot(&mut self, family: Family, slot: &str) -> Vec<u8> {
        match slot {
            "lexset" => format!("y:{}", self.rng.below(3)).into_bytes(),
            "key" => value::key(&mut self.rng, family).into_bytes(),
            "timeout" | "wait" if self.endless => b"0".to_vec(),
            "new-id" | "id" | "id-min" | "id-max" | "after" | "given" => self.id(slot).into_bytes(),
            "payload" if !self.grammar.payloads.is_empty() => self.payload(),
            kind => value::of(&mut self.rng, kind),
        }
    }

    /// Ids of entries: new ones grow, others lie near them.
    fn id(&mut self, slot: &str) -> String {
        let special = self.rng.below(12);
        match slot {
            "new-id" => {
                self.moment += self.rng.below(3) as u64;
                match special {
                    0 => return "*".to_owned(),
                    1 | 2 => return format!("{}-*", self.moment),
                    3 => return format!("{}", self.moment),
                    _ => {}
                }
            }
            "id-min" if special < 4 => return "-".to_owned(),
            "id-max" if special < 4 => return "+".to_owned(),
            "after" if special < 2 => return "$".to_owned(),
            "given" if special < 8 => return ">".to_owned(),
            "after" | "given" | "id" if special == 9 => return "0".to_owned(),
            _ => {}
        }
        let ms = (self.moment + 2).saturating_sub(self.rng.below(14) as u64);
        let bound = if slot.starts_with("id-") && special == 4 { "(" } else { "" };
        if special == 5 { format!("{bound}{ms}") } else { format!("{bound}{ms}-{}", special % 4) }
    }

    /// What RESTORE takes, now and then with a fault.
    fn payload(&mut self) -> Vec<u8> {
        let mut payload =
            self.grammar.payloads[self.rng.below(self.grammar.payloads.len())].clone();
        if self.once_in(10) {
            let at = self.rng.below(payload.len());
            payload[at] ^= 1 << self.rng.below(8);
        }
        payload
    }

    /// Makes a call wrong, most likely: a word too few, too many, of another kind or elsewhere.
    pub fn spoil(&mut self, one: &Callable, words: &mut Words) {
        let first = one.row.name.split('|').count();
        if words.len() <= first {
            return words.push(b"extra".to_vec());
        }
        let at = first + self.rng.below(words.len() - first);
        if one.care == Care::Fixed {
            words[at] = self.junk(one);
            return;
        }
        match self.rng.below(4) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[at].clone()),
            2 if one.care == Care::None => {
                let other = first + self.rng.below(words.len() - first);
                words.swap(at, other);
            }
            _ => words[at] = self.junk(one),
        }
    }

    fn junk(&mut self, one: &Callable) -> Vec<u8> {
        let word = value::pick(&mut self.rng, &value::JUNK);
        // As a negative count this asks for that many elements.
        let endless = one.row.name.contains("rand") && word.starts_with("-9");
        let word =
            if endless || one.care == Care::Touchy && word.starts_with("92") { "zz" } else { word };
        word.as_bytes().to_vec()
    }
}
