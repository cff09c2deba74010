//! Instance classes: the only registry of sizes. A class fixes memory, connections, bandwidth and
//! the figures that the API reports; nothing here measures anything.

/// One purchasable size.
#[derive(Debug, PartialEq, Eq)]
pub struct Class {
    /// Name in the API.
    pub name: &'static str,
    /// Memory limit of the node, MiB.
    pub capacity_mb: u64,
    /// Enforced by the node in each direction, MB/s; [`Class::bandwidth_mb_per_s_max`] is the most
    /// that it can be raised to.
    pub bandwidth_mb_per_s: u32,
    /// Enforced by the node.
    pub connections_max: u32,
    /// Reported.
    pub qps: u32,
    /// Loops of the engine.
    pub loops: u32,
}

const fn row(name: &'static str, mb: u64, bandwidth: u32, connections: u32) -> Class {
    Class {
        name,
        capacity_mb: mb,
        bandwidth_mb_per_s: bandwidth,
        connections_max: connections,
        qps: 100_000,
        loops: 1,
    }
}

/// A class's bandwidth can be raised by this many times itself, or by so many MB/s if that is less.
const BANDWIDTH_RAISE_MAX: (u32, u32) = (6, 192);

impl Class {
    /// The most bandwidth that an instance of the class can have, MB/s.
    #[must_use]
    pub fn bandwidth_mb_per_s_max(&self) -> u32 {
        let (times, mb_per_s) = BANDWIDTH_RAISE_MAX;
        self.bandwidth_mb_per_s + (self.bandwidth_mb_per_s * times).min(mb_per_s)
    }
}

/// All classes; within a family by growing capacity.
pub const CLASSES: &[Class] = &[
    row("redis.shard.micro.ce", 256, 24, 10_000),
    row("redis.shard.small.2.ce", 1 << 10, 48, 10_000),
    row("redis.shard.mid.2.ce", 2 << 10, 96, 10_000),
    row("redis.shard.large.ce", 4 << 10, 96, 20_000),
    row("redis.shard.xlarge.ce", 8 << 10, 96, 20_000),
    row("redis.shard.2xlarge.ce", 16 << 10, 96, 20_000),
    row("redis.shard.3xlarge.ce", 24 << 10, 96, 30_000),
    row("redis.shard.4xlarge.ce", 32 << 10, 96, 30_000),
    row("redis.shard.8xlarge.ce", 64 << 10, 96, 30_000),
    row("redis.master.micro.default", 256, 10, 10_000),
    row("redis.master.small.default", 1 << 10, 10, 10_000),
    row("redis.master.mid.default", 2 << 10, 16, 10_000),
    row("redis.master.stand.default", 4 << 10, 24, 10_000),
    row("redis.master.large.default", 8 << 10, 24, 10_000),
    row("redis.master.2xlarge.default", 16 << 10, 32, 10_000),
    row("redis.master.4xlarge.default", 32 << 10, 32, 10_000),
    row("redis.master.8xlarge.default", 64 << 10, 48, 10_000),
    row("tair.rdb.1g", 1 << 10, 96, 30_000),
    row("tair.rdb.2g", 2 << 10, 96, 30_000),
    row("tair.rdb.4g", 4 << 10, 96, 30_000),
    row("tair.rdb.8g", 8 << 10, 96, 30_000),
    row("tair.rdb.16g", 16 << 10, 96, 30_000),
    row("tair.rdb.24g", 24 << 10, 96, 30_000),
    row("tair.rdb.32g", 32 << 10, 96, 30_000),
    row("tair.rdb.64g", 64 << 10, 96, 30_000),
];

/// The class of this name.
pub fn find(name: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.name == name)
}

/// The cloud-native class of exactly this capacity, MiB.
pub fn find_by_capacity(capacity_mb: u64) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.capacity_mb == capacity_mb)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn rows_are_unique_and_capacity_prefers_cloud_native() {
        let names: BTreeSet<_> = CLASSES.iter().map(|class| class.name).collect();
        assert_eq!(names.len(), CLASSES.len());
        assert!(CLASSES.iter().all(|class| class.capacity_mb > 0 && class.loops > 0));
        let small = find_by_capacity(1024).expect("1 GB exists");
        assert_eq!(small.name, "redis.shard.small.2.ce");
        assert_eq!(find_by_capacity(1000), None);
        assert_eq!(find("redis.shard.mid.2.ce").map(|class| class.capacity_mb), Some(2048));
        assert_eq!(find("redis.shard.MID.2.ce"), None);
        for (name, most) in [("redis.shard.mid.2.ce", 288), ("redis.master.micro.default", 70)] {
            assert_eq!(find(name).map(Class::bandwidth_mb_per_s_max), Some(most));
        }
    }
}
