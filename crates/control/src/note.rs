//! What the audit log is told of calls, strangers and logins. What cannot be written down is not
//! done. Must not know what actions do.

use crate::actions::{Access, Action, Done, live, table};
use crate::audit::refusals::Note;
use crate::audit::{Durability, time, told};
use crate::call::{Identity, LoginError, Principal, Via};
use crate::error::{self, ApiError};
use crate::mask::{self, MASK, Masking};
use crate::pipeline::{Request, Shared};
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// What a line tells of a call.
pub(crate) struct Entry<'a> {
    request: &'a Request,
    row: Option<&'static Action>,
    now_unix_ms: i64,
    masking: Masking<'a>,
}

/// Parameters that name what a call is about, the narrowest first.
const RESOURCES: &[(&str, &str)] = &[
    ("InstanceId", "ACS::KVStore::DBInstance"),
    ("DBInstanceId", "ACS::KVStore::DBInstance"),
    ("PolicyName", "ACS::RAM::Policy"),
    ("UserName", "ACS::RAM::User"),
    ("GroupName", "ACS::RAM::Group"),
    ("RoleName", "ACS::RAM::Role"),
    ("VSwitchId", "ACS::VPC::VSwitch"),
    ("VpcId", "ACS::VPC::VPC"),
    ("RuleId", "ACS::CMS::MetricRule"),
];

/// Fields of answers that are kept.
const ANSWERED: &[&str] = &["InstanceId", "TaskId", "OrderId", "AccountName", "VpcId", "VSwitchId"];

impl<'a> Entry<'a> {
    /// Of a call at this time; `row` is none for an action that there is not.
    pub(crate) fn of(
        request: &'a Request,
        row: Option<&'static Action>,
        now_unix_ms: i64,
    ) -> Entry<'a> {
        let masking = Masking::of(row, &request.call.params);
        Entry { request, row, now_unix_ms, masking }
    }

    /// When the call came.
    pub(crate) fn now_unix_ms(&self) -> i64 {
        self.now_unix_ms
    }

    fn line(&self, event: &str) -> Map<String, Value> {
        let Request { call, request_id, nonce } = self.request;
        let action = self.row.map_or_else(|| mask::action(&call.action), |row| row.name.into());
        let (resource_type, resource) = self.resource();
        let (identity, principal_id) = identity(&call.principal);
        crate::actions::object(json!({
            "time": time(self.now_unix_ms),
            "event": event,
            "request_id": request_id,
            "nonce": nonce,
            "action": action,
            "version": mask::version(&call.version),
            "service": self.row.map_or("", table::service),
            "rw": if self.writes() { "Write" } else { "Read" },
            "account_id": call.principal.account_id,
            "principal": call.principal.name,
            "identity": identity,
            "principal_id": principal_id,
            "access_key_id": call.principal.access_key_id,
            "source": call.source.to_string(),
            "via": format!("{:?}", call.via),
            "user_agent": mask::user_agent(&self.masking.text(&call.user_agent)),
            "region": mask::region(call.params.get("RegionId").map_or("", String::as_str)),
            "resource_type": resource_type,
            "resource": resource,
            "params": self.masking.params(),
        }))
    }

    /// Type and name of what the call is about, as its parameters say.
    fn resource(&self) -> (&'static str, String) {
        let takes = |name: &str| self.row.is_some_and(|r| r.params.iter().any(|p| p.name == name));
        let named = RESOURCES.iter().filter(|(name, _)| takes(name)).find_map(|(name, kind)| {
            let value = self.request.call.params.get(*name).filter(|value| !value.is_empty())?;
            Some((*kind, self.masking.text(value)))
        });
        named.unwrap_or_default()
    }

    fn writes(&self) -> bool {
        self.row.is_some_and(|row| row.access == Access::Write)
    }

    /// An open page reads the same figures every few seconds, which would bury all else in the log.
    fn is_refresh(&self) -> bool {
        self.request.call.via == Via::ConsoleRefresh
            && self.row.is_some_and(|row| row.name == live::SPEC.name)
    }
}

/// What ActionTrail calls the principal, and its id.
fn identity(principal: &Principal) -> (&'static str, String) {
    match &principal.identity {
        Identity::Root => ("root-account", principal.account_id.clone()),
        Identity::User { user_id } => ("ram-user", user_id.clone()),
        Identity::Session { role_id, session_name, .. } => {
            ("assumed-role", format!("{role_id}:{session_name}"))
        }
    }
}

/// Notes a change before it begins.
pub(crate) fn note_begin(shared: &Shared, entry: &Entry<'_>) -> Result<(), ApiError> {
    if !entry.writes() {
        return Ok(());
    }
    note(shared, entry.line("begin"), Durability::Synced)
}

