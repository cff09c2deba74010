//! CreateUser, GetUser, UpdateUser, DeleteUser, ListUsers.

use super::params::{Kind, Param, Params};
use super::ram::{self, MARKER, MAX_ITEMS, USER_NAME, reads, writes};
use super::{Action, Context, Done, ram_keys};
use crate::directory;
use crate::error::ApiError;
use crate::random;
use control_model::ident;
use control_model::ram::{User, UserChange, delete_conflict};
use serde_json::json;

const NEW_USER: Param =
    Param::required("UserName", Kind::Text, "1 to 64 letters, digits, '.', '_' and '-'");

/// CreateUser.
pub const CREATE: Action = writes(
    "CreateUser",
    &[
        NEW_USER,
        Param::optional("DisplayName", Kind::Text, "name for people"),
        Param::optional("MobilePhone", Kind::Text, "number"),
        Param::optional("Email", Kind::Text, "address"),
        Param::optional("Comments", Kind::Text, "for people"),
    ],
    "Makes a user, which may do nothing yet.",
    create,
);

/// GetUser.
pub const GET: Action = reads("GetUser", &[USER_NAME], "Shows a user.", get);

/// UpdateUser.
pub const UPDATE: Action = writes(
    "UpdateUser",
    &[
        USER_NAME,
        Param::optional("NewUserName", Kind::Text, "another name; keys and policies stay"),
        Param::optional("NewDisplayName", Kind::Text, "another name for people"),
        Param::optional("NewMobilePhone", Kind::Text, "another number"),
        Param::optional("NewEmail", Kind::Text, "another address"),
        Param::optional("NewComments", Kind::Text, "other comments"),
    ],
    "Changes a user's name or particulars.",
    update,
);

/// DeleteUser.
pub const DELETE: Action = writes(
    "DeleteUser",
    &[USER_NAME],
    "Deletes a user that has no keys, policies, groups and login profile.",
    delete,
);

/// ListUsers.
pub const LIST: Action = reads("ListUsers", &[MARKER, MAX_ITEMS], "Lists users by name.", list);

fn create(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let text = |name: &str| params.text(name).unwrap_or_default().to_owned();
    let name = text("UserName");
    let user = User {
        user_id: ident::principal_id(&mut random::fill),
        display_name: params.text("DisplayName").unwrap_or(&name).to_owned(),
        name,
        email: text("Email"),
        mobile_phone: text("MobilePhone"),
        comments: text("Comments"),
        created_unix_ms: context.now_unix_ms,
        updated_unix_ms: context.now_unix_ms,
        ..User::default()
    };
    ram::change(context, |directory| {
        directory.create_user(user.clone())?;
        Ok(json!({"User": ram::user(&user)}))
    })
}

fn get(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let directory = ram::directory(context)?;
    let user = directory.user(params.required("UserName"))?;
    Ok(Done::now(json!({"User": ram::user(user)})))
}

fn update(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let given = |name: &str| params.text(name).map(str::to_owned);
    let change = UserChange {
        name: given("NewUserName"),
        display_name: given("NewDisplayName"),
        email: given("NewEmail"),
        mobile_phone: given("NewMobilePhone"),
        comments: given("NewComments"),
    };
    ram::change(context, |directory| {
        let name = params.required("UserName");
        let user = directory.update_user(name, change.clone(), context.now_unix_ms)?;
        Ok(json!({"User": ram::user(user)}))
    })
}

fn delete(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = params.required("UserName");
    directory::update(context.store, context.account_id, |directory| {
        let user_id = directory.user(name)?.user_id.clone();
        if !ram_keys::of(context, Some(&user_id))?.is_empty() {
            let rest = "AccessKeys: delete them first";
            return Err(delete_conflict("User.AccessKey", name, rest).into());
        }
        directory.delete_user(name)?;
        Ok(((), Vec::new()))
    })?;
    Ok(Done::now(json!({})))
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let directory = ram::directory(context)?;
    let users = directory.users.iter().map(|(name, user)| (name.clone(), ram::user(user)));
    Ok(ram::page(params, ("Users", "User"), users))
}
