//! The running control plane: calls, signed requests and logins over shared state, and the tasks
//! that observe and reconcile. Must not know HTTP or what actions do.

use crate::actions::{After, Done, Settings, live};
use crate::agent::{AgentClient, LIVE_LIMIT};
use crate::alarms::{self, Channels, Evaluator, Notifier};
use crate::audit::Audit;
use crate::audit::refusals::RefusalLimit;
use crate::authority::caller;
use crate::brake::Brake;
use crate::call::{Answer, Call, Identity, LoginError, Principal, Via};
use crate::error::{self, ApiError};
use crate::executor::{Executor, RELEASES_MAX};
use crate::metrics::{self, Collector, Metrics};
use crate::note::{Stranger, note_login, note_stranger};
use crate::observer::{self, View};
use crate::pipeline::{self, Clock, Request, Shared};
use crate::reconcile::Reconciler;
use crate::signature::replay::{Nonce, ReplayCache};
use crate::signature::{Claim, WireRequest};
use crate::store::Store;
use crate::throttle::Throttle;
use crate::vault::{self, Vault};
use crate::{drift, random, witness};
use admin::agent::{AgentReply, AgentRequest};
use control_model::lifecycle;
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stdx::Reserve;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a call waits for a node to enforce what it changed.
const ENFORCED_LIMIT: Duration = Duration::from_secs(2);
/// What a control plane is made of.
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Vault,
    pub(crate) audit: Audit,
    /// `None`: this host's disk is never full, as tests have it.
    pub(crate) reserve: Option<Arc<Reserve>>,
    pub(crate) agent_socket: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) bind: String,
    pub(crate) clock: Clock,
    pub(crate) replay: ReplayCache,
    pub(crate) metrics: Arc<Metrics>,
    /// How alarms are told; with `None` nothing is sampled and nobody told, as tests do it.
    pub(crate) channels: Option<Channels>,
}

/// A handle on the running control plane; cheap to clone.
#[derive(Clone)]
pub struct Control {
    pub(crate) shared: Arc<Shared>,
    /// Observer and reconciler; they end with the last handle.
    _tasks: Arc<JoinSet<()>>,
}

/// An answer with what HTTP adds to it.
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) retry_after_s: Option<u32>,
}

impl Control {
    /// Starts observing and reconciling on the present runtime.
    pub(crate) fn start(parts: Parts) -> Control {
        let (publisher, view) = watch::channel(Arc::new(View::default()));
        let agent = Arc::new(AgentClient::new(parts.agent_socket.clone()));
        let executor = Executor {
            store: parts.store.clone(),
            agent: agent.clone(),
            bind: parts.bind,
            clock: parts.clock.clone(),
            releases: Arc::new(Semaphore::new(RELEASES_MAX)),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { observer::run(&parts.agent_socket, publisher).await });
        tasks.spawn(Reconciler::new(executor, view.clone()).run());
        let (drift, said) = mpsc::unbounded_channel();
        if let Some(channels) = parts.channels {
            let (outbox, fresh) = mpsc::unbounded_channel();
            let (store, clock) = (parts.store.clone(), parts.clock.clone());
            let evaluator = Evaluator::new(store.clone(), parts.metrics.clone(), outbox);
            tasks.spawn(metrics::run(Collector {
                metrics: parts.metrics.clone(),
                agent: agent.clone(),
                store: store.clone(),
                clock: clock.clone(),
                drift,
                evaluator: Mutex::new(evaluator),
            }));
            let notifier = Notifier { store, clock, channels, api: parts.settings.api.clone() };
            tasks.spawn(alarms::run(notifier, fresh));
        }
        let shared = Shared {
            store: parts.store,
            vault: parts.vault,
            audit: parts.audit,
            reserve: parts.reserve,
            agent,
            view,
            settings: parts.settings,
            clock: parts.clock,
            throttle: Mutex::new(Throttle::default()),
            replay: Mutex::new(parts.replay),
            brake: Mutex::new(Brake::default()),
            refusals: Mutex::new(RefusalLimit::default()),
            metrics: parts.metrics,
            hashing: Semaphore::new(2),
        };
        let shared = Arc::new(shared);
        tasks.spawn(witness::start(shared.clone()));
        tasks.spawn(drift::run(shared.clone(), said));
        Control { shared, _tasks: Arc::new(tasks) }
    }

    /// Runs one action: policy, throttle, client token, audit, handler, audit.
    pub async fn call(&self, call: Call) -> Answer {
        self.reply(call, None).await.answer
    }

