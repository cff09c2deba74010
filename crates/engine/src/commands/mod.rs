//! Handlers of the data commands. Each file reads: manual text, arguments, parse, run, tests; a
//! handler binds to its row in `catalog` by name.

pub mod bitmap;
mod blocking;
mod decimal;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod list;
pub mod set;
pub mod stream;
pub mod string;
mod view;
mod walk;
pub mod zset;

use crate::error::CommandError;
use crate::keyspace::{Keys, Wait};
use crate::tick::Tick;
use resp::{Args, Reply};
use stdx::Rng;

/// What a handler works with.
pub struct Ctx<'a> {
    /// The keys of the selected database, and the place to state effects.
    pub keys: Keys<'a>,
    /// The reply. A handler that fails must not have written to it.
    pub reply: Reply<'a>,
    /// The request's words; the arity has been checked.
    pub args: Args<'a>,
    /// Randomness of the loop.
    pub rng: &'a mut Rng,
    /// To be called every thousand steps or so of anything long.
    pub tick: &'a mut dyn Tick,
    /// What to do when there is nothing yet.
    pub blocking: Blocking<'a>,
    /// Part of a script: what it sees should not depend on the order of a set.
    pub scripted: bool,
}

/// What a command that can wait may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking<'a> {
    /// It may wait: it returns [`CommandError::Block`].
    Allowed,
    /// It may not, inside EXEC and scripts: it answers as if its time were over.
    Denied,
    /// It has waited, and this key is ready. It looks at no other.
    Served(&'a [u8], &'a Wait),
}

impl Ctx<'_> {
    /// States that the request itself is the effect.
    #[inline]
    pub fn propagate_verbatim(&mut self) {
        self.keys.effects.verbatim(self.keys.moment.db, self.args);
    }

    /// States an effect in the selected database by its words.
    #[inline]
    pub fn propagate(&mut self, words: &[&[u8]]) {
        self.keys.effects.command(self.keys.moment.db, words);
    }
}

/// Runs one data command: changes keys, states effects, writes exactly one reply.
pub type Handler = fn(&mut Ctx<'_>) -> Result<(), CommandError>;

/// A handler and the name of its row.
pub type Binding = (&'static str, Handler);

/// All handlers of this crate.
pub const BINDINGS: &[&[Binding]] = &[
    string::BINDINGS,
    bitmap::BINDINGS,
    generic::BINDINGS,
    hash::BINDINGS,
    hyperloglog::BINDINGS,
    list::BINDINGS,
    set::BINDINGS,
    zset::BINDINGS,
    geo::BINDINGS,
    stream::BINDINGS,
];

#[cfg(test)]
pub mod testing;
mod wide;
