//! CreatePolicy, GetPolicy, ListPolicies, DeletePolicy, and the versions of policies.

use super::params::{Kind, Param, Params};
use super::ram::{self, MARKER, MAX_ITEMS, POLICY_NAME, POLICY_TYPE, reads, writes};
use super::{Action, Context, Done};
use crate::error::ApiError;
use control_model::policy::managed;
use control_model::ram::{
    CustomPolicy, Directory, PolicyRef, PolicyType, PolicyVersion, RamFault, not_exist,
};
use serde_json::{Value, json};

const DOCUMENT: Param =
    Param::required("PolicyDocument", Kind::Text, "of version \"1\", at most 6144 characters");
const VERSION_ID: Param = Param::required("VersionId", Kind::Text, "v1, …");

/// CreatePolicy.
pub const CREATE: Action = writes(
    "CreatePolicy",
    &[POLICY_NAME, DOCUMENT, Param::optional("Description", Kind::Text, "for people")],
    "Makes a policy with its first version.",
    create,
);

/// GetPolicy.
pub const GET: Action =
    reads("GetPolicy", &[POLICY_TYPE, POLICY_NAME], "Shows a policy with its document.", get);

/// ListPolicies.
pub const LIST: Action = reads(
    "ListPolicies",
    &[
        Param::optional("PolicyType", Kind::OneOf(&["System", "Custom"]), "both unless told"),
        MARKER,
        MAX_ITEMS,
    ],
    "Lists policies by name.",
    list,
);

/// DeletePolicy.
pub const DELETE: Action = writes(
    "DeletePolicy",
    &[POLICY_NAME, Param::optional("CascadingDelete", Kind::Boolean, "also all that hangs on it")],
    "Deletes a policy of your own.",
    delete,
);

/// CreatePolicyVersion.
pub const CREATE_VERSION: Action = writes(
    "CreatePolicyVersion",
    &[
        POLICY_NAME,
        DOCUMENT,
        Param::optional("SetAsDefault", Kind::Boolean, "whether it is in force at once"),
        Param::optional(
            "RotateStrategy",
            Kind::OneOf(&["None", "DeleteOldestNonDefaultVersionWhenLimitExceeded"]),
            "None unless told",
        ),
    ],
    "Adds a version to a policy, which has five at most.",
    create_version,
);

/// GetPolicyVersion.
pub const GET_VERSION: Action = reads(
    "GetPolicyVersion",
    &[POLICY_TYPE, POLICY_NAME, VERSION_ID],
    "Shows one version of a policy.",
    get_version,
);

/// ListPolicyVersions.
pub const LIST_VERSIONS: Action = reads(
    "ListPolicyVersions",
    &[POLICY_TYPE, POLICY_NAME],
    "Lists the versions of a policy.",
    list_versions,
);

/// SetDefaultPolicyVersion.
pub const SET_DEFAULT: Action = writes(
    "SetDefaultPolicyVersion",
    &[POLICY_NAME, VERSION_ID],
    "Puts a version of a policy in force.",
    set_default,
);

/// DeletePolicyVersion.
pub const DELETE_VERSION: Action = writes(
    "DeletePolicyVersion",
    &[POLICY_NAME, VERSION_ID],
    "Deletes a version that is not in force.",
    delete_version,
);

/// A policy, or the fault that there is none.
fn view(directory: &Directory, wanted: &PolicyRef) -> Result<Value, RamFault> {
    ram::policy(directory, wanted).ok_or_else(|| not_exist("Policy", &wanted.name))
}

fn version(policy: &CustomPolicy, version: &PolicyVersion) -> Value {
    let in_force = version.number == policy.default_version;
    ram::version(&version.id(), &version.document, in_force, Some(version.created_unix_ms))
}

/// All versions, the newest first.
fn versions(directory: &Directory, wanted: &PolicyRef) -> Result<Vec<Value>, RamFault> {
    match wanted.kind {
        PolicyType::System => {
            let found = managed::find(&wanted.name);
            let found = found.ok_or_else(|| not_exist("Policy", &wanted.name))?;
            Ok(vec![ram::version("v1", found.document, true, None)])
        }
        PolicyType::Custom => {
            let policy = directory.policy(&wanted.name)?;
            Ok(policy.versions.iter().rev().map(|one| version(policy, one)).collect())
        }
    }
}

fn create(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (name, document) = (params.required("PolicyName"), params.required("PolicyDocument"));
    let description = params.text("Description").unwrap_or_default();
    ram::change(context, |directory| {
        directory.create_policy(name, description, document, context.now_unix_ms)?;
        let made = PolicyRef { kind: PolicyType::Custom, name: name.to_owned() };
        Ok(json!({"Policy": view(directory, &made)?}))
    })
}

fn get(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (directory, wanted) = (ram::directory(context)?, ram::policy_ref(params));
    let policy = view(&directory, &wanted)?;
    let versions = versions(&directory, &wanted)?;
    let in_force = versions.into_iter().find(|version| version["IsDefaultVersion"] == true);
    Ok(Done::now(json!({"Policy": policy, "DefaultPolicyVersion": in_force})))
}

fn list(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let directory = ram::directory(context)?;
    let own = directory.policies.keys().map(|name| (PolicyType::Custom, name.clone()));
    let of_larder =
        managed::POLICIES.iter().map(|found| (PolicyType::System, found.name.to_owned()));
    let wanted = params.text("PolicyType");
    let mut all: Vec<_> = own.chain(of_larder).collect();
    all.retain(|(kind, _)| wanted.is_none_or(|wanted| kind.name() == wanted));
    all.sort_by(|(_, a), (_, b)| a.cmp(b));
    let shown = all.into_iter().filter_map(|(kind, name)| {
        let shown = ram::policy(&directory, &PolicyRef { kind, name: name.clone() })?;
        Some((name, shown))
    });
    Ok(ram::page(params, ("Policies", "Policy"), shown))
}

fn delete(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    ram::change(context, |directory| {
        let cascading = params.is_true("CascadingDelete");
        directory.delete_policy(params.required("PolicyName"), cascading)?;
        Ok(json!({}))
    })
}

fn create_version(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (name, document) = (params.required("PolicyName"), params.required("PolicyDocument"));
    let rotate = params.text("RotateStrategy").is_some_and(|strategy| strategy != "None");
    let how = (params.is_true("SetAsDefault"), rotate);
    ram::change(context, |directory| {
        let (made, in_force) =
            directory.create_version(name, document, how, context.now_unix_ms)?;
        let created = Some(made.created_unix_ms);
        Ok(json!({"PolicyVersion": ram::version(&made.id(), document, in_force, created)}))
    })
}

fn get_version(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (directory, wanted) = (ram::directory(context)?, ram::policy_ref(params));
    let id = params.required("VersionId");
    let found = versions(&directory, &wanted)?.into_iter().find(|one| one["VersionId"] == id);
    let found = found.ok_or_else(|| not_exist("Policy.Version", id))?;
    Ok(Done::now(json!({"PolicyVersion": found})))
}

fn list_versions(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let versions = versions(&ram::directory(context)?, &ram::policy_ref(params))?;
    Ok(Done::now(json!({"PolicyVersions": {"PolicyVersion": versions}})))
}

fn set_default(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (name, id) = (params.required("PolicyName"), params.required("VersionId"));
    ram::change(context, |directory| {
        directory.set_default_version(name, id, context.now_unix_ms)?;
        Ok(json!({}))
    })
}

fn delete_version(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let (name, id) = (params.required("PolicyName"), params.required("VersionId"));
    ram::change(context, |directory| {
        directory.delete_version(name, id)?;
        Ok(json!({}))
    })
}
