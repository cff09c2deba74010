//! The brake on guessing console passwords: after five failures from one source each further one
//! doubles the time until the next attempt is looked at. Time comes in as a value; must not know
//! passwords.

use std::net::IpAddr;
use stdx::Sources;

const FREE_FAILURES: u32 = 5;
const DELAY_MS_MAX: i64 = 15 * 60 * 1000;
const FORGET_MS: i64 = 24 * 60 * 60 * 1000;
/// To be forgotten sooner, somebody needs so many other networks.
const NETWORKS_MAX: usize = 65_536;

/// Failures by source.
#[derive(Debug)]
pub struct Brake {
    sources: Sources<Failures>,
}

#[derive(Debug, Clone, Copy, Default)]
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

impl Default for Brake {
    fn default() -> Self {
        Self { sources: Sources::new(FORGET_MS.unsigned_abs(), NETWORKS_MAX) }
    }
}

impl Brake {
    /// Whether an attempt may be looked at. It counts as failed until [`Brake::succeeded`], so that
    /// many at once do not slip through.
    ///
    /// # Errors
    /// Seconds to wait, at least 1.
    pub fn attempt(&mut self, source: IpAddr, now_unix_ms: i64) -> Result<(), u64> {
        let failures = self.failures(source, now_unix_ms);
        let wait_ms = failures.open_at_unix_ms() - now_unix_ms;
        if failures.count > 0 && wait_ms > 0 {
            return Err(wait_ms.unsigned_abs().div_ceil(1000));
        }
        *failures = Failures { count: failures.count + 1, last_unix_ms: now_unix_ms };
        Ok(())
    }

    /// An attempt of this source was right after all. Failures of before stay: whoever knows one
    /// password must not guess at others for ever.
    pub fn succeeded(&mut self, source: IpAddr, now_unix_ms: i64) {
        let failures = self.failures(source, now_unix_ms);
        failures.count = failures.count.saturating_sub(1);
    }

    fn failures(&mut self, source: IpAddr, now_unix_ms: i64) -> &mut Failures {
        let failures = self.sources.of(source, u64::try_from(now_unix_ms).unwrap_or(0));
        if now_unix_ms - failures.last_unix_ms > FORGET_MS {
            *failures = Failures::default();
        }
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slows_down_after_five_and_a_success_gives_back_itself_alone() {
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
        assert_eq!(brake.attempt(here, 7000), Ok(()));
        brake.succeeded(here, 7000);
        assert_eq!(brake.attempt(here, 7001), Err(4), "what failed before stays");
        assert_eq!(brake.attempt(here, 7001 + FORGET_MS), Ok(()));
        for _ in 0..9 {
            assert_eq!(brake.attempt(there, 0), Ok(()), "right passwords cost nothing");
            brake.succeeded(there, 0);
        }
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
