//! Makes the calls, one by one, and judges each. Knows no line and no edge.

use super::measure;
use super::same;
use crate::differ::compare;
use crate::differ::peer::{Peer, Server, Words};
use crate::differ::reply::Reply;
use anyhow::{Context, Result};
use catalog::edges::documented::{self, Act};
use catalog::edges::{Call, Entry, values};
use catalog::syntax::Likeness;
use catalog::{Family, Flags};
use std::time::{Duration, Instant};

/// Connections: who calls, and who makes keys and ends waiting.
const CALLER: usize = 0;
const HELPER: usize = 1;
const ANSWER_MAX: Duration = Duration::from_millis(50);
const GROWTH_MAX: u64 = 16 << 20;
/// A call that has no answer after this waits for something.
const WAITS: Duration = Duration::from_millis(20);
/// How often a waiting caller is woken before it counts as silent.
const WAKES_MAX: usize = 50;
/// How often a slow call is made again: the machine may have been busy.
const AGAIN_MAX: usize = 3;

/// The servers, and what was seen.
pub struct Player {
    ours: Server,
    theirs: Option<Server>,
    /// Numbers of the callers' connections.
    ids: Vec<String>,
    untimed: bool,
    calls: u64,
    compared: u64,
    slowest: (Duration, String),
    largest: (u64, String),
    found: usize,
}

