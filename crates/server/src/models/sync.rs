//! The checker's locks with the faces of ours. Time does not pass in it: who waits with patience
//! waits for one turn of the others.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

pub use shuttle::sync::atomic::{AtomicBool, AtomicUsize};

/// A lock.
#[derive(Debug, Default)]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

/// A held lock.
#[derive(Debug)]
pub struct MutexGuard<'a, T>(Option<shuttle::sync::MutexGuard<'a, T>>);

/// A condition.
#[derive(Debug, Default)]
pub struct Condvar(shuttle::sync::Condvar);

/// Whether a wait was in vain.
#[derive(Debug, Clone, Copy)]
pub struct Waited(bool);

const POISONED: &str = "a model that panics has failed already";
const HELD: &str = "it is held until it is dropped";

impl<T> Mutex<T> {
    /// A free lock around `value`.
    pub fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    /// Waits for it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().expect(POISONED)))
    }

    /// Takes it if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
    }

    /// Waits for one turn of the others.
    pub fn try_lock_for(&self, _patience: Duration) -> Option<MutexGuard<'_, T>> {
        shuttle::thread::yield_now();
        self.try_lock()
    }
}

impl<T> MutexGuard<'_, T> {
    /// Lets it go, and somebody else run.
    pub fn unlock_fair(guard: Self) {
        drop(guard);
        shuttle::thread::yield_now();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_ref().expect(HELD)
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect(HELD)
    }
}

impl Condvar {
    /// A condition nobody waits for.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until it is told.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        guard.0 = guard.0.take().map(|held| self.0.wait(held).expect(POISONED));
    }

    /// Waits until it is told, or in vain: the checker may decide for either.
    pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, patience: Duration) -> Waited {
        let held = guard.0.take().expect(HELD);
        let (held, waited) = self.0.wait_timeout(held, patience).expect(POISONED);
        guard.0 = Some(held);
        Waited(waited.timed_out())
    }

    /// Tells one who waits.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Tells all who wait.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

impl Waited {
    /// True when nobody told.
    #[must_use]
    pub fn timed_out(self) -> bool {
        self.0
    }
}
