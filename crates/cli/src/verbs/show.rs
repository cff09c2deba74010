//! `larder instance show`: attributes, allowlist, and what the node says of itself right now.

use super::session::Session;
use crate::error::{Error, Kind};
use crate::options::Common;
use crate::output;
use clap::Args;
use serde_json::Value;

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Which instance
    #[arg(value_name = "ID")]
    instance_id: String,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Prints the answer of DescribeInstanceAttribute; for scripts with the groups of the allowlist as
/// `SecurityIpGroups` and the live answer as `Live` added to it.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let id = [("InstanceId", &*options.instance_id)];
    let mut answer = session.call("DescribeInstanceAttribute", &id)?;
    answer["SecurityIpGroups"] =
        session.call("DescribeSecurityIps", &id)?["SecurityIpGroups"].take();
    // An instance that does not serve yet has no live figures, which is no reason to show nothing.
    answer["Live"] = match session.call("LarderDescribeInstanceLive", &id) {
        Ok(live) => live,
        Err(error) if matches!(error.kind(), Kind::Busy | Kind::Refused) => Value::Null,
        Err(error) => return Err(error),
    };
    let colour = session.terminal.colour();
    session.show(&answer, || describe(&answer, colour))
}

fn describe(answer: &Value, colour: bool) -> String {
    let attributes = attributes(&answer["Instances"]["DBInstanceAttribute"][0], colour);
    let groups = array(&answer["SecurityIpGroups"]["SecurityIpGroup"]);
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|group| {
            vec![
                output::text(&group["SecurityIpGroupName"]),
                output::text(&group["SecurityIpList"]).replace(',', ", "),
            ]
        })
        .collect();
    let allowlist = output::table(&["ALLOWLIST", "ENTRIES"], &rows);
    let live = live(&answer["Live"]);
    format!("{attributes}\n{allowlist}{live}")
}

fn attributes(instance: &Value, colour: bool) -> String {
    let text = |name: &str| output::text(&instance[name]);
    let memory =
        instance["Capacity"].as_u64().map_or_else(String::new, |mib| output::bytes(mib << 20));
    output::fields(&[
        ("Instance", text("InstanceId")),
        ("Name", text("InstanceName")),
        ("Status", output::status(&text("InstanceStatus"), colour)),
        ("Endpoint", format!("{}:{}", text("ConnectionDomain"), text("Port"))),
        ("Class", text("InstanceClass")),
        ("Memory", memory),
        ("Engine", format!("{} {}", text("Engine"), text("EngineVersion")).trim().to_owned()),
        ("Region", text("RegionId")),
        ("Zone", text("ZoneId")),
        ("Password", password_mode(&text("VpcAuthMode"))),
        ("Created", text("CreateTime")),
    ])
}

fn password_mode(vpc_auth_mode: &str) -> String {
    match vpc_auth_mode {
        "Open" => "needed".to_owned(),
        "Close" => "not needed".to_owned(),
        other => other.to_owned(),
    }
}

/// Figures and connections of a node.
pub fn live(live: &Value) -> String {
    let status = &live["Status"];
    if !status.is_object() {
        return "\nNo live figures: the node does not answer now.\n".to_owned();
    }
    let number = |name: &str| status[name].as_u64().unwrap_or(0);
    let limit = match number("MaxmemoryBytes") {
        0 => "no limit".to_owned(),
        bytes => format!("of {}", output::bytes(bytes)),
    };
    let (hits, misses) = (number("KeyspaceHits"), number("KeyspaceMisses"));
    let hit_rate = match hits + misses {
        0 => "no lookups yet".to_owned(),
        lookups => format!("{} % of {lookups}", hits.saturating_mul(100) / lookups),
    };
    let figures = output::fields(&[
        ("Used memory", format!("{} {limit}", output::bytes(number("UsedMemoryBytes")))),
        ("Operations", format!("{} per second", number("CommandsPerSecond"))),
        ("Keys", format!("{} ({} with a time to live)", number("Keys"), number("KeysWithTtl"))),
        ("Hits", hit_rate),
        ("Connections", number("Connections").to_string()),
        ("Uptime", output::duration(number("UptimeMs") / 1000)),
    ]);
    let clients = array(&live["Clients"]);
    if clients.is_empty() {
        return format!("\n{figures}");
    }
    format!("\n{figures}\n{}", clients_table(clients))
}

fn clients_table(clients: &[Value]) -> String {
    let rows: Vec<Vec<String>> = clients
        .iter()
        .map(|client| {
            let text = |name: &str| output::text(&client[name]);
            let time = |name: &str| output::duration(client[name].as_u64().unwrap_or(0));
            vec![
                text("Address"),
                text("Name"),
                text("User"),
                text("Db"),
                time("AgeS"),
                time("IdleS"),
                text("Command"),
                text("Library"),
            ]
        })
        .collect();
    output::table(&["CLIENT", "NAME", "USER", "DB", "AGE", "IDLE", "COMMAND", "LIBRARY"], &rows)
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
