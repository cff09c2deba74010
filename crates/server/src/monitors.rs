//! MONITOR: every command, shown to those who asked, in the order in which they ran. Lines are made
//! and put into the inboxes under one leaf lock, while the command's own locks are held.

use crate::inbox::{Address, Inbox, Mail};
use parking_lot::Mutex;
use resp::Args;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Those who are shown everything.
#[derive(Debug, Default)]
pub struct Monitors {
    /// Read by every command, and so not beside anything that changes often.
    count: AtomicUsize,
    list: Mutex<Vec<Address>>,
}

/// Who ran a command.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'t> {
    /// A connection, by its peer.
    Peer(&'t str),
    /// A script.
    Script,
}

impl Monitors {
    /// True when nobody looks.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count.load(Relaxed) == 0
    }

    /// Shows everything to one more.
    pub fn add(&self, who: Address) {
        let mut list = self.list.lock();
        list.push(who);
        self.count.store(list.len(), Relaxed);
    }

    /// Shows it to one less.
    pub fn remove(&self, who: Address) {
        let mut list = self.list.lock();
        list.retain(|other| *other != who);
        self.count.store(list.len(), Relaxed);
    }

    /// Shows a command; `now_us` is asked under the lock, so that times follow the order.
    pub fn feed(
        &self,
        inboxes: &[Inbox],
        now_us: impl FnOnce() -> u64,
        (db, origin): (u16, Origin<'_>),
        args: Args<'_>,
    ) {
        let list = self.list.lock();
        let line: Arc<[u8]> = line(now_us(), db, origin, args).into_bytes().into();
        for (loop_id, inbox) in inboxes.iter().enumerate() {
            let here = list.iter().filter(|address| usize::from(address.loop_id) == loop_id);
            here.for_each(|address| inbox.push(Mail::Monitor(*address, Arc::clone(&line))));
        }
    }
}

fn line(now_us: u64, db: u16, origin: Origin<'_>, args: Args<'_>) -> String {
    let (s, us) = (now_us / 1_000_000, now_us % 1_000_000);
    let origin = match origin {
        Origin::Peer(peer) => peer,
        Origin::Script => "lua",
    };
    let mut line = format!("+{s}.{us:06} [{db} {origin}]");
    let secret_from = first_secret(args);
    for (at, word) in args.from(0).enumerate() {
        if at >= secret_from {
            line.push_str(" \"(redacted)\"");
        } else {
            line.push_str(" \"");
            word.iter().for_each(|&byte| escape(&mut line, byte));
            line.push('"');
        }
    }
    line.push_str("\r\n");
    line
}

/// The first word that may be a password or belong to one.
fn first_secret(args: Args<'_>) -> usize {
    let is = |at: usize, name: &str| {
        args.find(at).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    match () {
        () if is(0, "auth") => 1,
        () if is(0, "hello") => {
            (1..args.len()).find(|&at| is(at, "auth")).map_or(usize::MAX, |at| at + 1)
        }
        () => usize::MAX,
    }
}

fn escape(line: &mut String, byte: u8) {
    match byte {
        b'\\' => line.push_str("\\\\"),
        b'"' => line.push_str("\\\""),
        b'\n' => line.push_str("\\n"),
        b'\r' => line.push_str("\\r"),
        b'\t' => line.push_str("\\t"),
        0x07 => line.push_str("\\a"),
        0x08 => line.push_str("\\b"),
        b' '..=b'~' => line.push(char::from(byte)),
        other => {
            let _ = write!(line, "\\x{other:02x}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resp::OwnedArgs;

    #[test]
    fn lines() {
        for (words, want) in [
            (&["set", "k", "a\"b\\c\n\x01é"][..], r#""set" "k" "a\"b\\c\n\x01\xc3\xa9""#),
            (&["AUTH", "user", "pass"], r#""AUTH" "(redacted)" "(redacted)""#),
            (&["hello", "3", "auth", "u", "p"], r#""hello" "3" "auth" "(redacted)" "(redacted)""#),
            (&["hello", "3"], r#""hello" "3""#),
        ] {
            let owned = OwnedArgs::from_words(words.iter().map(|word| word.as_bytes()));
            let got = line(1_700_000_000_000_042, 3, Origin::Peer("127.0.0.1:9"), owned.as_args());
            assert_eq!(got, format!("+1700000000.000042 [3 127.0.0.1:9] {want}\r\n"));
        }
    }
}
