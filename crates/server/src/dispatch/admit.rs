//! May this request run now: its row, its arity, the gates. Takes no lock and runs nothing.

use super::{Bound, Request, Run};
use crate::error;
use crate::evict;
use crate::gate;
use crate::turn::Held;
use catalog::Command;
use catalog::commands::{CommandId, Missing};
use engine::CommandError;
use resp::{Args, Reply};
use std::sync::atomic::Ordering::Relaxed;

impl Run<'_, '_> {
    /// Finds the row and passes the gates.
    #[inline]
    pub(super) fn admit(&mut self, request: &Request<'_>) -> Result<CommandId, CommandError> {
        let index = &self.shared.index;
        let args = request.args;
        let id = match request.found {
            Ok(id) => id,
            Err(_) if self.session.refused => {
                return Err(error::reply(error::ILLEGAL_ADDRESS));
            }
            Err(Missing::Command) => return Err(self.missing(args)),
            Err(Missing::Subcommand(id)) => {
                return Err(error::unknown_subcommand(index.row(id).name, args.at(1)));
            }
        };
        let row = index.row(id);
        self.session.record.command.store(id, Relaxed);
        if !row.accepts(args.len()) {
            return Err(engine::error::wrong_arity(row.name));
        }
        self.pass_gate(row)?;
        Ok(id)
    }

    /// A command that is none of ours; a managed node says where its work is done instead.
    #[cold]
    fn missing(&self, args: Args<'_>) -> CommandError {
        let name = args.at(0);
        match catalog::restrictions::find(name) {
            Some(known) if self.gate().access.managed => error::managed(known.command),
            _ => error::unknown_command(name, args.from(1)),
        }
    }

    /// Asks the gates; the memory gate makes room first, while no shard is held.
    #[inline]
    pub(super) fn pass_gate(&mut self, row: &Command) -> Result<(), CommandError> {
        let Self { shared, state, session, held, .. } = self;
        let gate = match held {
            Held::Pass(gate) => *gate,
            Held::All(exclusive) => exclusive.gate(),
        };
        gate::check(gate, session, row, || evict::used_bytes(shared, state, gate))
    }

    /// Answers a request that may not run; EXEC ends its transaction with that.
    #[cold]
    pub(super) fn refuse_request(&mut self, request: &Request<'_>, refusal: CommandError) {
        if let Ok(id) = request.found {
            self.shared.measures.rejected(self.state.slot, id);
        }
        if let CommandError::Reply(why) = &refusal {
            self.record_refusal(request.found.ok(), request.args, why);
        }
        let is_exec = |id| matches!(self.shared.bound[usize::from(id)], Bound::Exec);
        match refusal {
            CommandError::Reply(why)
                if request.found.is_ok_and(is_exec) && self.session.multi.is_some() =>
            {
                (self.session.multi, self.session.watch) = (None, None);
                self.session.publish_counts();
                self.refuse(&error::exec_aborted(&why));
            }
            refusal => self.refuse(&refusal),
        }
    }

    pub(super) fn refuse(&mut self, refusal: &CommandError) {
        if let CommandError::Reply(text) = refusal {
            Reply::new(self.out, self.session.protocol).error(text.as_bytes());
        }
        self.shared.count_error(self.state.slot, refusal);
        if let Some(multi) = &mut self.session.multi {
            multi.aborted = true;
        }
    }
}
