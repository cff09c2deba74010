//! How a long command lets others live. Knows nothing of those others.

use crate::error::CommandError;

/// Called by whatever can be long, every thousand steps or so.
pub trait Tick {
    /// Lets others go on while the command keeps what it holds.
    ///
    /// # Errors
    /// The command was killed. One that has changed nothing yet may return this as its own error;
    /// any other goes on to its end.
    fn tick(&mut self) -> Result<(), CommandError>;
}

/// Steps between two ticks: some ten microseconds of the cheapest ones.
pub const STEPS: usize = 1024;

/// Ticks at each [`STEPS`]th step, but not at the first.
///
/// # Errors
/// What the tick says.
#[inline]
pub fn at_step(number: usize, tick: &mut dyn Tick) -> Result<(), CommandError> {
    if number % STEPS == STEPS - 1 { tick.tick() } else { Ok(()) }
}

/// Nobody waits.
#[derive(Debug, Clone, Copy)]
pub struct NoTick;

impl Tick for NoTick {
    fn tick(&mut self) -> Result<(), CommandError> {
        Ok(())
    }
}
