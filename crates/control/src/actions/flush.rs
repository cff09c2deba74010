//! FlushInstance, FlushInstanceForDB and FlushExpireKeys: tasks that empty data, each exactly once
//! however often a node starts again.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, When, write_lock};
use crate::error::ApiError;
use control_model::task::{Change, Clear};
use serde_json::json;

/// FlushInstance.
pub const ALL: Action = Action {
    name: "FlushInstance",
    version: KVSTORE,
    access: Access::Write,
    params: &[INSTANCE_ID],
    doc: "Deletes all data of an instance.",
    token: None,
    handler: |context, params| begin(context, params, Clear::All).map(|_| Done::now(json!({}))),
};

/// FlushInstanceForDB.
pub const DB: Action = Action {
    name: "FlushInstanceForDB",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::required("DbIndex", Kind::Integer { min: 0, max: 255 }, "number of the database"),
    ],
    doc: "Deletes all data of one database of an instance.",
    token: None,
    handler: |context, params| {
        let db = params.integer("DbIndex").and_then(|db| u16::try_from(db).ok());
        let clear = Clear::Db(db.unwrap_or_default());
        begin(context, params, clear).map(|_| Done::now(json!({})))
    },
};

/// FlushExpireKeys.
pub const DEAD: Action = Action {
    name: "FlushExpireKeys",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::optional(
            "EffectiveTime",
            Kind::OneOf(&["0", "1", "Immediately", "MaintainTime"]),
            "now, or in the maintenance window: 1 or MaintainTime",
        ),
    ],
    doc: "Removes the keys whose time has come, without waiting until they are noticed.",
    token: None,
    handler: |context, params| {
        let task_id = begin(context, params, Clear::Dead)?;
        let instance_id = params.required("InstanceId");
        Ok(Done::now(json!({ "InstanceId": instance_id, "TaskId": task_id })))
    },
};

fn begin(context: &Context<'_>, params: &Params<'_>, clear: Clear) -> Result<String, ApiError> {
    let id = params.required("InstanceId");
    if !matches!(clear, Clear::Dead) {
        write_lock::check(&context.instance(id)?)?;
    }
    context.begin(id, &Change::Clear(clear), When::of(params))
}
