//! An eventfd that makes a loop leave its epoll_wait.

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use server::inbox::Waker;
use std::io;
use std::sync::Arc;

/// A cheap handle; clones wake the same loop.
#[derive(Debug, Clone)]
pub struct EventWaker(Arc<OwnedFd>);

impl EventWaker {
    /// A new eventfd.
    ///
    /// # Errors
    /// Out of descriptors.
    pub fn new() -> io::Result<Self> {
        let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
        Ok(Self(Arc::new(eventfd(0, flags)?)))
    }

    /// Makes the next wait wait again.
    pub fn reset(&self) {
        // An empty counter is as good as a reset one.
        let _ = rustix::io::read(&*self.0, &mut [0u8; 8]);
    }

    /// The descriptor to poll.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Waker for EventWaker {
    fn wake(&self) {
        // A full counter wakes as well.
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }
}
