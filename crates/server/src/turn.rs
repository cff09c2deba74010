//! What a session or server command works with: its connection, its loop and the whole node.

use crate::executor::{Exclusive, Locked};
use crate::gate::GateState;
use crate::key_events::Outbox;
use crate::session::Session;
use crate::shared::Shared;
use engine::keyspace::KeyStats;
use engine::{CommandError, Effects, Tick};
use resp::{Args, Reply};
use stdx::Rng;

/// What a loop, or a slot beside the loops, has of its own, reused from command to command.
#[derive(Debug)]
pub struct LoopState {
    /// Which loop, or which slot behind the loops: an index of statistics and passes.
    pub slot: usize,
    /// Randomness.
    pub rng: Rng,
    /// Effects of the running command.
    pub effects: Effects,
    /// Lookups not yet added to the loop's counters.
    pub keys: KeyStats,
    /// Unix milliseconds, read at the start of the batch.
    pub now_ms: u64,
    /// When the last run ended, in monotonic microseconds, for a run that follows at once.
    pub ended_us: Option<u64>,
    /// The running command is one of a transaction.
    pub in_exec: bool,
    /// Journal offset that has to be durable before the replies of the batch leave; 0 for none.
    pub release: u64,
    /// Messages of the running command, where they may not leave before its effects are recorded.
    pub outbox: Outbox,
}

impl LoopState {
    /// That of `slot`, with randomness from `seed`.
    #[must_use]
    pub fn new(slot: usize, seed: u64, now_ms: u64) -> Self {
        let (rng, effects) = (Rng::new(seed), Effects::default());
        Self {
            slot,
            rng,
            effects,
            keys: KeyStats::default(),
            now_ms,
            ended_us: None,
            in_exec: false,
            release: 0,
            outbox: Vec::new(),
        }
    }
}

/// What is held while the command runs.
pub enum Held<'t, 'e> {
    /// The loop's own pass.
    Pass(&'t GateState),
    /// Everything.
    All(&'t mut Exclusive<'e>),
}

/// One run of a session command.
pub struct Turn<'t, 'e> {
    /// The node.
    pub shared: &'e Shared,
    /// The loop.
    pub state: &'t mut LoopState,
    /// The connection.
    pub session: &'t mut Session,
    /// Its output.
    pub out: &'t mut Vec<u8>,
    /// The request's words; the arity has been checked.
    pub args: Args<'t>,
    /// What is held.
    pub held: Held<'t, 'e>,
    /// The locked shards of the request's keys.
    pub locked: Option<&'t mut Locked<'e>>,
    /// To be called every thousand steps or so of anything long.
    pub tick: &'t mut dyn Tick,
}

/// Runs one session command: writes exactly one reply, unless it fails.
pub type SessionHandler = fn(&mut Turn<'_, '_>) -> Result<(), CommandError>;

impl<'e> Turn<'_, 'e> {
    /// A writer of the reply, in the protocol in force now.
    pub fn reply(&mut self) -> Reply<'_> {
        Reply::new(self.out, self.session.protocol)
    }

    /// The gate state in force.
    #[must_use]
    pub fn gate(&self) -> &GateState {
        match &self.held {
            Held::Pass(gate) => gate,
            Held::All(exclusive) => exclusive.gate(),
        }
    }

    /// Changes the gate state of every loop.
    ///
    /// # Panics
    /// When the command's row is not of lock class exclusive.
    pub fn exclusive(&mut self) -> &mut Exclusive<'e> {
        match &mut self.held {
            Held::All(exclusive) => exclusive,
            Held::Pass(_) => panic!("only rows of lock class exclusive change gate state"),
        }
    }

    /// Everything, and all shards, for commands that are of lock class exclusive.
    ///
    /// # Panics
    /// As [`Turn::exclusive`].
    pub fn everything(&mut self) -> (&mut Exclusive<'e>, &mut Locked<'e>) {
        match (&mut self.held, &mut self.locked) {
            (Held::All(exclusive), Some(locked)) => (exclusive, locked),
            _ => panic!("only rows of lock class exclusive have everything"),
        }
    }

    /// The shards that the command's row asks for. A second set of locks beside it would wait for
    /// the first one for ever.
    ///
    /// # Panics
    /// When the row's lock class is none.
    pub fn space(&mut self) -> &mut Locked<'e> {
        self.locked.as_mut().expect("rows of commands that look at keys have a lock class")
    }
}
