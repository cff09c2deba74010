//! From two samples of a node to the numbers of one moment: gauges as they are, counters as their
//! growth a second. A counter that went back, or a node that started anew, gives no number. Must
//! not know how samples are taken or where numbers go.

use crate::class::Class;
use admin::agent::NodeSample;
use admin::node::NodeFigures;
use catalog::metrics::{METRICS, MetricId, Unit, command_column};

/// The shortest time between two samples that tells a rate, in milliseconds.
const ELAPSED_MS_MIN: u64 = 200;

/// Two samples of one process, the earlier one first.
struct Pair<'a> {
    before: Option<(&'a NodeSample, &'a NodeFigures)>,
    now: &'a NodeSample,
    figures: &'a NodeFigures,
    class: &'a Class,
}

/// Stored numbers by column, in the order of columns; nothing when the node is silent.
pub fn numbers(before: Option<&NodeSample>, now: &NodeSample, class: &Class) -> Vec<(u16, i64)> {
    let Some(figures) = &now.figures else { return Vec::new() };
    let before = before.filter(|before| before.pid == now.pid);
    let before = before.and_then(|before| Some((before, before.figures.as_ref()?)));
    let before =
        before.filter(|(_, before)| before.uptime_ms + ELAPSED_MS_MIN <= figures.uptime_ms);
    let pair = Pair { before, now, figures, class };
    let of = |metric: &catalog::metrics::Metric| {
        let value = pair.value(metric.id).filter(|value| value.is_finite())?;
        Some((metric.id.column(), metric.unit.store(value)))
    };
    let mut numbers: Vec<_> = METRICS.iter().filter_map(of).collect();
    numbers.extend(pair.commands());
    numbers
}

