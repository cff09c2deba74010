//! What the families of RAM actions share: rows, changes of the directory, pages, views of things.
//! Must not know the rules of the directory.

use super::params::{Kind, Param, Params};
use super::table::RAM;
use super::{Access, Action, Context, Done, Handler, views};
use crate::call::Identity;
use crate::directory;
use crate::error::{self, ApiError};
use control_model::ram::{Directory, Group, Holder, PolicyRef, PolicyType, RamFault, Role, User};
use serde_json::{Value, json};

/// When the managed policies were made: a date that stays.
const MANAGED_SINCE: &str = "2026-01-01T00:00:00Z";

/// `UserName`, where there is no other way to say who.
pub const USER_NAME: Param = Param::required("UserName", Kind::Text, "which user");
/// `GroupName`.
pub const GROUP_NAME: Param = Param::required("GroupName", Kind::Text, "which group");
/// `RoleName`.
pub const ROLE_NAME: Param = Param::required("RoleName", Kind::Text, "which role");
/// `PolicyName`.
pub const POLICY_NAME: Param = Param::required("PolicyName", Kind::Text, "which policy");
/// `PolicyType`.
pub const POLICY_TYPE: Param =
    Param::required("PolicyType", Kind::OneOf(&["System", "Custom"]), "managed or your own");
/// `Marker`.
pub const MARKER: Param = Param::optional("Marker", Kind::Text, "of the page before");
/// `MaxItems`.
pub const MAX_ITEMS: Param =
    Param::optional("MaxItems", Kind::Integer { min: 1, max: 1000 }, "100 unless told");

/// A row of RAM that reads.
pub const fn reads(
    name: &'static str,
    params: &'static [Param],
    doc: &'static str,
    handler: Handler,
) -> Action {
    Action { name, version: RAM, access: Access::Read, params, doc, token: None, handler }
}

/// A row of RAM that changes something.
pub const fn writes(
    name: &'static str,
    params: &'static [Param],
    doc: &'static str,
    handler: Handler,
) -> Action {
    Action { name, version: RAM, access: Access::Write, params, doc, token: None, handler }
}

/// The caller's account's directory.
///
/// # Errors
/// When the store fails.
pub fn directory(context: &Context<'_>) -> Result<Directory, ApiError> {
    Ok(directory::read(context.store, context.account_id)?.1)
}

/// Changes the directory; what `change` gives is the answer.
///
/// # Errors
/// What `change` says.
pub fn change(
    context: &Context<'_>,
    mut change: impl FnMut(&mut Directory) -> Result<Value, RamFault>,
) -> Result<Done, ApiError> {
    let update = |directory: &mut Directory| Ok((change(directory)?, Vec::new()));
    directory::update(context.store, context.account_id, update).map(Done::now)
}

/// The user that a call is about: the one it names, else the caller. `None` is root.
///
/// # Errors
/// `MissingUserName` when the caller is neither.
pub fn user_name<'a>(
    context: &'a Context<'_>,
    params: &Params<'a>,
) -> Result<Option<&'a str>, ApiError> {
    match (params.text("UserName"), &context.principal.identity) {
        (Some(name), _) => Ok(Some(name)),
        (None, Identity::Root) => Ok(None),
        (None, Identity::User { .. }) => Ok(Some(&context.principal.name)),
        (None, Identity::Session { .. }) => Err(error::missing("UserName")),
    }
}

/// A page of things that are sorted by name, under `wrapper` and `item`.
pub fn page(
    params: &Params<'_>,
    (wrapper, item): (&str, &str),
    all: impl Iterator<Item = (String, Value)>,
) -> Done {
    let after = params.text("Marker").unwrap_or_default();
    let count = params.integer("MaxItems").unwrap_or(100) as usize;
    let mut rest = all.skip_while(|(name, _)| !after.is_empty() && name.as_str() <= after);
    let shown: Vec<_> = rest.by_ref().take(count).collect();
    let more = rest.next().is_some();
    let last = shown.last().map(|(name, _)| name.clone()).unwrap_or_default();
    let items: Vec<_> = shown.into_iter().map(|(_, value)| value).collect();
    let mut body = json!({"IsTruncated": more, wrapper: {item: items}});
    if more {
        body["Marker"] = last.into();
    }
    Done::now(body)
}

