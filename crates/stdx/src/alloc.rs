//! An allocator that counts. Each thread adds to its own cache line; a reader sums the lines.
//! The counts are what was asked for, rounded up to the allocator's size classes: steps of 8 bytes
//! up to 64, then four between one power of two and the next.

use crate::Padded;
use libmimalloc_sys::{
    mi_collect, mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc,
    mi_zalloc_aligned,
};
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

/// What every block of mimalloc is aligned to (`.cargo/config.toml`).
const ALIGN_BYTES: usize = 8;
/// Larger allocations are made of whole pages.
const LARGE_BYTES: usize = 128 * 1024;
const PAGE_BYTES: usize = 4096;

/// Lines to count on; threads beyond this share.
const LINES: usize = 64;

/// The line of what is set aside.
const ASIDE: usize = LINES;

static COUNTS: [Padded<AtomicI64>; LINES + 1] = [const { Padded(AtomicI64::new(0)) }; LINES + 1];
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

/// Runs `work`, and counts what it allocates and frees as set aside.
pub fn aside<R>(work: impl FnOnce() -> R) -> R {
    struct Back(usize);
    impl Drop for Back {
        fn drop(&mut self) {
            let _ = LINE.try_with(|line| line.set(self.0));
        }
    }
    let _back = LINE.try_with(|line| Back(line.replace(ASIDE)));
    work()
}

/// Bytes that were allocated by [`aside`], less those freed by it. They are part of
/// [`used_bytes`]. What is allocated in one way and freed in the other stays in this number, so
/// only its differences over a time mean something.
#[must_use]
pub fn aside_bytes() -> i64 {
    COUNTS[ASIDE].load(Relaxed)
}

/// Has mimalloc give free pages back to the system now. It does so by itself, but only a second
/// after they became free, and only while somebody allocates.
pub fn give_back() {
    // SAFETY: may be called at any time by any thread, whatever allocator the process uses.
    unsafe { mi_collect(true) }
}

/// mimalloc, counted.
#[derive(Debug)]
pub struct Counting;

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
    let class = i64::try_from(class_bytes(bytes)).unwrap_or(i64::MAX);
    line().fetch_add(sign * class, Relaxed);
}

/// What an allocation of `bytes` really takes.
#[inline]
#[must_use]
pub fn class_bytes(bytes: usize) -> usize {
    let step = match bytes {
        0..=64 => 8,
        65..=LARGE_BYTES => 1 << ((bytes - 1).ilog2() - 2),
        _ => PAGE_BYTES,
    };
    bytes.next_multiple_of(step)
}

/// True when a smaller block should be had for what is to shrink. mimalloc itself leaves it where
/// it is while half of the block is in use. Large blocks are not copied.
#[inline]
fn shrinks(from: usize, to: usize) -> bool {
    0 < to && from <= LARGE_BYTES && class_bytes(to) < class_bytes(from)
}

/// Asks for an alignment only where mimalloc's own would not do: it rounds such requests up to a
/// larger class when a page of the right one is not at hand.
#[inline]
fn is_plain(layout: Layout) -> bool {
    layout.align() <= ALIGN_BYTES
}

// SAFETY: mimalloc upholds the contract of GlobalAlloc: its blocks are multiples of 8 bytes, and so
// are the addresses where they begin. Its realloc and free take blocks of either kind. Counting
// neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: no requirement but a power of two as alignment, which a layout has.
        unsafe {
            if is_plain(layout) {
                mi_malloc(layout.size()).cast()
            } else {
                mi_malloc_aligned(layout.size(), layout.align()).cast()
            }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        // SAFETY: as above.
        unsafe {
            if is_plain(layout) {
                mi_zalloc(layout.size()).cast()
            } else {
                mi_zalloc_aligned(layout.size(), layout.align()).cast()
            }
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller says that it came from here.
        unsafe { mi_free(pointer.cast()) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size < layout.size() && shrinks(layout.size(), size) {
            // SAFETY: the caller says that `pointer` came from here with this layout, and that
            // `size` with its alignment is a layout, too; the new block is another one and takes
            // `size` bytes, and the old one has more.
            unsafe {
                let to = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                if !to.is_null() {
                    to.copy_from_nonoverlapping(pointer, size);
                    self.dealloc(pointer, layout);
                }
                return to;
            }
        }
        count(layout.size(), -1);
        count(size, 1);
        // SAFETY: the caller says that it came from here, with this layout.
        unsafe {
            if is_plain(layout) {
                mi_realloc(pointer.cast(), size).cast()
            } else {
                mi_realloc_aligned(pointer.cast(), size, layout.align()).cast()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_classes() {
        let cases = [
            (0, 0),
            (1, 8),
            (40, 40),
            (64, 64),
            (65, 80),
            (112, 112),
            (113, 128),
            (129, 160),
            (1024, 1024),
            (1025, 1280),
            (131_072, 131_072),
            (131_073, 135_168),
        ];
        for (asked, want) in cases {
            assert_eq!(class_bytes(asked), want, "{asked}");
        }
    }

    #[test]
    fn what_shrinks_keeps_its_bytes_and_no_others() {
        let layout = Layout::array::<u8>(2048).expect("a layout");
        // SAFETY: the block is used as it was asked for, and given back as it came.
        unsafe {
            let from = Counting.alloc(layout);
            (0..2048).for_each(|at| from.add(at).write(at as u8));
            let to = Counting.realloc(from, layout, 1024);
            assert_eq!(libmimalloc_sys::mi_usable_size(to.cast()), 1024);
            assert!((0..1024).all(|at| to.add(at).read() == at as u8));
            Counting.dealloc(to, Layout::array::<u8>(1024).expect("a layout"));
        }
        for (from, to, want) in [(2048, 2047, false), (2048, 0, false), (1 << 20, 4096, false)] {
            assert_eq!(shrinks(from, to), want, "{from} {to}");
        }
    }
}
