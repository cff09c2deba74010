//! The web console: server-rendered pages over the same actions that the API offers. Holds
//! sessions and turns answers into HTML; must not know the store, the agent or a node, and calls
//! nothing that a signed API request could not call as well.
#![forbid(unsafe_code)]

mod actions;
mod assets;
mod cookie;
mod door;
mod figures;
mod guard;
mod pages;
mod problem;
mod session;

use actions::Gate;
use session::Sessions;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use stdx::{Clock, SystemClock};

/// The console's routes. All of them begin with `/console`, so the router is merged into the
/// server's, not nested. The source address of a request is read from axum's `ConnectInfo`.
pub fn router(control: control::Control) -> axum::Router {
    let gate = Arc::new(control);
    door::router(Console::new(gate, Arc::new(SystemClock::new())))
}

/// What all pages share.
pub(crate) struct Console {
    gate: Arc<dyn Gate>,
    clock: Arc<dyn Clock>,
    sessions: Mutex<Sessions>,
}

impl Console {
    fn new(gate: Arc<dyn Gate>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { gate, clock, sessions: Mutex::new(Sessions::default()) })
    }

    fn now_ms(&self) -> u64 {
        self.clock.monotonic_us() / 1000
    }

    fn unix_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    /// The sessions. Each change of the table is complete in itself, so one that a panic cut short
    /// elsewhere leaves it usable.
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
