//! The actions on allowlist groups that many instances share. A change of a group and the mark that
//! every bound instance must hear of it are one transaction, and the call returns when their nodes
//! enforce it. Must not know how nodes check addresses.

use super::modify_security_ips::list_refused;
use super::params::{Kind as ParamKind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, After, Context, Done, object};
use crate::error::{self, ApiError};
use crate::random;
use crate::store::{self, Expect, Kind, documents};
use control_model::global_group::{GlobalGroup, GlobalGroupFault, GlobalGroups};
use control_model::{Instance, Status, ident, region};
use serde_json::{Value, json};

const GROUP_ID: Param = Param::required("GlobalSecurityGroupId", ParamKind::Text, "which group");
const NAME: Param = Param::required("GlobalIgName", ParamKind::Text, "2 to 120 of a-z, 0-9 and _");
const LIST: Param =
    Param::required("GIpList", ParamKind::Text, "addresses and blocks, comma-separated");
const CLUSTER_ID: Param = Param::required("DBClusterId", ParamKind::Text, "which instance");

/// CreateGlobalSecurityIPGroup.
pub const CREATE: Action = Action {
    name: "CreateGlobalSecurityIPGroup",
    version: KVSTORE,
    access: Access::Write,
    params: &[REGION_ID, NAME, LIST],
    doc: "Makes an allowlist group that instances can be bound to.",
    token: None,
    handler: create,
};

/// DescribeGlobalSecurityIPGroup.
pub const DESCRIBE: Action = Action {
    name: "DescribeGlobalSecurityIPGroup",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        REGION_ID,
        Param::optional("GlobalSecurityGroupId", ParamKind::Text, "all groups unless told"),
        Param::optional("Engine", ParamKind::Text, "redis; groups of others there are none"),
    ],
    doc: "Lists allowlist groups and the instances that are bound to them.",
    token: None,
    handler: describe,
};

/// ModifyGlobalSecurityIPGroup.
pub const MODIFY: Action = Action {
    name: "ModifyGlobalSecurityIPGroup",
    version: KVSTORE,
    access: Access::Write,
    params: &[REGION_ID, GROUP_ID, NAME, LIST],
    doc: "Replaces name and addresses of an allowlist group, for every instance bound to it.",
    token: None,
    handler: |context, params| {
        let id = params.required("GlobalSecurityGroupId");
        change(context, id, |groups| {
            groups.rename(id, params.required("GlobalIgName"))?;
            groups.replace(id, params.required("GIpList"))
        })
    },
};

/// ModifyGlobalSecurityIPGroupName.
pub const RENAME: Action = Action {
    name: "ModifyGlobalSecurityIPGroupName",
    version: KVSTORE,
    access: Access::Write,
    params: &[REGION_ID, GROUP_ID, NAME],
    doc: "Renames an allowlist group.",
    token: None,
    handler: |context, params| {
        let id = params.required("GlobalSecurityGroupId");
        change(context, id, |groups| groups.rename(id, params.required("GlobalIgName")))
    },
};

/// DeleteGlobalSecurityIPGroup.
pub const DELETE: Action = Action {
    name: "DeleteGlobalSecurityIPGroup",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        REGION_ID,
        GROUP_ID,
        Param::optional("GlobalIgName", ParamKind::Text, "its name, to be sure"),
    ],
    doc: "Deletes an allowlist group that no instance is bound to.",
    token: None,
    handler: delete,
};

/// ModifyGlobalSecurityIPGroupRelation.
pub const BIND: Action = Action {
    name: "ModifyGlobalSecurityIPGroupRelation",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        REGION_ID,
        CLUSTER_ID,
        Param::optional("GlobalSecurityGroupId", ParamKind::Text, "comma-separated; empty: none"),
    ],
    doc: "Binds an instance to these allowlist groups and to no others.",
    token: None,
    handler: bind,
};

/// DescribeGlobalSecurityIPGroupRelation.
pub const RELATION: Action = Action {
    name: "DescribeGlobalSecurityIPGroupRelation",
    version: KVSTORE,
    access: Access::Read,
    params: &[REGION_ID, CLUSTER_ID],
    doc: "Lists the allowlist groups that an instance is bound to.",
    token: None,
    handler: relation,
};

/// The caller's groups and what must be true of their document when they are written.
fn read(context: &Context<'_>) -> Result<(GlobalGroups, Expect), ApiError> {
    let id = context.account_id;
    let read = documents::get::<GlobalGroups>(context.store, Kind::GlobalGroups, id)?;
    Ok(match read {
        Some(read) => (read.value, Expect::Revision(read.revision)),
        None => (GlobalGroups::default(), Expect::Absent),
    })
}

