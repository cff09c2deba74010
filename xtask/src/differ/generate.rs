//! Sequences of calls from the catalog's syntax lines: valid ones, nearly valid ones, wrong ones;
//! inside and outside MULTI and scripts, over several connections. Asks no server.

use super::peer::{CONNECTIONS, Words};
use super::value;
use catalog::commands::Index;
use catalog::syntax::{self, Likeness, Part, Syntax};
use catalog::{Command, Flags};
use stdx::random::Rng;

/// Calls between two that empty everything.
pub const EPISODE: usize = 300;
/// Calls in a row on one connection, at most.
const STRETCH_MAX: usize = 60;
const SCRIPT: &[u8] = b"return redis.call(unpack(ARGV))";
const SCRIPT3: &[u8] = b"redis.setresp(3) return redis.pcall(unpack(ARGV))";

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which connection.
    pub connection: usize,
    /// The command that counts: the one inside a script.
    pub name: &'static str,
    /// Its words.
    pub words: Words,
    /// How its replies compare.
    pub likeness: Likeness,
}

impl Step {
    /// A request that is compared byte by byte.
    pub fn exact(connection: usize, line: &str) -> Self {
        let words = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        Self { connection, name: "", words, likeness: Likeness::Exact }
    }
}

/// A command that can be called.
pub struct Callable {
    /// Its row.
    pub row: &'static Command,
    /// Its line.
    pub syntax: Syntax,
}

/// Commands that both have: those with a line, known to Redis 7.0.
pub fn callables() -> Vec<Callable> {
    let index = Index::new();
    let known = |syntax: Syntax| {
        let row = index.row(index.find(syntax.name.as_bytes())?);
        let old = version(row.since) < (7, 1);
        old.then_some(Callable { row, syntax })
    };
    syntax::all().filter_map(known).collect()
}

fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Draws sequences.
pub struct Generator {
    rng: Rng,
    callables: Vec<Callable>,
    fillers: Vec<usize>,
    in_multi: [bool; CONNECTIONS],
}

/// What makes values: drawn more often, or most calls would meet nothing.
const FILLERS: [&str; 12] = [
    "set", "mset", "append", "rpush", "lpush", "hset", "sadd", "zadd", "setbit", "geoadd", "pfadd",
    "zincrby",
];

impl Generator {
    /// A generator whose sequences follow from `seed`.
    pub fn new(seed: u64, only: &[String]) -> Self {
        let mut callables = callables();
        if !only.is_empty() {
            let named = |name: &str| only.iter().any(|one| one == name);
            callables.retain(|one| named(one.row.name) || FILLERS.contains(&one.row.name));
        }
        let filler = |at: &usize| FILLERS.contains(&callables[*at].row.name);
        let fillers = (0..callables.len()).filter(filler).collect();
        Self { rng: Rng::new(seed), callables, fillers, in_multi: [false; CONNECTIONS] }
    }

    /// The commands it draws from.
    pub fn callables(&self) -> &[Callable] {
        &self.callables
    }

    /// Requests that make both servers alike and empty; their replies do not count.
    pub fn opening(&mut self) -> Vec<Step> {
        self.in_multi = [false; CONNECTIONS];
        let mut steps = Vec::new();
        for connection in 0..CONNECTIONS {
            steps.push(Step::exact(connection, "RESET"));
            let protocol = 2 + self.rng.below(2);
            steps.push(Step::exact(connection, &format!("HELLO {protocol}")));
        }
        steps.push(Step::exact(0, "FLUSHALL SYNC"));
        let (entries, list) = if self.rng.below(2) == 0 { (4, "4") } else { (128, "-2") };
        for kind in ["hash-max-listpack", "zset-max-listpack", "set-max-intset"] {
            steps.push(Step::exact(0, &format!("CONFIG SET {kind}-entries {entries}")));
        }
        steps.push(Step::exact(0, &format!("CONFIG SET list-max-listpack-size {list}")));
        steps
    }

