//! Contacts and contact groups: who is told of alarms. Must not know how.

use super::cloud::{done, invalid};
use super::params::{Kind, Param, Params};
use super::table::CMS;
use super::{Access, Action, Context, Done};
use crate::alarms::{is_address, reach, rule_key};
use crate::error::{self, ApiError};
use crate::store::{self, Expect, documents};
use control_model::alarm::{Contact, ContactGroup};
use control_model::selector::page;
use serde_json::{Value, json};

const NUMBER: Param = Param::optional("PageNumber", Kind::Integer { min: 1, max: 1 << 31 }, "1");
const SIZE: Param = Param::optional("PageSize", Kind::Integer { min: 1, max: 1_000 }, "100");
/// Contacts, and groups, of one account.
pub(super) const EACH_MAX: usize = 1_000;
const NAME_CHARS_MAX: usize = 64;

/// PutContact.
pub const PUT: Action = Action {
    name: "PutContact",
    version: CMS,
    access: Access::Write,
    params: &[
        Param::required("ContactName", Kind::Text, "unique"),
        Param::required("Describe", Kind::Text, "about them"),
        Param::optional("Channels", Kind::Secret, ".Mail, .DingWebHook"),
        Param::optional("Lang", Kind::OneOf(&["zh-cn", "en"]), "zh-cn or en"),
    ],
    doc: "Makes a contact or replaces it.",
    token: None,
    handler: put,
};

/// DescribeContactList.
pub const LIST: Action = Action {
    name: "DescribeContactList",
    version: CMS,
    access: Access::Read,
    params: &[
        Param::optional("ContactName", Kind::Text, "only this one"),
        Param::optional("ChannelType", Kind::OneOf(&["Mail", "DingWebHook"]), "see ChannelValue"),
        Param::optional("ChannelValue", Kind::Text, "only those with this address"),
        NUMBER,
        SIZE,
    ],
    doc: "Lists contacts.",
    token: None,
    handler: list,
};

/// DeleteContact.
pub const DELETE: Action = Action {
    name: "DeleteContact",
    version: CMS,
    access: Access::Write,
    params: &[Param::required("ContactName", Kind::Text, "which")],
    doc: "Deletes a contact, also from its groups.",
    token: None,
    handler: delete,
};

/// PutContactGroup.
pub const PUT_GROUP: Action = Action {
    name: "PutContactGroup",
    version: CMS,
    access: Access::Write,
    params: &[
        Param::required("ContactGroupName", Kind::Text, "unique"),
        Param::optional("Describe", Kind::Text, "about it"),
        Param::optional("ContactNames", Kind::Text, ".N, all of them"),
        Param::optional("EnableSubscribed", Kind::Boolean, "ignored"),
    ],
    doc: "Makes a contact group or replaces it.",
    token: None,
    handler: put_group,
};

/// DescribeContactGroupList.
pub const LIST_GROUPS: Action = Action {
    name: "DescribeContactGroupList",
    version: CMS,
    access: Access::Read,
    params: &[NUMBER, SIZE],
    doc: "Lists contact groups.",
    token: None,
    handler: list_groups,
};

/// DeleteContactGroup.
pub const DELETE_GROUP: Action = Action {
    name: "DeleteContactGroup",
    version: CMS,
    access: Access::Write,
    params: &[Param::required("ContactGroupName", Kind::Text, "which")],
    doc: "Deletes a contact group.",
    token: None,
    handler: delete_group,
};

fn name<'a>(params: &Params<'a>, param: &str) -> Result<&'a str, ApiError> {
    let name = params.required(param);
    let plain = name.chars().all(|c| !c.is_control() && !matches!(c, ',' | '/' | '"'));
    if !plain || NAME_CHARS_MAX < name.chars().count() {
        return Err(invalid(param, "at most 64 characters without , / and \""));
    }
    Ok(name)
}

fn contacts(context: &Context<'_>) -> Result<Vec<Contact>, ApiError> {
    let all = documents::list::<Contact>(context.store, store::Kind::Contact)?;
    let all = all.into_iter().map(|read| read.value);
    Ok(all.filter(|one| one.account_id == context.account_id).collect())
}

fn groups(context: &Context<'_>) -> Result<Vec<ContactGroup>, ApiError> {
    let all = documents::list::<ContactGroup>(context.store, store::Kind::ContactGroup)?;
    let all = all.into_iter().map(|read| read.value);
    Ok(all.filter(|one| one.account_id == context.account_id).collect())
}

fn quota(count: usize, what: &str) -> Result<(), ApiError> {
    if count < EACH_MAX {
        return Ok(());
    }
    Err(error::QUOTA_EXCEED.says(format!("An account has at most {EACH_MAX} {what}.")))
}

