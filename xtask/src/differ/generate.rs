//! Sequences of calls: inside and outside MULTI and scripts, over several connections, some that
//! wait for others and one that listens. Asks no server.

use super::draw::Draw;
use super::grammar::{Callable, Grammar};
use super::peer::{Place, Words};
use super::step::{Step, Way, words};
use super::wrap;
use catalog::Flags;
use catalog::syntax::Likeness;
use std::rc::Rc;

/// Calls between two that empty everything.
pub const EPISODE: usize = 500;
/// Calls in a row on one connection, at most.
const STRETCH_MAX: usize = 60;
/// An id that lies ahead of any clock: what follows it does not depend on the clock.
const AHEAD: &str = "99999999999999-0";
/// The greatest id there is.
const LAST: &str = "18446744073709551615-18446744073709551615";
const LETTERS: &str = "slhtzgpxby";

/// Draws sequences.
pub struct Generator {
    draw: Draw,
    in_multi: [bool; Place::ACTORS],
    theme: Option<usize>,
    ties: u32,
}

impl Generator {
    /// A generator whose sequences follow from `seed`.
    pub fn new(seed: u64, grammar: &Rc<Grammar>) -> Self {
        let draw = Draw::new(seed, Rc::clone(grammar));
        Self { draw, in_multi: [false; Place::ACTORS], theme: None, ties: 0 }
    }

    /// Requests that make both servers alike and empty; their replies do not count.
    pub fn opening(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for connection in 0..Place::COUNT {
            steps.push(Step::exact(connection, "RESET"));
            let protocol = 2 + self.draw.rng.below(2);
            steps.push(Step::exact(connection, &format!("HELLO {protocol}")));
        }
        steps.push(Step::exact(0, "FLUSHALL SYNC"));
        steps.push(Step::exact(0, "FUNCTION FLUSH SYNC"));
        let (entries, list) = if self.draw.once_in(2) { (4, "4") } else { (128, "-2") };
        let mut limits = Step::exact(
            0,
            &format!(
                "CONFIG SET hash-max-listpack-value 64 slowlog-max-len 128 \
                 hash-max-listpack-entries {entries} zset-max-listpack-entries {entries} \
                 set-max-intset-entries {entries} list-max-listpack-size {list} \
                 stream-node-max-entries {entries} notify-keyspace-events"
            ),
        );
        let told = self.draw.once_in(4);
        limits.words.push(if told { b"KEA".to_vec() } else { Vec::new() });
        steps.push(limits);
        if told {
            let mut step = Step::exact(Place::LISTENER, "PSUBSCRIBE __key*__:*");
            step.way = Way::Gather;
            steps.push(step);
        }
        steps
    }

    /// A sequence, with the signature of the data set now and then and at the end.
    pub fn episode(&mut self) -> Vec<Step> {
        let mut steps = Vec::with_capacity(EPISODE + 80);
        while steps.len() < EPISODE {
            let themes = self.draw.grammar.themes.len();
            self.theme = (themes > 0 && self.draw.once_in(2)).then(|| self.draw.rng.below(themes));
            let connection = self.draw.rng.below(Place::ACTORS);
            for _ in 0..1 + self.draw.rng.below(STRETCH_MAX) {
                self.step(connection, &mut steps);
            }
            if !self.in_multi[connection] && self.draw.once_in(4) {
                steps.push(Step::exact(connection, "DEBUG DIGEST"));
            }
            match self.draw.rng.below(12) {
                0 | 1 => self.listen(&mut steps),
                2 => self.wait(&mut steps),
                _ => {}
            }
        }
        for connection in 0..Place::ACTORS {
            if self.in_multi[connection] {
                steps.push(self.named(connection, "exec"));
            }
        }
        steps.push(gather(""));
        steps.push(Step::exact(0, "DEBUG DIGEST"));
        steps
    }

    fn named(&mut self, connection: usize, name: &'static str) -> Step {
        self.in_multi[connection] = name == "multi";
        Step::new(connection, name, words(&[name]))
    }

