//! DescribeDbInstanceConnectivity: whether a client at an address would get in, and if not, what
//! stands in its way. Must not know how that is found out.

use super::global_security_groups::of_instance;
use super::params::{Kind, Param, Params};
use super::table::KVSTORE;
use super::{Access, Action, Context, Done};
use crate::error::{self, ApiError};
use control_model::connectivity::{Facts, NodeFacts, Obstacle, diagnose};
use serde_json::json;
use std::net::IpAddr;

/// The row.
pub const SPEC: Action = Action {
    name: "DescribeDbInstanceConnectivity",
    version: KVSTORE,
    access: Access::Read,
    params: &[
        Param::required("DBInstanceId", Kind::Text, "which instance"),
        Param::required("SrcIp", Kind::Text, "address of the client"),
    ],
    doc: "Tells whether a client at an address can connect to an instance, and if not, why.",
    token: None,
    handler: run,
};

fn run(context: &Context<'_>, params: &Params<'_>) -> Result<Done, ApiError> {
    let source = params.required("SrcIp").trim().parse::<IpAddr>();
    let source = source.map_err(|_| error::malformed("SrcIp", "an IPv4 or IPv6 address"))?;
    let instance = context.instance(params.required("DBInstanceId"))?;
    let status = context.status(&instance);
    let node = context.nodes.status(&instance.node_id()).ok();
    let node =
        node.map(|said| NodeFacts { generation: said.generation, connections: said.connections });
    let facts = Facts {
        intent: &instance,
        status,
        advertise: &context.settings.advertise,
        shared: &of_instance(context, &instance)?,
        node,
    };
    let obstacle = diagnose(&facts, source);
    let (code, message) = match obstacle {
        None => ("", String::new()),
        Some(Obstacle::Allowlist) => {
            ("SRC_IP_NOT_IN_USER_WHITELIST", told(Obstacle::Allowlist, &facts, source))
        }
        Some(obstacle) => ("CONNECTION_ABNORMAL", told(obstacle, &facts, source)),
    };
    Ok(Done::now(json!({
        "ConnCheckResult": if obstacle.is_some() { "Failed" } else { "Success" },
        "ConnCheckErrorCode": code,
        "ConnCheckErrorMessage": message,
    })))
}

/// The culprit, and the cure where there is one.
fn told(obstacle: Obstacle, facts: &Facts<'_>, source: IpAddr) -> String {
    let (instance, endpoint) = (facts.intent, facts.advertise);
    let id = &instance.instance_id;
    match obstacle {
        Obstacle::Address => {
            format!("Address: no client has the address {source}; give the one it connects from.")
        }
        Obstacle::State(status) => {
            format!("State: {id} is {} and takes no connections.", status.name())
        }
        Obstacle::Loopback => format!(
            "Route: the endpoint is {endpoint}, which only this host reaches; start Larder with \
             an --advertise that {source} reaches."
        ),
        Obstacle::Family => format!(
            "Route: the endpoint is {endpoint}; {source} is of the other version of IP and needs \
             an address of the endpoint's."
        ),
        Obstacle::Silent => {
            format!("State: the node of {id} does not answer; its log tells more.")
        }
        Obstacle::Allowlist => format!(
            "Allowlist: no group of {id} admits {source}; add it with ModifySecurityIps \
             (ModifyMode=Append) or: larder instance allow {id} {source}"
        ),
        Obstacle::Pending => format!(
            "Allowlist: the groups of {id} admit {source}, but its node does not enforce the \
             latest change yet; ask again in a moment."
        ),
        Obstacle::Full => format!(
            "State: all {} connections of the class {} are open; close some or move to a larger \
             class with ModifyInstanceSpec.",
            instance.class().connections_max,
            instance.class
        ),
        Obstacle::Password => format!(
            "Password: {id} needs a password and none is set; set one with ResetAccountPassword."
        ),
    }
}
