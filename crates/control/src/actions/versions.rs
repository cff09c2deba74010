//! ModifyInstanceMinorVersion and ModifyDBInstanceAutoUpgrade. Must not know programs: a node that
//! is started is always the one that this control plane came with.

use super::describe_engine_version::minor_version;
use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, When};
use crate::error::{self, ApiError};
use control_model::Status;
use control_model::task::Change;
use serde_json::json;

const LATEST: &str = "latest_version";

/// ModifyInstanceMinorVersion.
pub const MINOR: Action = Action {
    name: "ModifyInstanceMinorVersion",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::optional("Minorversion", Kind::Text, "latest_version, or as it is described"),
        Param::optional(
            "EffectiveTime",
            Kind::OneOf(&["0", "1", "Immediately", "MaintainTime"]),
            "now, or in the maintenance window: 1 or MaintainTime",
        ),
    ],
    doc: "Starts an instance again in the newest program, with its data.",
    token: None,
    handler: minor,
};

/// ModifyDBInstanceAutoUpgrade.
pub const AUTO: Action = Action {
    name: "ModifyDBInstanceAutoUpgrade",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        Param::required("DBInstanceId", Kind::Text, "which instance"),
        Param::required("Value", Kind::OneOf(&["0", "1"]), "1: yes; kept, nothing follows yet"),
    ],
    doc: "Notes whether an instance may be upgraded unasked.",
    token: None,
    handler: auto,
};

fn minor(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let newest = minor_version(&instance);
    let wanted = params.text("Minorversion").unwrap_or(LATEST);
    if wanted != LATEST && wanted != newest {
        return Err(error::malformed("Minorversion", &format!("{LATEST} or {newest}")));
    }
    context.begin(&instance.instance_id, &Change::MinorVersion, When::of(params))?;
    Ok(Done::now(json!({})))
}

fn auto(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    context.amend(params.required("DBInstanceId"), Status::allows_change, |instance| {
        instance.auto_upgrade = params.text("Value") == Some("1");
        Ok(())
    })?;
    Ok(Done::now(json!({})))
}
