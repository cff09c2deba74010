//! TagResources, UntagResources, ListTagResources and DescribeTags. A change of several instances
//! happens to all of them or to none.

use super::params::{Kind as ParamKind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use crate::store::{Expect, StoreError, documents};
use control_model::name::TagFault;
use control_model::{Instance, Tag, tagging};
use serde_json::json;

const RESOURCES_MAX: usize = 50;
/// Most tags of an instance.
pub(super) const KEYS_MAX: usize = 20;
/// Entries of one answer.
const PAGE: usize = 100;

const TYPE: Param = Param::required("ResourceType", ParamKind::Text, "INSTANCE, in any case");
const IDS: Param = Param::optional("ResourceId", ParamKind::List, "instances, up to 50");
const TAGS: Param = Param::optional("Tag", ParamKind::Tags, "Tag.N.Key and Tag.N.Value, up to 20");
const NEXT: Param = Param::optional("NextToken", ParamKind::Text, "of the answer before");

/// TagResources.
pub const TAG: Action = Action {
    name: "TagResources",
    version: KVSTORE,
    access: Access::Write,
    params: &[REGION_ID, TYPE, IDS, TAGS],
    doc: "Puts tags on instances; a key that is there gets the new value.",
    token: None,
    handler: tag,
};

/// UntagResources.
pub const UNTAG: Action = Action {
    name: "UntagResources",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        REGION_ID,
        TYPE,
        IDS,
        Param::optional("TagKey", ParamKind::List, "up to 20"),
        Param::optional("All", ParamKind::Boolean, "all tags, where no key is given"),
    ],
    doc: "Takes tags off instances.",
    token: None,
    handler: untag,
};

/// ListTagResources.
pub const LIST: Action = Action {
    name: "ListTagResources",
    version: KVSTORE,
    access: Access::Read,
    params: &[REGION_ID, TYPE, IDS, TAGS, NEXT],
    doc: "Lists tags of instances, by instance or by tag.",
    token: None,
    handler: list,
};

/// DescribeTags.
pub const DESCRIBE: Action = Action {
    name: "DescribeTags",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        REGION_ID,
        Param::optional("ResourceType", ParamKind::Text, "INSTANCE, in any case"),
        NEXT,
    ],
    doc: "Lists every tag key in use with its values.",
    token: None,
    handler: describe,
};

/// The refusal of a tag set.
pub fn refusal(fault: TagFault) -> ApiError {
    match fault {
        TagFault::Key => error::INVALID_TAG_KEY.plain(),
        TagFault::Value => error::INVALID_TAG_VALUE.plain(),
        TagFault::Duplicate => error::DUPLICATE_TAG_KEY.plain(),
        TagFault::TooMany => error::TAGS_EXCEED.plain(),
    }
}

fn tag(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (ids, added) = (resource_ids(params)?, params.tags());
    if ids.is_empty() || added.is_empty() {
        return Err(error::MISS_TAG_OR_RESOURCE.says("ResourceId.N and Tag.N are mandatory."));
    }
    change(context, &ids, |tags| tagging::put_on(tags, &added).map_err(refusal))
}

fn untag(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (ids, keys) = (resource_ids(params)?, params.list("TagKey"));
    if ids.is_empty() {
        return Err(error::MISS_TAG_OR_RESOURCE.says("ResourceId.N is mandatory."));
    }
    if keys.is_empty() && !params.is_true("All") {
        return Err(error::MISS_TAG_OR_RESOURCE.says("TagKey.N is mandatory unless All is true."));
    }
    if KEYS_MAX < keys.len() {
        return Err(error::TAGS_EXCEED.plain());
    }
    change(context, &ids, |tags| Ok(tagging::take_off(tags, &keys)))
}

