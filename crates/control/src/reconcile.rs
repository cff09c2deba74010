//! Brings the host to the intents: level-triggered, woken by changes of the store, of the view
//! and by finished steps, and by a slow period in case a wake was lost. Takes no input. Must not
//! know what steps do.

use crate::executor::{Executor, Progress, StepError};
use crate::observer::View;
use crate::recycle_bin;
use crate::store::StoreError;
use crate::store::documents::{self, Versioned};
use crate::tasks;
use control_model::{BinStep, HostView, Instance, Observed, Step, plan, plan_released};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

const PERIOD: Duration = Duration::from_secs(30);
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

struct Finished {
    instance_id: String,
    /// Of the view that the step was planned from.
    session: u64,
    outcome: Result<Progress, StepError>,
}

/// A step about an instance, in the recycle bin or not.
#[derive(Debug)]
enum Job {
    Live(Step),
    Released(BinStep),
}

/// The loop's own memory; all of it may be lost at any time.
pub struct Reconciler {
    executor: Executor,
    view: watch::Receiver<Arc<View>>,
    /// What the agent of `session` has taken, by instance.
    accepted: HashMap<String, Accepted>,
    session: u64,
    busy: HashSet<String>,
    failing: HashMap<String, Retry>,
    /// When the time of something that waits comes.
    due: Option<Instant>,
    steps: JoinSet<Finished>,
}

#[derive(Debug, Clone, Copy)]
struct Accepted {
    /// Highest taken.
    generation: u64,
    /// The node was seen since. If it is absent later, it was lost, not slow to appear.
    seen: bool,
}

#[derive(Debug, Clone, Copy)]
struct Retry {
    at: Instant,
    pause: Duration,
}

impl Reconciler {
    /// A loop that carries steps out with `executor`.
    pub fn new(executor: Executor, view: watch::Receiver<Arc<View>>) -> Reconciler {
        Reconciler {
            executor,
            view,
            accepted: HashMap::new(),
            session: 0,
            busy: HashSet::new(),
            failing: HashMap::new(),
            due: None,
            steps: JoinSet::new(),
        }
    }

    /// Runs until the view's publisher is gone.
    pub async fn run(mut self) {
        let mut changes = self.executor.store.watch();
        let mut period_end = Instant::now() + PERIOD;
        loop {
            changes.borrow_and_update();
            self.pass().await;
            let wake = self.next_retry().into_iter().chain(self.due).fold(period_end, Ord::min);
            tokio::select! {
                Ok(()) = changes.changed() => {}
                seen = self.view.changed() => if seen.is_err() { return },
                Some(done) = self.steps.join_next() => self.finish(done),
                () = sleep_until(wake) => {}
            }
            if period_end <= Instant::now() {
                self.accepted.clear();
                self.prune().await;
                period_end = Instant::now() + PERIOD;
            }
        }
    }

    /// Plans for each instance and starts the steps.
    async fn pass(&mut self) {
        let view = self.view.borrow_and_update().clone();
        if view.session != self.session {
            self.session = view.session;
            self.accepted.clear();
        }
        let store = self.executor.store.clone();
        // What moves between the two looks is seen twice or not at all; a step that was planned
        // from the former place is refused as out of date, by the store or by the agent.
        let read = move || {
            let released = recycle_bin::list(store.as_ref())?;
            Ok((released, documents::instances(store.as_ref())?))
        };
        let (released, instances) = match tokio::task::spawn_blocking(read).await {
            Ok(Ok::<_, StoreError>(read)) => read,
            Ok(Err(error)) => return tracing::error!("reading the instances: {error}"),
            // This process ends.
            Err(error) if error.is_cancelled() => return,
            Err(error) => return tracing::error!("reading the instances: {error}"),
        };
        self.forget_gone(released.iter().chain(&instances));
        let now = Instant::now();
        let due = next_due(&instances, &released, (self.executor.clock)());
        self.due = due.map(|pause| now + pause);
        for read in instances {
            let id = &read.value.instance_id;
            if self.waits(id) {
                continue;
            }
            let observed = view.host.node(&read.value.node_id());
            let accepted = self.accepted_of(id, observed);
            let now_unix_ms = (self.executor.clock)();
            let step = plan(&read.value, observed, accepted, now_unix_ms).map(Job::Live);
            self.start(read, step);
        }
        self.pass_released(released, &view.host);
    }

