//! Metrics of all nodes: sampled by the agent, kept as series, read by actions. Must not know how
//! they are shown.

mod collector;
mod exposition;
mod files;
mod series_store;

pub(crate) use collector::{Collector, run};
pub(crate) use exposition::page;
pub(crate) use series_store::Periods;

use admin::agent::NodeSample;
use control_model::{Instance, metric};
use series_store::SeriesStore;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Pause between two samples, in seconds; they are taken when the clock shows a multiple of it.
pub(crate) const PERIOD_S: i64 = 5;

/// The newest of a node.
#[derive(Debug, Clone)]
pub(crate) struct Latest {
    /// When it was taken, Unix seconds.
    pub(crate) at_s: i64,
    /// As the agent told it.
    pub(crate) sample: NodeSample,
    /// Stored numbers by column.
    pub(crate) numbers: Vec<(u16, i64)>,
}

/// All metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    series: SeriesStore,
    latest: Mutex<BTreeMap<String, Latest>>,
}

impl Metrics {
    /// Kept below `root`.
    pub(crate) fn new(root: PathBuf) -> Metrics {
        Metrics { series: SeriesStore::new(root), latest: Mutex::default() }
    }

    /// Takes in what the agent sampled at `at_s`, of the nodes of these instances.
    pub(crate) fn take(&self, at_s: i64, samples: Vec<NodeSample>, instances: &[Instance]) {
        let of: BTreeMap<String, &Instance> =
            instances.iter().map(|instance| (instance.node_id(), instance)).collect();
        let mut failed = None;
        for sample in samples {
            let Some(instance) = of.get(&sample.node_id) else { continue };
            let node_id = sample.node_id.clone();
            let before = self.latest(&node_id);
            let before = before.as_ref().map(|latest| &latest.sample);
            let numbers = metric::numbers(before, &sample, instance.class());
            if !numbers.is_empty() {
                failed = self.series.push(&node_id, at_s, &numbers).err().or(failed);
            }
            let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
            latest.insert(node_id, Latest { at_s, sample, numbers });
        }
        if let Some(error) = failed {
            tracing::warn!("metrics cannot be written now: {error}");
        }
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.retain(|node_id, _| of.contains_key(node_id));
    }

    /// Deletes the series of all but these instances.
    pub(crate) fn forget_others<'a>(
        &self,
        instances: impl Iterator<Item = &'a Instance>,
    ) -> io::Result<()> {
        let kept: Vec<String> = instances.map(Instance::node_id).collect();
        self.series.retain(|node_id| kept.iter().any(|kept| kept == node_id))
    }

    /// Writes what waits.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.series.flush()
    }

    /// The newest sample of a node, if there is one.
    pub(crate) fn latest(&self, node_id: &str) -> Option<Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).get(node_id).cloned()
    }

    /// Numbers in periods, at `from_s <= time <= to_s`.
    ///
    /// # Errors
    /// As the disk says.
    pub(crate) fn read(
        &self,
        node_id: &str,
        columns: &[u16],
        range_s: (i64, i64),
        period_s: i64,
    ) -> io::Result<Periods> {
        self.series.read(node_id, columns, range_s, period_s)
    }
}
