//! Nonces that were used: a signed request counts once. Time comes in as a value. Must not know
//! signatures; only nonces of requests that were signed well are remembered.

use std::collections::{HashSet, VecDeque};

/// How long a nonce could be of use to someone else: a request may be signed ahead of our clock by
/// the whole skew and be good until the whole skew behind it.
pub const KEEP_MS: i64 = 2 * super::SKEW_MS_MAX;

/// Most nonces remembered; beyond, requests are refused rather than replays let through.
const NONCES_MAX: usize = 1_000_000;

/// What became of a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nonce {
    /// New, and remembered from now on.
    Fresh,
    /// Used before.
    Used,
    /// Too many are remembered.
    NoRoom,
}

/// The nonces of the last `keep_ms`.
#[derive(Debug)]
pub struct ReplayCache {
    keep_ms: i64,
    used: HashSet<(String, String)>,
    by_age: VecDeque<(i64, (String, String))>,
}

impl ReplayCache {
    /// Remembers each nonce for `keep_ms`.
    pub fn new(keep_ms: i64) -> ReplayCache {
        ReplayCache { keep_ms, used: HashSet::new(), by_age: VecDeque::new() }
    }

    /// Uses a key's nonce.
    pub fn use_nonce(&mut self, access_key_id: &str, nonce: &str, now_unix_ms: i64) -> Nonce {
        while let Some((at, key)) = self.by_age.front() {
            if *at > now_unix_ms - self.keep_ms {
                break;
            }
            self.used.remove(key);
            self.by_age.pop_front();
        }
        let key = (access_key_id.to_owned(), nonce.to_owned());
        if self.used.contains(&key) {
            return Nonce::Used;
        }
        if self.used.len() >= NONCES_MAX {
            return Nonce::NoRoom;
        }
        self.used.insert(key.clone());
        self.by_age.push_back((now_unix_ms, key));
        assert_eq!(self.used.len(), self.by_age.len(), "each nonce has one age");
        Nonce::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_per_key_and_window() {
        let mut cache = ReplayCache::new(100);
        assert_eq!(cache.use_nonce("a", "1", 0), Nonce::Fresh);
        assert_eq!(cache.use_nonce("a", "1", 50), Nonce::Used);
        assert_eq!(cache.use_nonce("b", "1", 50), Nonce::Fresh);
        assert_eq!(cache.use_nonce("a", "2", 50), Nonce::Fresh);
        assert_eq!(cache.use_nonce("a", "1", 99), Nonce::Used);
        assert_eq!(cache.use_nonce("a", "1", 100), Nonce::Fresh);
        assert_eq!(cache.use_nonce("a", "2", 149), Nonce::Used);
    }
}
