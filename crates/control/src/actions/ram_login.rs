//! CreateLoginProfile, GetLoginProfile, UpdateLoginProfile, DeleteLoginProfile: whether and how a
//! user logs in to the console, as `<user>@<account>`. Must not keep the password.

use super::params::{Kind, Param, Params};
use super::ram::{self, USER_NAME, reads, writes};
use super::{Action, Context, Done, views};
use crate::directory;
use crate::error::{self, ApiError};
use crate::vault;
use control_model::password;
use control_model::ram::{Directory, LoginProfile, RamFault, not_exist};
use serde_json::{Value, json};
use std::borrow::Cow;

const RESET: Param = Param::optional(
    "PasswordResetRequired",
    Kind::Boolean,
    "kept and told; the console asks for no new password",
);
const MFA: Param = Param::optional("MFABindRequired", Kind::OneOf(&["false", "False"]), "false");

/// CreateLoginProfile.
pub const CREATE: Action = writes(
    "CreateLoginProfile",
    &[
        USER_NAME,
        Param::required("Password", Kind::Secret, "8–32 characters of three kinds"),
        RESET,
        MFA,
    ],
    "Lets a user log in to the console.",
    create,
);

/// GetLoginProfile.
pub const GET: Action =
    reads("GetLoginProfile", &[USER_NAME], "Shows how a user logs in to the console.", get);

/// UpdateLoginProfile.
pub const UPDATE: Action = writes(
    "UpdateLoginProfile",
    &[USER_NAME, Param::optional("Password", Kind::Secret, "another password"), RESET, MFA],
    "Changes how a user logs in to the console.",
    update,
);

/// DeleteLoginProfile.
pub const DELETE: Action = writes(
    "DeleteLoginProfile",
    &[USER_NAME],
    "Lets a user not log in to the console any more.",
    delete,
);

fn view(name: &str, login: &LoginProfile) -> Value {
    json!({"LoginProfile": {
        "UserName": name,
        "PasswordResetRequired": login.reset_required,
        "MFABindRequired": false,
        "CreateDate": views::time(login.created_unix_ms),
    }})
}

fn missing(name: &str) -> RamFault {
    not_exist("User.LoginProfile", name)
}

/// The hash of the password that was given, made once: it takes tens of milliseconds.
fn hash(params: &Params<'_>) -> Result<Option<String>, ApiError> {
    let Some(given) = params.text("Password") else { return Ok(None) };
    password::check(given).map_err(|fault| {
        let row = &error::INVALID_PARAMETER;
        let text = format!("The parameter Password is not valid. Reason: {fault}.");
        ApiError { code: Cow::Borrowed("InvalidParameter.Password"), ..row.says(text) }
    })?;
    Ok(Some(vault::hash_password(given)))
}

/// Fails when there is no such user, before a hash is computed.
fn known(context: &Context<'_>, params: &Params<'_>) -> Result<Directory, ApiError> {
    let directory = directory::read(context.store, context.account_id)?.1;
    directory.user(params.required("UserName"))?;
    Ok(directory)
}

fn create(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    known(context, params)?;
    let name = params.required("UserName");
    let login = LoginProfile {
        password_hash: hash(params)?.unwrap_or_default(),
        reset_required: params.is_true("PasswordResetRequired"),
        created_unix_ms: context.now_unix_ms,
    };
    ram::change(context, |directory| {
        let user = directory.user_mut(name)?;
        if user.login.is_some() {
            let entity = "User.LoginProfile".to_owned();
            return Err(RamFault::AlreadyExists { entity, name: name.to_owned() });
        }
        user.login = Some(login.clone());
        Ok(view(name, &login))
    })
}

fn get(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let directory = known(context, params)?;
    let name = params.required("UserName");
    let login = directory.user(name)?.login.as_ref().ok_or_else(|| missing(name))?;
    Ok(Done::now(view(name, login)))
}

fn update(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    known(context, params)?;
    let (name, hash) = (params.required("UserName"), hash(params)?);
    ram::change(context, |directory| {
        let login = directory.user_mut(name)?.login.as_mut().ok_or_else(|| missing(name))?;
        if let Some(hash) = &hash {
            login.password_hash.clone_from(hash);
        }
        if params.text("PasswordResetRequired").is_some() {
            login.reset_required = params.is_true("PasswordResetRequired");
        }
        Ok(json!({}))
    })
}

fn delete(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = params.required("UserName");
    ram::change(context, |directory| {
        let gone = directory.user_mut(name)?.login.take();
        gone.map(|_| json!({})).ok_or_else(|| missing(name))
    })
}