fn put(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = name(params, "ContactName")?;
    let mail = params.text("Channels.Mail").unwrap_or_default();
    let webhook = params.text("Channels.DingWebHook").unwrap_or_default();
    if mail.is_empty() && webhook.is_empty() {
        return Err(invalid("Channels", "Channels.Mail or Channels.DingWebHook, or both"));
    }
    if !mail.is_empty() && !is_address(mail) {
        return Err(invalid("Channels.Mail", "a mail address"));
    }
    if let Some(wanted) = Some(webhook).filter(|url| !url.is_empty()).and_then(reach::fault) {
        return Err(invalid("Channels.DingWebHook", wanted));
    }
    let key = rule_key(context.account_id, name);
    let before = documents::get::<Contact>(context.store, store::Kind::Contact, &key)?;
    if before.is_none() {
        quota(contacts(context)?.len(), "contacts")?;
    }
    let contact = Contact {
        name: name.to_owned(),
        account_id: context.account_id.to_owned(),
        describe: params.required("Describe").to_owned(),
        mail: mail.to_owned(),
        webhook: webhook.to_owned(),
        lang: params.text("Lang").unwrap_or("zh-cn").to_owned(),
        created_unix_ms: before.map_or(context.now_unix_ms, |read| read.value.created_unix_ms),
        updated_unix_ms: context.now_unix_ms,
    };
    let account = context.account_id;
    let change = documents::put(store::Kind::Contact, &key, Expect::Any, account, &contact);
    context.store.txn(&[change])?;
    Ok(done(json!({})))
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let groups = groups(context)?;
    let value = params.text("ChannelValue");
    let has = |contact: &Contact| match params.text("ChannelType") {
        Some("Mail") => value.is_none_or(|value| contact.mail == value),
        Some(_) => value.is_none_or(|value| contact.webhook == value),
        None => true,
    };
    let wanted = params.text("ContactName");
    let found: Vec<Contact> = contacts(context)?
        .into_iter()
        .filter(|contact| wanted.is_none_or(|name| contact.name == name) && has(contact))
        .collect();
    let total = found.len();
    let found = page(found, number(params), size(params));
    let rows: Vec<Value> = found.iter().map(|contact| view(contact, &groups)).collect();
    Ok(done(json!({"Contacts": {"Contact": rows}, "Total": total})))
}

fn view(contact: &Contact, groups: &[ContactGroup]) -> Value {
    let member = |group: &&ContactGroup| group.contacts.contains(&contact.name);
    let names: Vec<&str> = groups.iter().filter(member).map(|group| &*group.name).collect();
    let state = |address: &str| if address.is_empty() { "" } else { "OK" };
    json!({
        "Name": contact.name,
        "Desc": contact.describe,
        "Lang": contact.lang,
        "CreateTime": contact.created_unix_ms,
        "UpdateTime": contact.updated_unix_ms,
        "Channels": {
            "Mail": contact.mail, "DingWebHook": contact.webhook, "SMS": "", "AliIM": "",
        },
        "ChannelsState": {
            "Mail": state(&contact.mail), "DingWebHook": state(&contact.webhook),
            "SMS": "", "AliIM": "",
        },
        "ContactGroups": {"ContactGroup": names},
    })
}

fn delete(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = params.required("ContactName");
    let key = rule_key(context.account_id, name);
    if context.store.get(store::Kind::Contact, &key)?.is_none() {
        return Err(error::RESOURCE_NOT_FOUND.says(format!("There is no contact {name}.")));
    }
    let mut changes = vec![documents::delete(store::Kind::Contact, &key, Expect::Any)];
    for mut group in groups(context)? {
        if group.contacts.iter().any(|member| member == name) {
            group.contacts.retain(|member| member != name);
            changes.push(put_of(context, &group));
        }
    }
    context.store.txn(&changes)?;
    Ok(done(json!({})))
}

fn put_of(context: &Context<'_>, group: &ContactGroup) -> store::Change {
    let key = rule_key(context.account_id, &group.name);
    documents::put(store::Kind::ContactGroup, &key, Expect::Any, context.account_id, group)
}

fn put_group(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = name(params, "ContactGroupName")?;
    let known = contacts(context)?;
    let members: Vec<String> = params.list("ContactNames").into_iter().map(str::to_owned).collect();
    for member in &members {
        if !known.iter().any(|contact| contact.name == *member) {
            let text = format!("There is no contact {member}; PutContact makes one.");
            return Err(error::RESOURCE_NOT_FOUND.says(text));
        }
    }
    let all = groups(context)?;
    let before = all.iter().find(|group| group.name == name);
    if before.is_none() {
        quota(all.len(), "contact groups")?;
    }
    let group = ContactGroup {
        name: name.to_owned(),
        account_id: context.account_id.to_owned(),
        describe: params.text("Describe").unwrap_or_default().to_owned(),
        contacts: members,
        created_unix_ms: before.map_or(context.now_unix_ms, |group| group.created_unix_ms),
        updated_unix_ms: context.now_unix_ms,
    };
    context.store.txn(&[put_of(context, &group)])?;
    Ok(done(json!({})))
}

fn list_groups(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let groups = groups(context)?;
    let total = groups.len();
    let groups = page(groups, number(params), size(params));
    let names: Vec<&str> = groups.iter().map(|group| &*group.name).collect();
    let rows: Vec<Value> = groups
        .iter()
        .map(|group| {
            json!({
                "Name": group.name,
                "Describe": group.describe,
                "Contacts": {"Contact": group.contacts},
                "CreateTime": group.created_unix_ms,
                "UpdateTime": group.updated_unix_ms,
                "EnableSubscribed": false,
                "EnabledWeeklyReport": false,
            })
        })
        .collect();
    Ok(done(json!({
        "ContactGroups": {"ContactGroup": names},
        "ContactGroupList": {"ContactGroup": rows},
        "Total": total,
    })))
}

fn delete_group(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let name = params.required("ContactGroupName");
    let key = rule_key(context.account_id, name);
    if context.store.get(store::Kind::ContactGroup, &key)?.is_none() {
        return Err(error::RESOURCE_NOT_FOUND.says(format!("There is no contact group {name}.")));
    }
    context.store.txn(&[documents::delete(store::Kind::ContactGroup, &key, Expect::Any)])?;
    Ok(done(json!({})))
}

fn number(params: &Params<'_>) -> usize {
    params.integer("PageNumber").unwrap_or(1) as usize
}

fn size(params: &Params<'_>) -> usize {
    params.integer("PageSize").unwrap_or(100) as usize
}