impl Pair<'_> {
    fn value(&self, id: MetricId) -> Option<f64> {
        use MetricId as M;
        let now = self.figures;
        let whole = |number: u64| Some(number as f64);
        let mega = |bytes: u64| Some(bytes as f64 / f64::from(1 << 20));
        match id {
            M::CpuUsage => {
                let before_us = self.before?.0.cpu_us?;
                Some(self.growth(before_us, self.now.cpu_us?)? / 10_000.0)
            }
            M::MemoryUsage => share(now.used_memory_bytes as f64, self.quota_bytes()),
            M::UsedMemory => whole(now.used_memory_bytes),
            M::QuotaMemory => Some(self.quota_bytes()),
            M::ResidentMemory => whole(self.now.resident_bytes?),
            M::LuaMemory => whole(now.lua_bytes),
            M::StartupMemory | M::OverheadMemory => whole(now.startup_bytes),
            M::DatasetMemory => whole(now.used_memory_bytes.saturating_sub(now.startup_bytes)),
            M::LazyfreePending => whole(now.lazyfree_pending),
            M::InstanceSize => mega(self.now.data_bytes + self.now.log_bytes),
            M::DataSize => mega(self.now.data_bytes),
            M::LogSize => mega(self.now.log_bytes),
            M::TotalQps => self.rate(|at| at.calls),
            M::GetQps => self.rate(|at| at.reads),
            M::PutQps => self.rate(|at| at.writes),
            M::OtherQps => {
                let known = self.rate(|at| at.reads)? + self.rate(|at| at.writes)?;
                Some((self.rate(|at| at.calls)? - known).max(0.0))
            }
            M::QpsUsage => share(self.rate(|at| at.calls)?, f64::from(self.class.qps)),
            M::ConnectionUsage => share(now.connections as f64, now.connections_max as f64),
            M::Connections => whole(now.connections),
            M::ConnectionsPerSecond => self.rate(|at| at.connections_received),
            M::RefusedConnectionsPerSecond => self.rate(|at| at.connections_refused),
            M::InFlow => Some(self.rate(|at| at.net_input_bytes)? / 1024.0),
            M::OutFlow => Some(self.rate(|at| at.net_output_bytes)? / 1024.0),
            M::InFlowRatio => share(self.rate(|at| at.net_input_bytes)?, self.bandwidth()),
            M::OutFlowRatio => share(self.rate(|at| at.net_output_bytes)?, self.bandwidth()),
            M::AverageLatency => self.average_latency_us(),
            M::MaxLatency => whole(now.slowest_us),
            M::Keys => whole(now.keys),
            M::Expires => whole(now.keys_with_ttl),
            M::ExpiredKeys => whole(now.expired_keys),
            M::EvictedKeys => whole(now.evicted_keys),
            M::ExpiredKeysPerSecond => self.rate(|at| at.expired_keys),
            M::EvictedKeysPerSecond => self.rate(|at| at.evicted_keys),
            M::HitRate => {
                let hits = self.rate(|at| at.keyspace_hits)?;
                let all = hits + self.rate(|at| at.keyspace_misses)?;
                Some(share(hits, all).unwrap_or(100.0))
            }
            M::HitsPerSecond => self.rate(|at| at.keyspace_hits),
            M::MissesPerSecond => self.rate(|at| at.keyspace_misses),
            M::BlockedClients => whole(now.blocked_clients),
            M::ErrorsPerSecond => self.rate(|at| at.errors),
            M::ChangesSinceSave => whole(now.changes_since_save),
        }
    }

    /// What the node enforces, or the class before it was told.
    fn quota_bytes(&self) -> f64 {
        match self.figures.maxmemory_bytes {
            0 => (self.class.capacity_mb << 20) as f64,
            told => told as f64,
        }
    }

    /// Bytes a second: what the node enforces, or those of the class where it enforces none.
    fn bandwidth(&self) -> f64 {
        match self.figures.bandwidth_bytes_per_s {
            0 => f64::from(self.class.bandwidth_mb_per_s) * f64::from(1 << 20),
            told => told as f64,
        }
    }

    fn average_latency_us(&self) -> Option<f64> {
        let before = self.before?.1;
        let calls = self.figures.timed_calls.checked_sub(before.timed_calls)?;
        let us = self.figures.timed_us.checked_sub(before.timed_us)?;
        Some(if calls == 0 { 0.0 } else { us as f64 / calls as f64 })
    }

    /// Growth a second.
    fn growth(&self, before: u64, now: u64) -> Option<f64> {
        let elapsed_ms = self.figures.uptime_ms - self.before?.1.uptime_ms;
        Some(now.checked_sub(before)? as f64 * 1000.0 / elapsed_ms as f64)
    }

    fn rate(&self, of: impl Fn(&NodeFigures) -> u64) -> Option<f64> {
        self.growth(of(self.before?.1), of(self.figures))
    }

    /// Commands that ran, now or ever before in this process: a column ends with its process.
    fn commands(&self) -> Vec<(u16, i64)> {
        let Some((_, before)) = self.before else { return Vec::new() };
        let rate = |(name, now): (&String, &u64)| {
            let earlier = before.commands.get(name).copied().unwrap_or(0);
            let value = self.growth(earlier, *now)?;
            Some((command_column(name)?, Unit::CountPerSecond.store(value)))
        };
        let mut columns: Vec<_> = self.figures.commands.iter().filter_map(rate).collect();
        columns.sort_unstable();
        columns
    }
}

