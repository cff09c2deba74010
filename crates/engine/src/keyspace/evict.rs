//! Who has to go when memory is short: candidates of one shard, by policy. Knows no limit and no
//! other shard; the caller compares candidates of several.

use super::entry::Entry;
use super::shard::{Db, Shard};
use stdx::Rng;
use stdx::random::mix;

/// `maxmemory-policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Only keys with a time to live may go.
    pub volatile: bool,
    /// Which of them goes first.
    pub order: Order,
}

/// The order in which keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// None goes: writes are refused instead.
    Never,
    /// The one not used for longest.
    Lru,
    /// The one used least often.
    Lfu,
    /// Any.
    Random,
    /// The one that dies first.
    Ttl,
}

/// What the access clock of an entry means under a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Unix seconds of the last use, 24 bits.
    Time,
    /// Unix minutes of the last decay, 16 bits, then a logarithmic count of uses, 8 bits.
    Count,
}

/// Count of a new key, so that it does not go before it could be used.
const COUNT_NEW: u32 = 5;
/// `lfu-log-factor` of Redis: how many uses make the count grow.
const LOG_FACTOR: u32 = 10;
/// Tries per wanted sample to meet a key with a time to live.
const TRIES: usize = 8;

impl Policy {
    /// The policy with this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let order = match name.rsplit_once('-').map_or("", |(_, order)| order) {
            "lru" => Order::Lru,
            "lfu" => Order::Lfu,
            "random" => Order::Random,
            "ttl" => Order::Ttl,
            _ => Order::Never,
        };
        Self { volatile: name.starts_with("volatile"), order }
    }

    /// What access clocks mean under this policy.
    #[must_use]
    pub fn access(self) -> Access {
        if self.order == Order::Lfu { Access::Count } else { Access::Time }
    }
}

impl Access {
    /// The clock of a key that is used now for the first time.
    #[must_use]
    pub fn fresh(self, now_ms: u64) -> u32 {
        match self {
            Self::Time => (now_ms / 1000) as u32 & 0x00ff_ffff,
            Self::Count => minutes(now_ms) << 8 | COUNT_NEW,
        }
    }

    /// The clock after one more use; no two uses have the same `use_id`.
    #[inline]
    #[must_use]
    pub fn used(self, clock: u32, now_ms: u64, use_id: u64) -> u32 {
        match self {
            Self::Time => self.fresh(now_ms),
            Self::Count => {
                let count = decayed(clock, now_ms);
                let steps = count.saturating_sub(COUNT_NEW) * LOG_FACTOR + 1;
                let grows = count < 255 && (mix(use_id) as u32) < u32::MAX / steps;
                minutes(now_ms) << 8 | (count + u32::from(grows))
            }
        }
    }
}

/// Uses counted by a clock, less one for each minute that has passed since.
#[must_use]
pub fn decayed(clock: u32, now_ms: u64) -> u32 {
    let passed = minutes(now_ms).wrapping_sub(clock >> 8) & 0xffff;
    (clock & 0xff).saturating_sub(passed)
}

fn minutes(now_ms: u64) -> u32 {
    (now_ms / 60_000) as u32 & 0xffff
}

/// A key that may go. The larger the urgency, the sooner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its database.
    pub db: u16,
    /// Its name.
    pub key: Vec<u8>,
    /// Comparable between shards under one policy.
    pub urgency: u64,
}

impl Shard {
    /// The most urgent of about `samples` keys of each database; `None` when none may go.
    #[must_use]
    pub fn candidate(
        &self,
        policy: Policy,
        now_ms: u64,
        samples: usize,
        rng: &mut Rng,
    ) -> Option<Candidate> {
        let mut best: Option<(u64, u16, &Entry)> = None;
        for number in 0.. {
            let Some(db) = self.db(number) else { break };
            for entry in db.samples(policy, samples, rng) {
                let urgency = urgency(policy.order, entry, now_ms);
                if best.is_none_or(|(most, ..)| urgency > most) {
                    best = Some((urgency, number, entry));
                }
            }
        }
        best.map(|(urgency, db, entry)| Candidate { db, key: entry.key().to_vec(), urgency })
    }
}

