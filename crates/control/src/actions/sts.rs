//! AssumeRole and GetCallerIdentity of STS. Must not know how a session's token is read again.

use super::params::{Kind, Param, Params};
use super::table::STS;
use super::{Access, Action, Context, Done, views};
use crate::authority::session::Session;
use crate::call::Identity;
use crate::directory;
use crate::error::{self, ApiError};
use crate::random;
use control_model::ident;
use control_model::policy::{Policy, Trust, Verdict};
use control_model::ram::{RamFault, not_exist};
use serde_json::json;

const SESSION_S_MIN: i64 = 900;
const SESSION_S_DEFAULT: i64 = 3600;
const SESSION_S_MAX: i64 = 43_200;
/// Longest policy of a session, in characters.
const POLICY_CHARS_MAX: usize = 2048;

/// AssumeRole.
pub const ASSUME: Action = Action {
    name: "AssumeRole",
    version: STS,
    access: Access::Write,
    params: &[
        Param::required("RoleArn", Kind::Text, "acs:ram::<account>:role/<name>"),
        Param::required(
            "RoleSessionName",
            Kind::Text,
            "2 to 64 letters, digits, '.', '@', '-', '_'",
        ),
        Param::optional(
            "DurationSeconds",
            Kind::Integer { min: SESSION_S_MIN, max: SESSION_S_MAX },
            "3600 unless told, at most what the role allows",
        ),
        Param::optional("Policy", Kind::Text, "what the session may do at most"),
        Param::optional("ExternalId", Kind::Text, "what the role's trust may ask for"),
    ],
    doc: "Gives keys that act as a role for a while.",
    token: None,
    handler: assume,
};

/// GetCallerIdentity.
pub const IDENTITY: Action = Action {
    name: "GetCallerIdentity",
    version: STS,
    access: Access::Read,
    params: &[],
    doc: "Tells who the caller is.",
    token: None,
    handler: identity,
};

fn invalid(param: &'static str, wanted: &'static str) -> ApiError {
    RamFault::Invalid { param, wanted }.into()
}

fn refused() -> ApiError {
    let text = "You are not authorized to do this action. The role's trust policy must name you.";
    error::NO_PERMISSION.says(text)
}

/// Account and name of the role.
fn role_of<'a>(params: &Params<'a>) -> Result<(&'a str, &'a str), ApiError> {
    let rest = params.required("RoleArn").strip_prefix("acs:ram::");
    let parts = rest.and_then(|rest| rest.split_once(":role/"));
    parts.ok_or_else(|| invalid("RoleArn", "acs:ram::<account>:role/<name>"))
}

fn session_name<'a>(params: &Params<'a>) -> Result<&'a str, ApiError> {
    let name = params.required("RoleSessionName");
    let fits = name.bytes().all(|c| c.is_ascii_alphanumeric() || b".@-_".contains(&c));
    if fits && (2..=64).contains(&name.len()) {
        return Ok(name);
    }
    Err(invalid("RoleSessionName", "2 to 64 letters, digits, '.', '@', '-' and '_'"))
}

fn session_policy(params: &Params<'_>) -> Result<Option<String>, ApiError> {
    let Some(text) = params.text("Policy") else { return Ok(None) };
    if POLICY_CHARS_MAX < text.chars().count() {
        return Err(invalid("Policy", "at most 2048 characters"));
    }
    Policy::parse(text).map_err(RamFault::from)?;
    Ok(Some(text.to_owned()))
}

fn assume(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (account_id, name) = role_of(params)?;
    let (session_name, policy) = (session_name(params)?, session_policy(params)?);
    let mut directory = directory::read(context.store, account_id)?.1;
    let Some(role) = directory.roles.remove(name) else {
        let own = account_id == context.account_id;
        return Err(if own { not_exist("Role", name).into() } else { refused() });
    };
    let trust = Trust::parse(&role.trust).map_err(RamFault::from)?;
    let arn = context.principal.arn();
    if trust.decide(context.account_id, &arn, context.facts) != Verdict::Allow {
        return Err(refused());
    }
    let seconds = params.integer("DurationSeconds");
    let seconds = seconds.unwrap_or(SESSION_S_DEFAULT.min(role.session_s_max.into()));
    if i64::from(role.session_s_max) < seconds {
        return Err(invalid("DurationSeconds", "at most the role's MaxSessionDuration"));
    }
    let session = Session {
        access_key_id: ident::session_key_id(&mut random::fill),
        secret: ident::access_key_secret(&mut random::fill),
        account_id: account_id.to_owned(),
        role_id: role.role_id.clone(),
        session_name: session_name.to_owned(),
        policy,
        expires_unix_ms: context.now_unix_ms + seconds * 1000,
    };
    Ok(Done::now(json!({
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "AccessKeySecret": session.secret,
            "SecurityToken": session.token(context.vault),
            "Expiration": views::time(session.expires_unix_ms),
        },
        "AssumedRoleUser": {
            "Arn": format!("acs:ram::{account_id}:assumed-role/{name}/{session_name}"),
            "AssumedRoleId": format!("{}:{session_name}", role.role_id),
        },
    })))
}

fn identity(context: &Context<'_>, _: &Params<'_>) -> Result<Done, ApiError> {
    let principal = context.principal;
    let account = context.account_id;
    let mut body = json!({"AccountId": account, "Arn": principal.arn()});
    match &principal.identity {
        Identity::Root => {
            body["IdentityType"] = "Account".into();
            body["PrincipalId"] = account.into();
            body["UserId"] = account.into();
        }
        Identity::User { user_id } => {
            body["IdentityType"] = "RAMUser".into();
            body["PrincipalId"] = user_id.as_str().into();
            body["UserId"] = user_id.as_str().into();
        }
        Identity::Session { role_id, role_name, session_name, .. } => {
            body["IdentityType"] = "AssumedRoleUser".into();
            body["PrincipalId"] = format!("{role_id}:{session_name}").into();
            body["RoleId"] = role_id.as_str().into();
            let what = format!("assumed-role/{role_name}/{session_name}");
            body["Arn"] = format!("acs:ram::{account}:{what}").into();
        }
    }
    Ok(Done::now(body))
}
