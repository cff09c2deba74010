//! Limits of an installation. Must not know how usage is counted.

/// What is used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Instances, those being deleted included.
    pub instances: usize,
}

/// Most instances of one host, unless the installation says otherwise.
pub const INSTANCES_MAX: usize = 1_000;

/// Whether so many more instances fit below the limit.
pub fn allows(usage: Usage, more: usize, instances_max: usize) -> bool {
    usage.instances.saturating_add(more) <= instances_max
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        for (instances, more, most, expected) in [
            (0, 1, 1, true),
            (1, 1, 1, false),
            (INSTANCES_MAX - 1, 1, INSTANCES_MAX, true),
            (INSTANCES_MAX, 1, INSTANCES_MAX, false),
            (0, usize::MAX, 5, false),
            (9, 2, 10, false),
            (8, 2, 10, true),
        ] {
            let found = allows(Usage { instances }, more, most);
            assert_eq!(found, expected, "{instances} + {more} of {most}");
        }
    }
}
