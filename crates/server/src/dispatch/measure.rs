//! Counting and timing what runs. Nothing here decides anything.

use super::Run;
use crate::measure::slow::{Slow, shorten};
use crate::monitors::Origin;
use crate::shared::Shared;
use catalog::commands::CommandId;
use catalog::{Command, Flags};
use engine::CommandError;
use resp::Args;

/// Of short commands, one run in so many is timed, for all of them.
const SAMPLED: u64 = 64;

/// When a run began; only where it is timed.
pub(super) type Began = Option<u64>;

impl Run<'_, '_> {
    /// Reads the clock before a run that is to be timed: one that can be long, and of the short
    /// ones each 64th of its kind. In a pipeline a run begins when the one before it has ended.
    #[inline]
    pub(super) fn begin(&mut self, id: CommandId, row: &Command) -> Began {
        let timed = self.gate().settings.timing.times(row)
            || self.shared.measures.calls(self.state.slot, id).is_multiple_of(SAMPLED);
        let ended_us = self.state.ended_us.take();
        timed.then(|| ended_us.unwrap_or_else(|| self.now_us()))
    }

    #[cold]
    fn now_us(&self) -> u64 {
        self.shared.host.clock().monotonic_us()
    }

    /// Counts a run that has come to its end.
    #[inline]
    pub(super) fn finish(&mut self, id: CommandId, args: Args<'_>, began: Began, failed: bool) {
        self.shared.measures.ran(self.state.slot, id, failed);
        if !self.shared.monitors.is_empty() {
            self.show(id, args, false);
        }
        let took_us = began.map(|began_us| {
            let now_us = self.now_us();
            self.state.ended_us = Some(now_us);
            now_us - began_us
        });
        if self.gate().access.audited {
            self.record_write(id, args, took_us, failed);
        }
        if let Some(took_us) = took_us {
            self.took(id, args, took_us);
        }
    }

    /// Shows a command to monitors: most of them when they have run, scripts before they run.
    #[cold]
    pub(super) fn show(&self, id: CommandId, args: Args<'_>, before: bool) {
        let flags = self.shared.index.row(id).flags;
        if flags.has(Flags::ADMIN) || flags.has(Flags::SKIP_MONITOR) != before {
            return;
        }
        let origin = match self.in_script() {
            true => Origin::Script,
            false => Origin::Peer(&self.session.record.peer),
        };
        let now_us = || {
            let clock = self.shared.host.clock();
            clock.unix_ms() * 1000 + clock.monotonic_us() % 1000
        };
        let by = (self.session.db, origin);
        self.shared.monitors.feed(&self.shared.inboxes, now_us, by, args);
    }

    /// EXEC and scripts are told apart: each command of the one counts, the other as a whole.
    fn in_script(&self) -> bool {
        !self.may_block && !self.state.in_exec
    }

    /// Counts the run of a blocked command that was served; the time it waited is none of it.
    pub(super) fn finish_served(&self, id: CommandId, began: Began, failed: bool) {
        self.shared.measures.ran(self.state.slot, id, failed);
        if let Some(began_us) = began {
            let timing = self.gate().settings.timing;
            let took_us = self.now_us() - began_us;
            if self.weigh(id, took_us) {
                self.shared.measures.took(self.state.slot, id, took_us, timing.tracks);
            }
        }
    }

    /// Counts a timed run for the mean over all. False when it was timed only for that.
    fn weigh(&self, id: CommandId, took_us: u64) -> bool {
        let always = self.gate().settings.timing.times(self.shared.index.row(id));
        let runs = if always { 1 } else { SAMPLED };
        let stats = &self.shared.stats[self.state.slot];
        stats.timed_calls.add(runs);
        stats.timed_us.add(runs * took_us);
        stats.slowest_us.add(took_us);
        always
    }

    #[cold]
    fn took(&self, id: CommandId, args: Args<'_>, took_us: u64) {
        let (shared, timing) = (self.shared, self.gate().settings.timing);
        if !self.weigh(id, took_us) {
            return;
        }
        let row = shared.index.row(id);
        shared.measures.took(self.state.slot, id, took_us, timing.tracks);
        let now_s = self.state.now_ms / 1000;
        if timing.spike_ms > 0 && took_us / 1000 >= timing.spike_ms {
            let event = if row.flags.has(Flags::FAST) { "fast-command" } else { "command" };
            shared.measures.latency.lock().add(event, now_s, took_us / 1000);
        }
        let is_slow = timing.slow_us.is_some_and(|slow_us| took_us >= slow_us);
        if is_slow && !self.in_script() && !row.flags.has(Flags::SKIP_SLOW) {
            let record = &self.session.record;
            let slow = Slow {
                id: 0,
                at_s: now_s,
                took_us,
                words: shorten_for(row, args),
                peer: record.peer.clone(),
                name: record.texts.lock().name.clone(),
            };
            if shared.facts.managed {
                self.record_slow(&slow);
            }
            let most = shared.config.lock().number("slowlog-max-len") as usize;
            shared.measures.slow.lock().add(slow, most);
        }
    }
}

/// The words of a request, those that may be secrets left out.
pub(super) fn shorten_for(row: &Command, args: Args<'_>) -> Vec<Vec<u8>> {
    let mut words = shorten(args);
    let names_secret = |word: &[u8]| {
        ["requirepass", "masterauth", "masteruser", "tls-key-file-pass"]
            .iter()
            .any(|secret| word.eq_ignore_ascii_case(secret.as_bytes()))
    };
    match row.name {
        "auth" => words.iter_mut().skip(1).for_each(redact),
        "hello" => {
            let auth = words.iter().position(|word| word.eq_ignore_ascii_case(b"auth"));
            words.iter_mut().skip(auth.map_or(usize::MAX, |at| at + 1)).take(2).for_each(redact);
        }
        "config|set" => {
            for at in 3..words.len() {
                if names_secret(&words[at - 1]) {
                    redact(&mut words[at]);
                }
            }
        }
        _ => {}
    }
    words
}

fn redact(word: &mut Vec<u8>) {
    *word = b"(redacted)".to_vec();
}

impl Shared {
    /// Counts an error reply.
    #[cold]
    pub fn count_error(&self, slot: usize, error: &CommandError) {
        self.stats[slot].errors.add(1);
        if let CommandError::Reply(text) = error {
            self.measures.error(text);
        }
    }
}