fn put(context: &Context<'_>, groups: &GlobalGroups, expect: Expect) -> store::Change {
    let account = context.account_id;
    documents::put(Kind::GlobalGroups, account, expect, account, groups)
}

/// The caller's groups, and a change that leaves them as they are and fails when they are not.
///
/// # Errors
/// When the store fails.
pub fn held(context: &Context<'_>) -> Result<(GlobalGroups, store::Change), ApiError> {
    let (groups, expect) = read(context)?;
    let unchanged = put(context, &groups, expect);
    Ok((groups, unchanged))
}

/// The groups that `instance` is bound to, by its owner's document.
///
/// # Errors
/// When the store fails.
pub fn of_instance(context: &Context<'_>, instance: &Instance) -> Result<GlobalGroups, ApiError> {
    if instance.global_groups.is_empty() {
        return Ok(GlobalGroups::default());
    }
    let groups = read(context)?.0;
    let bound = groups.among(&instance.global_groups).cloned().collect();
    Ok(GlobalGroups { groups: bound })
}

/// The ids of the groups that a new instance shall be bound to.
///
/// # Errors
/// When one of them is unknown, or there are too many.
pub fn wanted(context: &Context<'_>, params: &Params<'_>) -> Result<Vec<String>, ApiError> {
    let Some(list) = params.text("GlobalSecurityGroupIds") else { return Ok(Vec::new()) };
    read(context)?.0.ids(list).map_err(|fault| refused_in("GlobalSecurityGroupIds", fault))
}

/// What is to be written with new instances: the groups that they are bound to, as they are, so
/// that none is deleted or changed meanwhile.
///
/// # Errors
/// When one of them has gone.
pub fn hold(context: &Context<'_>, made: &[Instance]) -> Result<Vec<store::Change>, ApiError> {
    let mut ids = made.iter().flat_map(|instance| &instance.global_groups).peekable();
    if ids.peek().is_none() {
        return Ok(Vec::new());
    }
    let (groups, expect) = read(context)?;
    match ids.find(|id| groups.find(id).is_none()) {
        Some(gone) => Err(refused(GlobalGroupFault::NotFound(gone.clone()))),
        None => Ok(vec![put(context, &groups, expect)]),
    }
}

fn create(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let region_id = params.required("RegionId");
    if !region::well_formed(region_id) {
        return Err(error::INVALID_REGION.plain());
    }
    context.settle(|| {
        let (mut groups, expect) = read(context)?;
        let id = ident::template_id(&mut random::fill);
        let (name, list) = (params.required("GlobalIgName"), params.required("GIpList"));
        let made = groups.create(id, name, region_id, list).map_err(refused)?;
        let body = json!({ "GlobalSecurityIPGroup": [shown(made)] });
        Ok((vec![put(context, &groups, expect)], Done::now(body)))
    })
}

/// Changes a group; every instance that is bound to it must hear of it.
fn change(
    context: &Context<'_>,
    id: &str,
    change: impl Fn(&mut GlobalGroups) -> Result<(), GlobalGroupFault>,
) -> Result<Done, ApiError> {
    context.settle(|| {
        let (mut groups, expect) = read(context)?;
        let before = groups.find(id).map(|group| group.entries.clone());
        change(&mut groups).map_err(refused)?;
        let mut changes = vec![put(context, &groups, expect)];
        let mut nodes = Vec::new();
        let is_same = groups.find(id).map(|group| &group.entries) == before.as_ref();
        for read in if is_same { Vec::new() } else { bound(context, id)? } {
            let mut instance = read.value;
            instance.touch();
            nodes.push((instance.node_id(), instance.generation));
            changes.push(documents::put_instance(&instance, Expect::Revision(read.revision)));
        }
        Ok((changes, Done { body: object(json!({})), after: After::AllEnforced(nodes) }))
    })
}

/// The caller's instances that are bound to a group.
fn bound(context: &Context<'_>, id: &str) -> Result<Vec<documents::Versioned<Instance>>, ApiError> {
    let mut all = documents::instances(context.store)?;
    all.retain(|read| {
        let instance = &read.value;
        let own = instance.account_id == context.account_id && !instance.deleting;
        own && instance.global_groups.iter().any(|group| group == id)
    });
    Ok(all)
}

