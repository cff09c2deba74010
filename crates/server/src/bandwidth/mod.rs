//! The bandwidth that the clients of a node share: one token bucket for what they send and one for
//! what they are sent, each as large as what passes in a second. All loops draw on the same two.
//! Knows no socket and no clock; links of replicas do not come here.

mod line;
#[cfg(test)]
mod tests;

pub use line::Line;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use stdx::Padded;

/// A bucket's size, as the time in which it fills.
const FULL_NS: u64 = 1_000_000_000;
/// How often in a second those who wait have a turn, all together.
const TURNS_PER_S: u64 = 512;
/// Bytes of one turn, at least and at most.
const TURN_BYTES: (u64, u64) = (16 << 10, 256 << 10);
/// More bytes a second than any host moves; times `FULL_NS` they still fit.
const BYTES_PER_S_MAX: u64 = 1 << 33;

/// To or from the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What clients send.
    In,
    /// What clients are sent.
    Out,
}

/// The limit of a node, and what has passed of it.
#[derive(Debug, Default)]
pub struct Bandwidth {
    /// Each direction's; 0 is no limit.
    bytes_per_s: AtomicU64,
    buckets: [Padded<Bucket>; 2],
}

/// A bucket is full at one moment of the future, if nobody takes anything until then; one that was
/// full before now still is. Its level is how far away that moment is: what is taken moves it.
#[derive(Debug, Default)]
struct Bucket {
    full_at_ns: AtomicU64,
}

/// Leave to move some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// How many, at most.
    pub bytes: usize,
    /// From when on, in monotonic microseconds.
    pub ready_us: u64,
    cost_ns: u64,
    /// When the bucket has made up for it.
    end_ns: u64,
}

impl Grant {
    fn free(bytes: usize) -> Grant {
        Grant { bytes, ready_us: 0, cost_ns: 0, end_ns: 0 }
    }

    /// True when it was ready so long ago that the bucket has begun to fill up without it: to use
    /// both could be too much.
    fn is_stale(&self, now_us: u64) -> bool {
        let late_ns = (now_us * 1_000 + FULL_NS).saturating_sub(self.end_ns);
        self.cost_ns > 0 && late_ns > FULL_NS.saturating_sub(self.cost_ns) / 2
    }
}

impl Bandwidth {
    /// Limits each direction from now on, or not any more: 0.
    pub fn set(&self, bytes_per_s: u64) {
        self.bytes_per_s.store(bytes_per_s.min(BYTES_PER_S_MAX), Relaxed);
    }

    /// The limit of each direction in bytes a second; 0 is none.
    #[must_use]
    pub fn bytes_per_s(&self) -> u64 {
        self.bytes_per_s.load(Relaxed)
    }

    /// True while there is a limit.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.bytes_per_s() != 0
    }

    /// Bytes of one turn of those who wait.
    fn turn_bytes(bytes_per_s: u64) -> u64 {
        (bytes_per_s / TURNS_PER_S).clamp(TURN_BYTES.0, TURN_BYTES.1).min(bytes_per_s)
    }

    /// Up to `want` bytes at once; `None` when not even a turn's worth of them is there.
    fn take(&self, direction: Direction, now_us: u64, want: usize) -> Option<Grant> {
        let rate = self.bytes_per_s();
        if rate == 0 {
            return Some(Grant::free(want));
        }
        let want = want as u64;
        let least = want.min(Self::turn_bytes(rate));
        self.bucket(direction).draw(now_us, |level_ns| {
            let bytes = want.min(level_ns * rate / FULL_NS);
            (bytes >= least).then(|| (bytes, cost_ns(bytes, rate)))
        })
    }

    /// A turn's worth of bytes as soon as they are there. Turns come in the order of the asking,
    /// over all loops.
    fn reserve(&self, direction: Direction, now_us: u64) -> Grant {
        let rate = self.bytes_per_s();
        let free = Grant::free(TURN_BYTES.1 as usize);
        if rate == 0 {
            return free;
        }
        let bytes = Self::turn_bytes(rate);
        let cost_ns = cost_ns(bytes, rate);
        self.bucket(direction).draw(now_us, |_| Some((bytes, cost_ns))).unwrap_or(free)
    }

    /// Takes `unused` bytes of a grant back. Those whose time has passed meanwhile are lost, as
    /// they would have been in a full bucket.
    pub fn give_back(&self, direction: Direction, grant: Grant, unused: usize, now_us: u64) {
        if unused == 0 || grant.cost_ns == 0 {
            return;
        }
        let share = u128::from(grant.cost_ns) * unused as u128 / grant.bytes as u128;
        let left_ns = grant.end_ns.saturating_sub(now_us * 1_000);
        self.bucket(direction).full_at_ns.fetch_sub((share as u64).min(left_ns), Relaxed);
    }

    fn bucket(&self, direction: Direction) -> &Bucket {
        &self.buckets[direction as usize]
    }
}

impl Bucket {
    /// Takes what `decide` says, given the level: bytes and what they cost.
    fn draw(&self, now_us: u64, decide: impl Fn(u64) -> Option<(u64, u64)>) -> Option<Grant> {
        let now_ns = now_us * 1_000;
        let mut full_at_ns = self.full_at_ns.load(Relaxed);
        loop {
            let start_ns = full_at_ns.max(now_ns);
            let level_ns = FULL_NS.saturating_sub(start_ns - now_ns);
            let (bytes, cost_ns) = decide(level_ns)?;
            let end_ns = start_ns + cost_ns;
            let set = self.full_at_ns.compare_exchange_weak(full_at_ns, end_ns, Relaxed, Relaxed);
            match set {
                Err(present) => full_at_ns = present,
                Ok(_) => {
                    let ready_us = end_ns.saturating_sub(FULL_NS).div_ceil(1_000);
                    return Some(Grant { bytes: bytes as usize, ready_us, cost_ns, end_ns });
                }
            }
        }
    }
}

/// Rounded up, so that what passes never is more than the limit.
fn cost_ns(bytes: u64, bytes_per_s: u64) -> u64 {
    (bytes * FULL_NS).div_ceil(bytes_per_s)
}
