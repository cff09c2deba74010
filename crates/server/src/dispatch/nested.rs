//! Commands inside a script: the rules for them, and running one with the locks of the script.
//! Knows no Lua.

use super::{Bound, Pace, Run};
use crate::error;
use crate::gate;
use crate::turn::{Held, Turn};
use catalog::commands::CommandId;
use catalog::{Command, Family, Flags, Lock};
use engine::CommandError;
use resp::{Args, Protocol, Reply};
use std::sync::atomic::Ordering::Relaxed;

/// What a script may do, as it was when the script began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    /// It has said that it does not write, or was called so.
    pub read_only: bool,
    /// It may make the data set grow above `maxmemory`.
    pub allow_oom: bool,
    /// The node was above `maxmemory`.
    pub above_limit: bool,
    /// It has written, and so is not stopped by a state of the node any more.
    pub has_written: bool,
}

impl<'e> Turn<'_, 'e> {
    /// Runs one command of a script and appends its reply to `out`; true when it may have written.
    pub fn nested(
        &mut self,
        args: Args<'_>,
        protocol: Protocol,
        rights: Rights,
        out: &mut Vec<u8>,
    ) -> bool {
        let id = match self.admit_nested(args, rights) {
            Ok(id) => id,
            Err(CommandError::Reply(text)) => {
                Reply::new(out, protocol).error(text.as_bytes());
                self.shared.count_error(self.state.slot, &CommandError::Reply(text));
                return false;
            }
            Err(_) => unreachable!("rules meet no locks and no empty lists"),
        };
        let row = self.shared.index.row(id);
        let outer = std::mem::replace(&mut self.session.protocol, protocol);
        let held = match &mut self.held {
            Held::Pass(gate) => Held::Pass(gate),
            Held::All(exclusive) => Held::All(exclusive),
        };
        let Self { shared, state, session, tick, locked, .. } = self;
        let mut run = Run {
            shared,
            state,
            session,
            out,
            held,
            pace: Pace::Beside(&mut **tick),
            may_block: false,
            scripted: true,
        };
        let locked = locked.as_deref_mut().filter(|_| row.lock != Lock::None);
        run.call(id, args, locked, 0);
        self.session.protocol = outer;
        row.flags.has(Flags::WRITE)
    }

    fn admit_nested(&self, args: Args<'_>, rights: Rights) -> Result<CommandId, CommandError> {
        let index = &self.shared.index;
        let found = index.resolve(args.at(0), args.find(1));
        let id = found.map_err(|_| error::reply(error::UNKNOWN_IN_SCRIPT))?;
        let row = index.row(id);
        if !row.accepts(args.len()) {
            return Err(error::reply(error::WRONG_ARITY_IN_SCRIPT));
        }
        let runs = matches!(self.shared.bound[usize::from(id)], Bound::Data(_) | Bound::Session(_));
        let denied =
            row.flags.has(Flags::NOSCRIPT) && !self.shared.switches.deny_scripts_off.load(Relaxed);
        // Scripts do not nest: there is one host.
        if denied || !runs || row.family == Family::Scripting {
            return Err(error::reply(error::NOT_FROM_SCRIPT));
        }
        self.check_nested(row, rights)?;
        Ok(id)
    }

    /// What may stop a command of a script, in Redis' order.
    fn check_nested(&self, row: &Command, rights: Rights) -> Result<(), CommandError> {
        let flags = row.flags;
        if self.session.applies {
            return Ok(());
        }
        let gate = self.gate();
        if gate.link_is_down && !gate.settings.serves_stale && !flags.has(Flags::STALE) {
            return Err(error::reply(error::STALE_IN_SCRIPT));
        }
        if !self.user_may(row) {
            return Err(error::reply(error::NO_PERMISSION_IN_SCRIPT));
        }
        let changes = flags.has(Flags::WRITE) || flags.has(Flags::MAY_REPLICATE);
        if rights.read_only && changes {
            return Err(error::reply(error::WRITE_IN_READ_ONLY_SCRIPT));
        }
        if rights.has_written || !flags.has(Flags::WRITE) && !flags.has(Flags::DENYOOM) {
            return Ok(());
        }
        let is_full = rights.above_limit && !rights.allow_oom;
        gate::check(gate, self.session, row, || if is_full { u64::MAX } else { 0 })
    }

    /// The part of the gates that is about the user.
    #[must_use]
    pub fn user_may(&self, row: &Command) -> bool {
        let flags = row.flags;
        let managed = self.gate().access.managed;
        let administers = managed && catalog::restrictions::refuses(flags);
        let disabled = self.gate().access.disables(row);
        if self.session.applies {
            return true;
        }
        let user = self.session.user.as_ref();
        let allowed = user.map_or(!flags.has(Flags::WRITE), |user| user.rights.allow(flags));
        !administers && !disabled && allowed
    }
}
