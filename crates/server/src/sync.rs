//! The locks of the executor and of the inboxes, in one place, so that a model checker can put its
//! own in. Knows nothing of what they guard.

#[cfg(feature = "shuttle")]
pub use crate::models::sync::{AtomicBool, AtomicUsize, Condvar, Mutex, MutexGuard};
#[cfg(not(feature = "shuttle"))]
pub use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(not(feature = "shuttle"))]
pub use std::sync::atomic::{AtomicBool, AtomicUsize};