    /// The place of the next command.
    fn choose(&mut self) -> usize {
        let grammar = Rc::clone(&self.draw.grammar);
        let fills = !grammar.fillers.is_empty() && self.draw.once_in(4);
        let theme = self.theme.map(|theme| &grammar.themes[theme]);
        match theme {
            Some(theme) if fills => {
                let own: Vec<usize> =
                    theme.iter().copied().filter(|at| grammar.fillers.contains(at)).collect();
                let from = if own.is_empty() { &grammar.fillers } else { &own };
                from[self.draw.rng.below(from.len())]
            }
            Some(theme) => theme[self.draw.rng.below(theme.len())],
            None if fills => grammar.fillers[self.draw.rng.below(grammar.fillers.len())],
            None => self.draw.rng.below(grammar.callables.len()),
        }
    }

    fn step(&mut self, connection: usize, steps: &mut Vec<Step>) {
        if self.in_multi[connection] {
            match self.draw.rng.below(40) {
                0..5 => return steps.push(self.named(connection, "exec")),
                5 => return steps.push(self.named(connection, "discard")),
                _ => {}
            }
        } else if self.draw.once_in(50) {
            return steps.push(self.named(connection, "multi"));
        }
        let at = self.choose();
        let grammar = Rc::clone(&self.draw.grammar);
        let one = &grammar.callables[at];
        if !one.listens() && self.wanted(one, connection) {
            self.call(one, at, connection, steps);
        }
    }

    /// What ends a connection's state, empties everything or waits comes seldom.
    fn wanted(&mut self, one: &Callable, connection: usize) -> bool {
        match one.row.name {
            "multi" | "exec" | "discard" => self.draw.once_in(4) && !self.in_multi[connection],
            "flushdb" | "flushall" | "script|flush" | "function|flush" => self.draw.once_in(10),
            "reset" => self.draw.once_in(8),
            "select" => self.draw.once_in(3),
            _ if one.waits && !self.in_multi[connection] => self.draw.once_in(20),
            _ => true,
        }
    }

    fn call(&mut self, one: &Callable, at: usize, connection: usize, steps: &mut Vec<Step>) {
        let (row, name) = (one.row, one.row.name);
        let mut call = self.draw.words(at);
        if name == "zadd" && call.len() == 4 && self.draw.once_in(2) {
            // Ranges of names have a meaning only where all scores are the same.
            call[1] = format!("y:{}", self.draw.rng.below(3)).into_bytes();
            call[2] = b"0".to_vec();
        }
        let waits = one.waits && !self.in_multi[connection];
        if !waits && !one.plain && self.draw.once_in(12) {
            self.draw.spoil(one, &mut call);
        }
        let (before, after) = companions(name, &call);
        let start = call.get(if name == "scan" { 1 } else { 2 });
        let likeness = match one.likeness {
            // From within a walk, the next elements are those of a server's own table.
            Likeness::Walk if start.is_none_or(|word| word != b"0") => Likeness::Shape,
            other => other,
        };
        let told = name.ends_with("|help");
        let scripted = !row.flags.has(Flags::NOSCRIPT) && !one.plain && !told && {
            let open = matches!(likeness, Likeness::Random | Likeness::Walk);
            self.draw.once_in(if open { 3 } else { 12 })
        };
        let (call, likeness) = if scripted {
            wrap::in_script(&mut self.draw, name, call, likeness)
        } else {
            (call, likeness)
        };
        if matches!(name, "multi" | "reset") && call.len() == 1 {
            self.in_multi[connection] = name == "multi";
        }
        let step = Step { likeness, ..Step::new(connection, name, call) };
        let tie = if before.is_none() && after.is_none() { 0 } else { self.tie() };
        let aside = |call: Words| Step { tie, ..Step::new(connection, "", call) };
        steps.extend(before.map(aside));
        steps.push(Step { tie, ..step });
        steps.extend(after.map(aside));
    }

