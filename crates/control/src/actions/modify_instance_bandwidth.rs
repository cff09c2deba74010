//! ModifyInstanceBandwidth: more than the class has, or what it has again. The node takes the limit
//! over while it serves. Must not know how a node enforces it.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done, When};
use crate::error::{self, ApiError};
use control_model::task::Change;
use serde_json::json;

const TARGET: &str = "TargetIntranetBandwidth";

/// The row.
pub const SPEC: Action = Action {
    name: "ModifyInstanceBandwidth",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::required(
            TARGET,
            Kind::Integer { min: 1, max: 1 << 20 },
            "MB/s in each direction, at least those of the class, which end what was more",
        ),
    ],
    doc: "Sets the bandwidth of an instance: up to six times that of its class more, at most \
          192 MB/s more; another class ends it.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let instance = context.instance(params.required("InstanceId"))?;
    let class = instance.class();
    let (least, most) = (class.bandwidth_mb_per_s, class.bandwidth_mb_per_s_max());
    let target = params.integer(TARGET).and_then(|mb_per_s| u32::try_from(mb_per_s).ok());
    let Some(mb_per_s) = target.filter(|mb_per_s| (least..=most).contains(mb_per_s)) else {
        let wanted = format!(
            "{least} to {most}: class {} has {least} MB/s, which can be raised to {most}",
            class.name
        );
        return Err(error::malformed(TARGET, &wanted));
    };
    let task_id =
        context.begin(&instance.instance_id, &Change::Bandwidth { mb_per_s }, When::Now)?;
    Ok(Done::now(json!({"OrderId": task_id})))
}
