//! ModifyDBInstanceConnectionString: another port for the endpoint. The address of before is gone
//! when the new one answers; when the host cannot give the port, the task fails and all stays.
//! Must not know sockets.

use super::params::{Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use crate::store::{Kind as DocumentKind, documents};
use crate::tasks;
use control_model::task::{Outcome, TaskKind};
use control_model::{Status, name, port};
use serde_json::json;

const PORT: Kind = Kind::Integer { min: port::FIRST as i64, max: port::LAST as i64 };

/// The row.
pub const SPEC: Action = Action {
    name: "ModifyDBInstanceConnectionString",
    version: KVSTORE,
    access: Access::Write,
    params: &[
        Param::required("DBInstanceId", Kind::Text, "which instance"),
        Param::required("CurrentConnectionString", Kind::Text, "address of the endpoint now"),
        Param::optional(
            "NewConnectionString",
            Kind::Text,
            "not available: addresses have no names",
        ),
        Param::optional("Port", PORT, "wanted port"),
        Param::optional("IPType", Kind::Text, "Private: there is no public endpoint"),
    ],
    doc: "Moves the endpoint of an instance to another port.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let id = params.required("DBInstanceId");
    context.instance(id)?;
    let wanted = parse(context, params)?;
    let (store, now_unix_ms) = (context.store, context.now_unix_ms);
    context.update(id, Status::allows_change, |instance| {
        let is_taken = store.get(DocumentKind::Port, &wanted.to_string())?.is_some();
        if is_taken {
            let text = format!("Port {wanted} is that of an endpoint already.");
            return Ok(Err(error::CONNECTION_DUPLICATE.says(text)));
        }
        let task = (TaskKind::Network, Outcome::Succeed);
        let (_, mut changes) = tasks::open(store, instance, task, now_unix_ms)?;
        changes.push(documents::claim_port(instance, wanted));
        instance.move_to(wanted);
        Ok(Ok(changes))
    })?;
    Ok(Done::now(json!({})))
}

/// The wanted port.
fn parse(context: &Context<'_>, params: &Params<'_>) -> Result<u16, ApiError> {
    let advertise = context.settings.advertise.as_str();
    if params.text("IPType").is_some_and(|kind| !kind.eq_ignore_ascii_case("Private")) {
        let text = "The Specified parameter IPType is not valid. Reason: it is Private; there is \
                    no public endpoint.";
        return Err(error::INVALID_IP_TYPE.says(text));
    }
    if params.required("CurrentConnectionString") != advertise {
        let text = format!("The CurrentConnectionString is not {advertise}, that of the instance.");
        return Err(error::INVALID_CONNECTION_STRING.says(text));
    }
    if let Some(prefix) = params.text("NewConnectionString") {
        if !name::connection_prefix(prefix) {
            return Err(error::INVALID_CONNECTION_STRING.plain());
        }
        let text = format!(
            "All endpoints of this host have the address {advertise} and are told apart by their \
             port; give Port, or start larder up with another --advertise."
        );
        return Err(error::CONNECTION_NOT_SUPPORTED.says(text));
    }
    let wanted = params.integer("Port").and_then(|port| u16::try_from(port).ok());
    let none = || error::MISSING_PARAMETER.says("NewConnectionString or Port is mandatory.");
    wanted.ok_or_else(none)
}
