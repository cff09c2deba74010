//! DescribeEngineVersion: the version that an instance speaks and the program that serves it. Must
//! not know how a version is changed.

use super::params::{INSTANCE_ID, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::ApiError;
use control_model::Instance;
use serde_json::{Value, json};

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeEngineVersion",
    version: KVSTORE,
    access: Access::Read,
    params: &[INSTANCE_ID],
    doc: "Tells the version of an instance's engine; there is never another to upgrade to.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    Ok(Done::now(json!({
        "Engine": "redis",
        "MajorVersion": instance.engine_version,
        "MinorVersion": minor_version(&instance),
        "ProxyMinorVersion": "",
        "IsLatestVersion": true,
        "EnableUpgradeMajorVersion": false,
        "EnableUpgradeMinorVersion": false,
        "IsAutoUpgradeOpen": if instance.auto_upgrade { "1" } else { "0" },
        "IsSSLEnable": "0",
        "IsNewSSLMode": "0",
        "IsRedisCompatibleVersion": "true",
        "IsOpenNGLB": "0",
        "DBVersionRelease": "",
        "ProxyVersionRelease": "",
        "DBLatestMinorVersion": latest(minor_version(&instance)),
        "ProxyLatestMinorVersion": latest(String::new()),
    })))
}

/// `redis-7.0_0.1.0`: the version spoken and that of this program, which is the engine too.
pub fn minor_version(instance: &Instance) -> String {
    format!("redis-{}_{}", instance.engine_version, env!("CARGO_PKG_VERSION"))
}

fn latest(minor_version: String) -> Value {
    json!({
        "MinorVersion": minor_version,
        "Level": "",
        "VersionRelease": {
            "VersionChangesLevel": "",
            "ReleaseInfo": {"ReleaseInfoList": []},
        },
    })
}
