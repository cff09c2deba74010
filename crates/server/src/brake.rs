//! The brake on guessing passwords: ten wrong ones in any second from one source, and nothing more
//! is looked at until one of them is a second old. Time comes in as a value; must not know
//! passwords nor connections.

use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr};
use stdx::Sources;

/// Wrong passwords of one source that are looked at in any second.
const GUESSES_MAX: usize = 10;
const SECOND_US: u64 = 1_000_000;
/// Who has this many networks to guess from may guess faster than a node answers anyway, so that
/// being forgotten (see [`Sources`]) is no gain.
const NETWORKS_MAX: usize = 8192;
/// Clients without an address come from this host: together they are one source.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Recent wrong passwords by source, of all loops together.
#[derive(Debug)]
pub struct Brake(Mutex<Sources<Guesses>>);

/// When a source's last wrong passwords came, oldest first, in microseconds.
type Guesses = Vec<u64>;

/// The source is at its limit; nothing about the password may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Braked;

impl Default for Brake {
    fn default() -> Self {
        Self(Mutex::new(Sources::new(SECOND_US / 1000, NETWORKS_MAX)))
    }
}

impl Brake {
    /// Whether a password may be looked at. It counts as wrong until [`Brake::was_right`], so that
    /// many at once do not slip through.
    ///
    /// # Errors
    /// The limit.
    pub fn attempt(&self, source: Option<IpAddr>, now_us: u64) -> Result<(), Braked> {
        let mut sources = self.0.lock();
        let guesses = sources.of(source.unwrap_or(HERE), now_us / 1000);
        guesses.retain(|at_us| now_us.saturating_sub(*at_us) < SECOND_US);
        if guesses.len() >= GUESSES_MAX {
            return Err(Braked);
        }
        guesses.push(now_us);
        Ok(())
    }

    /// The last attempt of this source was right and counts no more. Those before it stay: a
    /// password that somebody knows must not buy guesses at another.
    pub fn was_right(&self, source: Option<IpAddr>, now_us: u64) {
        self.0.lock().of(source.unwrap_or(HERE), now_us / 1000).pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use stdx::Rng;

    fn at(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect("an address"))
    }

    #[test]
    fn ten_in_any_second_and_others_are_not_touched() {
        let brake = Brake::default();
        let (here, there) = (at("10.0.0.1"), at("10.0.0.2"));
        for n in 0..10 {
            assert_eq!(brake.attempt(here, n * 100_000), Ok(()));
        }
        assert_eq!(brake.attempt(here, 999_999), Err(Braked));
        assert_eq!(brake.attempt(there, 999_999), Ok(()));
        assert_eq!(brake.attempt(here, 1_000_000), Ok(()), "the first is a second old");
        assert_eq!(brake.attempt(here, 1_000_001), Err(Braked));
        assert_eq!(brake.attempt(here, 1_100_000), Ok(()), "refused ones do not count");
    }

    #[test]
    fn right_passwords_are_free_and_buy_nothing() {
        let brake = Brake::default();
        let here = at("10.0.0.1");
        for _ in 0..1000 {
            assert_eq!(brake.attempt(here, 0), Ok(()));
            brake.was_right(here, 0);
        }
        for _ in 0..10 {
            assert_eq!(brake.attempt(here, 0), Ok(()));
            if brake.attempt(here, 0).is_ok() {
                brake.was_right(here, 0);
            }
        }
        assert_eq!(brake.attempt(here, 0), Err(Braked));
    }

    /// Random attempts against a plain list of all that was wrong.
    #[test]
    fn as_a_list_of_all_guesses_would_decide() {
        let brake = Brake::default();
        let mut rng = Rng::new(5);
        let mut wrong: HashMap<usize, Vec<u64>> = HashMap::new();
        let mut now_us = 0;
        let mut braked = 0;
        for _ in 0..50_000 {
            now_us += rng.below(20_000) as u64;
            let network = rng.below(5);
            let source = at(&format!("2001:db8:0:{network:x}::{:x}", rng.below(1000)));
            let wrong = wrong.entry(network).or_default();
            let recent = wrong.iter().filter(|at_us| now_us - **at_us < SECOND_US).count();
            let got = brake.attempt(source, now_us);
            assert_eq!(got.is_ok(), recent < GUESSES_MAX, "at {now_us}");
            braked += usize::from(got.is_err());
            if got.is_ok() && rng.below(4) == 0 {
                brake.was_right(source, now_us);
            } else if got.is_ok() {
                wrong.push(now_us);
            }
        }
        assert!((5_000..45_000).contains(&braked), "{braked}");
    }
}
