//! DescribeInstanceConfig and ModifyInstanceConfig: the parameters of an instance as one JSON
//! object. What is set is in force when the call returns; nothing is set when one of them cannot
//! be. Must not know ranges.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, later};
use crate::error::{self, ApiError};
use crate::store::{Change, Expect, Kind as StoreKind, Store, StoreError, documents};
use catalog::managed::Fault;
use control_model::parameter::{self, ParameterChange, ParameterFault, ParameterHistory};
use control_model::{Instance, Status};
use serde_json::json;

/// DescribeInstanceConfig.
pub const DESCRIBE: Action = Action {
    name: "DescribeInstanceConfig",
    version: KVSTORE,
    access: Access::Read,
    params: &[INSTANCE_ID],
    doc: "Reads the parameters of an instance as one JSON object.",
    token: None,
    handler: describe,
};

/// ModifyInstanceConfig.
pub const MODIFY: Action = Action {
    name: "ModifyInstanceConfig",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::required("Config", Kind::Text, "names and values as a JSON object"),
        Param::optional("ParamReplMode", Kind::OneOf(&["async", "semisync"]), "async"),
        Param::optional(
            "ParamSemisyncReplTimeout",
            Kind::Integer { min: 10, max: 60_000 },
            "500; milliseconds",
        ),
        Param::optional("ParamNoLooseSentinelEnabled", Kind::OneOf(&["yes", "no"]), "no"),
        Param::optional("ParamSentinelCompatEnable", Kind::OneOf(&["0", "1"]), "0"),
        Param::optional(
            "ParamNoLooseSentinelPasswordFreeAccess",
            Kind::OneOf(&["yes", "no"]),
            "no",
        ),
        Param::optional("ParamNoLooseSentinelPasswordFreeCommands", Kind::Text, "none"),
    ],
    doc: "Sets parameters of an instance: all that are given, or none.",
    token: None,
    handler: modify,
};

/// What has one value here, with that value: another cannot be set.
const FIXED: &[(&str, &str)] = &[
    ("ParamReplMode", "async"),
    ("ParamSemisyncReplTimeout", "500"),
    ("ParamNoLooseSentinelEnabled", "no"),
    ("ParamSentinelCompatEnable", "0"),
    ("ParamNoLooseSentinelPasswordFreeAccess", "no"),
    ("ParamNoLooseSentinelPasswordFreeCommands", ""),
];

fn describe(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let mut body = json!({"Config": json!(instance.effective_parameters()).to_string()});
    for (name, value) in FIXED {
        let name = if *name == "ParamSemisyncReplTimeout" { "ParamReplTimeout" } else { name };
        body[name] = (*value).into();
    }
    Ok(Done::now(body))
}

fn modify(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let differs = |(name, value): &&(&str, &str)| params.text(name).is_some_and(|it| it != *value);
    let (id, config) = (params.required("InstanceId"), params.required("Config"));
    let changed = context.update(id, Status::allows_change, |instance| {
        if let Some((name, _)) = FIXED.iter().find(differs) {
            return Ok(Err(later::value(name)));
        }
        match parameter::parse(&instance.engine_version, config) {
            Ok(wanted) => set(context, instance, &wanted).map(Ok),
            Err(fault) => Ok(Err(refused("Config", &instance.engine_version, &fault))),
        }
    })?;
    Ok(Done::enforced(&changed))
}

/// Makes checked values the intent, with what the history is told of it.
///
/// # Errors
/// When the store fails.
pub fn set(
    context: &Context<'_>,
    instance: &mut Instance,
    wanted: &[(String, String)],
) -> Result<Vec<Change>, StoreError> {
    let changes = parameter::set(instance, wanted, (&context.principal.name, context.now_unix_ms));
    note(context.store, instance, changes)
}

/// Adds changes to the history of an instance.
///
/// # Errors
/// When the store fails.
pub fn note(
    store: &dyn Store,
    instance: &Instance,
    changes: Vec<ParameterChange>,
) -> Result<Vec<Change>, StoreError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let (kind, id) = (StoreKind::ParameterHistory, &instance.instance_id);
    let (expect, mut history) = match documents::get::<ParameterHistory>(store, kind, id)? {
        Some(read) => (Expect::Revision(read.revision), read.value),
        None => (Expect::Absent, ParameterHistory::default()),
    };
    history.add(changes);
    Ok(vec![documents::put(kind, id, expect, &instance.account_id, &history)])
}

/// What a wish that cannot be carried out is answered with; `param` held it.
pub fn refused(param: &str, version: &str, fault: &ParameterFault) -> ApiError {
    let invalid = |reason: String| {
        let text = "The Specified parameter";
        error::INVALID_PARAMETERS.says(format!("{text} {param} is not valid. Reason: {reason}."))
    };
    match fault {
        ParameterFault::NoObject => invalid("it is a JSON object of names and values".to_owned()),
        ParameterFault::Nothing => invalid("it names no parameter".to_owned()),
        ParameterFault::Parameter { name, fault: Fault::Unknown } => {
            invalid(format!("there is no parameter {name}; DescribeParameterTemplates lists all"))
        }
        ParameterFault::Parameter { name, fault: Fault::Value(wanted) } => {
            invalid(format!("{name} is {wanted}"))
        }
        ParameterFault::Parameter { name, fault: Fault::NotSupported } => {
            error::PARAM_NOT_SUPPORTED.says(format!(
                "{name} is not supported for an instance of version {version} in this version of \
                 Larder; DescribeParameterTemplates lists what is."
            ))
        }
    }
}
