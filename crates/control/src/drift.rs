//! Parameters that a node has in force and its instance's intent does not know: what accounts of
//! the data plane have set becomes the intent or is undone, and what has drifted is brought back.
//! Both are audited. Must not know ranges or how nodes are told.

use crate::actions::instance_config::note;
use crate::pipeline::Shared;
use crate::store::{StoreError, documents};
use crate::witness::{SystemEvent, note_system};
use admin::agent::NodeSample;
use admin::node::NodeFigures;
use control_model::Instance;
use control_model::parameter::{self, Report};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// The same drift is brought back once in this time: a node that does not take a value would be
/// told of it all the time.
const AGAIN_MS: i64 = 60_000;

/// An instance and what its node says.
pub(crate) type Said = (String, Box<NodeFigures>);

/// Hands on what the intent does not know.
pub(crate) fn sift(samples: &[NodeSample], instances: &[Instance], sender: &UnboundedSender<Said>) {
    for sample in samples {
        let Some(figures) = &sample.figures else { continue };
        let instance = instances.iter().find(|instance| instance.node_id() == sample.node_id);
        let Some(instance) = instance.filter(|instance| !instance.deleting) else { continue };
        if parameter::report(instance, figures).is_some() {
            // Nobody listens any more when control ends.
            let _ = sender.send((instance.instance_id.clone(), Box::new(figures.clone())));
        }
    }
}

/// Answers until the senders are gone.
pub(crate) async fn run(shared: Arc<Shared>, mut said: UnboundedReceiver<Said>) {
    let mut brought_back: HashMap<String, (Report, i64)> = HashMap::new();
    while let Some((id, figures)) = said.recv().await {
        let (sharing, mut memory) = (shared.clone(), std::mem::take(&mut brought_back));
        let answered = tokio::task::spawn_blocking(move || {
            let outcome = answer(&sharing, &id, &figures, &mut memory);
            (outcome, memory)
        });
        match answered.await {
            Ok((outcome, memory)) => {
                brought_back = memory;
                if let Err(error) = outcome {
                    tracing::error!("answering a node about its parameters: {error}");
                }
            }
            Err(error) => tracing::error!("answering a node about its parameters: {error}"),
        }
    }
}

/// Answers one node, by its instance as it is now.
pub(crate) fn answer(
    shared: &Shared,
    id: &str,
    figures: &NodeFigures,
    brought_back: &mut HashMap<String, (Report, i64)>,
) -> Result<(), StoreError> {
    let store = shared.store.as_ref();
    let kind = crate::store::Kind::Instance;
    let Some(read) = documents::get::<Instance>(store, kind, id)? else { return Ok(()) };
    let (instance, now_unix_ms) = (read.value, (shared.clock)());
    match parameter::report(&instance, figures) {
        None => Ok(()),
        Some(Report::Changed) => adopt(shared, &instance, figures),
        Some(report @ Report::Drifted(_)) => {
            let last = brought_back.get(id);
            if last.is_some_and(|(same, at)| *same == report && now_unix_ms < at + AGAIN_MS) {
                return Ok(());
            }
            bring_back(shared, &instance, &report, now_unix_ms)?;
            brought_back.insert(id.to_owned(), (report, now_unix_ms));
            Ok(())
        }
    }
}

fn tell(shared: &Shared, instance: &Instance, name: &str, (unix_ms, details): (i64, Value)) {
    let (account_id, instance_id) = (&*instance.account_id, &*instance.instance_id);
    note_system(shared, &SystemEvent { account_id, name, instance_id, unix_ms, details });
}

fn adopt(shared: &Shared, instance: &Instance, figures: &NodeFigures) -> Result<(), StoreError> {
    let reported = &figures.tenant_changes;
    for change in reported.iter().filter(|change| instance.adopted_change < change.number) {
        let set: serde_json::Map<String, Value> =
            change.set.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let details =
            json!({"Number": change.number, "AccountName": change.account, "Config": set});
        let unix_ms = i64::try_from(change.unix_ms).unwrap_or(i64::MAX);
        tell(shared, instance, "InstanceParameter:SetByAccount", (unix_ms, details));
    }
    let store = shared.store.as_ref();
    let adopted = documents::update_instance(store, &instance.instance_id, |instance| {
        let changes = parameter::adopt(instance, reported).unwrap_or_default();
        note(store, instance, changes).map(Ok::<_, Infallible>)
    });
    adopted.map(drop)
}

/// A new generation, so that the node is told everything again.
fn bring_back(
    shared: &Shared,
    instance: &Instance,
    report: &Report,
    now_unix_ms: i64,
) -> Result<(), StoreError> {
    let Report::Drifted(drift) = report else { return Ok(()) };
    let found: serde_json::Map<String, Value> =
        drift.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    tell(shared, instance, "InstanceParameter:Drifted", (now_unix_ms, json!({"Found": found})));
    let id = &instance.instance_id;
    tracing::warn!("{id}: parameters differ from what is set and are set again: {drift:?}");
    let generation = instance.generation;
    let touched = documents::update_instance(shared.store.as_ref(), id, |instance| {
        if instance.generation == generation {
            instance.touch();
        }
        Ok(Ok::<_, Infallible>(Vec::new()))
    });
    touched.map(drop)
}
