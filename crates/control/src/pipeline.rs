//! The one door for all actions, whoever calls and however: policy → throttle → parameters → client
//! token → audit → handler → audit. Must not know what any action does.

use crate::actions::params::Params;
use crate::actions::table;
use crate::actions::{Access, Action, Context, Done, Nodes, Settings, Token};
use crate::agent::{AgentClient, AgentError};
use crate::audit::Audit;
use crate::audit::refusals::RefusalLimit;
use crate::authority;
use crate::brake::Brake;
use crate::call::{Call, Identity};
use crate::error::{self, ApiError};
use crate::metrics::Metrics;
use crate::note::{Entry, note_begin, note_end};
use crate::observer::View;
use crate::signature::replay::ReplayCache;
use crate::store::{Kind, Store, documents};
use crate::throttle::Throttle;
use crate::vault::Vault;
use admin::agent::{AgentReply, AgentRequest};
use admin::logs::{LogPage, LogQuery};
use admin::node::NodeStatus;
use control_model::account::TokenClaim;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use stdx::Reserve;
use tokio::sync::{Semaphore, watch};

/// How long reading a node's log may take.
const LOG_LIMIT: Duration = Duration::from_secs(10);

/// Tells the time in Unix milliseconds.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What all calls share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Vault,
    pub(crate) audit: Audit,
    pub(crate) reserve: Option<Arc<Reserve>>,
    pub(crate) agent: Arc<AgentClient>,
    pub(crate) view: watch::Receiver<Arc<View>>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) throttle: Mutex<Throttle>,
    pub(crate) replay: Mutex<ReplayCache>,
    pub(crate) brake: Mutex<Brake>,
    pub(crate) refusals: Mutex<RefusalLimit>,
    pub(crate) metrics: Arc<Metrics>,
    /// Password hashes being computed at once; each takes 19 MiB.
    pub(crate) hashing: Semaphore,
}

/// A call on its way through.
pub(crate) struct Request {
    pub(crate) call: Call,
    pub(crate) request_id: String,
    /// Nonce of the signature, if it came signed.
    pub(crate) nonce: Option<String>,
}

/// Takes all stages of one call. May block on the disk.
pub(crate) fn run(shared: &Shared, request: &Request) -> Result<Done, ApiError> {
    let call = &request.call;
    let now_unix_ms = (shared.clock)();
    let row = match table::find(&call.action, &call.version) {
        Ok(row) => row,
        Err(error) => {
            let entry = Entry::of(request, None, now_unix_ms);
            note_end(shared, &entry, &Err(error.clone()))?;
            return Err(error);
        }
    };
    let entry = Entry::of(request, Some(row), now_unix_ms);
    let outcome = stages(shared, row, request, &entry);
    note_end(shared, &entry, &outcome)?;
    outcome
}

fn stages(
    shared: &Shared,
    row: &'static Action,
    request: &Request,
    entry: &Entry<'_>,
) -> Result<Done, ApiError> {
    let (call, now_unix_ms) = (&request.call, entry.now_unix_ms());
    authority::allow(shared.store.as_ref(), call, row, now_unix_ms)?;
    throttle(shared, call, now_unix_ms)?;
    let params = Params::check(&call.params, row.params)?;
    let token = token(shared, call, row)?;
    if token.as_ref().is_none_or(|token| token.made.is_none()) {
        room(shared, row)?;
    }
    note_begin(shared, entry)?;
    let view = shared.view.borrow().clone();
    let context = Context {
        store: shared.store.as_ref(),
        host: &view.host,
        settings: &shared.settings,
        account_id: &call.principal.account_id,
        now_unix_ms,
        token,
        nodes: &Agent(&shared.agent),
        metrics: &shared.metrics,
        audit: &shared.audit,
        principal: &call.principal,
        facts: &authority::facts(call, row, now_unix_ms),
        vault: &shared.vault,
    };
    (row.handler)(&context, &params)
}