impl Db {
    fn samples(&self, policy: Policy, samples: usize, rng: &mut Rng) -> Vec<&Entry> {
        let mut found = Vec::new();
        if policy.order == Order::Ttl || policy.volatile && self.mortal_len() == 0 {
            found.extend(self.first_to_die());
            return found;
        }
        for _ in 0..samples * TRIES {
            let Some(entry) = self.table().random(|bound| rng.below(bound)) else { break };
            if !policy.volatile || entry.expiry_ms().is_some() {
                found.push(entry);
            }
            if found.len() == samples {
                break;
            }
        }
        // Keys with a time to live are rare here: the next to die is as good as any.
        if found.is_empty() {
            found.extend(self.first_to_die());
        }
        found
    }
}

fn urgency(order: Order, entry: &Entry, now_ms: u64) -> u64 {
    match order {
        Order::Never | Order::Random => 0,
        Order::Lru => {
            let now = Access::Time.fresh(now_ms);
            u64::from(now.wrapping_sub(entry.access()) & 0x00ff_ffff)
        }
        Order::Lfu => u64::from(255 - decayed(entry.access(), now_ms)),
        Order::Ttl => u64::MAX - entry.expiry_ms().unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Value;
    use super::*;
    use stdx::hash::HashSeed;

    const NOW_MS: u64 = 1_700_000_000_000;

    /// A shard with keys of (name, access clock, time of death).
    fn shard(keys: &[(&str, u32, Option<u64>)]) -> Shard {
        let seed = HashSeed::from_bytes([4; 16]);
        let mut shard = Shard::new(seed);
        for (key, access, expiry_ms) in keys {
            let mut entry = Entry::new(key.as_bytes(), Value::Bytes(b"v"), *expiry_ms);
            entry.set_access(*access);
            shard.db_or_new(0).insert(seed.hash(key.as_bytes()), entry);
        }
        shard
    }

    fn check(policy: &str, keys: &[(&str, u32, Option<u64>)], want: Option<&str>) {
        let mut rng = Rng::new(1);
        let found = shard(keys).candidate(Policy::of(policy), NOW_MS, 32, &mut rng);
        let found = found.map(|found| String::from_utf8_lossy(&found.key).into_owned());
        assert_eq!(found.as_deref(), want, "{policy}");
    }

    #[test]
    fn each_policy_has_its_victim() {
        let at = |seconds_ago: u64| Access::Time.fresh(NOW_MS - seconds_ago * 1000);
        let soon = Some(NOW_MS + 1);
        let late = Some(NOW_MS + 9_000_000);
        let keys = [("new", at(0), None), ("old", at(50), None), ("mortal", at(9), late)];
        check("allkeys-lru", &keys, Some("old"));
        check("volatile-lru", &keys, Some("mortal"));
        check("volatile-ttl", &[("a", 0, late), ("b", 0, soon), ("c", 0, None)], Some("b"));
        check("volatile-random", &keys, Some("mortal"));
        check("volatile-lru", &[("a", 0, None)], None);
        check("allkeys-random", &[], None);
        let used = |count: u32| minutes(NOW_MS) << 8 | count;
        let keys = [("often", used(200), None), ("rarely", used(6), None)];
        check("allkeys-lfu", &keys, Some("rarely"));
    }

    #[test]
    fn counts_grow_slowly_and_decay() {
        let mut clock = Access::Count.fresh(NOW_MS);
        for use_id in 0..100_000 {
            clock = Access::Count.used(clock, NOW_MS, use_id);
        }
        let count = decayed(clock, NOW_MS);
        assert!((100..200).contains(&count), "{count}");
        assert_eq!(decayed(clock, NOW_MS + 60_000 * 10), count - 10);
        assert_eq!(decayed(clock, NOW_MS + 60_000 * 1000), 0);
    }
}
