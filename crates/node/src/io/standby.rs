//! Threads for loops. A loop runs on one of them; when one of its requests takes long, the loop
//! goes on on a new one, and the old one ends with the request. Knows no command.

use super::EventLoop;
use parking_lot::{Condvar, Mutex};
use std::io;
use std::sync::Arc;
use std::thread::Builder;

/// The threads.
#[derive(Default)]
pub struct Standby {
    /// Loops that have not ended.
    alive: Mutex<usize>,
    ended: Condvar,
}

impl Standby {
    /// Adds a loop and gives it a thread.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(self: &Arc<Self>, event_loop: Box<EventLoop>) -> io::Result<()> {
        *self.alive.lock() += 1;
        self.serve(event_loop)
    }

    /// Gives a loop a thread of its own.
    ///
    /// # Errors
    /// None can be started; the loop is lost.
    pub fn serve(self: &Arc<Self>, event_loop: Box<EventLoop>) -> io::Result<()> {
        let this = Arc::clone(self);
        let work = crate::run::guarded(move || this.work(event_loop));
        Builder::new().name("loop".to_owned()).spawn(work).map(drop)
    }

    /// Waits until every loop has ended.
    pub fn join(&self) {
        let mut alive = self.alive.lock();
        while *alive > 0 {
            self.ended.wait(&mut alive);
        }
    }

    /// A thread's life: until its loop ends, or has gone on on another thread.
    fn work(self: &Arc<Self>, event_loop: Box<EventLoop>) {
        match event_loop.run(self) {
            Ok(true) => {
                *self.alive.lock() -= 1;
                self.ended.notify_all();
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "wait for events");
                std::process::abort();
            }
        }
    }
}
