//! What can be drawn: the catalog's syntax lines, sorted by how they are drawn. Draws nothing.

use catalog::commands::Index;
use catalog::syntax::{self, Likeness, Part, Syntax};
use catalog::{Command, Family, Flags};

/// A command that can be called.
pub struct Callable {
    /// Its row.
    pub row: &'static Command,
    /// Its words behind the name.
    pub parts: Vec<Part>,
    /// Shapes of its answers other than errors.
    pub shapes: Vec<&'static str>,
    /// How its answers compare.
    pub likeness: Likeness,
    /// It may wait.
    pub waits: bool,
    /// It ends, begins or discards a transaction, or decides what a connection is.
    pub plain: bool,
    /// How far a call may be made wrong.
    pub care: Care,
}

/// How far a call may be made wrong, from anything goes to words of a kind only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Care {
    /// Words may come, go, and change places.
    None,
    /// A number in the place of a time would make something die during the run, and one in the
    /// place of a size would ask for all memory there is.
    Touchy,
    /// Another number of words may be a call that Redis 7.0 does not know, or one whose answer
    /// depends on the clock.
    Fixed,
}

/// All that is drawn from.
pub struct Grammar {
    /// The commands.
    pub callables: Vec<Callable>,
    /// Places of those that make values: drawn more often, or most calls would meet nothing.
    pub fillers: Vec<usize>,
    /// Places by family.
    pub themes: Vec<Vec<usize>>,
    /// Places of those that only a listening connection sends.
    pub listening: Vec<usize>,
    /// Places of those that wait for elements.
    pub waiting: Vec<usize>,
    /// Values as RESTORE takes them.
    pub payloads: Vec<Vec<u8>>,
}

const FILLERS: [&str; 15] = [
    "set",
    "mset",
    "append",
    "rpush",
    "lpush",
    "hset",
    "sadd",
    "zadd",
    "setbit",
    "geoadd",
    "pfadd",
    "zincrby",
    "xadd",
    "xgroup|create",
    "xreadgroup",
];

impl Grammar {
    /// The commands that both have: those with a line, known to Redis 7.0; of these the named
    /// ones and what fills keys, or all.
    pub fn new(only: &[String], payloads: Vec<Vec<u8>>) -> Self {
        let index = Index::new();
        let known = |syntax: Syntax| {
            let row = index.row(index.find(syntax.name.as_bytes())?);
            (version(row.since) < (7, 1)).then(|| Callable::new(row, syntax))
        };
        let named = |name: &str| only.iter().any(|one| one == name);
        let callables: Vec<Callable> = syntax::all()
            .filter_map(known)
            .filter(|one| {
                let name = one.row.name;
                only.is_empty() || named(name) || FILLERS.contains(&name)
            })
            .collect();
        let places = |wanted: &dyn Fn(&Callable) -> bool| -> Vec<usize> {
            (0..callables.len()).filter(|at| wanted(&callables[*at])).collect()
        };
        let mut themes: Vec<Vec<usize>> = Vec::new();
        let mut families: Vec<Family> = callables.iter().map(|one| one.row.family).collect();
        families.sort_by_key(|family| *family as u8);
        families.dedup();
        for family in families {
            themes.push(places(&|one| one.row.family == family && !one.listens()));
        }
        themes.retain(|theme| theme.len() > 3);
        Self {
            fillers: places(&|one| FILLERS.contains(&one.row.name)),
            listening: places(&Callable::listens),
            waiting: places(&|one| one.waits && one.row.name != "wait"),
            themes,
            callables,
            payloads,
        }
    }
}

fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

impl Callable {
    fn new(row: &'static Command, syntax: Syntax) -> Self {
        let text = format!("{:?}", syntax.parts);
        let has = |kinds: &[&str]| kinds.iter().any(|kind| text.contains(kind));
        let care = if has(&["Newer", "lexset", "min-idle"]) {
            Care::Fixed
        } else if has(&["seconds", "ms\"", "unix", "offset", "place", "timeout", "wait"]) {
            Care::Touchy
        } else {
            Care::None
        };
        Self {
            row,
            parts: syntax.parts,
            shapes: syntax.shapes,
            likeness: syntax.likeness,
            waits: row.flags.has(Flags::BLOCKING),
            plain: PLAIN.contains(&row.name),
            care,
        }
    }

    /// True for what makes a connection one that is told messages.
    pub fn listens(&self) -> bool {
        self.row.name.ends_with("subscribe")
    }
}

/// Commands that must come as they are: what follows depends on them.
const PLAIN: [&str; 13] = [
    "command|getkeys",
    "config|set",
    "multi",
    "exec",
    "discard",
    "reset",
    "hello",
    "watch",
    "unwatch",
    "select",
    "swapdb",
    "flushall",
    "flushdb",
];