    /// A sequence, with the signature of the data set now and then and at the end.
    pub fn episode(&mut self) -> Vec<Step> {
        let mut steps = Vec::with_capacity(EPISODE + 50);
        while steps.len() < EPISODE {
            let connection = self.rng.below(CONNECTIONS);
            for _ in 0..1 + self.rng.below(STRETCH_MAX) {
                self.step(connection, &mut steps);
            }
            if !self.in_multi[connection] && self.rng.below(4) == 0 {
                steps.push(Step::exact(connection, "DEBUG DIGEST"));
            }
        }
        for connection in 0..CONNECTIONS {
            if self.in_multi[connection] {
                steps.push(self.named(connection, "exec"));
            }
        }
        steps.push(Step::exact(0, "DEBUG DIGEST"));
        steps
    }

    fn named(&mut self, connection: usize, name: &'static str) -> Step {
        let words = vec![name.as_bytes().to_vec()];
        self.in_multi[connection] = name == "multi";
        Step { connection, name, words, likeness: Likeness::Exact }
    }

    fn step(&mut self, connection: usize, steps: &mut Vec<Step>) {
        if self.in_multi[connection] {
            match self.rng.below(40) {
                0..5 => return steps.push(self.named(connection, "exec")),
                5 => return steps.push(self.named(connection, "discard")),
                _ => {}
            }
        } else if self.rng.below(50) == 0 {
            return steps.push(self.named(connection, "multi"));
        }
        let filler = !self.fillers.is_empty() && self.rng.below(4) == 0;
        let at = if filler {
            self.fillers[self.rng.below(self.fillers.len())]
        } else {
            self.rng.below(self.callables.len())
        };
        if !self.wanted(at, connection) {
            return;
        }
        let mut step = self.call(at, connection);
        if step.name == "zadd" && step.words.len() == 4 && self.rng.below(2) == 0 {
            // Ranges of names have a meaning only where all scores are the same.
            step.words[1] = format!("y:{}", self.rng.below(3)).into_bytes();
            step.words[2] = b"0".to_vec();
        }
        // What it took is random: nothing of it may stay.
        let forget = (step.name == "spop").then(|| {
            let mut forget = Step::exact(connection, "DEL");
            for letter in ["s", "l", "h", "t", "z", "g", "p", "x", "b"] {
                let key = |at: usize| format!("{letter}:{at}").into_bytes();
                forget.words.extend((0..3).map(key).filter(|key| step.words.contains(key)));
            }
            forget
        });
        steps.push(step);
        steps.extend(forget.filter(|forget| forget.words.len() > 1));
    }

    /// What ends a connection's state, empties everything or waits comes seldom.
    fn wanted(&mut self, at: usize, connection: usize) -> bool {
        let row = self.callables[at].row;
        match row.name {
            "multi" | "exec" | "discard" => self.rng.below(4) == 0 && !self.in_multi[connection],
            "flushdb" => self.rng.below(20) == 0,
            "select" => self.rng.below(3) == 0,
            _ if row.flags.has(Flags::BLOCKING) && !self.in_multi[connection] => {
                self.rng.below(8) == 0
            }
            _ => true,
        }
    }

    fn call(&mut self, at: usize, connection: usize) -> Step {
        let row = self.callables[at].row;
        let parts = self.callables[at].syntax.parts.clone();
        let likeness = self.callables[at].syntax.likeness;
        let mut words: Words =
            row.name.split('|').map(|word| word.to_ascii_uppercase().into_bytes()).collect();
        let mut count = 0;
        self.fill(row, &parts, &mut words, &mut count);
        let waits = row.flags.has(Flags::BLOCKING) && !self.in_multi[connection];
        let plain = matches!(row.name, "multi" | "exec" | "discard");
        if !waits && !plain && self.rng.below(12) == 0 {
            self.spoil(row, &parts, &mut words);
        }
        let start = words.get(if row.name == "scan" { 1 } else { 2 });
        let likeness = match likeness {
            // From within a walk, the next elements are those of a server's own table.
            Likeness::Walk if start.is_none_or(|word| word != b"0") => Likeness::Shape,
            other => other,
        };
        let scripted = !row.flags.has(Flags::NOSCRIPT)
            && !matches!(row.name, "multi" | "exec" | "discard" | "watch" | "unwatch" | "select")
            && self.rng.below(12) == 0;
        if scripted {
            let script = if self.rng.below(2) == 0 { SCRIPT } else { SCRIPT3 };
            let mut outer = vec![b"EVAL".to_vec(), script.to_vec(), b"0".to_vec()];
            outer.append(&mut words);
            words = outer;
        }
        if row.name == "multi" && words.len() == 1 {
            self.in_multi[connection] = true;
        }
        Step { connection, name: row.name, words, likeness }
    }