    /// As [`Control::call`], for a call whose signature used `nonce`.
    pub(crate) async fn reply(&self, call: Call, nonce: Option<String>) -> Reply {
        let request_id = random::request_id();
        let request = Request { call, request_id: request_id.clone(), nonce };
        let shared = self.shared.clone();
        let ran = tokio::task::spawn_blocking(move || pipeline::run(&shared, &request)).await;
        let outcome = match ran {
            Ok(Ok(done)) => Ok(self.await_after(done).await),
            Ok(Err(error)) => Err(error),
            Err(broken) => {
                tracing::error!("request {request_id} broke down: {broken}");
                Err(error::INTERNAL_ERROR.plain())
            }
        };
        self.render(outcome, request_id)
    }

    /// The answer to a request that failed before it was a call, for no fault of whoever sent it.
    pub(crate) fn refuse(&self, error: ApiError) -> Reply {
        self.render(Err(error), random::request_id())
    }

    /// The answer to what is no request of the API at all; audited.
    pub(crate) async fn refuse_unread(
        &self,
        source: IpAddr,
        user_agent: String,
        error: ApiError,
    ) -> Reply {
        let control = self.clone();
        let refused = tokio::task::spawn_blocking(move || {
            let request_id = random::request_id();
            let stranger = Stranger {
                request_id: &request_id,
                action: "",
                access_key_id: "",
                source,
                user_agent: &user_agent,
            };
            let noted = note_stranger(&control.shared, &stranger, &error);
            control.render(Err(noted.err().unwrap_or(error)), request_id)
        });
        refused.await.unwrap_or_else(|broken| {
            tracing::error!("auditing a refusal broke down: {broken}");
            self.refuse(error::INTERNAL_ERROR.plain())
        })
    }

    /// As [`Control::refuse`], for a request of which nobody knows who made it. It is audited
    /// first, which may block on the disk.
    pub(crate) fn refuse_stranger(
        &self,
        request: &WireRequest<'_>,
        source: IpAddr,
        error: ApiError,
    ) -> Reply {
        let request_id = random::request_id();
        let (action, access_key_id) = request.says_of_itself();
        let stranger = Stranger {
            request_id: &request_id,
            action: &action,
            access_key_id: &access_key_id,
            source,
            user_agent: request.header("user-agent").unwrap_or_default(),
        };
        let noted = note_stranger(&self.shared, &stranger, &error);
        self.render(Err(noted.err().unwrap_or(error)), request_id)
    }

    fn render(&self, outcome: Result<Map<String, Value>, ApiError>, request_id: String) -> Reply {
        let (status, mut body, retry_after_s) = match outcome {
            Ok(body) => (200, body, None),
            Err(error) => {
                let mut body = Map::new();
                body.insert("HostId".into(), self.shared.settings.api.clone().into());
                body.insert("Code".into(), error.code.into());
                body.insert("Message".into(), error.message.into());
                if let Some(detail) = error.access_denied {
                    body.insert("AccessDeniedDetail".into(), detail);
                }
                (error.status, body, error.retry_after_s)
            }
        };
        body.insert("RequestId".into(), request_id.into());
        Reply { answer: Answer { status, body: Value::Object(body) }, retry_after_s }
    }

    async fn await_after(&self, done: Done) -> Map<String, Value> {
        let mut body = done.body;
        match done.after {
            After::Nothing => {}
            After::Enforced { node_id, generation } => {
                self.await_enforced(&[(node_id, generation)]).await;
            }
            After::AllEnforced(nodes) => {
                self.await_enforced(&nodes).await;
            }
            After::Live { node_id } => {
                let (status, clients) = self.live(&node_id).await;
                body.insert("Status".into(), status);
                body.insert("Clients".into(), clients);
            }
        }
        body
    }

    /// Waits until the nodes enforce these generations. While the agent is away there is nothing to
    /// wait for: the change is stored and will be applied.
    async fn await_enforced(&self, nodes: &[(String, u64)]) {
        let mut view = self.shared.view.clone();
        let settled = view.wait_for(|view| {
            let host = &view.host;
            let enforces = |(node_id, generation): &(String, u64)| {
                lifecycle::enforces(*generation, host.node(node_id))
            };
            !host.is_known() || nodes.iter().all(enforces)
        });
        if timeout(ENFORCED_LIMIT, settled).await.is_err() {
            tracing::warn!("not all of {nodes:?} enforce these generations yet");
        }
    }

    async fn live(&self, node_id: &str) -> (Value, Value) {
        let agent = &self.shared.agent;
        let clients = AgentRequest::Clients { node_id: node_id.to_owned() };
        let (status, clients) =
            tokio::join!(agent.status(node_id), agent.request(&clients, LIVE_LIMIT));
        let status = match status {
            // DescribeParameters tells of them by their own names.
            Ok(mut status) => {
                status.parameters.clear();
                serde_json::to_value(status).unwrap_or_default()
            }
            Err(_) => Value::Null,
        };
        let clients = match clients {
            Ok(AgentReply::Clients(rows)) => serde_json::to_value(rows).unwrap_or_default(),
            _ => Value::Array(Vec::new()),
        };
        (live::camel_case(status), live::camel_case(clients))
    }