/// Nodes as the agent reaches them.
struct Agent<'a>(&'a AgentClient);

impl Nodes for Agent<'_> {
    fn log(&self, query: &LogQuery) -> Result<LogPage, ApiError> {
        let request = AgentRequest::Log(Box::new(query.clone()));
        let asked = self.0.request(&request, LOG_LIMIT);
        // Handlers run where blocking is fine.
        match tokio::runtime::Handle::current().block_on(asked) {
            Ok(AgentReply::Log(page)) => Ok(page),
            // Nothing of the node is there yet, or any more.
            Err(AgentError::Refused(refusal)) if refusal.code == "UnknownNode" => {
                Ok(LogPage::default())
            }
            answered => {
                tracing::warn!("reading a log of {}: {:?}", query.node_id, answered.err());
                Err(error::SERVICE_UNAVAILABLE.says("The instance's logs cannot be read now."))
            }
        }
    }

    fn status(&self, node_id: &str) -> Result<NodeStatus, ApiError> {
        let asked = tokio::runtime::Handle::current().block_on(self.0.status(node_id));
        asked.map_err(|error| {
            tracing::warn!("asking {node_id}: {error}");
            error::SERVICE_UNAVAILABLE.says("The instance's node cannot be asked now.")
        })
    }

    fn parameters(&self, node_id: &str) -> Result<BTreeMap<String, String>, ApiError> {
        self.status(node_id).map(|status| status.parameters)
    }
}

fn throttle(shared: &Shared, call: &Call, now_unix_ms: i64) -> Result<(), ApiError> {
    let principal = &call.principal;
    let key = match &principal.identity {
        // Sessions of a role share a bucket: anyone may begin many.
        Identity::Session { role_id, .. } => role_id,
        _ => principal.access_key_id.as_ref().unwrap_or(&principal.name),
    };
    let key = format!("{}/{key}", principal.account_id);
    let mut throttle = shared.throttle.lock().unwrap_or_else(PoisonError::into_inner);
    throttle.take(&key, now_unix_ms).map_err(error::throttled)
}

/// What goes on while the disk is nearly full, beside reading: what makes room, or allows that.
const MAKES_ROOM: [&str; 6] = [
    "DeleteInstance",
    "DestroyInstance",
    "FlushExpireKeys",
    "FlushInstance",
    "FlushInstanceForDB",
    "ModifyInstanceAttribute",
];

fn room(shared: &Shared, row: &Action) -> Result<(), ApiError> {
    let harmless = row.access == Access::Read || MAKES_ROOM.contains(&row.name);
    match &shared.reserve {
        Some(reserve) if !harmless && reserve.is_short() => {
            tracing::error!("{} is refused: the disk is nearly full", row.name);
            Err(error::DISK_FULL.plain())
        }
        _ => Ok(()),
    }
}

/// Looks a client token up. The handler writes its claim together with what the request makes.
fn token(shared: &Shared, call: &Call, row: &Action) -> Result<Option<Token>, ApiError> {
    let given = row.token.and_then(|name| call.params.get(name)).filter(|token| !token.is_empty());
    let Some(given) = given else { return Ok(None) };
    let key = format!("{}/{}/{given}", call.principal.account_id, row.name);
    let known = |name: &str| {
        let first = name.split('.').next().unwrap_or(name);
        row.params.iter().any(|param| param.name == first)
    };
    let same: Vec<_> = call.params.iter().filter(|(name, _)| known(name)).collect();
    let claim_fingerprint = shared.vault.fingerprint(&json!([row.name, same]).to_string());
    let made = documents::get::<TokenClaim>(shared.store.as_ref(), Kind::Token, &key)?;
    let made = made.map(|read| read.value);
    if made.as_ref().is_some_and(|made| made.fingerprint != claim_fingerprint) {
        return Err(error::IDEMPOTENT_MISMATCH.plain());
    }
    Ok(Some(Token { key, claim_fingerprint, made }))
}
