//! The one door for all actions, whoever calls and however: policy → throttle → parameters → client
//! token → audit → handler → audit. Must not know what any action does.

use crate::actions::params::{Kind as ParamKind, Params};
use crate::actions::{Access, Action, Context, Done, Nodes, Settings, Token};
use crate::actions::{live, table};
use crate::agent::AgentClient;
use crate::audit::{Audit, Durability, RefusalLimit};
use crate::brake::Brake;
use crate::call::{Call, Via};
use crate::error::{self, ApiError};
use crate::observer::View;
use crate::signature::replay::ReplayCache;
use crate::store::{Kind, Store, documents};
use crate::throttle::Throttle;
use crate::vault::Vault;
use control_model::account::TokenClaim;
use control_model::policy::{self, Question, Verdict};
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, watch};

/// Tells the time in Unix milliseconds.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What all calls share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Vault,
    pub(crate) audit: Audit,
    pub(crate) agent: Arc<AgentClient>,
    pub(crate) view: watch::Receiver<Arc<View>>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) throttle: Mutex<Throttle>,
    pub(crate) replay: Mutex<ReplayCache>,
    pub(crate) brake: Mutex<Brake>,
    pub(crate) refusals: Mutex<RefusalLimit>,
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
            let entry = Entry { request, row: None, now_unix_ms };
            note_end(shared, &entry, &Err(error.clone()))?;
            return Err(error);
        }
    };
    let entry = Entry { request, row: Some(row), now_unix_ms };
    let outcome = stages(shared, row, &entry);
    note_end(shared, &entry, &outcome)?;
    outcome
}

fn stages(shared: &Shared, row: &'static Action, entry: &Entry<'_>) -> Result<Done, ApiError> {
    let (call, now_unix_ms) = (&entry.request.call, entry.now_unix_ms);
    allow(call, row)?;
    throttle(shared, call, now_unix_ms)?;
    let params = Params::check(&call.params, row.params)?;
    let token = token(shared, call, row)?;
    if row.access == Access::Write {
        note(shared, entry.line("begin"), Durability::Synced)?;
    }
    let view = shared.view.borrow().clone();
    let context = Context {
        store: shared.store.as_ref(),
        host: &view.host,
        settings: &shared.settings,
        account_id: &call.principal.account_id,
        now_unix_ms,
        token,
        nodes: &Agent(&shared.agent),
    };
    (row.handler)(&context, &params)
}

/// Nodes as the agent reaches them.
struct Agent<'a>(&'a AgentClient);

impl Nodes for Agent<'_> {
    fn used_memory_bytes(&self, node_id: &str) -> Result<u64, ApiError> {
        // Handlers run where blocking is fine.
        let asked = tokio::runtime::Handle::current().block_on(self.0.status(node_id));
        asked.map(|status| status.used_memory_bytes).map_err(|error| {
            tracing::warn!("asking {node_id}: {error}");
            error::SERVICE_UNAVAILABLE.says("The instance's node cannot be asked now.")
        })
    }
}

fn allow(call: &Call, row: &Action) -> Result<(), ApiError> {
    let permission = table::permission(row);
    let principal = &call.principal;
    match policy::decide(Question { principal: &principal.name, permission: &permission }) {
        Verdict::Allow => Ok(()),
        Verdict::ImplicitDeny => {
            let detail = json!({
                "AuthAction": permission,
                "AuthPrincipalType": "SubUser",
                "AuthPrincipalDisplayName": principal.name,
                "AuthPrincipalOwnerId": principal.account_id,
                "PolicyType": "AccountLevelIdentityBasedPolicy",
                "NoPermissionType": "ImplicitDeny",
                "EncodedDiagnosticMessage": "",
            });
            Err(ApiError { access_denied: Some(detail), ..error::NO_PERMISSION.plain() })
        }
    }
}

fn throttle(shared: &Shared, call: &Call, now_unix_ms: i64) -> Result<(), ApiError> {
    let principal = &call.principal;
    let key = principal.access_key_id.as_ref().unwrap_or(&principal.name);
    let key = format!("{}/{key}", principal.account_id);
    let mut throttle = shared.throttle.lock().unwrap_or_else(PoisonError::into_inner);
    throttle.take(&key, now_unix_ms).map_err(error::throttled)
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

/// What an audit line tells.
struct Entry<'a> {
    request: &'a Request,
    row: Option<&'static Action>,
    now_unix_ms: i64,
}

