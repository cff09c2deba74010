//! The actions on parameter groups. Instances get copies of what a group holds, so none of these
//! changes an instance. Must not know ranges of parameters.

use super::params::{Kind as ParamKind, Param, Params, REGION_ID};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, create_instance, instance_config, later, views};
use crate::error::{self, ApiError};
use crate::random;
use crate::store::{self, Expect, Kind, documents};
use control_model::parameter_group::{
    Category, Origin, ParameterGroup, ParameterGroupFault, ParameterGroups, Wish,
};
use control_model::{ident, region};
use serde_json::{Value, json};

const GROUP_ID: Param = Param::required("ParameterGroupId", ParamKind::Text, "which group");
const NAME: Param =
    Param::required("ParameterGroupName", ParamKind::Text, "8 to 64 of A-Z, a-z, 0-9 and _");
const VALUES: Param =
    Param::required("Parameters", ParamKind::Text, "names and values as a JSON object");
const DESCRIPTION: Param =
    Param::optional("ParameterGroupDesc", ParamKind::Text, "up to 200 characters");
const ANY_REGION: Param = Param { required: false, ..REGION_ID };

/// `Category` as actions take it.
pub const CATEGORY: Param =
    Param::required("Category", ParamKind::OneOf(Category::WORDS), "kept; either works the same");
/// `EngineType` as actions take it.
pub const ENGINE_TYPE: Param =
    Param::required("EngineType", ParamKind::OneOf(ENGINE_TYPES), "redis");
/// `EngineVersion` as actions take it.
pub const ENGINE_VERSION: Param =
    Param::required("EngineVersion", ParamKind::Text, "5.0, 6.0 or 7.0");

const ENGINE_TYPES: &[&str] = &["redis", "tair_pena", "tair_pdb"];

/// CreateParameterGroup.
pub const CREATE: Action = Action {
    name: "CreateParameterGroup",
    version: KVSTORE,
    access: Access::Write,
    params: &[REGION_ID, NAME, CATEGORY, ENGINE_TYPE, ENGINE_VERSION, VALUES, DESCRIPTION],
    doc: "Makes a parameter group, which instances can be made from and given.",
    token: None,
    handler: create,
};

/// ModifyParameterGroup.
pub const MODIFY: Action = Action {
    name: "ModifyParameterGroup",
    version: KVSTORE,
    access: Access::Write,
    params: &[GROUP_ID, NAME, CATEGORY, VALUES, DESCRIPTION, ANY_REGION],
    doc: "Replaces what a parameter group holds; instances keep what they have.",
    token: None,
    handler: modify,
};

/// DeleteParameterGroup.
pub const DELETE: Action = Action {
    name: "DeleteParameterGroup",
    version: KVSTORE,
    access: Access::Write,
    params: &[GROUP_ID],
    doc: "Deletes a parameter group; instances keep what they have.",
    token: None,
    handler: |context, params| {
        let id = params.required("ParameterGroupId");
        change(context, id, |groups| groups.delete(id))
    },
};

/// DescribeParameterGroup.
pub const DESCRIBE: Action = Action {
    name: "DescribeParameterGroup",
    version: KVSTORE,
    access: Access::Read,
    params: &[GROUP_ID, ANY_REGION],
    doc: "Reads a parameter group with its values.",
    token: None,
    handler: describe,
};

/// DescribeParameterGroups.
pub const LIST: Action = Action {
    name: "DescribeParameterGroups",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        REGION_ID,
        Param::optional("DbType", ParamKind::OneOf(ENGINE_TYPES), "all are of redis"),
        Param::optional("EngineVersion", ParamKind::Text, "all versions unless told"),
    ],
    doc: "Lists parameter groups.",
    token: None,
    handler: list,
};

/// The caller's groups and what must be true of their document when they are written.
fn read(context: &Context<'_>) -> Result<(ParameterGroups, Expect), ApiError> {
    let id = context.account_id;
    let read = documents::get::<ParameterGroups>(context.store, Kind::ParameterGroups, id)?;
    Ok(match read {
        Some(read) => (read.value, Expect::Revision(read.revision)),
        None => (ParameterGroups::default(), Expect::Absent),
    })
}

fn put(context: &Context<'_>, groups: &ParameterGroups, expect: Expect) -> store::Change {
    let account = context.account_id;
    documents::put(Kind::ParameterGroups, account, expect, account, groups)
}

/// Values of the caller's group for an instance of this version; `param` named the group.
///
/// # Errors
/// When there is no such group, or it is of another version.
pub fn values(
    context: &Context<'_>,
    (param, group_id): (&str, &str),
    engine_version: &str,
) -> Result<Vec<(String, String)>, ApiError> {
    let groups = read(context)?.0;
    let group = groups.get(group_id).map_err(|fault| refused(param, &fault))?;
    if group.engine_version != engine_version {
        return Err(error::PARAM_NOT_SUPPORTED.says(format!(
            "The parameter group {group_id} is of EngineVersion {}, the instance is of \
             {engine_version}; use a group of that version.",
            group.engine_version
        )));
    }
    Ok(group.parameters.clone().into_iter().collect())
}

