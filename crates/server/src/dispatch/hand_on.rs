//! What follows from a command once it has run: the journal, the reaper, its own reply.

use super::Run;
use crate::executor::Locked;
use crate::session::{Replies, Session};
use crate::trash::Rubbish;

impl<'e> Run<'_, 'e> {
    /// Appends what the outermost command did to the journal, as one block, and serves those who
    /// waited for it, before its locks go.
    #[inline]
    pub(super) fn hand_on(&mut self, locked: Option<&mut Locked<'e>>) {
        self.append_effects();
        if self.state.effects.has_ready()
            && let Some(locked) = locked
        {
            self.serve(locked);
        }
    }

    /// Appends what was done to the journal, as one block.
    #[inline]
    pub(super) fn append_effects(&mut self) {
        let effects = &mut self.state.effects;
        if effects.dirty > 0 {
            self.shared.stats[self.state.slot].changes.add(effects.dirty);
        }
        if !effects.is_empty() {
            if effects.apart {
                for effect in effects.propagated() {
                    self.shared.journal.append(std::iter::once(effect));
                }
            } else {
                self.shared.journal.append(effects.propagated());
            }
        }
        if !effects.trash.is_empty() {
            self.shared.trash.add(effects.trash.drain(..).map(Rubbish::Entry));
        }
        effects.clear();
    }
}

/// Takes back a reply that CLIENT REPLY switched off.
pub(super) fn silence(session: &mut Session, out: &mut Vec<u8>, start: usize) {
    match session.replies {
        Replies::On => {}
        Replies::Off => out.truncate(start),
        Replies::SkipThis => {
            out.truncate(start);
            session.replies = Replies::SkipNext;
        }
        Replies::SkipNext => {
            out.truncate(start);
            session.replies = Replies::On;
        }
    }
}
