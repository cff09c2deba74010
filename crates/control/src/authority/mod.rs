//! Whether a call may happen: gathers the caller's policies and what is known of the call, and has
//! the policy engine decide for each thing that the call is about. Must not know what actions do.

pub(crate) mod caller;
pub(crate) mod session;
pub(crate) mod target;

use crate::actions::{Action, active_operations, params, table};
use crate::call::{Call, Identity, Principal, Via};
use crate::directory;
use crate::error::{self, ApiError};
use crate::recycle_bin;
use crate::store::{Kind, Store, documents};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use control_model::Instance;
use control_model::policy::{self, Facts, Policy, Question, Verdict};
use serde_json::{Value, json};
use target::Target;

/// What everyone may do, as nothing is told but what the caller shows anyway.
const FREE: &[&str] = &["sts:GetCallerIdentity"];

/// Parameters that conditions may ask about, by action.
const PARAM_FACTS: &[(&str, &str, &str)] = &[
    ("CreateInstance", "InstanceClass", "kvstore:InstanceClass"),
    ("CreateInstances", "InstanceClass", "kvstore:InstanceClass"),
    ("CreateTairInstance", "InstanceClass", "kvstore:InstanceClass"),
    ("AssumeRole", "ExternalId", "sts:ExternalId"),
];

/// Parameters of redis that conditions on ModifyInstanceConfig may ask about.
const CONFIG_FACTS: &[(&str, &str)] =
    &[("appendonly", "kvstore:InstanceAofConfig"), ("tls-version", "kvstore:TLSVersion")];

/// The policies that a principal acts under.
struct Grants {
    own: Vec<Policy>,
    /// A session's own, which can only take away.
    session: Option<Policy>,
}

/// Whether the caller may do this.
///
/// # Errors
/// `NoPermission` with its AccessDeniedDetail.
pub(crate) fn allow(
    store: &dyn Store,
    call: &Call,
    row: &Action,
    now_unix_ms: i64,
) -> Result<(), ApiError> {
    if call.principal.identity == Identity::Root {
        return Ok(());
    }
    let permission = table::permission(row);
    if FREE.contains(&permission.as_str()) {
        return Ok(());
    }
    let grants = grants(store, &call.principal, call.via)?;
    let facts = facts(call, row, now_unix_ms);
    let own_instance = |id: &str| {
        let mut found = documents::get::<Instance>(store, Kind::Instance, id)?;
        if found.is_none() {
            found = recycle_bin::get(store, id)?;
        }
        let own = found.map(|read| read.value);
        let own = own.filter(|instance| instance.account_id == call.principal.account_id);
        Ok(own.map(|instance| (instance.region_id, instance.tags)))
    };
    let operated = active_operations::instances(store, call, row)?;
    for target in target::of(row, call, &operated, &own_instance)? {
        let mut facts = facts.clone();
        for tag in &target.tags {
            facts.know(&format!("acs:ResourceTag/{}", tag.key), &tag.value);
        }
        let question = Question { action: &permission, resource: &target.arn, facts: &facts };
        let own = policy::decide(&grants.own, &question);
        if own != Verdict::Allow {
            return Err(denied(call, &question, &target, own, "AccountLevelIdentityBasedPolicy"));
        }
        let session = grants.session.as_ref().map(std::slice::from_ref);
        let session = session.map_or(Verdict::Allow, |one| policy::decide(one, &question));
        if session != Verdict::Allow {
            return Err(denied(call, &question, &target, session, "SessionPolicy"));
        }
    }
    Ok(())
}

fn grants(store: &dyn Store, principal: &Principal, via: Via) -> Result<Grants, ApiError> {
    let directory = directory::read(store, &principal.account_id)?.1;
    let (documents, session) = match &principal.identity {
        Identity::Root => (Some(Vec::new()), None),
        Identity::User { user_id } => {
            let user = directory.users.values().find(|user| user.user_id == *user_id);
            // Who came through the console and may log in to it no more has lost it at once.
            let came_in = via == Via::Api || user.is_some_and(|user| user.login.is_some());
            let documents = directory.documents_of_user(user_id);
            (documents.filter(|_| came_in), None)
        }
        Identity::Session { role_id, policy, .. } => {
            (directory.documents_of_role(role_id), policy.as_deref())
        }
    };
    let parse = |text: &str| {
        Policy::parse(text).map_err(|fault| {
            // Documents were checked when they were made.
            tracing::error!("a policy of {}: {fault}", principal.account_id);
            error::INTERNAL_ERROR.plain()
        })
    };
    // Whoever has just been deleted has no policies.
    let own = documents.unwrap_or_default().into_iter().map(parse).collect::<Result<_, _>>()?;
    Ok(Grants { own, session: session.map(parse).transpose()? })
}

/// What is known of a call, whatever it is about.
pub(crate) fn facts(call: &Call, row: &Action, now_unix_ms: i64) -> Facts {
    let mut facts = Facts::default();
    let now = jiff::Timestamp::from_millisecond(now_unix_ms).unwrap_or_default();
    facts.know("acs:SourceIp", call.source.to_string());
    facts.know("acs:CurrentTime", now.to_string());
    // The API speaks HTTP; whoever puts TLS in front of it hides the caller's address too.
    facts.know("acs:SecureTransport", "false");
    facts.know("acs:MFAPresent", "false");
    facts.know("acs:PrincipalARN", call.principal.arn());
    let given = |name: &str| call.params.get(name).filter(|value| !value.is_empty());
    for (action, name, key) in PARAM_FACTS {
        if let Some(value) = given(name).filter(|_| row.name == *action) {
            facts.know(key, value);
        }
    }
    let config = given("Config").filter(|_| row.name == "ModifyInstanceConfig");
    let config: Option<Value> = config.and_then(|text| serde_json::from_str(text).ok());
    for (name, key) in CONFIG_FACTS {
        let value = config.as_ref().and_then(|config| config.get(name));
        if let Some(value) = value {
            facts.know(key, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
    if row.params.iter().any(|param| param.name == "Tag") {
        for tag in params::tags(&call.params) {
            facts.know(&format!("acs:RequestTag/{}", tag.key), tag.value);
        }
    }
    facts
}

fn denied(
    call: &Call,
    question: &Question<'_>,
    target: &Target,
    verdict: Verdict,
    policy_type: &str,
) -> ApiError {
    let kind = match verdict {
        Verdict::ExplicitDeny => "ExplicitDeny",
        _ => "ImplicitDeny",
    };
    let principal = &call.principal;
    let diagnosis = json!({
        "Action": question.action,
        "Resource": target.arn,
        "Principal": principal.arn(),
        "NoPermissionType": kind,
        "PolicyType": policy_type,
    });
    let detail = json!({
        "AuthAction": question.action,
        "AuthPrincipalType": match principal.identity {
            Identity::Root => "User",
            Identity::User { .. } => "SubUser",
            Identity::Session { .. } => "AssumedRoleUser",
        },
        "AuthPrincipalDisplayName": principal.name,
        "AuthPrincipalOwnerId": principal.account_id,
        "PolicyType": policy_type,
        "NoPermissionType": kind,
        "EncodedDiagnosticMessage": STANDARD.encode(diagnosis.to_string()),
    });
    let row = &error::NO_PERMISSION;
    let text = format!("{} It needs {} on {}.", row.message, question.action, target.arn);
    ApiError { access_denied: Some(detail), ..row.says(text) }
}
