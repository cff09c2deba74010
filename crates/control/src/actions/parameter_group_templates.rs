//! DescribeParameterGroupSupportParam and DescribeParameterGroupTemplateList: what a parameter
//! group can hold. Must not know groups.

use super::parameter_groups::{CATEGORY, ENGINE_TYPE, ENGINE_VERSION, check_engine};
use super::params::{Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::ApiError;
use catalog::managed::{self, Managed, Range};
use serde_json::{Value, json};

/// DescribeParameterGroupSupportParam.
pub const SUPPORT: Action = Action {
    name: "DescribeParameterGroupSupportParam",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        Param { required: false, ..CATEGORY },
        Param { required: false, ..ENGINE_TYPE },
        ENGINE_VERSION,
    ],
    doc: "Lists the parameters that a parameter group of a version can hold.",
    token: None,
    handler: support,
};

/// DescribeParameterGroupTemplateList.
pub const TEMPLATES: Action = Action {
    name: "DescribeParameterGroupTemplateList",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        CATEGORY,
        ENGINE_TYPE,
        ENGINE_VERSION,
        Param::optional(
            "CharacterType",
            Kind::OneOf(&["logic", "db", "proxy", "cs", "normal"]),
            "any: one table",
        ),
    ],
    doc: "Lists the parameters of a version with default and range, for a parameter group.",
    token: None,
    handler: templates,
};

fn support(_: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    check_engine(params)?;
    let version = params.required("EngineVersion");
    let item = |row: &Managed| {
        json!({
            "Category": params.text("Category").unwrap_or("standard"),
            "DbType": "redis",
            "DbVersion": version,
            "ParamName": row.name,
        })
    };
    let items: Vec<Value> = managed::rows(version).map(item).collect();
    Ok(Done::now(json!({"ResourceList": items})))
}

fn templates(_: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    check_engine(params)?;
    let version = params.required("EngineVersion");
    let item = |row: &Managed| {
        json!({
            "CheckingCode": row.checking_code(),
            "Effective": 1,
            "Factor": 0,
            "ParameterDescription": row.doc,
            "ParameterName": row.name,
            "ParameterValue": row.default,
            "Revisable": 1,
            "SupportModifyForMinorVersion": true,
            "Unit": if matches!(row.range, Range::Int(..)) { "INT" } else { "STRING" },
        })
    };
    let items: Vec<Value> = managed::rows(version).map(item).collect();
    Ok(Done::now(json!({"EngineVersion": version, "Parameters": items})))
}