/// Notes how a call went.
pub(crate) fn note_end(
    shared: &Shared,
    entry: &Entry<'_>,
    outcome: &Result<Done, ApiError>,
) -> Result<(), ApiError> {
    if entry.is_refresh() && outcome.is_ok() {
        return Ok(());
    }
    let mut line = entry.line("end");
    let (status, code, message) = match outcome {
        Ok(_) => (200, "", String::new()),
        Err(error) => (error.status, &*error.code, entry.masking.text(&error.message)),
    };
    line.insert("status".into(), status.into());
    line.insert("code".into(), code.into());
    line.insert("message".into(), message.into());
    if let Ok(done) = outcome {
        answered(&mut line, &done.body);
    }
    let durability = if entry.writes() { Durability::Synced } else { Durability::Buffered };
    note(shared, line, durability)
}

/// What an answer names is kept; an instance that was just made is what the call was about.
fn answered(line: &mut Map<String, Value>, body: &Map<String, Value>) {
    let kept = ANSWERED.iter().filter_map(|name| {
        let value = body.get(*name).filter(|value| value.is_string() || value.is_number())?;
        Some(((*name).to_owned(), value.clone()))
    });
    let kept: Map<String, Value> = kept.collect();
    if line["resource"] == ""
        && let Some(made) = kept.get("InstanceId")
    {
        line.insert("resource".into(), made.clone());
        line.insert("resource_type".into(), RESOURCES[0].1.into());
    }
    line.insert("answer".into(), Value::Object(kept));
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

/// Pause after a flood before the log tells how many refusals were left out.
const FLOOD_PAUSE: Duration = Duration::from_millis(1_500);

/// Notes a refused stranger, as long as there are few of them; how many were left out is told by
/// the next line, or by one of its own when there is none.
pub(crate) fn note_stranger(
    shared: &Arc<Shared>,
    stranger: &Stranger<'_>,
    error: &ApiError,
) -> Result<(), ApiError> {
    let now_unix_ms = (shared.clock)();
    let taken = shared.refusals.lock().unwrap_or_else(PoisonError::into_inner).take(now_unix_ms);
    let left_out = match taken {
        Note::Write { left_out } => left_out,
        Note::LeaveOut { first } => {
            if first {
                tell_left_out_later(shared.clone());
            }
            return Ok(());
        }
    };
    let line = crate::actions::object(json!({
        "time": time(now_unix_ms),
        "event": "refused",
        "request_id": stranger.request_id,
        "action": mask::action(stranger.action),
        "access_key_id": mask::access_key_id(stranger.access_key_id),
        "source": stranger.source.to_string(),
        "via": format!("{:?}", Via::Api),
        "user_agent": mask::user_agent(stranger.user_agent),
        "status": error.status,
        "code": error.code,
        "left_out": left_out,
    }));
    note(shared, line, Durability::Buffered)
}

fn tell_left_out_later(shared: Arc<Shared>) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    runtime.spawn(async move {
        tokio::time::sleep(FLOOD_PAUSE).await;
        let told = tokio::task::spawn_blocking(move || note_left_out(&shared));
        if let Ok(Err(error)) = told.await {
            tracing::error!("counting refusals: {error}");
        }
    });
}

/// Tells how many refusals no line tells of yet.
pub(crate) fn note_left_out(shared: &Shared) -> Result<(), ApiError> {
    let left_out = shared.refusals.lock().unwrap_or_else(PoisonError::into_inner).settle();
    if left_out == 0 {
        return Ok(());
    }
    let line = told((shared.clock)(), json!({"event": "left_out", "left_out": left_out}));
    note(shared, line, Durability::Buffered)
}

/// Notes a login, before its outcome is told. `known` are name and account of the user if there is
/// such a one: what else is typed there may be a password.
pub(crate) fn note_login(
    shared: &Shared,
    known: Option<(&str, &str)>,
    source: IpAddr,
    refusal: Option<&LoginError>,
) -> Result<(), ApiError> {
    let (principal, account_id) = known.unwrap_or((MASK, ""));
    let (status, code) = match refusal {
        None => (200, ""),
        Some(LoginError::WrongCredentials) => (403, "WrongCredentials"),
        Some(LoginError::Braked { .. }) => (429, "Throttling.User"),
        Some(LoginError::Unavailable) => (503, "ServiceUnavailable"),
    };
    let line = crate::actions::object(json!({
        "time": time((shared.clock)()),
        "event": "login",
        "request_id": crate::random::request_id(),
        "action": "ConsoleSignin",
        "version": "",
        "service": "AasCustomer",
        "rw": "Write",
        "account_id": account_id,
        "principal": principal,
        "source": source.to_string(),
        "via": format!("{:?}", Via::Console),
        "resource_type": "",
        "resource": "",
        "status": status,
        "code": code,
        "message": refusal.map(ToString::to_string).unwrap_or_default(),
    }));
    note(shared, line, Durability::Synced)
}

/// What cannot be audited is not done.
fn note(shared: &Shared, line: Map<String, Value>, durability: Durability) -> Result<(), ApiError> {
    shared.audit.append(line, durability, (shared.clock)()).map_err(|error| {
        tracing::error!("writing the audit log: {error}");
        error::SERVICE_UNAVAILABLE.says("The audit log cannot be written.")
    })
}
