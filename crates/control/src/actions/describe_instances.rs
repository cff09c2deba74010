//! DescribeInstances: lists and filters. Must not know how filters match.

use super::params::{Kind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, views};
use crate::error::{self, ApiError};
use crate::recycle_bin;
use crate::store::documents;
use control_model::selector::{Exact, Selector, page};
use control_model::{Instance, Status, recycle};
use serde_json::{Value, json};

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeInstances",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        REGION_ID,
        Param::optional("InstanceIds", Kind::Text, "up to 30, comma-separated"),
        Param::optional("InstanceStatus", Kind::Text, "exact; Released: the recycle bin"),
        Param::optional("SearchKey", Kind::Text, "part of id or name"),
        Param::optional("ArchitectureType", Kind::Text, "exact"),
        Param::optional("ChargeType", Kind::Text, "exact"),
        Param::optional("EditionType", Kind::Text, "exact"),
        Param::optional("EngineVersion", Kind::Text, "exact"),
        Param::optional("Expired", Kind::Boolean, "exact"),
        Param::optional("InstanceClass", Kind::Text, "exact"),
        Param::optional("InstanceType", Kind::Text, "exact"),
        Param::optional("NetworkType", Kind::Text, "exact"),
        Param::optional("NodeType", Kind::Text, "exact, either word"),
        Param::optional("ResourceGroupId", Kind::Text, "exact"),
        Param::optional("VpcId", Kind::Text, "exact"),
        Param::optional("VSwitchId", Kind::Text, "exact"),
        Param::optional("ZoneId", Kind::Text, "exact"),
        Param::optional("PrivateIp", Kind::Text, "exact"),
        Param::optional("PageNumber", Kind::Integer { min: 1, max: 1 << 31 }, "from 1"),
        Param::optional("PageSize", Kind::Integer { min: 1, max: 50 }, "30 unless told"),
        Param::optional("Tag", Kind::Tags, "all of them"),
    ],
    doc: "Lists instances, filtered and in pages.",
    token: None,
    handler: run,
};

const EXACT: &[(&str, Exact)] = &[
    ("ArchitectureType", Exact::Architecture),
    ("ChargeType", Exact::Charge),
    ("EditionType", Exact::Edition),
    ("EngineVersion", Exact::EngineVersion),
    ("Expired", Exact::Expired),
    ("InstanceClass", Exact::Class),
    ("InstanceType", Exact::Engine),
    ("NetworkType", Exact::Network),
    ("NodeType", Exact::Node),
    ("ResourceGroupId", Exact::ResourceGroup),
    ("VpcId", Exact::Vpc),
    ("VSwitchId", Exact::VSwitch),
    ("ZoneId", Exact::Zone),
];

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let items = select(context, params)?;
    let number = params.integer("PageNumber").unwrap_or(1);
    let size = params.integer("PageSize").unwrap_or(30);
    let total = items.len();
    let shown: Vec<Value> = page(items, number as usize, size as usize)
        .iter()
        .map(|(instance, status)| views::listed(instance, *status, context.settings))
        .collect();
    Ok(Done::now(json!({
        "PageNumber": number,
        "PageSize": size,
        "TotalCount": total,
        "Instances": {"KVStoreInstance": shown},
    })))
}

/// The caller's instances that the filters leave, the newest first, as people look for it.
///
/// # Errors
/// `InvalidInstanceIds.Malformed` for too many ids.
pub fn select(
    context: &Context<'_>,
    params: &Params<'_>,
) -> Result<Vec<(Instance, Status)>, ApiError> {
    let selector = selector(params)?;
    let elsewhere = params.text("PrivateIp").is_some_and(|ip| ip != context.settings.advertise);
    let mut items = Vec::new();
    let mut read = documents::instances(context.store)?;
    // What is in the recycle bin is gone for everyone who does not ask for it.
    if params.text("InstanceStatus") == Some(Status::Released.name()) {
        let mut released = recycle_bin::list(context.store)?;
        released.retain(|read| recycle::is_recoverable(&read.value, context.now_unix_ms));
        read.extend(released);
    }
    for instance in read.into_iter().map(|read| read.value) {
        let status = context.status(&instance);
        let own = instance.account_id == context.account_id;
        if own && !elsewhere && selector.matches(&instance, status) {
            items.push((instance, status));
        }
    }
    items.sort_by(|(a, _), (b, _)| {
        let newer = b.created_unix_ms.cmp(&a.created_unix_ms);
        newer.then_with(|| a.instance_id.cmp(&b.instance_id))
    });
    Ok(items)
}

fn selector(params: &Params<'_>) -> Result<Selector, ApiError> {
    let owned = |name: &str| params.text(name).map(str::to_owned);
    let instance_ids = params
        .text("InstanceIds")
        .map(|list| list.split(',').map(|id| id.trim().to_owned()).collect::<Vec<_>>());
    if instance_ids.as_ref().is_some_and(|ids| ids.len() > 30) {
        return Err(error::INVALID_INSTANCE_IDS.plain());
    }
    let exact = EXACT.iter().filter_map(|(name, kind)| Some((*kind, owned(name)?)));
    Ok(Selector {
        instance_ids,
        search: owned("SearchKey"),
        status: owned("InstanceStatus"),
        exact: exact.collect(),
        tags: params.tags(),
    })
}
