//! An allocator that counts. Each thread adds to its own cache line; a reader sums the lines.
//! The counts are what was asked for, rounded up to the 16 bytes that size classes step by.

use crate::Padded;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

/// Lines to count on; threads beyond this share.
const LINES: usize = 64;

static COUNTS: [Padded<AtomicI64>; LINES] = [const { Padded(AtomicI64::new(0)) }; LINES];
static NEXT_LINE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static LINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Bytes allocated by the whole process through [`Counting`].
#[must_use]
pub fn used_bytes() -> u64 {
    let sum: i64 = COUNTS.iter().map(|line| line.load(Relaxed)).sum();
    u64::try_from(sum).unwrap_or(0)
}

/// Wraps the real allocator `A`.
#[derive(Debug)]
pub struct Counting<A>(pub A);

fn line() -> &'static AtomicI64 {
    // A thread that is being torn down has no LINE any more; it counts on the shared last line.
    let index = LINE.try_with(|line| {
        if line.get() == usize::MAX {
            line.set(NEXT_LINE.fetch_add(1, Relaxed).min(LINES - 1));
        }
        line.get()
    });
    &COUNTS[index.unwrap_or(LINES - 1)]
}

#[inline]
fn count(bytes: usize, sign: i64) {
    let rounded = i64::try_from(bytes.next_multiple_of(16)).unwrap_or(i64::MAX);
    line().fetch_add(sign * rounded, Relaxed);
}

// SAFETY: every call is passed on unchanged to `A`, which upholds the contract of GlobalAlloc;
// counting neither allocates nor unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: the caller's promise is A's requirement.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: as above.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: as above.
        unsafe { self.0.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: as above.
        unsafe { self.0.realloc(pointer, layout, size) }
    }
}
