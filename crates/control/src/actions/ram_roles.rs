//! CreateRole, GetRole, UpdateRole, DeleteRole, ListRoles.

use super::params::{Kind, Param, Params};
use super::ram::{self, MARKER, MAX_ITEMS, ROLE_NAME, reads, writes};
use super::{Action, Context, Done};
use crate::error::ApiError;
use crate::random;
use control_model::ident;
use control_model::ram::{Role, RoleChange};
use serde_json::json;

const SESSION: Kind = Kind::Integer { min: 3600, max: 43_200 };
const SESSION_S_DEFAULT: i64 = 3600;

/// CreateRole.
pub const CREATE: Action = writes(
    "CreateRole",
    &[
        ROLE_NAME,
        Param::required("AssumeRolePolicyDocument", Kind::Text, "who may assume it"),
        Param::optional("Description", Kind::Text, "for people"),
        Param::optional("MaxSessionDuration", SESSION, "seconds, 3600 unless told"),
    ],
    "Makes a role that the trusted can assume.",
    create,
);

/// GetRole.
pub const GET: Action = reads("GetRole", &[ROLE_NAME], "Shows a role.", get);

/// UpdateRole.
pub const UPDATE: Action = writes(
    "UpdateRole",
    &[
        ROLE_NAME,
        Param::optional("NewAssumeRolePolicyDocument", Kind::Text, "who may assume it"),
        Param::optional("NewDescription", Kind::Text, "for people"),
        Param::optional("NewMaxSessionDuration", SESSION, "seconds"),
    ],
    "Changes a role; sessions go on.",
    update,
);

/// DeleteRole.
pub const DELETE: Action = writes(
    "DeleteRole",
    &[ROLE_NAME],
    "Deletes a role without policies; its sessions end.",
    delete,
);

/// ListRoles.
pub const LIST: Action = reads("ListRoles", &[MARKER, MAX_ITEMS], "Lists roles by name.", list);

fn create(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let session_s = params.integer("MaxSessionDuration").unwrap_or(SESSION_S_DEFAULT);
    let role = Role {
        role_id: ident::principal_id(&mut random::fill),
        name: params.required("RoleName").to_owned(),
        description: params.text("Description").unwrap_or_default().to_owned(),
        trust: params.required("AssumeRolePolicyDocument").to_owned(),
        session_s_max: session_s as u32,
        created_unix_ms: context.now_unix_ms,
        updated_unix_ms: context.now_unix_ms,
        ..Role::default()
    };
    ram::change(context, |directory| {
        directory.create_role(role.clone())?;
        Ok(json!({"Role": ram::role(context.account_id, &role)}))
    })
}

fn get(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let directory = ram::directory(context)?;
    let role = directory.role(params.required("RoleName"))?;
    Ok(Done::now(json!({"Role": ram::role(context.account_id, role)})))
}

fn update(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let change = RoleChange {
        description: params.text("NewDescription").map(str::to_owned),
        trust: params.text("NewAssumeRolePolicyDocument").map(str::to_owned),
        session_s_max: params.integer("NewMaxSessionDuration").map(|seconds| seconds as u32),
    };
    ram::change(context, |directory| {
        let name = params.required("RoleName");
        let role = directory.update_role(name, change.clone(), context.now_unix_ms)?;
        Ok(json!({"Role": ram::role(context.account_id, role)}))
    })
}

fn delete(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    ram::change(context, |directory| {
        directory.delete_role(params.required("RoleName"))?;
        Ok(json!({}))
    })
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let directory = ram::directory(context)?;
    let view = |role| ram::role(context.account_id, role);
    let roles = directory.roles.iter().map(|(name, role)| (name.clone(), view(role)));
    Ok(ram::page(params, ("Roles", "Role"), roles))
}
