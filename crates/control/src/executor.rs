//! Carries out one planned step. Every step can be repeated after any failure. Must not know why a
//! step was planned.

use crate::agent::{AgentClient, AgentError};
use crate::pipeline::Clock;
use crate::recycle_bin;
use crate::store::documents::{self, Versioned};
use crate::store::{Change, Expect, Kind, Store, StoreError};
use crate::tasks;
use admin::agent::{AgentReply, AgentRequest};
use control_model::global_group::GlobalGroups;
use control_model::task::Outcome;
use control_model::{BinStep, Instance, Step, port};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

const APPLY_LIMIT: Duration = Duration::from_secs(10);
/// Stopping a node may save a large file first.
const REMOVE_LIMIT: Duration = Duration::from_secs(120);

/// Nodes that save and stop at once: each may take its disk's time, and other requests to the agent
/// must find a turn beside them.
pub const RELEASES_MAX: usize = 16;

/// What a step led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// The agent took this generation; the world will show it.
    Accepted {
        /// As applied.
        generation: u64,
    },
    /// The store changed and will wake the planner.
    Stored,
}

/// Why a step did not work this time.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// See [`AgentError`].
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// See [`StoreError`].
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The task that ran the step broke down.
    #[error("the step was not finished")]
    Broken,
}

/// What steps are carried out with.
#[derive(Clone)]
pub struct Executor {
    /// Documents.
    pub store: Arc<dyn Store>,
    /// The agent.
    pub agent: Arc<AgentClient>,
    /// Address that nodes bind.
    pub bind: String,
    /// The time.
    pub clock: Clock,
    /// Of [`RELEASES_MAX`].
    pub releases: Arc<Semaphore>,
}

impl Executor {
    /// Carries out `step` for the instance as it was read.
    ///
    /// # Errors
    /// See [`StepError`]; the planner is asked again.
    pub async fn run(&self, read: Versioned<Instance>, step: Step) -> Result<Progress, StepError> {
        match step {
            Step::Apply { generation } => self.apply(read.value, generation).await,
            Step::NoteServed { incarnation } => {
                let now_unix_ms = (self.clock)();
                let note = move |store: &dyn Store| {
                    note_served(store, &read.value, incarnation, now_unix_ms)
                };
                self.stored(note).await
            }
            Step::EndTask => {
                let now_unix_ms = (self.clock)();
                let end = move |store: &dyn Store, instance: &mut Instance| {
                    tasks::end_running(store, instance, Outcome::Succeed, now_unix_ms)
                };
                self.stored(move |store| unless_changed(store, &read, end)).await
            }
            Step::Begin => self.begin(read).await,
            Step::Release { generation } => {
                let now_unix_ms = (self.clock)();
                self.stop_and_keep(&read.value, generation).await?;
                self.stored(move |store| recycle_bin::put_in(store, &read, now_unix_ms)).await
            }
            Step::Remove { generation } => {
                let now_unix_ms = (self.clock)();
                self.remove(&read.value, generation).await?;
                self.stored(move |store| forget(store, &read, now_unix_ms)).await
            }
        }
    }

    /// Carries out `step` for an instance in the recycle bin as it was read.
    ///
    /// # Errors
    /// See [`StepError`]; the planner is asked again.
    pub async fn run_released(
        &self,
        read: Versioned<Instance>,
        step: BinStep,
    ) -> Result<Progress, StepError> {
        let now_unix_ms = (self.clock)();
        match step {
            BinStep::Expire => {
                tracing::info!("{}: its time in the recycle bin is over", read.value.instance_id);
                let give_up = move |store: &dyn Store| {
                    recycle_bin::give_up(store, &read, now_unix_ms).map(drop)
                };
                self.stored(give_up).await
            }
            BinStep::Purge { generation } => {
                self.remove(&read.value, generation).await?;
                self.stored(move |store| recycle_bin::forget(store, &read, now_unix_ms)).await
            }
            BinStep::Stop { generation } => {
                self.stop_and_keep(&read.value, generation).await?;
                Ok(Progress::Stored)
            }
        }
    }

