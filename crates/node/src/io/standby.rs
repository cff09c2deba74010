//! Threads for loops. A loop runs on one of them; when one of its requests takes long, the loop
//! goes on on another one, and the old one waits for the next loop when it is done. Knows no
//! command.

use super::EventLoop;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::thread::Builder;

/// The threads.
#[derive(Default)]
pub struct Standby {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Loops that wait for a thread.
    #[expect(clippy::vec_box, reason = "a loop moves from thread to thread in its box")]
    loops: Vec<Box<EventLoop>>,
    /// Threads that wait for a loop, less the loops that wait for them.
    idle: usize,
    /// Loops that have not ended.
    alive: usize,
}

impl Standby {
    /// Adds a loop and gives it a thread.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(self: &Arc<Self>, event_loop: Box<EventLoop>) -> io::Result<()> {
        self.state.lock().alive += 1;
        self.serve(event_loop)
    }

    /// Gives a loop to a thread that has none.
    ///
    /// # Errors
    /// There is none, and no new one can be started; the loop is lost.
    pub fn serve(self: &Arc<Self>, event_loop: Box<EventLoop>) -> io::Result<()> {
        let mut state = self.state.lock();
        state.loops.push(event_loop);
        if state.idle > 0 {
            state.idle -= 1;
            self.changed.notify_all();
            return Ok(());
        }
        drop(state);
        let this = Arc::clone(self);
        let name = "loop".to_owned();
        Builder::new().name(name).spawn(crate::run::guarded(move || this.work())).map(drop)
    }

    /// Waits until every loop has ended.
    pub fn join(&self) {
        let mut state = self.state.lock();
        while state.alive > 0 {
            self.changed.wait(&mut state);
        }
    }

    /// A thread's life. Threads that wait stay: there are no more of them than there were long
    /// requests at once.
    fn work(self: &Arc<Self>) {
        loop {
            let event_loop = self.next();
            match event_loop.run(self) {
                Ok(true) => {
                    self.state.lock().alive -= 1;
                    self.changed.notify_all();
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "wait for events");
                    std::process::abort();
                }
            }
            self.state.lock().idle += 1;
        }
    }

    fn next(&self) -> Box<EventLoop> {
        let mut state = self.state.lock();
        loop {
            if let Some(event_loop) = state.loops.pop() {
                return event_loop;
            }
            self.changed.wait(&mut state);
        }
    }
}
