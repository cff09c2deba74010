//! What is known of networks that ask for something, in bounded memory: who is forgotten has been
//! quiet for long, or a fixed number of other networks came after it. Must not know what it keeps.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// A value per source: an IPv4 address, or an IPv6 network of 64 bits.
///
/// Values live in two generations. When the younger one is old or full it becomes the older one,
/// and what was the older one is dropped as a whole: forgetting costs nothing on average, and
/// nobody gets rid of his own value with fewer than `networks_max` other networks.
#[derive(Debug)]
pub struct Sources<T> {
    young: HashMap<IpAddr, T>,
    old: HashMap<IpAddr, T>,
    since_ms: u64,
    kept_ms: u64,
    networks_max: usize,
}

impl<T: Default> Sources<T> {
    /// Keeps each value for `kept_ms` after its last use at least, unless `networks_max` other
    /// sources came in between; never more than twice as many values.
    #[must_use]
    pub fn new(kept_ms: u64, networks_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), since_ms: 0, kept_ms, networks_max }
    }

    /// The value of a source; the default value of one that is not known.
    pub fn of(&mut self, source: IpAddr, now_ms: u64) -> &mut T {
        let network = network(source);
        let is_full = self.young.len() >= self.networks_max && !self.young.contains_key(&network);
        if is_full || now_ms.saturating_sub(self.since_ms) >= self.kept_ms {
            self.old = std::mem::take(&mut self.young);
            self.since_ms = now_ms;
        }
        let old = &mut self.old;
        self.young.entry(network).or_insert_with(|| old.remove(&network).unwrap_or_default())
    }

    /// Values held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// True when nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    fn at(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_is_one_source() {
        let mut sources = Sources::<u32>::new(1000, 8);
        for (source, want) in [
            ("10.0.0.1", 1),
            ("10.0.0.2", 1),
            ("::ffff:10.0.0.1", 2),
            ("2001:db8::1", 1),
            ("2001:db8::ffff:1", 2),
            ("2001:db8:0:1::1", 1),
        ] {
            let value = sources.of(at(source), 0);
            *value += 1;
            assert_eq!(*value, want, "{source}");
        }
    }

    #[test]
    fn a_value_outlives_its_time_of_quiet_and_goes_then() {
        let mut sources = Sources::<u32>::new(1000, 8);
        for start_ms in [0, 999, 5_500] {
            *sources.of(at("10.0.0.1"), start_ms) = 7;
            sources.of(at("10.0.0.2"), start_ms + 500);
            assert_eq!(*sources.of(at("10.0.0.1"), start_ms + 1000), 7, "{start_ms}");
        }
        sources.of(at("10.0.0.2"), 10_000);
        sources.of(at("10.0.0.2"), 11_000);
        assert_eq!(*sources.of(at("10.0.0.1"), 11_000), 0);
    }

    #[test]
    fn many_sources_take_bounded_room_and_few_drop_nobody() {
        let mut sources = Sources::<u32>::new(1000, 100);
        *sources.of(at("10.0.0.1"), 0) = 7;
        for n in 0..100u32 {
            assert_eq!(*sources.of(IpAddr::V4(n.into()), 0), 0);
        }
        assert_eq!(*sources.of(at("10.0.0.1"), 0), 7);
        for n in 0..10_000u32 {
            sources.of(IpAddr::V4(n.into()), 0);
            assert!(sources.len() <= 200);
        }
        assert_eq!(*sources.of(at("10.0.0.1"), 0), 0);
    }
}