/// Whether parameters of this engine can be had.
///
/// # Errors
/// `InstanceType.NotSupport` or `InvalidEngineVersion.Malformed`.
pub fn check_engine(params: &Params<'_>) -> Result<(), ApiError> {
    if params.text("EngineType").is_some_and(|engine| engine != ENGINE_TYPES[0]) {
        return Err(later::value("EngineType"));
    }
    if !create_instance::ENGINE_VERSIONS.contains(&params.required("EngineVersion")) {
        return Err(error::malformed("EngineVersion", "5.0, 6.0 or 7.0"));
    }
    Ok(())
}

fn wish<'a>(params: &Params<'a>) -> Wish<'a> {
    Wish {
        name: params.required("ParameterGroupName"),
        category: Category::parse(params.required("Category")).unwrap_or(Category::Standard),
        // An empty one clears it.
        description: params.given().get("ParameterGroupDesc").map(String::as_str),
        parameters: params.required("Parameters"),
    }
}

fn create(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let region_id = params.required("RegionId");
    if !region::well_formed(region_id) {
        return Err(error::INVALID_REGION.plain());
    }
    check_engine(params)?;
    let origin = Origin { engine_version: params.required("EngineVersion"), region_id };
    context.settle(|| {
        let (mut groups, expect) = read(context)?;
        let id = ident::template_id(&mut random::fill);
        let made = groups.create(id, origin, wish(params), context.now_unix_ms);
        let body = json!({"ParamGroupId": made.map_err(|fault| refused("", &fault))?.group_id});
        Ok((vec![put(context, &groups, expect)], Done::now(body)))
    })
}

fn modify(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let id = params.required("ParameterGroupId");
    change(context, id, |groups| groups.modify(id, wish(params), context.now_unix_ms))
}

fn change(
    context: &Context<'_>,
    id: &str,
    change: impl Fn(&mut ParameterGroups) -> Result<(), ParameterGroupFault>,
) -> Result<Done, ApiError> {
    context.settle(|| {
        let (mut groups, expect) = read(context)?;
        change(&mut groups).map_err(|fault| refused("ParameterGroupId", &fault))?;
        let done = Done::now(json!({"ParamGroupId": id}));
        Ok((vec![put(context, &groups, expect)], done))
    })
}

fn describe(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let groups = read(context)?.0;
    let group = groups.get(params.required("ParameterGroupId"));
    let group = group.map_err(|fault| refused("ParameterGroupId", &fault))?;
    let detail = |(name, value)| json!({"ParamName": name, "ParamValue": value});
    let details: Vec<Value> = group.parameters.iter().map(detail).collect();
    let mut body = shown(group);
    body["ParamGroupsDetails"] = details.into();
    Ok(Done::now(json!({"ParameterGroup": body})))
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let of_engine = params.text("DbType").is_none_or(|engine| engine == ENGINE_TYPES[0]);
    let version = params.text("EngineVersion");
    let is_meant = |group: &&ParameterGroup| {
        of_engine && version.is_none_or(|version| version == group.engine_version)
    };
    let groups = read(context)?.0.groups;
    let items: Vec<Value> = groups.iter().filter(is_meant).map(shown).collect();
    Ok(Done::now(json!({"ParameterGroups": items})))
}

fn shown(group: &ParameterGroup) -> Value {
    json!({
        "ParamGroupId": group.group_id,
        "ParameterGroupName": group.name,
        "ParameterGroupDesc": group.description,
        "Category": group.category.number(),
        "Engine": ENGINE_TYPES[0],
        "EngineVersion": group.engine_version,
        "ParamCount": group.parameters.len(),
        "Created": views::time(group.created_unix_ms),
        "Modified": views::time(group.modified_unix_ms),
    })
}

/// `param` named the group.
fn refused(param: &str, fault: &ParameterGroupFault) -> ApiError {
    match fault {
        ParameterGroupFault::Name => error::malformed(
            "ParameterGroupName",
            "8 to 64 letters, digits and underscores, a letter first",
        ),
        ParameterGroupFault::NameTaken(_) => {
            let row = &error::PARAMETER_GROUP_DUPLICATE;
            row.says(format!("{} Reason: {fault}.", row.message))
        }
        ParameterGroupFault::Description => {
            error::malformed("ParameterGroupDesc", "at most 200 characters that can be shown")
        }
        ParameterGroupFault::Parameters { version, fault } => {
            instance_config::refused("Parameters", version, fault)
        }
        ParameterGroupFault::NotFound(_) => error::PARAMETER_GROUP_NOT_FOUND
            .says(format!("The {param} provided does not exist in our records. Reason: {fault}.")),
        ParameterGroupFault::TooMany => error::QUOTA_EXCEED.says(format!("The quota: {fault}.")),
    }
}
