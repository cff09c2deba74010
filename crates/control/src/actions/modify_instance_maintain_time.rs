//! ModifyInstanceMaintainTime: sets the daily window in which what was put off is carried out. Must
//! not know what that is.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use control_model::Status;
use control_model::window::{Window, WindowFault};
use serde_json::json;

/// The row.
pub const SPEC: Action = Action {
    name: "ModifyInstanceMaintainTime",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::required("MaintainStartTime", Kind::Text, "HH:mmZ"),
        Param::required("MaintainEndTime", Kind::Text, "HH:mmZ, at least an hour later"),
    ],
    doc: "Sets the maintenance window of an instance.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let window = window(params)?;
    context.amend(params.required("InstanceId"), Status::allows_change, |instance| {
        instance.maintain = window;
        Ok(())
    })?;
    Ok(Done::now(json!({})))
}

/// The window that a request asks for; what it leaves out is as of the default window.
///
/// # Errors
/// `InvalidStartTime.Format` or `InvalidEndTime.Format`.
pub fn window(params: &Params<'_>) -> Result<Window, ApiError> {
    let [start, end] = Window::default().texts();
    let start = params.text("MaintainStartTime").unwrap_or(&start);
    let end = params.text("MaintainEndTime").unwrap_or(&end);
    Window::parse(start, end).map_err(|fault| match fault {
        WindowFault::Start => error::INVALID_MAINTAIN_START.plain(),
        WindowFault::End => error::INVALID_MAINTAIN_END.plain(),
    })
}