fn delete(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let id = params.required("GlobalSecurityGroupId");
    context.settle(|| {
        let (mut groups, expect) = read(context)?;
        let name = groups.find(id).map(|group| group.name.clone());
        groups.delete(id).map_err(refused)?;
        if params.text("GlobalIgName").is_some_and(|given| Some(given) != name.as_deref()) {
            let text = format!("The group {id} has another GlobalIgName; it was not deleted.");
            return Err(error::GLOBAL_GROUP_NOT_FOUND.says(text));
        }
        let bound = bound(context, id)?;
        if let Some(first) = bound.first() {
            let row = &error::GLOBAL_GROUP_IN_USE;
            let (count, first) = (bound.len(), &first.value.instance_id);
            let text = format!("{} Bound are {count} instances, {first} first.", row.message);
            return Err(row.says(text));
        }
        Ok((vec![put(context, &groups, expect)], Done::now(json!({}))))
    })
}

fn describe(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let groups = read(context)?.0;
    let wanted = params.text("GlobalSecurityGroupId");
    if let Some(id) = wanted.filter(|id| groups.find(id).is_none()) {
        return Err(refused(GlobalGroupFault::NotFound(id.to_owned())));
    }
    let engine = params.text("Engine").is_none_or(|name| name.eq_ignore_ascii_case("redis"));
    let instances = documents::instances(context.store)?;
    let own =
        |instance: &&Instance| instance.account_id == context.account_id && !instance.deleting;
    let own: Vec<_> = instances.iter().map(|read| &read.value).filter(own).collect();
    let chosen = groups.groups.iter().filter(|group| wanted.is_none_or(|id| group.group_id == id));
    let items = chosen.filter(|_| engine).map(|group| {
        let is_bound = |instance: &&&Instance| instance.global_groups.contains(&group.group_id);
        let ids: Vec<_> = own.iter().filter(is_bound).map(|i| i.instance_id.as_str()).collect();
        let mut item = shown(group);
        item["DBInstances"] = json!(ids);
        item
    });
    let items: Vec<Value> = items.collect();
    Ok(Done::now(json!({ "GlobalSecurityIPGroup": items })))
}

fn bind(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    // Empty unbinds from all; left out is a slip.
    if !params.is_given("GlobalSecurityGroupId") {
        return Err(error::missing("GlobalSecurityGroupId"));
    }
    let list = params.required("GlobalSecurityGroupId");
    let changed = context.update(params.required("DBClusterId"), Status::allows_change, |own| {
        let (groups, expect) = match read(context) {
            Ok(read) => read,
            Err(error) => return Ok(Err(error)),
        };
        let ids = match groups.ids(list).map_err(refused) {
            Ok(ids) => ids,
            Err(error) => return Ok(Err(error)),
        };
        own.global_groups = ids;
        own.touch();
        // Written as it was: a change of a group at the same time must see this instance.
        Ok(Ok(vec![put(context, &groups, expect)]))
    })?;
    Ok(Done::enforced(&changed))
}

fn relation(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("DBClusterId"))?;
    let groups = of_instance(context, &instance)?;
    let items: Vec<Value> = groups.groups.iter().map(shown).collect();
    Ok(Done::now(json!({
        "DBClusterId": instance.instance_id,
        "GlobalSecurityIPGroupRel": items,
    })))
}

fn shown(group: &GlobalGroup) -> Value {
    json!({
        "GlobalSecurityGroupId": group.group_id,
        "GlobalIgName": group.name,
        "GIpList": group.entries.join(","),
        "RegionId": group.region_id,
    })
}

fn refused(fault: GlobalGroupFault) -> ApiError {
    refused_in("GlobalSecurityGroupId", fault)
}

/// `param` named the group.
fn refused_in(param: &str, fault: GlobalGroupFault) -> ApiError {
    match fault {
        GlobalGroupFault::Name => error::malformed(
            "GlobalIgName",
            "2 to 120 lower-case letters, digits and underscores, a letter first and no \
             underscore last",
        ),
        GlobalGroupFault::NameTaken(_) => {
            let row = &error::GLOBAL_GROUP_DUPLICATE;
            row.says(format!("{} Reason: {fault}.", row.message))
        }
        GlobalGroupFault::List(fault) => list_refused("GIpList", &fault),
        GlobalGroupFault::NotFound(_) => error::GLOBAL_GROUP_NOT_FOUND
            .says(format!("The {param} provided does not exist in our records. Reason: {fault}.")),
        GlobalGroupFault::TooMany => error::QUOTA_EXCEED.says(format!("The quota: {fault}.")),
    }
}
