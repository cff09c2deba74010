//! What follows from a command once it has run: the journal, the reaper, its own reply.

use super::Run;
use crate::executor::Locked;
use crate::session::{Replies, Session};
use crate::trash::Rubbish;

impl<'e> Run<'_, 'e> {
    /// Appends what the outermost command did to the journal, as one block, and serves those who
    /// waited for it, before its locks go.
    #[inline]
    pub(super) fn hand_on(&mut self, mut locked: Option<&mut Locked<'e>>) {
        let mut wrote = self.append_effects();
        if self.state.effects.has_ready()
            && let Some(locked) = locked.as_deref_mut()
        {
            self.serve(locked);
            wrote = true;
        }
        if wrote {
            self.session.wrote_to = self.shared.journal.offset();
        }
        if self.gate().holds_replies {
            self.hold(locked, wrote);
        }
    }

    /// Notes for which journal offset the reply has to wait: that of what was done, or of what may
    /// have been seen.
    #[cold]
    fn hold(&mut self, locked: Option<&mut Locked<'e>>, wrote: bool) {
        let (shared, end) = (self.shared, self.shared.journal.offset());
        let seen = match &locked {
            // A replica records what its primary did without saying where.
            _ if wrote || !self.gate().primary => end,
            None => 0,
            Some(locked) => locked.changed_at().map_or(end, |at| shared.aof.seen(at).min(end)),
        };
        // Without shards nothing was changed in any.
        if wrote && locked.is_some_and(|locked| !locked.set_changed_at(end)) {
            shared.aof.raise_floor(end);
        }
        self.state.release = self.state.release.max(seen);
        for (channel, payload) in self.state.outbox.drain(..) {
            shared.pubsub.publish(&shared.inboxes, &channel, &payload, end);
        }
    }

    /// Appends what was done to the journal, as one block; true when that was anything.
    #[inline]
    pub(super) fn append_effects(&mut self) -> bool {
        let effects = &mut self.state.effects;
        if effects.dirty > 0 {
            self.shared.stats[self.state.slot].changes.add(effects.dirty);
        }
        let appends = !effects.is_empty();
        if appends {
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
        appends
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
