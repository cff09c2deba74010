//! Sockets and waiting for them.

pub mod event_loop;
pub mod listener;
pub mod waker;

pub use event_loop::{EventLoop, Hall};
pub use waker::EventWaker;
