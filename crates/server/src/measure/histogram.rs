//! Times in microseconds, counted in buckets of a sixteenth of their size.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const SUB_BITS: u32 = 4;
const SUBS: usize = 1 << SUB_BITS;
/// Powers of two above the linear part; the last bucket takes everything longer (over an hour).
const POWERS: usize = 28;
const BUCKETS: usize = SUBS * (POWERS + 1);

/// Counts by time. Written by one, read by anybody.
#[derive(Debug)]
pub struct Histogram(Vec<AtomicU64>);

impl Default for Histogram {
    fn default() -> Self {
        Self((0..BUCKETS).map(|_| AtomicU64::new(0)).collect())
    }
}

fn bucket_of(us: u64) -> usize {
    let power = us.max(1).ilog2();
    if power < SUB_BITS {
        return us as usize;
    }
    let sub = (us >> (power - SUB_BITS)) as usize & (SUBS - 1);
    (SUBS * (power - SUB_BITS + 1) as usize + sub).min(BUCKETS - 1)
}

/// The longest time that falls into a bucket.
fn top_of(bucket: usize) -> u64 {
    if bucket < SUBS {
        return bucket as u64;
    }
    let power = (bucket / SUBS - 1) as u32;
    (((SUBS + bucket % SUBS + 1) as u64) << power) - 1
}

impl Histogram {
    /// Counts one time.
    pub fn add(&self, us: u64) {
        let bucket = &self.0[bucket_of(us)];
        bucket.store(bucket.load(Relaxed) + 1, Relaxed);
    }

    /// Adds the counts of another.
    pub fn add_all(&self, other: &Self) {
        for (own, other) in self.0.iter().zip(&other.0) {
            own.store(own.load(Relaxed) + other.load(Relaxed), Relaxed);
        }
    }

    /// Times counted.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> u64 {
        self.0.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    /// The time that `percent` of all times do not exceed, in microseconds.
    #[must_use]
    pub fn percentile_us(&self, percent: f64) -> u64 {
        let wanted = ((self.len() as f64 * percent / 100.0).ceil() as u64).max(1);
        let mut seen = 0;
        for (at, bucket) in self.0.iter().enumerate() {
            seen += bucket.load(Relaxed);
            if seen >= wanted {
                return top_of(at);
            }
        }
        0
    }

    /// For each power of two at which the count grows: microseconds, and times up to there.
    #[must_use]
    pub fn powers(&self) -> Vec<(u64, u64)> {
        let mut rows: Vec<(u64, u64)> = Vec::new();
        let mut seen = 0;
        for (at, bucket) in self.0.iter().enumerate() {
            let count = bucket.load(Relaxed);
            if count == 0 {
                continue;
            }
            seen += count;
            let power = top_of(at).max(1).next_power_of_two();
            match rows.last_mut().filter(|(last, _)| *last == power) {
                Some(row) => row.1 = seen,
                None => rows.push((power, seen)),
            }
        }
        rows
    }

    /// Forgets all counts.
    pub fn reset(&self) {
        self.0.iter().for_each(|bucket| bucket.store(0, Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_all_times() {
        let mut last = 0;
        for us in (0..5_000).chain((13..36).map(|power| 1 << power)) {
            let bucket = bucket_of(us);
            assert!(bucket >= last && us <= top_of(bucket) || bucket == BUCKETS - 1, "{us}");
            last = bucket;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_and_powers() {
        let times = Histogram::default();
        (1..=100).for_each(|us| times.add(us));
        let near = |percent: f64, want: u64| {
            let got = times.percentile_us(percent);
            assert!((want..=want + want / 16 + 1).contains(&got), "p{percent}: {got}");
        };
        near(0.0, 1);
        near(50.0, 50);
        near(99.0, 99);
        near(100.0, 100);
        assert_eq!(times.powers().last(), Some(&(128, 100)));
        assert_eq!(times.powers()[0], (1, 1));
    }
}