/// `PolicyType` and `PolicyName`.
pub fn policy_ref(params: &Params<'_>) -> PolicyRef {
    let kind = match params.text("PolicyType") {
        Some("System") => PolicyType::System,
        _ => PolicyType::Custom,
    };
    PolicyRef { kind, name: params.required("PolicyName").to_owned() }
}

/// A user as answers have it.
pub fn user(user: &User) -> Value {
    json!({
        "UserId": user.user_id,
        "UserName": user.name,
        "DisplayName": user.display_name,
        "Email": user.email,
        "MobilePhone": user.mobile_phone,
        "Comments": user.comments,
        "CreateDate": views::time(user.created_unix_ms),
        "UpdateDate": views::time(user.updated_unix_ms),
        "LastLoginDate": "",
    })
}

/// A group as answers have it.
pub fn group(group: &Group) -> Value {
    json!({
        "GroupId": group.group_id,
        "GroupName": group.name,
        "Comments": group.comments,
        "CreateDate": views::time(group.created_unix_ms),
        "UpdateDate": views::time(group.updated_unix_ms),
    })
}

/// A role as answers have it.
pub fn role(account_id: &str, role: &Role) -> Value {
    json!({
        "RoleId": role.role_id,
        "RoleName": role.name,
        "Arn": role_arn(account_id, &role.name),
        "Description": role.description,
        "AssumeRolePolicyDocument": role.trust,
        "MaxSessionDuration": role.session_s_max,
        "CreateDate": views::time(role.created_unix_ms),
        "UpdateDate": views::time(role.updated_unix_ms),
    })
}

/// A role's name in policies.
pub fn role_arn(account_id: &str, name: &str) -> String {
    format!("acs:ram::{account_id}:role/{name}")
}

/// A policy as answers have it; `None` when there is none.
pub fn policy(directory: &Directory, wanted: &PolicyRef) -> Option<Value> {
    let mut view = match wanted.kind {
        PolicyType::System => {
            let found = control_model::policy::managed::find(&wanted.name)?;
            json!({
                "Description": found.description,
                "DefaultVersion": "v1",
                "CreateDate": MANAGED_SINCE,
                "UpdateDate": MANAGED_SINCE,
            })
        }
        PolicyType::Custom => {
            let found = directory.policies.get(&wanted.name)?;
            json!({
                "Description": found.description,
                "DefaultVersion": found.in_force().id(),
                "CreateDate": views::time(found.created_unix_ms),
                "UpdateDate": views::time(found.updated_unix_ms),
            })
        }
    };
    view["PolicyName"] = wanted.name.as_str().into();
    view["PolicyType"] = wanted.kind.name().into();
    view["AttachmentCount"] = directory.holders(wanted).count().into();
    Some(view)
}

/// One version of a policy as answers have it.
pub fn version(id: &str, document: &str, in_force: bool, created: Option<i64>) -> Value {
    json!({
        "VersionId": id,
        "PolicyDocument": document,
        "IsDefaultVersion": in_force,
        "CreateDate": created.map_or(MANAGED_SINCE.to_owned(), views::time),
    })
}

/// Whom a policy is attached to, as answers have it.
pub fn holder(
    account_id: &str,
    directory: &Directory,
    holder: Holder<'_>,
    since_unix_ms: i64,
) -> Value {
    let found = match holder {
        Holder::User(name) => directory.users.get(name).map(user),
        Holder::Group(name) => directory.groups.get(name).map(group),
        Holder::Role(name) => directory.roles.get(name).map(|found| role(account_id, found)),
    };
    let mut view = found.unwrap_or_default();
    view["AttachDate"] = views::time(since_unix_ms).into();
    view
}
