//! Sockets and waiting for them.

pub mod event_loop;
pub mod listener;
pub mod pacing;
pub mod standby;
pub mod waker;

pub use event_loop::{EventLoop, Hall};
pub use standby::Standby;
pub use waker::EventWaker;