    /// As `pass`, for the recycle bin.
    fn pass_released(&mut self, released: Vec<Versioned<Instance>>, host: &HostView) {
        for read in released {
            if self.waits(&read.value.instance_id) {
                continue;
            }
            let observed = host.node(&read.value.node_id());
            let now_unix_ms = (self.executor.clock)();
            let step = plan_released(&read.value, observed, now_unix_ms).map(Job::Released);
            self.start(read, step);
        }
    }

    /// A step about it is under way, or has just failed.
    fn waits(&self, id: &str) -> bool {
        let now = Instant::now();
        self.failing.get(id).is_some_and(|retry| now < retry.at) || self.busy.contains(id)
    }

    fn start(&mut self, read: Versioned<Instance>, job: Option<Job>) {
        let id = read.value.instance_id.clone();
        let Some(job) = job else {
            self.failing.remove(&id);
            return;
        };
        tracing::debug!("{id}: {job:?}");
        self.busy.insert(id.clone());
        let (executor, session) = (self.executor.clone(), self.session);
        self.steps.spawn(async move {
            let outcome = match job {
                Job::Live(step) => executor.run(read, step).await,
                Job::Released(step) => executor.run_released(read, step).await,
            };
            Finished { instance_id: id, session, outcome }
        });
    }

    /// Forgets what ended long ago.
    async fn prune(&self) {
        let (store, now_unix_ms) = (self.executor.store.clone(), (self.executor.clock)());
        let pruned = move || tasks::prune(store.as_ref(), now_unix_ms);
        match tokio::task::spawn_blocking(pruned).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("forgetting old tasks: {error}"),
            Err(error) if error.is_cancelled() => {}
            Err(error) => tracing::error!("forgetting old tasks: {error}"),
        }
    }

    /// The generation that need not be applied again.
    fn accepted_of(&mut self, id: &str, observed: Observed<'_>) -> u64 {
        match (self.accepted.get_mut(id), observed) {
            (None, _) => 0,
            (Some(Accepted { seen: true, .. }), Observed::Absent) => {
                self.accepted.remove(id);
                0
            }
            (Some(accepted), observed) => {
                accepted.seen |= matches!(observed, Observed::Known(_));
                accepted.generation
            }
        }
    }

    fn next_retry(&self) -> Option<Instant> {
        let idle = self.failing.iter().filter(|(id, _)| !self.busy.contains(*id));
        idle.map(|(_, retry)| retry.at).min()
    }

    fn forget_gone<'a>(&mut self, all: impl Iterator<Item = &'a Versioned<Instance>>) {
        let ids: HashSet<_> = all.map(|read| &read.value.instance_id).collect();
        self.accepted.retain(|id, _| ids.contains(id));
        self.failing.retain(|id, _| ids.contains(id));
    }

    fn finish(&mut self, done: Result<Finished, tokio::task::JoinError>) {
        let Finished { instance_id: id, session, outcome } = match done {
            Ok(finished) => finished,
            Err(error) => {
                // Which instance it was is lost with the task: free all, steps can be repeated.
                tracing::error!("a step broke down: {error}");
                return self.busy.clear();
            }
        };
        self.busy.remove(&id);
        match outcome {
            Ok(progress) => {
                self.failing.remove(&id);
                match progress {
                    Progress::Accepted { generation } if session == self.session => {
                        let seen = self.accepted.get(&id).is_some_and(|before| before.seen);
                        self.accepted.insert(id, Accepted { generation, seen });
                    }
                    Progress::Accepted { .. } | Progress::Stored => {}
                }
            }
            Err(error) => {
                let last = self.failing.get(&id).map_or(RETRY_FIRST / 2, |retry| retry.pause);
                let pause = (last * 2).min(RETRY_MAX);
                tracing::warn!("{id}: {error}; next try in {} ms", pause.as_millis());
                self.failing.insert(id, Retry { at: Instant::now() + pause, pause });
            }
        }
    }
}

/// How long until the time of something that waits comes, or that of something released is over.
fn next_due(
    instances: &[Versioned<Instance>],
    released: &[Versioned<Instance>],
    now_unix_ms: i64,
) -> Option<Duration> {
    let waiting = instances.iter().filter_map(|read| read.value.next_due_unix_ms(now_unix_ms));
    let kept = released.iter().filter_map(|read| Some(read.value.kept?.until_unix_ms));
    let times = waiting.chain(kept.filter(|until_unix_ms| now_unix_ms < *until_unix_ms));
    times.min().map(|at_ms| Duration::from_millis(at_ms.abs_diff(now_unix_ms)))
}