    fn fill(&mut self, row: &Command, parts: &[Part], words: &mut Words, count: &mut usize) {
        for part in parts {
            match part {
                Part::Word(word) => words.push(word.as_bytes().to_vec()),
                Part::Slot(slot) => words.push(self.slot(row, slot)),
                Part::Optional(all) => {
                    if self.rng.below(5) < 2 {
                        self.one(row, all, words, count);
                    }
                }
                Part::Choice(all) => self.one(row, all, words, count),
                Part::Many(one) => {
                    let most = if self.rng.below(8) == 0 { 12 } else { 3 };
                    for _ in 0..1 + self.rng.below(most) {
                        self.fill(row, std::slice::from_ref(one), words, count);
                    }
                }
                Part::Counted(one) => {
                    *count = 1 + self.rng.below(3);
                    words.push(count.to_string().into_bytes());
                    for _ in 0..*count {
                        self.fill(row, std::slice::from_ref(one), words, &mut 0);
                    }
                }
                Part::Again(one) => {
                    for _ in 0..*count {
                        self.fill(row, std::slice::from_ref(one), words, &mut 0);
                    }
                }
                Part::Newer => {}
            }
        }
    }

    fn one(&mut self, row: &Command, all: &[Vec<Part>], words: &mut Words, count: &mut usize) {
        let old: Vec<&Vec<Part>> =
            all.iter().filter(|one| one.first() != Some(&Part::Newer)).collect();
        if !old.is_empty() {
            let chosen = self.rng.below(old.len());
            self.fill(row, old[chosen], words, count);
        }
    }

    fn slot(&mut self, row: &Command, slot: &str) -> Vec<u8> {
        match slot {
            "lexset" => format!("y:{}", self.rng.below(3)).into_bytes(),
            "key" => value::key(&mut self.rng, row.family).into_bytes(),
            kind => value::of(&mut self.rng, kind),
        }
    }

    /// Makes a call wrong, most likely: a word too few, too many, of another kind or elsewhere.
    fn spoil(&mut self, row: &Command, parts: &[Part], words: &mut Words) {
        let first = row.name.split('|').count();
        if words.len() <= first {
            return words.push(b"extra".to_vec());
        }
        let at = first + self.rng.below(words.len() - first);
        // A number in the place of a time would make something die during the run, and one in the
        // place of a size would ask for all memory there is.
        let text = format!("{parts:?}");
        if text.contains("Newer") {
            // Another number of words may be a call that Redis 7.0 does not know.
            words[at] = self.junk(row, false);
            return;
        }
        let touchy = ["seconds", "ms\"", "unix", "offset", "place", "timeout"];
        let touchy = touchy.iter().any(|kind| text.contains(kind));
        match self.rng.below(4) {
            0 => drop(words.remove(at)),
            1 => words.insert(at, words[at].clone()),
            2 if !touchy => {
                let other = first + self.rng.below(words.len() - first);
                words.swap(at, other);
            }
            _ => words[at] = self.junk(row, touchy),
        }
    }

    fn junk(&mut self, row: &Command, touchy: bool) -> Vec<u8> {
        let word = value::pick(&mut self.rng, &value::JUNK);
        // As a negative count this asks for that many elements.
        let endless = row.name.contains("rand") && word.starts_with("-9");
        let word = if endless || touchy && word.starts_with("92") { "zz" } else { word };
        word.as_bytes().to_vec()
    }
}
