//! Token buckets, one per principal. Time comes in as a value. Must not know actions.

use std::collections::HashMap;

const BURST: i64 = 1000;
const PER_SECOND: i64 = 500;
const MILLI: i64 = 1000;

/// Buckets by key. Keys are authenticated, so they are few.
#[derive(Debug, Default)]
pub struct Throttle {
    buckets: HashMap<String, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Thousandths of a token.
    level: i64,
    filled_unix_ms: i64,
}

impl Throttle {
    /// Takes a token, or says in how many seconds there will be one.
    ///
    /// # Errors
    /// Seconds to wait, at least 1.
    pub fn take(&mut self, key: &str, now_unix_ms: i64) -> Result<(), u32> {
        let full = Bucket { level: BURST * MILLI, filled_unix_ms: now_unix_ms };
        let bucket = self.buckets.entry(key.to_owned()).or_insert(full);
        // A clock that goes back adds nothing.
        let passed_ms = (now_unix_ms - bucket.filled_unix_ms).clamp(0, BURST * MILLI / PER_SECOND);
        bucket.level = (bucket.level + passed_ms * PER_SECOND).min(BURST * MILLI);
        bucket.filled_unix_ms = now_unix_ms;
        if bucket.level < MILLI {
            return Err(1);
        }
        bucket.level -= MILLI;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_then_rate() {
        let mut throttle = Throttle::default();
        let mut taken =
            |key: &str, now| (0..2000).filter(|_| throttle.take(key, now).is_ok()).count();
        assert_eq!(taken("a", 0), 1000);
        assert_eq!(taken("a", 0), 0);
        assert_eq!(taken("b", 0), 1000);
        assert_eq!(taken("a", 2), 1);
        assert_eq!(taken("a", 1002), 500);
        assert_eq!(taken("a", 500), 0, "the clock went back");
        assert_eq!(taken("a", 10_000_000), 1000);
    }
}
