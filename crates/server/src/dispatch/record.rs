//! What the records of a managed node are told of commands. Nothing here decides anything, and
//! nothing waits.

use super::Run;
use super::measure::shorten_for;
use crate::error;
use crate::measure::slow::{Slow, shorten};
use catalog::Flags;
use catalog::commands::CommandId;
use resp::Args;
use stdx::record::{Kind, Record};

/// Words of a write that are kept, and bytes of each: whoever reads the audit log learns what was
/// written to, not all of what was written.
const WORDS_MAX: usize = 8;
const WORD_BYTES_MAX: usize = 48;
/// Bytes of the text of a write: the words, dots behind each, and spaces.
const TEXT_BYTES_MAX: usize = WORDS_MAX * (WORD_BYTES_MAX + 4) + 3;

/// Errors that say that someone was not allowed.
const REFUSALS: [&str; 5] =
    ["NOAUTH", "NOPERM", "WRONGPASS", error::ILLEGAL_ADDRESS, error::BRAKED];

impl Run<'_, '_> {
    /// Records a command that writes.
    #[inline]
    pub(super) fn record_write(
        &self,
        id: CommandId,
        args: Args<'_>,
        took_us: Option<u64>,
        failed: bool,
    ) {
        let flags = self.shared.index.row(id).flags;
        let inside = !self.may_block && !self.state.in_exec;
        if !flags.has(Flags::WRITE) || inside || self.session.applies {
            return;
        }
        let (mut text, mut bytes) = ([0; TEXT_BYTES_MAX], 0);
        let mut put = |part: &[u8]| {
            text[bytes..bytes + part.len()].copy_from_slice(part);
            bytes += part.len();
        };
        for (at, word) in args.from(0).take(WORDS_MAX).enumerate() {
            if at > 0 {
                put(b" ");
            }
            put(&word[..word.len().min(WORD_BYTES_MAX)]);
            if WORD_BYTES_MAX < word.len() {
                put(b"...");
            }
        }
        if WORDS_MAX < args.len() {
            put(b"...");
        }
        let outcome = if failed { "failed" } else { "" };
        self.record(Kind::Write, took_us, outcome, &text[..bytes]);
    }

    /// Records a command that was not allowed; other errors are none of the audit log's business.
    #[cold]
    pub(super) fn record_refusal(&self, id: Option<CommandId>, args: Args<'_>, error: &str) {
        let audited = self.gate().access.audited;
        if !audited || !REFUSALS.iter().any(|refusal| error.starts_with(refusal)) {
            return;
        }
        let words = match id {
            Some(id) => shorten_for(self.shared.index.row(id), args),
            // Whoever is not let in may have sent anything.
            None => shorten(args).into_iter().take(1).collect(),
        };
        let outcome = error.split(' ').next().unwrap_or_default();
        let outcome = if outcome == "ERR" { error } else { outcome };
        self.record(Kind::Refusal, None, outcome, &words.join(&b' '));
    }

    /// Records a slow command.
    #[cold]
    pub(super) fn record_slow(&self, slow: &Slow) {
        self.record(Kind::Slow, Some(slow.took_us), "", &slow.words.join(&b' '));
    }

    fn record(&self, kind: Kind, took_us: Option<u64>, outcome: &str, text: &[u8]) {
        let took_us = took_us.map_or(0, |us| u32::try_from(us).unwrap_or(u32::MAX));
        self.shared.records.add(&Record {
            kind,
            unix_us: self.state.now_ms * 1000,
            took_us,
            db: self.session.db,
            peer: &self.session.record.peer,
            user: self.session.user.as_ref().map_or("", |user| &user.name),
            outcome,
            text,
        });
    }
}
