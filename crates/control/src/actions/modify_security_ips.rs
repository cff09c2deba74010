//! ModifySecurityIps: changes one allowlist group; in force when the call returns. Must not know
//! how nodes check addresses.

use super::params::{INSTANCE_ID, Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use control_model::Status;
use control_model::address_list::ListFault;
use control_model::allowlist::{AllowlistFault, Change, DEFAULT_GROUP, Mode};

/// The row.
pub const SPEC: Action = Action {
    name: "ModifySecurityIps",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        INSTANCE_ID,
        Param::required("SecurityIps", Kind::Text, "addresses and blocks, comma-separated"),
        Param::optional("SecurityIpGroupName", Kind::Text, "default unless told"),
        Param::optional("SecurityIpGroupAttribute", Kind::Text, "free text, or hidden"),
        Param::optional(
            "ModifyMode",
            Kind::OneOf(&["Cover", "Append", "Delete", "0", "1", "2"]),
            "Cover unless told",
        ),
    ],
    doc: "Changes an allowlist group of an instance.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let mode = match params.text("ModifyMode") {
        Some("Append" | "1") => Mode::Append,
        Some("Delete" | "2") => Mode::Delete,
        _ => Mode::Cover,
    };
    let change = Change {
        group: params.text("SecurityIpGroupName").unwrap_or(DEFAULT_GROUP),
        attribute: params.text("SecurityIpGroupAttribute"),
        mode,
        entries: params.required("SecurityIps"),
    };
    let id = params.required("InstanceId");
    let changed = context.change(id, Status::allows_change, |instance| {
        instance.groups = instance.groups.changed(change).map_err(refused)?;
        Ok(())
    })?;
    Ok(Done::enforced(&changed))
}

fn refused(fault: AllowlistFault) -> ApiError {
    let row = match fault {
        AllowlistFault::GroupName(_) => &error::INVALID_GROUP_NAME,
        AllowlistFault::Attribute => {
            return error::malformed(
                "SecurityIpGroupAttribute",
                "at most 128 characters that can be shown",
            );
        }
        AllowlistFault::List(fault) => return list_refused("SecurityIps", &fault),
        AllowlistFault::NotFound(_) => &error::SECURITY_IP_NOT_FOUND,
        AllowlistFault::TooMany => &error::SECURITY_IPS_EXCEED,
    };
    row.says(format!("{} Reason: {fault}.", row.message))
}

/// The refusal of a list of addresses in this parameter.
pub fn list_refused(param: &str, fault: &ListFault) -> ApiError {
    let row = match fault {
        ListFault::Entry(_) => {
            let text = format!("The Specified parameter {param} is not valid. Reason: {fault}.");
            return error::INVALID_SECURITY_IPS.says(text);
        }
        ListFault::Duplicate(_) => &error::SECURITY_IP_DUPLICATE,
        ListFault::TooMany => &error::SECURITY_IPS_EXCEED,
    };
    row.says(format!("{} Reason: {fault}.", row.message))
}
