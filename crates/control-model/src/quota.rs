//! Limits per account. Must not know how usage is counted.

/// What an account uses now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Instances, those being deleted included.
    pub instances: usize,
}

/// Most instances of one account on one host.
pub const INSTANCES_MAX: usize = 100;

/// Whether one more instance fits.
pub fn allows_one_more(usage: Usage) -> bool {
    usage.instances < INSTANCES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edge() {
        assert!(allows_one_more(Usage { instances: INSTANCES_MAX - 1 }));
        assert!(!allows_one_more(Usage { instances: INSTANCES_MAX }));
    }
}
