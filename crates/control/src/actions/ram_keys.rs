//! CreateAccessKey, ListAccessKeys, UpdateAccessKey, DeleteAccessKey, GetAccessKeyLastUsed: of a
//! user, or of root when root calls and names nobody. A secret is shown once.

use super::params::{Kind, Param, Params};
use super::ram::{self, reads, writes};
use super::{Action, Context, Done, views};
use crate::audit::lookup::Query;
use crate::bootstrap::access_key_owner;
use crate::directory;
use crate::error::{self, ApiError};
use crate::random;
use crate::store::{Expect, Kind as Document, StoreError, documents};
use control_model::account::Bootstrap;
use control_model::ram::{KEYS_MAX, limit, not_exist};
use control_model::{AccessKey, KeyState, ident, policy};
use serde_json::{Value, json};

const OF_USER: Param = Param::optional("UserName", Kind::Text, "the caller unless told");
const KEY_ID: Param = Param::required("UserAccessKeyId", Kind::Text, "which key");
const STATES: &[&str] = &["Active", "Inactive"];

/// CreateAccessKey.
pub const CREATE: Action = writes(
    "CreateAccessKey",
    &[OF_USER],
    "Makes an AccessKey; its secret is shown this once. A user has two at most.",
    create,
);

/// ListAccessKeys.
pub const LIST: Action = reads("ListAccessKeys", &[OF_USER], "Lists AccessKeys.", list);

/// UpdateAccessKey.
pub const UPDATE: Action = writes(
    "UpdateAccessKey",
    &[OF_USER, KEY_ID, Param::required("Status", Kind::OneOf(STATES), "whether it is accepted")],
    "Disables or enables an AccessKey.",
    update,
);

/// DeleteAccessKey.
pub const DELETE: Action =
    writes("DeleteAccessKey", &[OF_USER, KEY_ID], "Deletes an AccessKey.", delete);

/// GetAccessKeyLastUsed.
pub const LAST_USED: Action = reads(
    "GetAccessKeyLastUsed",
    &[OF_USER, KEY_ID],
    "Tells when an AccessKey was used last, within 90 days.",
    last_used,
);

/// How far back the last use is looked for.
const KEPT_MS: i64 = 90 * 24 * 3_600_000;

/// The keys of a user of the caller's account, or of root.
///
/// # Errors
/// When the store fails.
pub fn of(context: &Context<'_>, user_id: Option<&str>) -> Result<Vec<AccessKey>, StoreError> {
    let all = documents::list::<AccessKey>(context.store, Document::AccessKey)?;
    let own =
        |key: &AccessKey| key.account_id == context.account_id && key.user_id.as_deref() == user_id;
    let mut keys: Vec<_> = all.into_iter().map(|read| read.value).filter(own).collect();
    keys.sort_by_key(|key| key.created_unix_ms);
    Ok(keys)
}

fn state_name(state: KeyState) -> &'static str {
    STATES[usize::from(state == KeyState::Inactive)]
}

fn view(key: &AccessKey) -> Value {
    json!({
        "AccessKeyId": key.access_key_id,
        "Status": state_name(key.state),
        "CreateDate": views::time(key.created_unix_ms),
    })
}

fn create(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = ram::user_name(context, params)?;
    let (id, secret) =
        (ident::access_key_id(&mut random::fill), ident::access_key_secret(&mut random::fill));
    let made = directory::update(context.store, context.account_id, |directory| {
        let user = name.map(|name| directory.user(name)).transpose()?;
        let user_id = user.map(|user| user.user_id.clone());
        let present = of(context, user_id.as_deref())?.len();
        limit("User.AccessKey", present, KEYS_MAX)?;
        let key = AccessKey {
            access_key_id: id.clone(),
            account_id: context.account_id.to_owned(),
            principal: name.unwrap_or(policy::ROOT).to_owned(),
            user_id,
            secret: context.vault.seal(&access_key_owner(&id), &secret),
            state: KeyState::Active,
            created_unix_ms: context.now_unix_ms,
        };
        let absent = Expect::Absent;
        let put = documents::put(Document::AccessKey, &id, absent, context.account_id, &key);
        Ok((view(&key), vec![put]))
    })?;
    let mut made = made;
    made["AccessKeySecret"] = secret.into();
    Ok(Done::now(json!({"AccessKey": made})))
}

/// Id of the user that the call is about; `None` is root.
fn user_id(context: &Context<'_>, params: &Params<'_>) -> Result<Option<String>, ApiError> {
    let Some(name) = ram::user_name(context, params)? else { return Ok(None) };
    Ok(Some(ram::directory(context)?.user(name)?.user_id.clone()))
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let keys = of(context, user_id(context, params)?.as_deref())?;
    let keys: Vec<_> = keys.iter().map(view).collect();
    Ok(Done::now(json!({"AccessKeys": {"AccessKey": keys}})))
}

/// The key that the call names, if it belongs to whom the call is about.
fn named(
    context: &Context<'_>,
    params: &Params<'_>,
) -> Result<documents::Versioned<AccessKey>, ApiError> {
    let user_id = user_id(context, params)?;
    let id = params.required("UserAccessKeyId");
    let found = documents::get::<AccessKey>(context.store, Document::AccessKey, id)?;
    let own =
        found.filter(|k| k.value.account_id == context.account_id && k.value.user_id == user_id);
    own.ok_or_else(|| not_exist("User.AccessKey", id).into())
}

fn update(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let inactive = params.text("Status") == Some("Inactive");
    loop {
        let found = named(context, params)?;
        let state = if inactive { KeyState::Inactive } else { KeyState::Active };
        let key = AccessKey { state, ..found.value };
        let expect = Expect::Revision(found.revision);
        let (id, account) = (&key.access_key_id, context.account_id);
        match context.store.txn(&[documents::put(Document::AccessKey, id, expect, account, &key)]) {
            Ok(_) => return Ok(Done::now(json!({}))),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn delete(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let key = named(context, params)?.value;
    let first = documents::list::<Bootstrap>(context.store, Document::Bootstrap)?;
    if first.iter().any(|read| read.value.access_key_id == key.access_key_id) {
        let text = "Each start of this installation tells of its first AccessKey, so it stays; \
                    UpdateAccessKey with Status=Inactive takes it out of use.";
        return Err(error::DELETE_CONFLICT.says(text));
    }
    let gone = documents::delete(Document::AccessKey, &key.access_key_id, Expect::Any);
    context.store.txn(&[gone])?;
    Ok(Done::now(json!({})))
}

fn last_used(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let key = named(context, params)?.value;
    let query = Query {
        account_id: context.account_id.to_owned(),
        from_unix_ms: context.now_unix_ms - KEPT_MS,
        to_unix_ms: context.now_unix_ms,
        fields: vec![("access_key_id", key.access_key_id)],
        writes: None,
        seq: None,
        after: None,
        newest_first: true,
        count: 1,
    };
    let page = context.audit.look_up(&query).map_err(|error| {
        tracing::error!("reading the audit log: {error}");
        error::SERVICE_UNAVAILABLE.plain()
    })?;
    let time = page.lines.first().and_then(|line| line["time"].as_str()).unwrap_or_default();
    let time: Option<jiff::Timestamp> = time.parse().ok();
    let time = time.map(|time| views::time(time.as_millisecond())).unwrap_or_default();
    Ok(Done::now(json!({"AccessKeyLastUsed": {"LastUsedDate": time}})))
}
