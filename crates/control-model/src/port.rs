//! Which port an instance gets. Must not know which ports the host has free; the agent refuses
//! those that are taken by others, and the next one is asked for here.

/// The first port, counting up from `requested` and round from 65535 to 1024, that `taken` denies.
/// Nothing when all are taken.
pub fn choose(requested: u16, taken: impl Fn(u16) -> bool) -> Option<u16> {
    debug_assert!(requested >= FIRST, "requests are checked before");
    (requested..=LAST).chain(FIRST..requested).find(|port| !taken(*port))
}

/// Lowest port that may be asked for.
pub const FIRST: u16 = 1024;

/// Highest port that may be asked for.
pub const LAST: u16 = 65535;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        assert_eq!(choose(6379, |_| false), Some(6379));
        assert_eq!(choose(6379, |port| (6379..6382).contains(&port)), Some(6382));
        assert_eq!(choose(65535, |port| port == 65535), Some(1024));
        assert_eq!(choose(6379, |port| port != 6378), Some(6378));
        assert_eq!(choose(6379, |_| true), None);
    }
}
