//! Running commands in tests: one keyspace, a clock set by hand, `check` with lines of text.

use super::{BINDINGS, Blocking, Ctx};
use crate::effects::Effects;
use crate::error::CommandError;
use crate::keyspace::{Access, KeyStats, Keys, Keyspace, Moment, SHARDS, Shard};
use crate::tick::NoTick;
use resp::{OwnedArgs, Protocol, Reply, inline};
use stdx::Rng;
use stdx::hash::HashSeed;

/// The shards, held by nobody else.
pub struct Whole {
    shards: Vec<Shard>,
    seed: HashSeed,
}

impl Keyspace for Whole {
    fn shard(&mut self, id: u8) -> Option<&mut Shard> {
        let count = self.shards.len();
        self.shards.get_mut(usize::from(id) % count)
    }
    fn held(&self, id: u8) -> Option<&Shard> {
        self.shards.get(usize::from(id) % self.shards.len())
    }
    fn seed(&self) -> HashSeed {
        self.seed
    }
}

impl Whole {
    /// All shards.
    pub fn shards_mut(&mut self) -> &mut [Shard] {
        &mut self.shards
    }
}

/// A keyspace to run commands in.
pub struct Bench {
    /// The data.
    pub space: Whole,
    /// Unix milliseconds; tests move it.
    pub now_ms: u64,
    /// Selected database.
    pub db: u16,
    /// It obeys a primary or a file.
    pub obeys: bool,
    rng: Rng,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// An empty keyspace at time 1,000,000 ms.
    pub fn new() -> Self {
        Self::with_shards(SHARDS)
    }

    /// As [`Bench::new`], with fewer shards, each of which stands for several.
    pub fn with_shards(count: usize) -> Self {
        let seed = HashSeed::from_bytes([9; 16]);
        let shards = (0..count).map(|_| Shard::new(seed)).collect();
        let (obeys, rng) = (false, Rng::new(1));
        Self { space: Whole { shards, seed }, now_ms: 1_000_000, db: 0, obeys, rng }
    }

    /// Runs one line; returns the reply and the propagated commands, both as readable text.
    pub fn run(&mut self, line: &str) -> (String, String) {
        let words = inline::split_words(line.as_bytes()).expect("quotes balance");
        let owned = OwnedArgs::from_words(words.iter().map(Vec::as_slice));
        let name = String::from_utf8_lossy(&words[0]).to_ascii_lowercase();
        let full = words.get(1).map(|w| format!("{name}|{}", String::from_utf8_lossy(w)));
        let full = full.unwrap_or_default().to_ascii_lowercase();
        let mut all = BINDINGS.iter().copied().flatten();
        let handler = all.find(|(n, _)| *n == name || *n == full).expect("the command is bound").1;
        let (mut out, mut effects, mut stats) =
            (Vec::new(), Effects::default(), KeyStats::default());
        effects.wanted = true;
        let moment = Moment {
            db: self.db,
            dbs: 16,
            now_ms: self.now_ms,
            dead_ms: if self.obeys { 0 } else { self.now_ms },
            may_expire: true,
            owns_mortals: false,
            no_touch: false,
            bulk_bytes_max: 512 << 20,
            clocks: Access::Time,
            events: catalog::events::Classes::default(),
        };
        let mut ctx = Ctx {
            keys: Keys::new(&mut self.space, &mut effects, &mut stats, moment),
            reply: Reply::new(&mut out, Protocol::Two),
            args: owned.as_args(),
            rng: &mut self.rng,
            tick: &mut NoTick,
            blocking: Blocking::Allowed,
            scripted: false,
        };
        let result = handler(&mut ctx);
        if let Err(CommandError::Reply(text)) = &result {
            assert!(out.is_empty(), "a handler that fails has not replied");
            out = format!("-{text}\r\n").into_bytes();
        }
        if let Err(CommandError::Block(wait)) = result {
            assert!(out.is_empty(), "a handler that waits has not replied");
            let again = wait.again.map(|again| format!(", looks again at {}", again.at_ms));
            let again = again.unwrap_or_default();
            out = format!("?waits {} ms{again}\r\n", wait.timeout_ms).into_bytes();
        }
        self.space.shards.iter().for_each(Shard::check_invariants);
        let effects: Vec<_> = effects.propagated().map(|(_, bytes)| words_of(bytes)).collect();
        (readable(&out), effects.join("; "))
    }

    /// Runs lines of `command => reply` or `command => reply ~ effects`; a missing effect part is
    /// not compared, and nothing behind the `~` means that there are no effects.
    pub fn check(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (command, want) = line.split_once(" => ").expect("command => reply");
            let (want, effects) = match want.split_once(" ~") {
                Some((want, effects)) => (want, Some(effects)),
                None => (want, None),
            };
            let (reply, got) = self.run(command);
            assert_eq!(reply, want.trim(), "reply of {command:?}");
            if let Some(effects) = effects {
                assert_eq!(got, effects.trim(), "effects of {command:?}");
            }
        }
    }
}

/// Runs a script in a keyspace of its own.
pub fn check(script: &str) {
    Bench::new().check(script);
}

/// `+OK`, `:1`, `"bulk"`, `nil`, `-ERR …`, `[a, b]` for a whole reply.
pub fn readable(bytes: &[u8]) -> String {
    let mut at = 0;
    let mut parts = Vec::new();
    while at < bytes.len() {
        parts.push(one(bytes, &mut at));
    }
    parts.join(" | ")
}

fn one(bytes: &[u8], at: &mut usize) -> String {
    let end = *at + bytes[*at..].iter().position(|&b| b == b'\r').expect("a line ends");
    let (kind, line) = (bytes[*at], String::from_utf8_lossy(&bytes[*at + 1..end]).into_owned());
    *at = end + 2;
    let count = line.parse::<i64>().unwrap_or(0);
    match kind {
        b'$' | b'*' if count < 0 => "nil".into(),
        b'$' => {
            let text = String::from_utf8_lossy(&bytes[*at..*at + count as usize]).into_owned();
            *at += count as usize + 2;
            format!("{text:?}")
        }
        b'*' => {
            let items: Vec<_> = (0..count).map(|_| one(bytes, at)).collect();
            format!("[{}]", items.join(", "))
        }
        kind => format!("{}{line}", kind as char),
    }
}

fn words_of(bytes: &[u8]) -> String {
    let text = readable(bytes);
    text.trim_matches(['[', ']']).replace("\", \"", " ").trim_matches('"').to_owned()
}