/// Percent; `None` of nothing.
fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part * 100.0 / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class;
    use catalog::metrics::row;
    use std::collections::BTreeMap;

    fn sample(uptime_ms: u64, change: impl Fn(&mut NodeFigures)) -> NodeSample {
        let mut figures = NodeFigures { uptime_ms, ..NodeFigures::default() };
        change(&mut figures);
        let cpu_us = Some(uptime_ms * 100);
        NodeSample { pid: 7, figures: Some(figures), cpu_us, ..NodeSample::default() }
    }

    fn of(before: Option<&NodeSample>, now: &NodeSample, id: MetricId) -> Option<f64> {
        let class = class::find("redis.shard.micro.ce").expect("a row");
        let numbers: BTreeMap<_, _> = numbers(before, now, class).into_iter().collect();
        numbers.get(&id.column()).map(|&stored| row(id).unit.load(stored as f64))
    }

    #[test]
    fn gauges_and_rates() {
        use MetricId as M;
        let before = sample(10_000, |at| {
            at.calls = 100;
            at.keyspace_hits = 10;
            at.timed_us = 50;
        });
        let now = sample(15_000, |at| {
            (at.calls, at.reads, at.writes) = (600, 200, 100);
            (at.keyspace_hits, at.keyspace_misses) = (40, 10);
            (at.used_memory_bytes, at.connections, at.connections_max) = (64 << 20, 5, 10_000);
            (at.timed_us, at.timed_calls, at.slowest_us) = (150, 40, 77);
            (at.net_input_bytes, at.startup_bytes) = (24 << 20, 1 << 20);
        });
        let rows = [
            (M::CpuUsage, 10.0),
            (M::MemoryUsage, 25.0),
            (M::UsedMemory, 67_108_864.0),
            (M::QuotaMemory, 268_435_456.0),
            (M::DatasetMemory, 66_060_288.0),
            (M::TotalQps, 100.0),
            (M::GetQps, 40.0),
            (M::PutQps, 20.0),
            (M::OtherQps, 40.0),
            (M::QpsUsage, 0.1),
            (M::ConnectionUsage, 0.05),
            (M::InFlow, 4_915.2),
            (M::InFlowRatio, 20.0),
            (M::AverageLatency, 2.5),
            (M::MaxLatency, 77.0),
            (M::HitRate, 75.0),
            (M::Keys, 0.0),
        ];
        for (id, expected) in rows {
            assert_eq!(of(Some(&before), &now, id), Some(expected), "{id:?}");
        }
        let raised = sample(20_000, |at| {
            (at.net_input_bytes, at.net_output_bytes) = (36 << 20, 48 << 20);
            at.bandwidth_bytes_per_s = 48 << 20;
        });
        let ratios = [M::InFlowRatio, M::OutFlowRatio].map(|id| of(Some(&now), &raised, id));
        assert_eq!(ratios, [Some(5.0), Some(20.0)], "of what the node enforces");
        assert_eq!(of(None, &now, M::UsedMemory), Some(67_108_864.0));
        assert_eq!(of(None, &now, M::TotalQps), None);
        let idle = sample(20_000, |_| {});
        assert_eq!(of(Some(&sample(15_000, |_| {})), &idle, M::HitRate), Some(100.0));
    }

    #[test]
    fn what_cannot_be_told_is_absent() {
        let before = sample(10_000, |at| at.calls = 500);
        let reset = sample(15_000, |at| at.calls = 3);
        assert_eq!(of(Some(&before), &reset, MetricId::TotalQps), None, "CONFIG RESETSTAT");
        assert_eq!(of(Some(&before), &reset, MetricId::HitsPerSecond), Some(0.0));
        let restarted = sample(1_000, |at| at.calls = 900);
        assert_eq!(of(Some(&before), &restarted, MetricId::TotalQps), None);
        let other = NodeSample { pid: 8, ..sample(15_000, |at| at.calls = 900) };
        assert_eq!(of(Some(&before), &other, MetricId::TotalQps), None);
        let silent = NodeSample { figures: None, ..sample(15_000, |_| {}) };
        assert_eq!(of(Some(&before), &silent, MetricId::UsedMemory), None);
        assert_eq!(of(Some(&silent), &sample(20_000, |_| {}), MetricId::TotalQps), None);
    }

    #[test]
    fn commands_have_columns_of_their_own() {
        let with = |uptime_ms, gets: u64| {
            sample(uptime_ms, |at| {
                at.commands = [("get".to_owned(), gets), ("nonsense".to_owned(), 1)].into();
            })
        };
        let class = class::find("redis.shard.micro.ce").expect("a row");
        let numbers = numbers(Some(&with(1_000, 10)), &with(3_000, 30), class);
        let column = command_column("get").expect("known");
        assert_eq!(numbers.last(), Some(&(column, 1_000)));
        assert!(numbers.is_sorted());
    }
}
