//! The thread that keeps the append-only file: it waits and obeys, the core decides.

use journal::Wake;
use parking_lot::{Condvar, Mutex};
use server::Shared;
use server::aof::{self, Next};
use std::sync::Arc;
use std::time::Duration;

/// Where the thread sleeps.
#[derive(Default)]
pub struct Keeper {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    begun: bool,
    woken: bool,
}

impl Wake for Keeper {
    fn wake(&self) {
        self.state.lock().woken = true;
        self.changed.notify_one();
    }
}

impl Keeper {
    /// The data set has been read: from now on there is something to keep.
    pub fn begin(&self) {
        self.state.lock().begun = true;
        self.changed.notify_one();
    }

    /// Keeps the file until the process ends.
    pub fn run(&self, shared: &Arc<Shared>) {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| !state.begun);
        drop(state);
        loop {
            match aof::step(shared) {
                Next::Wait(limit_us) => self.wait(limit_us),
                Next::Fatal(why) => end(&why),
            }
        }
    }

    fn wait(&self, limit_us: Option<u64>) {
        let mut state = self.state.lock();
        let awake = |state: &mut State| !state.woken;
        match limit_us {
            Some(limit_us) => {
                let limit = Duration::from_micros(limit_us);
                self.changed.wait_while_for(&mut state, awake, limit);
            }
            None => self.changed.wait_while(&mut state, awake),
        }
        state.woken = false;
    }
}

/// What was promised cannot be kept: nothing may be answered any more.
#[expect(clippy::disallowed_methods, reason = "no other thread may go on")]
fn end(why: &str) -> ! {
    tracing::error!("{why}");
    std::process::exit(1);
}