    fn tie(&mut self) -> u32 {
        self.ties += 1;
        self.ties
    }

    /// The listening connection says what it wants to be told, and is read.
    fn listen(&mut self, steps: &mut Vec<Step>) {
        let grammar = Rc::clone(&self.draw.grammar);
        for _ in 0..1 + self.draw.rng.below(3) {
            if grammar.listening.is_empty() {
                return;
            }
            let at = grammar.listening[self.draw.rng.below(grammar.listening.len())];
            let name = grammar.callables[at].row.name;
            steps.push(Step { name, words: self.draw.words(at), ..gather("") });
        }
    }

    /// A call that waits, others that may let it go on, and one that surely does.
    fn wait(&mut self, steps: &mut Vec<Step>) {
        let grammar = Rc::clone(&self.draw.grammar);
        if grammar.waiting.is_empty() {
            return;
        }
        let at = grammar.waiting[self.draw.rng.below(grammar.waiting.len())];
        let name = grammar.callables[at].row.name;
        self.draw.endless = true;
        let call = self.draw.words(at);
        self.draw.endless = false;
        let tie = self.tie();
        let family = grammar.callables[at].row.family;
        let of_family = |theme: &Vec<usize>| grammar.callables[theme[0]].row.family == family;
        self.theme = grammar.themes.iter().position(of_family);
        let awake = awaken(&call, tie);
        let parked = Step { way: Way::Park, tie, ..Step::new(Place::WAITER, name, call) };
        steps.push(parked);
        let connection = self.draw.rng.below(Place::ACTORS);
        for _ in 0..self.draw.rng.below(6) {
            self.step(connection, steps);
        }
        steps.extend(awake);
    }
}

/// Reads what the listening connection was told.
fn gather(name: &'static str) -> Step {
    let ping = Step::new(Place::LISTENER, name, words(&["PING"]));
    Step { way: Way::Gather, likeness: Likeness::Batches, ..ping }
}

fn is_key(word: &[u8]) -> bool {
    word.len() == 3 && word[1] == b':' && LETTERS.as_bytes().contains(&word[0])
}

/// What lets a call go on that waits for any of its keys, and reads its answer.
fn awaken(call: &Words, tie: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut say = |line: &str| {
        steps.push(Step { tie, ..Step::exact(Place::WAKER, line) });
    };
    let first = String::from_utf8_lossy(&call[0]).into_owned();
    for key in call.iter().filter(|word| is_key(word)) {
        let key = String::from_utf8_lossy(key);
        say(&format!("DEL {key}"));
        match first.as_bytes() {
            [b'X', ..] => say(&format!("XADD {key} {LAST} a b")),
            [b'B', b'Z', ..] => say(&format!("ZADD {key} 1 m")),
            _ => say(&format!("RPUSH {key} m")),
        }
    }
    steps.push(Step { connection: Place::WAITER, tie, ..gather("") });
    let mut say = |line: &str| {
        steps.push(Step { tie, ..Step::exact(Place::WAKER, line) });
    };
    for key in call.iter().filter(|word| is_key(word) && first.starts_with('X')) {
        // Nothing could be added to it any more.
        say(&format!("DEL {}", String::from_utf8_lossy(key)));
    }
    steps
}

/// What must come before or after a call for its effect to be the same in both servers.
fn companions(name: &str, call: &Words) -> (Option<Words>, Option<Words>) {
    match name {
        // What it took is random: nothing of it may stay.
        "spop" => {
            let mut forget = words(&["DEL"]);
            forget.extend(call.get(1).cloned());
            (None, (forget.len() > 1).then_some(forget))
        }
        "sort" | "sort_ro" => (None, call.get(1).map(|key| wrap::like_sorted(key))),
        "xadd" if call.iter().any(|word| word == b"*") => {
            let mut ahead = words(&["XADD"]);
            ahead.extend(call.get(1).cloned());
            ahead.extend(words(&[AHEAD, "a", "b"]));
            (Some(ahead), None)
        }
        _ => (None, None),
    }
}
