//! What a command did, as it states it itself: the words to propagate and the key events.
//! Nothing here rewrites a command's arguments. Knows no journal: the bytes are handed on.

use crate::keyspace::{Entry, Reader};
use catalog::events::Classes;
use resp::Args;
use resp::number::write_i64;
use std::sync::Weak;

/// Newest ready keys that a further one is compared with; noting one twice does no harm.
const READY_COMPARED: usize = 16;

/// Effects of one outermost command, kept and reused by its loop.
#[derive(Debug, Default)]
pub struct Effects {
    /// Words are collected only while somebody wants them.
    pub wanted: bool,
    /// Each effect is a block of its own: the command only met keys whose time had come.
    pub apart: bool,
    /// Changes since the last save grow by this.
    pub dirty: u64,
    /// Values taken out of the keyspace whose drop is long work; the reaper gets them.
    pub trash: Vec<Entry>,
    ready: Vec<(u16, Box<[u8]>)>,
    /// Keys that were changed, with who has copies of them.
    pub stale: Vec<Stale>,
    /// Key events in order, which leave as soon as their command is done.
    pub events: Vec<Event>,
    bytes: Vec<u8>,
    commands: Vec<Propagated>,
}

/// A key that was changed, and who has copies of it.
pub type Stale = (Box<[u8]>, Vec<Weak<Reader>>);

/// What happened to a key, for those who listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Database of the key.
    pub db: u16,
    /// Name as Redis gives it.
    pub name: &'static str,
    /// The key.
    pub key: Box<[u8]>,
}

/// One propagated command within [`Effects`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Propagated {
    /// Database it ran in.
    pub db: u16,
    /// Where it ends in the bytes; it starts where the one before ends.
    pub end: usize,
}

impl Effects {
    /// Forgets everything; keeps the room.
    pub fn clear(&mut self) {
        self.dirty = 0;
        self.apart = false;
        self.bytes.clear();
        self.commands.clear();
    }

    /// True when nothing is to be propagated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Notes a key that somebody waits for and that holds something now.
    pub fn ready(&mut self, db: u16, key: &[u8]) {
        let newest = self.ready.iter().rev().take(READY_COMPARED);
        if newest.into_iter().all(|(other, k)| *other != db || **k != *key) {
            self.ready.push((db, key.into()));
        }
    }

    /// Notes what happened to a key, if events of this class are `wanted`.
    #[inline]
    pub fn event(
        &mut self,
        wanted: Classes,
        class: Classes,
        name: &'static str,
        db: u16,
        key: &[u8],
    ) {
        if wanted.has(class) {
            self.events.push(Event { db, name, key: key.into() });
        }
    }

    /// Takes the keys noted by [`Effects::ready`], oldest first.
    #[must_use]
    pub fn take_ready(&mut self) -> Vec<(u16, Box<[u8]>)> {
        std::mem::take(&mut self.ready)
    }

    /// True when [`Effects::take_ready`] would give something.
    #[inline]
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// States that the request itself is the effect.
    #[inline]
    pub fn verbatim(&mut self, db: u16, args: Args<'_>) {
        self.dirty += 1;
        if self.wanted {
            self.push(db, args.len(), args.from(0));
        }
    }

    /// States that the request itself is to be propagated, though it changes no data.
    pub fn message(&mut self, db: u16, args: Args<'_>) {
        if self.wanted {
            self.push(db, args.len(), args.from(0));
        }
    }

    /// States an effect by its words.
    #[inline]
    pub fn command(&mut self, db: u16, words: &[&[u8]]) {
        self.dirty += 1;
        if self.wanted {
            self.push(db, words.len(), words.iter().copied());
        }
    }

    /// As [`Effects::command`], for a list of words of unknown length behind fixed ones.
    pub fn command_with<'w>(
        &mut self,
        db: u16,
        head: &[&'w [u8]],
        tail: impl ExactSizeIterator<Item = &'w [u8]>,
    ) {
        self.dirty += 1;
        if self.wanted {
            self.push(db, head.len() + tail.len(), head.iter().copied().chain(tail));
        }
    }

    /// The propagated commands in order, each as RESP.
    pub fn propagated(&self) -> impl ExactSizeIterator<Item = (u16, &[u8])> {
        self.commands.iter().enumerate().map(|(i, command)| {
            let start = if i == 0 { 0 } else { self.commands[i - 1].end };
            (command.db, &self.bytes[start..command.end])
        })
    }

    fn push<'w>(&mut self, db: u16, len: usize, words: impl Iterator<Item = &'w [u8]>) {
        self.bytes.push(b'*');
        write_i64(&mut self.bytes, len as i64);
        self.bytes.extend_from_slice(b"\r\n");
        for word in words {
            self.bytes.push(b'$');
            write_i64(&mut self.bytes, word.len() as i64);
            self.bytes.extend_from_slice(b"\r\n");
            self.bytes.extend_from_slice(word);
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.commands.push(Propagated { db, end: self.bytes.len() });
    }
}
