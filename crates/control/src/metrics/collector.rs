//! The rhythm of sampling: at each multiple of the period the agent is asked for figures of all
//! nodes, which are taken in beside the runtime. Must not know what figures mean.

use super::{Metrics, PERIOD_S};
use crate::agent::AgentClient;
use crate::alarms::Evaluator;
use crate::drift::{self, Said};
use crate::pipeline::Clock;
use crate::recycle_bin;
use crate::store::{Store, StoreError, documents};
use admin::agent::{AgentReply, AgentRequest, NodeSample};
use control_model::Instance;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

/// How long the agent may take; a silent node costs it a second.
const LIMIT: Duration = Duration::from_secs(3);

/// What sampling works with.
pub(crate) struct Collector {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) agent: Arc<AgentClient>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    /// Takes what nodes say of parameters that their intents do not know.
    pub(crate) drift: UnboundedSender<Said>,
    /// Looks at the alarm rules after each sample.
    pub(crate) evaluator: Mutex<Evaluator>,
}

/// Instances as they were read last, with the store's revision of then.
#[derive(Default)]
struct Known {
    revision: Option<u64>,
    instances: Arc<Vec<Instance>>,
    /// Series of what was deleted until then are deleted too.
    swept: bool,
}

/// Samples for ever.
pub(crate) async fn run(collector: Collector) {
    let collector = Arc::new(collector);
    let mut known = Known::default();
    loop {
        let period_ms = PERIOD_S * 1000;
        let now_ms = (collector.clock)();
        let pause_ms = period_ms - now_ms.rem_euclid(period_ms);
        sleep(Duration::from_millis(pause_ms.unsigned_abs())).await;
        let at_s = (now_ms + pause_ms) / 1000;
        let samples = match collector.agent.request(&AgentRequest::Sample, LIMIT).await {
            Ok(AgentReply::Samples(samples)) => samples,
            // Whether the agent is there is told by the observer; rules see that numbers lack.
            _ => Vec::new(),
        };
        let this = collector.clone();
        let taken = tokio::task::spawn_blocking(move || {
            let read = this.take(at_s, samples, &mut known);
            (read, known)
        });
        known = match taken.await {
            Ok((Ok(()), known)) => known,
            Ok((Err(error), known)) => {
                tracing::warn!("metrics: {error}");
                known
            }
            Err(error) => {
                tracing::error!("taking in metrics broke down: {error}");
                Known::default()
            }
        };
    }
}

impl Collector {
    fn take(
        &self,
        at_s: i64,
        samples: Vec<NodeSample>,
        known: &mut Known,
    ) -> Result<(), StoreError> {
        let revision = *self.store.watch().borrow();
        if known.revision != Some(revision) {
            let read = documents::instances(self.store.as_ref())?;
            known.instances = Arc::new(read.into_iter().map(|read| read.value).collect());
            known.revision = Some(revision);
            known.swept = false;
        }
        drift::sift(&samples, &known.instances, &self.drift);
        self.metrics.take(at_s, samples, &known.instances);
        if !known.swept {
            self.sweep(&known.instances)?;
            known.swept = true;
        }
        let mut evaluator = self.evaluator.lock().unwrap_or_else(PoisonError::into_inner);
        evaluator.run(at_s, &known.instances)
    }

    /// Deletes the series of instances that are gone for good. Instances are read before and after
    /// the recycle bin, so that none is missed on its way in or out.
    fn sweep(&self, before: &[Instance]) -> Result<(), StoreError> {
        let mut kept = recycle_bin::list(self.store.as_ref())?;
        kept.extend(documents::instances(self.store.as_ref())?);
        let kept = before.iter().chain(kept.iter().map(|read| &read.value));
        if let Err(error) = self.metrics.forget_others(kept) {
            tracing::warn!("metrics of deleted instances cannot be deleted: {error}");
        }
        Ok(())
    }
}