    /// Who signed this request; its nonce is used up.
    ///
    /// # Errors
    /// What the gateway answers to a request that is not signed well.
    pub(crate) fn authenticate(
        &self,
        request: &WireRequest<'_>,
    ) -> Result<(Claim, Principal), ApiError> {
        let shared = &self.shared;
        let now_unix_ms = (shared.clock)();
        let claim = Claim::read(request)?;
        let id = &claim.access_key_id;
        let given = (id.as_str(), claim.security_token.as_deref());
        let (store, vault) = (shared.store.as_ref(), &shared.vault);
        let (principal, secret) = caller::of_key(store, vault, given, now_unix_ms)?;
        claim.check(&secret, now_unix_ms)?;
        let mut replay = shared.replay.lock().unwrap_or_else(PoisonError::into_inner);
        match replay.use_nonce(id, &claim.nonce, now_unix_ms) {
            Nonce::Fresh => {}
            Nonce::Used => return Err(error::NONCE_USED.plain()),
            Nonce::NoRoom => return Err(error::throttled(60)),
        }
        Ok((claim, principal))
    }

    /// Checks a console user's password. Failures from one `source` slow further attempts down.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn console_login(
        &self,
        user: &str,
        password: &str,
        source: IpAddr,
    ) -> Result<Principal, LoginError> {
        let now_unix_ms = (self.shared.clock)();
        if let Err(retry_after_s) = self.brake(|brake| brake.attempt(source, now_unix_ms)) {
            let braked = LoginError::Braked { retry_after_s };
            return self.note_login(user, source, Err(braked)).await;
        }
        let hashing = self.shared.hashing.acquire().await;
        let _permit = hashing.map_err(|_| LoginError::Unavailable)?;
        let (shared, name, password) = (self.shared.clone(), user.to_owned(), password.to_owned());
        let checked =
            tokio::task::spawn_blocking(move || login(shared.store.as_ref(), &name, &password));
        let checked = checked.await.map_err(|_| LoginError::Unavailable)?;
        if checked.is_ok() {
            self.brake(|brake| brake.succeeded(source, now_unix_ms));
        }
        self.note_login(user, source, checked).await
    }

    /// The outcome of a login, once it is written down.
    async fn note_login(
        &self,
        user: &str,
        source: IpAddr,
        outcome: Result<Principal, LoginError>,
    ) -> Result<Principal, LoginError> {
        let (shared, user) = (self.shared.clone(), user.to_owned());
        let noted = tokio::task::spawn_blocking(move || {
            let known = caller::of_login(shared.store.as_ref(), &user).ok().flatten();
            let known = known.as_ref().map(|(known, _)| (&*known.name, &*known.account_id));
            let noted = note_login(&shared, known, source, outcome.as_ref().err());
            noted.map_err(|_| LoginError::Unavailable).and(outcome)
        });
        noted.await.map_err(|_| LoginError::Unavailable)?
    }

    fn brake<T>(&self, act: impl FnOnce(&mut Brake) -> T) -> T {
        act(&mut self.shared.brake.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The root principal of an account, for what the installation does itself.
    pub(crate) fn root(account_id: &str) -> Principal {
        Principal {
            account_id: account_id.to_owned(),
            name: control_model::policy::ROOT.to_owned(),
            access_key_id: None,
            identity: Identity::Root,
        }
    }

    /// A call of the installation itself.
    pub(crate) fn own_call(account_id: &str, action: &str, params: &[(&str, &str)]) -> Call {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Call {
            action: action.to_owned(),
            version: crate::actions::table::KVSTORE.to_owned(),
            params: params.collect(),
            principal: Control::root(account_id),
            source: IpAddr::from([127, 0, 0, 1]),
            via: Via::Api,
            user_agent: format!("larder/{} quickstart", env!("CARGO_PKG_VERSION")),
        }
    }
}

/// A hash of no password, so that an unknown user takes as long as a wrong password.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                            AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn login(store: &dyn Store, user: &str, password: &str) -> Result<Principal, LoginError> {
    let found = caller::of_login(store, user).map_err(|error| {
        tracing::error!("console login: {error}");
        LoginError::Unavailable
    })?;
    let hash = found.as_ref().map_or(NOBODYS_HASH, |(_, hash)| hash);
    let matches = vault::password_matches(password, hash);
    found.filter(|_| matches).map(|(principal, _)| principal).ok_or(LoginError::WrongCredentials)
}