    async fn apply(&self, intent: Instance, generation: u64) -> Result<Progress, StepError> {
        let shared = self.shared_entries(&intent).await?;
        let request = AgentRequest::Apply(Box::new(intent.node_spec(&self.bind, &shared)));
        match self.agent.request(&request, APPLY_LIMIT).await {
            Ok(AgentReply::Applied) => Ok(Progress::Accepted { generation }),
            Ok(_) => Err(AgentError::Unexpected.into()),
            // A port is kept for life once it served.
            Err(AgentError::Refused(refusal))
                if refusal.code == "PortInUse" && intent.served_incarnation == 0 =>
            {
                self.stored(move |store| move_port(store, &intent)).await
            }
            Err(AgentError::Refused(refusal))
                if refusal.code == "PortInUse" && intent.former_port.is_some() =>
            {
                let now_unix_ms = (self.clock)();
                self.stored(move |store| keep_port(store, &intent, now_unix_ms)).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Entries of the groups that the instance is bound to. Whoever changes them later makes a new
    /// generation, so newer ones than those of `intent` do no harm.
    async fn shared_entries(&self, intent: &Instance) -> Result<Vec<String>, StepError> {
        if intent.global_groups.is_empty() {
            return Ok(Vec::new());
        }
        let (store, account) = (self.store.clone(), intent.account_id.clone());
        let read =
            move || documents::get::<GlobalGroups>(store.as_ref(), Kind::GlobalGroups, &account);
        let read = tokio::task::spawn_blocking(read).await.map_err(|_| StepError::Broken)??;
        Ok(read.map(|read| read.value.entries(&intent.global_groups)).unwrap_or_default())
    }

    async fn remove(&self, intent: &Instance, generation: u64) -> Result<(), StepError> {
        self.end(&AgentRequest::Remove { node_id: intent.node_id(), generation }).await
    }

    async fn stop_and_keep(&self, intent: &Instance, generation: u64) -> Result<(), StepError> {
        let _turn = self.releases.acquire().await.map_err(|_| StepError::Broken)?;
        self.end(&AgentRequest::Release { node_id: intent.node_id(), generation }).await
    }

    async fn end(&self, request: &AgentRequest) -> Result<(), StepError> {
        match self.agent.request(request, REMOVE_LIMIT).await? {
            AgentReply::Done => Ok(()),
            _ => Err(AgentError::Unexpected.into()),
        }
    }

    /// Begins what waits, or gives it up when the data do not fit any more.
    async fn begin(&self, read: Versioned<Instance>) -> Result<Progress, StepError> {
        let now_unix_ms = (self.clock)();
        let Some(due) = read.value.due(now_unix_ms) else { return Ok(Progress::Stored) };
        let fits = match read.value.queued[due].change.limit_bytes() {
            Some(limit_bytes) => {
                let status = self.agent.status(&read.value.node_id()).await?;
                status.used_memory_bytes <= limit_bytes
            }
            None => true,
        };
        let begin = move |store: &dyn Store, instance: &mut Instance| {
            if fits {
                tasks::begin(store, instance, now_unix_ms)
            } else {
                tasks::fail_due(store, instance, now_unix_ms)
            }
        };
        self.stored(move |store| unless_changed(store, &read, begin)).await
    }

    async fn stored(
        &self,
        change: impl FnOnce(&dyn Store) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Progress, StepError> {
        let store = self.store.clone();
        let changed = tokio::task::spawn_blocking(move || change(store.as_ref())).await;
        changed.map_err(|_| StepError::Broken)??;
        Ok(Progress::Stored)
    }
}

/// Notes that the incarnation serves; the task that wanted it has come about.
fn note_served(
    store: &dyn Store,
    intent: &Instance,
    incarnation: u64,
    now_unix_ms: i64,
) -> Result<(), StoreError> {
    let note = |instance: &mut Instance| {
        instance.served_incarnation = instance.served_incarnation.max(incarnation);
        if instance.deleting || instance.served_incarnation < instance.incarnation {
            return Ok(Ok::<_, Infallible>(Vec::new()));
        }
        tasks::end_running(store, instance, Outcome::Succeed, now_unix_ms).map(Ok)
    };
    documents::update_instance(store, &intent.instance_id, note).map(drop)
}

/// Changes the instance, unless it has changed since the step was planned.
fn unless_changed(
    store: &dyn Store,
    read: &Versioned<Instance>,
    change: impl FnOnce(&dyn Store, &mut Instance) -> Result<Vec<Change>, StoreError>,
) -> Result<(), StoreError> {
    let mut instance = read.value.clone();
    let mut changes = change(store, &mut instance)?;
    changes.push(documents::put_instance(&instance, Expect::Revision(read.revision)));
    match store.txn(&changes) {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Leaves the instance on the port that it has: this host cannot give it the wanted one.
fn keep_port(store: &dyn Store, refused: &Instance, now_unix_ms: i64) -> Result<(), StoreError> {
    let keep = |instance: &mut Instance| {
        if instance.port != refused.port || instance.deleting {
            return Ok(Ok::<_, Infallible>(Vec::new()));
        }
        let Some(wanted) = instance.stay() else { return Ok(Ok(Vec::new())) };
        tracing::info!("{}: port {wanted} is taken on this host", instance.instance_id);
        let mut changes = tasks::end_running(store, instance, Outcome::Failed, now_unix_ms)?;
        changes.push(documents::delete(Kind::Port, &wanted.to_string(), Expect::Any));
        Ok(Ok(changes))
    };
    documents::update_instance(store, &refused.instance_id, keep).map(drop)
}

/// Gives the instance the next port that no instance of ours has, unless it moved meanwhile.
fn move_port(store: &dyn Store, refused: &Instance) -> Result<(), StoreError> {
    loop {
        let id = &refused.instance_id;
        let Some(read) = documents::get::<Instance>(store, Kind::Instance, id)? else {
            return Ok(());
        };
        let mut instance = read.value;
        if instance.port != refused.port || instance.deleting {
            return Ok(());
        }
        let claims = store.list(Kind::Port)?;
        let taken = |port: u16| {
            port == refused.port || claims.iter().any(|claim| claim.id == port.to_string())
        };
        let after = refused.port.checked_add(1).unwrap_or(port::FIRST);
        let Some(next) = port::choose(after, taken) else { return Ok(()) };
        instance.port = next;
        instance.touch();
        let changes = [
            documents::put_instance(&instance, Expect::Revision(read.revision)),
            documents::delete(Kind::Port, &refused.port.to_string(), Expect::Any),
            documents::claim_port(&instance, next),
        ];
        match store.txn(&changes) {
            Ok(_) => {
                tracing::info!("{id}: port {} is taken on this host, next is {next}", refused.port);
                return Ok(());
            }
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Deletes all that is left of an instance whose node is gone.
fn forget(
    store: &dyn Store,
    read: &Versioned<Instance>,
    now_unix_ms: i64,
) -> Result<(), StoreError> {
    let mut instance = read.value.clone();
    let mut changes = tasks::end_running(store, &mut instance, Outcome::Succeed, now_unix_ms)?;
    let id = &instance.instance_id;
    changes.extend([
        documents::delete(Kind::Instance, id, Expect::Revision(read.revision)),
        documents::delete(Kind::Port, &instance.port.to_string(), Expect::Any),
        documents::delete(Kind::ParameterHistory, id, Expect::Any),
    ]);
    if let Some(token) = &instance.token_key {
        changes.push(documents::delete(Kind::Token, token, Expect::Any));
    }
    match store.txn(&changes) {
        // Changed meanwhile: the planner looks again.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
