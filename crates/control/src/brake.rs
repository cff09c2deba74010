//! The brake on guessing console passwords: after five failures from one source each further one
//! doubles the time until the next attempt is looked at. Time comes in as a value; must not know
//! passwords.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

const FREE_FAILURES: u32 = 5;
const DELAY_MS_MAX: i64 = 15 * 60 * 1000;
const FORGET_MS: i64 = 24 * 60 * 60 * 1000;
const SOURCES_MAX: usize = 100_000;

/// Failures by source.
#[derive(Debug, Default)]
pub struct Brake {
    sources: HashMap<IpAddr, Failures>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last_unix_ms: i64,
}

impl Failures {
    fn open_at_unix_ms(&self) -> i64 {
        if self.count < FREE_FAILURES {
            return self.last_unix_ms;
        }
        let doublings = (self.count - FREE_FAILURES).min(20);
        self.last_unix_ms + (1000i64 << doublings).min(DELAY_MS_MAX)
    }
}

impl Brake {
    /// Whether an attempt may be looked at. It counts as failed until [`Brake::succeeded`], so that
    /// many at once do not slip through.
    ///
    /// # Errors
    /// Seconds to wait, at least 1.
    pub fn attempt(&mut self, source: IpAddr, now_unix_ms: i64) -> Result<(), u64> {
        if self.sources.len() >= SOURCES_MAX {
            self.sources.retain(|_, f| now_unix_ms - f.last_unix_ms < DELAY_MS_MAX);
        }
        let none = Failures { count: 0, last_unix_ms: now_unix_ms };
        let failures = self.sources.entry(network(source)).or_insert(none);
        if now_unix_ms - failures.last_unix_ms > FORGET_MS {
            *failures = none;
        }
        let wait_ms = failures.open_at_unix_ms() - now_unix_ms;
        if wait_ms > 0 {
            return Err(wait_ms.unsigned_abs().div_ceil(1000));
        }
        *failures = Failures { count: failures.count + 1, last_unix_ms: now_unix_ms };
        Ok(())
    }

    /// The last attempt of this source was right.
    pub fn succeeded(&mut self, source: IpAddr) {
        self.sources.remove(&network(source));
    }
}

/// An IPv6 user has a whole /64 to come from.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slows_down_after_five_and_forgets_on_success() {
        let mut brake = Brake::default();
        let here: IpAddr = "10.0.0.1".parse().expect("address");
        let there: IpAddr = "10.0.0.2".parse().expect("address");
        for _ in 0..5 {
            assert_eq!(brake.attempt(here, 0), Ok(()));
        }
        assert_eq!(brake.attempt(here, 0), Err(1));
        assert_eq!(brake.attempt(there, 0), Ok(()));
        assert_eq!(brake.attempt(here, 1000), Ok(()));
        assert_eq!(brake.attempt(here, 1000), Err(2));
        assert_eq!(brake.attempt(here, 3000), Ok(()));
        assert_eq!(brake.attempt(here, 3001), Err(4));
        brake.succeeded(here);
        assert_eq!(brake.attempt(here, 3002), Ok(()));
    }

    #[test]
    fn delay_is_bounded_and_a_v6_network_is_one_source() {
        let mut brake = Brake::default();
        let at = |text: &str| text.parse::<IpAddr>().expect("address");
        let mut now = 0;
        for n in 0..40 {
            let source = at(&format!("2001:db8::{n:x}"));
            if let Err(wait) = brake.attempt(source, now) {
                assert!(wait <= 900);
                now += wait as i64 * 1000;
                assert_eq!(brake.attempt(source, now), Ok(()));
            }
        }
        assert_eq!(brake.attempt(at("2001:db8::ffff"), now), Err(900));
        assert_eq!(brake.attempt(at("2001:db8:0:1::1"), now), Ok(()));
    }
}