impl Entry<'_> {
    fn line(&self, event: &str) -> Map<String, Value> {
        let Request { call, request_id, nonce } = self.request;
        let time = jiff::Timestamp::from_millisecond(self.now_unix_ms).unwrap_or_default();
        crate::actions::object(json!({
            "time": time.to_string(),
            "event": event,
            "request_id": request_id,
            "nonce": nonce,
            "action": call.action,
            "version": call.version,
            "account_id": call.principal.account_id,
            "principal": call.principal.name,
            "access_key_id": call.principal.access_key_id,
            "source": call.source.to_string(),
            "via": format!("{:?}", call.via),
            "user_agent": call.user_agent,
            "params": self.masked(),
        }))
    }

    /// An open page reads the same figures every few seconds, which would bury all else in the log.
    fn is_refresh(&self) -> bool {
        self.request.call.via == Via::ConsoleRefresh
            && self.row.is_some_and(|row| row.name == live::SPEC.name)
    }

    /// Parameters without secrets; of an action that we do not have, only the names.
    fn masked(&self) -> Map<String, Value> {
        let open = |name: &str| {
            let first = name.split('.').next().unwrap_or(name);
            let mut params = self.row.iter().flat_map(|row| row.params);
            params.any(|param| param.name == first && param.kind != ParamKind::Secret)
        };
        let shown = |(name, value): (&String, &String)| {
            let value = if open(name) { value.as_str() } else { "***" };
            (name.clone(), Value::from(value))
        };
        self.request.call.params.iter().map(shown).collect()
    }
}

fn note_end(
    shared: &Shared,
    entry: &Entry<'_>,
    outcome: &Result<Done, ApiError>,
) -> Result<(), ApiError> {
    if entry.is_refresh() && outcome.is_ok() {
        return Ok(());
    }
    let mut line = entry.line("end");
    let (status, code) = match outcome {
        Ok(_) => (200, ""),
        Err(error) => (error.status, &*error.code),
    };
    line.insert("status".into(), status.into());
    line.insert("code".into(), code.into());
    let writes = entry.row.is_some_and(|row| row.access == Access::Write);
    let durability = if writes { Durability::Synced } else { Durability::Buffered };
    note(shared, line, durability)
}

/// A request that was refused before anyone was known to have made it. All but the error is only
/// what it says of itself.
pub(crate) struct Stranger<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) action: &'a str,
    pub(crate) access_key_id: &'a str,
    pub(crate) source: IpAddr,
    pub(crate) user_agent: &'a str,
}

/// Longest text of a stranger that is kept, in characters.
const STRANGER_CHARS_MAX: usize = 128;

/// Notes a refused stranger, as long as there are few of them.
pub(crate) fn note_stranger(
    shared: &Shared,
    stranger: &Stranger<'_>,
    error: &ApiError,
) -> Result<(), ApiError> {
    let now_unix_ms = (shared.clock)();
    let mut limit = shared.refusals.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(left_out) = limit.take(now_unix_ms) else { return Ok(()) };
    drop(limit);
    let short = |text: &str| text.chars().take(STRANGER_CHARS_MAX).collect::<String>();
    let time = jiff::Timestamp::from_millisecond(now_unix_ms).unwrap_or_default();
    let line = crate::actions::object(json!({
        "time": time.to_string(),
        "event": "refused",
        "request_id": stranger.request_id,
        "action": short(stranger.action),
        "access_key_id": short(stranger.access_key_id),
        "source": stranger.source.to_string(),
        "via": format!("{:?}", Via::Api),
        "user_agent": short(stranger.user_agent),
        "status": error.status,
        "code": error.code,
        "left_out": left_out,
    }));
    note(shared, line, Durability::Buffered)
}

/// What cannot be audited is not done.
fn note(shared: &Shared, line: Map<String, Value>, durability: Durability) -> Result<(), ApiError> {
    shared.audit.append(Value::Object(line), durability).map_err(|error| {
        tracing::error!("writing the audit log: {error}");
        error::SERVICE_UNAVAILABLE.says("The audit log cannot be written.")
    })
}