fn resource_ids<'a>(params: &Params<'a>) -> Result<Vec<&'a str>, ApiError> {
    check_type(params)?;
    let mut ids = params.list("ResourceId");
    if RESOURCES_MAX < ids.len() {
        return Err(error::RESOURCES_EXCEED.plain());
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn check_type(params: &Params<'_>) -> Result<(), ApiError> {
    let given = params.text("ResourceType");
    let is_instance = given.is_none_or(|text| text.eq_ignore_ascii_case("INSTANCE"));
    if is_instance { Ok(()) } else { Err(error::INVALID_RESOURCE_TYPE.plain()) }
}

/// Changes the tags of all these instances of the caller, or of none.
fn change(
    context: &Context<'_>,
    ids: &[&str],
    new_tags: impl Fn(&[Tag]) -> Result<Vec<Tag>, ApiError>,
) -> Result<Done, ApiError> {
    loop {
        let mut changes = Vec::new();
        for id in ids {
            let read = documents::get::<Instance>(context.store, crate::store::Kind::Instance, id)?;
            let own = read.filter(|read| is_own(context, &read.value));
            let Some(read) = own else {
                let row = &error::DB_INSTANCE_NOT_FOUND;
                return Err(row.says(format!("{} ResourceId {id}.", row.message)));
            };
            let tags = new_tags(&read.value.tags)?;
            let instance = Instance { tags, ..read.value };
            changes.push(documents::put_instance(&instance, Expect::Revision(read.revision)));
        }
        match context.store.txn(&changes) {
            Ok(_) => return Ok(Done::now(json!({}))),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_own(context: &Context<'_>, instance: &Instance) -> bool {
    instance.account_id == context.account_id && !instance.deleting
}

/// The caller's instances, by id.
fn own(context: &Context<'_>) -> Result<Vec<Instance>, ApiError> {
    let all = documents::instances(context.store)?.into_iter().map(|read| read.value);
    Ok(all.filter(|instance| is_own(context, instance)).collect())
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (ids, wanted) = (resource_ids(params)?, params.tags());
    if ids.is_empty() && wanted.is_empty() {
        return Err(error::MISS_TAG_OR_RESOURCE.plain());
    }
    if KEYS_MAX < wanted.len() {
        return Err(error::TAGS_EXCEED.plain());
    }
    let instances = own(context)?;
    let among = |instance: &&Instance| {
        (ids.is_empty() || ids.contains(&instance.instance_id.as_str()))
            && tagging::has_all(instance, &wanted)
    };
    let mut entries: Vec<_> = instances
        .iter()
        .filter(among)
        .flat_map(|instance| instance.tags.iter().map(|tag| (&*instance.instance_id, tag)))
        .collect();
    entries.sort_by_key(|(id, tag)| (*id, &tag.key));
    let marked = |(id, tag): &&(&str, &Tag)| format!("{id}/{}", tag.key);
    let (page, next) = page(&entries, params, |entry| marked(&entry));
    let shown = |(id, tag): &(&str, &Tag)| {
        json!({
            "ResourceId": id,
            "ResourceType": "ALIYUN::KVSTORE::INSTANCE",
            "TagKey": tag.key,
            "TagValue": tag.value,
        })
    };
    let shown: Vec<_> = page.iter().map(shown).collect();
    Ok(Done::now(json!({ "NextToken": next, "TagResources": { "TagResource": shown } })))
}

fn describe(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    check_type(params)?;
    let instances = own(context)?;
    let keys: Vec<_> = tagging::in_use(instances.iter()).into_iter().collect();
    let (page, next) = page(&keys, params, |(key, _)| (*key).to_owned());
    let shown: Vec<_> =
        page.iter().map(|(key, values)| json!({ "TagKey": key, "TagValues": values })).collect();
    Ok(Done::now(json!({ "NextToken": next, "Tags": shown })))
}

/// The entries after the one that `NextToken` marks, and the next token; empty at the end.
fn page<'a, T>(
    entries: &'a [T],
    params: &Params<'_>,
    mark: impl Fn(&T) -> String,
) -> (&'a [T], String) {
    let after = params.text("NextToken").unwrap_or_default();
    let start = entries.partition_point(|entry| mark(entry).as_str() <= after);
    let rest = &entries[start..];
    let page = &rest[..rest.len().min(PAGE)];
    let more = page.len() < rest.len();
    let next = page.last().filter(|_| more).map(mark).unwrap_or_default();
    (page, next)
}