fn words(line: &str) -> Words {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn shown(words: &Words) -> String {
    let cut = |word: &Vec<u8>| word[..word.len().min(110)].escape_ascii().to_string();
    let word = |word: &Vec<u8>| if word.is_empty() { "\"\"".to_owned() } else { cut(word) };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn ask(server: &mut Server, connection: usize, words: &Words) -> Result<Reply> {
    server.send(connection, &[words])?;
    Ok(server.receive(connection, 1)?.remove(0))
}

#[expect(clippy::disallowed_methods, reason = "a tool for people times answers")]
fn now() -> Instant {
    Instant::now()
}

impl Player {
    /// Ready to call; nothing is compared without `theirs`.
    ///
    /// # Errors
    /// A server is gone.
    pub fn new(ours: Server, theirs: Option<Server>, untimed: bool) -> Result<Self> {
        let mut player = Self {
            ours,
            theirs,
            ids: Vec::new(),
            untimed,
            calls: 0,
            compared: 0,
            slowest: Default::default(),
            largest: Default::default(),
            found: 0,
        };
        player.connect()?;
        Ok(player)
    }

    fn servers(&mut self) -> impl Iterator<Item = &mut Server> {
        std::iter::once(&mut self.ours).chain(self.theirs.as_mut())
    }

    fn connect(&mut self) -> Result<()> {
        let mut ids = Vec::new();
        for server in self.servers() {
            server.connect()?;
            ids.push(ask(server, CALLER, &words("CLIENT ID"))?.to_string().replace(':', ""));
        }
        self.ids = ids;
        Ok(())
    }

    /// Makes all calls of a command.
    ///
    /// # Errors
    /// The second server is gone, or the first cannot be reached any more.
    pub fn play(&mut self, entry: &Entry) -> Result<()> {
        let mut letters = None;
        for call in entry.calls() {
            let act = documented::act(&call.words);
            if matches!(act, Some(Act::Endless | Act::Converts)) {
                continue;
            }
            if entry.row.flags.has(Flags::WRITE) || letters.as_ref() != Some(&call.letters) {
                self.prepare(entry, &call.letters)?;
                letters = Some(call.letters.clone());
            }
            if is_of_connection(entry) {
                self.everywhere(CALLER, "RESET")?;
            }
            if let Err(error) = self.one(entry, &call, act) {
                self.find(&call, &format!("gone: {error:#}"));
                self.connect().context("our node does not accept any more")?;
                letters = None;
            }
            self.undo(entry)?;
        }
        Ok(())
    }

    /// Makes the keys that a call expects.
    fn prepare(&mut self, entry: &Entry, letters: &[char]) -> Result<()> {
        if entry.reaches_far() {
            self.everywhere(HELPER, "FLUSHALL")?;
        } else if !letters.is_empty() {
            let names = values::names(letters).join(" ");
            self.everywhere(HELPER, &format!("DEL {names}"))?;
        }
        for maker in letters.iter().flat_map(|letter| values::makers(*letter)) {
            self.everywhere(HELPER, maker)?;
        }
        Ok(())
    }

    fn everywhere(&mut self, connection: usize, line: &str) -> Result<()> {
        for server in self.servers() {
            ask(server, connection, &words(line))?;
        }
        Ok(())
    }

    /// Takes back what a call may have done to others.
    fn undo(&mut self, entry: &Entry) -> Result<()> {
        match entry.row.name {
            "client|kill" => self.connect(),
            "client|pause" => self.everywhere(HELPER, "CLIENT UNPAUSE"),
            "replicaof" | "slaveof" => self.everywhere(HELPER, "REPLICAOF NO ONE"),
            "debug" => self.everywhere(HELPER, "DEBUG PAUSE-CRON 0"),
            _ => Ok(()),
        }
    }

    fn one(&mut self, entry: &Entry, call: &Call, act: Option<Act>) -> Result<()> {
        self.calls += 1;
        let pid = self.ours.pid();
        measure::forget_peak(pid)?;
        let (_, before) = measure::resident(pid)?;
        let (answer, mut took) = waited(&mut self.ours, &self.ids[0], &call.words, act)?;
        let pong = ask(&mut self.ours, CALLER, &words("PING"))?;
        let (peak, _) = measure::resident(pid)?;
        if !pong.to_string().contains("PONG") {
            self.find(call, &format!("PING is answered with {pong}"));
        }
        if act.is_none() {
            for _ in 0..AGAIN_MAX {
                if took > ANSWER_MAX && !self.untimed {
                    let again = waited(&mut self.ours, &self.ids[0], &call.words, act)?.1;
                    took = took.min(again);
                }
            }
            self.judge(call, took, peak.saturating_sub(before));
        }
        self.compare(entry, call, &answer, act)
    }

    fn judge(&mut self, call: &Call, took: Duration, grown: u64) {
        if took > self.slowest.0 {
            self.slowest = (took, shown(&call.words));
        }
        if grown > self.largest.0 {
            self.largest = (grown, shown(&call.words));
        }
        if took > ANSWER_MAX && !self.untimed {
            self.find(call, &format!("took {took:?}"));
        }
        if grown > GROWTH_MAX {
            self.find(call, &format!("grew by {grown} bytes"));
        }
    }

    /// Makes the same call of the second server, and looks at what both have after it.
    fn compare(
        &mut self,
        entry: &Entry,
        call: &Call,
        ours: &Option<Reply>,
        act: Option<Act>,
    ) -> Result<()> {
        let Some(theirs) = &mut self.theirs else { return Ok(()) };
        if !same::can_be_asked(entry.row.name, call) {
            return Ok(());
        }
        self.compared += 1;
        let (answer, _) = waited(theirs, &self.ids[1], &call.words, act)?;
        let (Some(ours), Some(answer)) = (ours, &answer) else { return Ok(()) };
        if !same::same(call, entry.likeness, ours, answer) {
            self.find(call, &format!("{} and not {}", cut(ours), cut(answer)));
        }
        // What is random or short-lived may differ by now.
        let brief = entry.likeness == Likeness::Random || call.words.iter().any(|w| w == b"1");
        let lasting =
            act.is_none() && entry.row.flags.has(Flags::WRITE) && !brief && !same::may_part(call);
        if lasting { self.look(entry, call) } else { Ok(()) }
    }

    /// Compares what both have.
    fn look(&mut self, entry: &Entry, call: &Call) -> Result<()> {
        let Some(theirs) = &mut self.theirs else { return Ok(()) };
        let mut differs = Vec::new();
        let values = format!("DEBUG DIGEST-VALUE {}", values::names(&call.letters).join(" "));
        let data = if entry.reaches_far() { "DEBUG DIGEST" } else { &values };
        for look in [data, "PEXPIRETIME s:0"] {
            let a = ask(&mut self.ours, HELPER, &words(look))?;
            let b = ask(theirs, HELPER, &words(look))?;
            if !compare::alike(Likeness::Near, &a, &b) {
                differs.push(format!("{look} is {} and not {} after it", cut(&a), cut(&b)));
            }
        }
        differs.iter().for_each(|line| self.find(call, line));
        Ok(())
    }

    fn find(&mut self, call: &Call, what: &str) {
        println!("{}: {what}", shown(&call.words));
        self.found += 1;
    }

    /// What was seen, in a line.
    pub fn totals(&self) -> String {
        format!(
            "{} calls, {} of them compared; slowest {:?} ({}), largest growth {} bytes ({})",
            self.calls,
            self.compared,
            self.slowest.0,
            self.slowest.1,
            self.largest.0,
            self.largest.1,
        )
    }

    /// How many calls were wrong in some way.
    pub fn found(&self) -> usize {
        self.found
    }
}

fn cut(reply: &Reply) -> String {
    reply.to_string().chars().take(300).collect()
}

fn is_of_connection(entry: &Entry) -> bool {
    matches!(entry.row.family, Family::Connection | Family::Server)
}

/// Makes a call, and ends its waiting if it waits; the answer and the time it took.
fn waited(
    server: &mut Server,
    id: &str,
    request: &Words,
    act: Option<Act>,
) -> Result<(Option<Reply>, Duration)> {
    let started = now();
    server.send(CALLER, &[request])?;
    if act == Some(Act::Silent) {
        return Ok((None, started.elapsed()));
    }
    if server.is_answered_within(CALLER, WAITS)? {
        let reply = server.receive(CALLER, 1)?.remove(0);
        return Ok((Some(reply), started.elapsed()));
    }
    for _ in 0..WAKES_MAX {
        let woken = ask(server, HELPER, &words(&format!("CLIENT UNBLOCK {id}")))?;
        let waited = woken == Reply::Int(1);
        let started = if waited { now() } else { started };
        if server.is_answered_within(CALLER, WAITS)? || waited {
            let reply = server.receive(CALLER, 1)?.remove(0);
            return Ok((Some(reply), started.elapsed()));
        }
    }
    anyhow::bail!("no answer")
}
