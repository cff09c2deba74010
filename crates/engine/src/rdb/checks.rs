//! Whether checksums are looked at. Only tests switch that off, for the whole process.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

static SKIPPED: AtomicBool = AtomicBool::new(false);

/// Believes checksums that do not fit, or not any more.
pub fn skip(skip: bool) {
    SKIPPED.store(skip, Relaxed);
}

/// True while checksums that do not fit are believed.
#[must_use]
pub fn are_skipped() -> bool {
    SKIPPED.load(Relaxed)
}
