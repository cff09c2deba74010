//! `larder instance create`. Knows the parameters of CreateInstance, not their limits: the API
//! checks them.

use super::session::Session;
use crate::error::Error;
use crate::options::{Common, PasswordSource, Waiting};
use crate::output;
use crate::sign;
use crate::wait::Goal;
use clap::Args;
use control_model::class::CLASSES;
use serde_json::Value;

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Name to show, 2 to 80 characters, a letter first
    #[arg(long)]
    name: Option<String>,
    /// Instance class, which fixes memory and connections [default: redis.shard.small.2.ce, 1 GiB]
    #[arg(long, conflicts_with = "capacity")]
    class: Option<String>,
    /// Memory, instead of a class
    #[arg(long, value_name = "MIB")]
    capacity: Option<u64>,
    /// Redis version to report and behave as
    #[arg(long, value_name = "VERSION", default_value = "7.0")]
    engine_version: String,
    #[command(flatten)]
    password: PasswordSource,
    /// Wanted port; the next free one is taken when another instance has it
    #[arg(long)]
    port: Option<u16>,
    /// Makes the request safe to repeat: the same token gives the same instance
    #[arg(long)]
    token: Option<String>,
    /// Region to create it in
    #[arg(long)]
    region: Option<String>,
    /// Who may connect: addresses and CIDR blocks, separated by commas; implies --wait
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    allow: Vec<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    pub(super) common: Common,
}

/// The classes, for the help.
pub fn classes() -> String {
    let rows: Vec<Vec<String>> = CLASSES
        .iter()
        .map(|class| {
            let memory = output::bytes(class.capacity_mb << 20);
            vec![class.name.to_owned(), memory, class.connections_max.to_string()]
        })
        .collect();
    format!("{}\n", output::table(&["CLASS", "MEMORY", "CONNECTIONS"], &rows))
}

const DEFAULT_CLASS: &str = "redis.shard.small.2.ce";

/// Creates, then as asked waits and opens the allowlist.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let password = session.password(&options.password)?;
    let params = params(options, password, session.region(options.region.as_deref()));
    let params: Vec<(&str, &str)> = params.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let answer = session.call("CreateInstance", &params)?;
    if !options.waiting.wait && options.allow.is_empty() {
        return session.show(&answer, || describe(&answer));
    }
    let instance_id = output::text(&answer["InstanceId"]);
    session.terminal.note(&format!("{instance_id} is being created"));
    session.wait(&instance_id, Goal::Normal, &options.waiting)?;
    if !options.allow.is_empty() {
        let entries = options.allow.join(",");
        let params = [("InstanceId", &*instance_id), ("SecurityIps", &*entries)];
        session.call("ModifySecurityIps", &params)?;
    }
    let attributes = session.attributes(&instance_id)?;
    session.show(&attributes, || describe(&attributes))
}

fn params(
    options: &Options,
    password: Option<String>,
    region: String,
) -> Vec<(&'static str, String)> {
    let token = options.token.clone().unwrap_or_else(|| sign::hex(&stdx::random::entropy::<16>()));
    let size = match (&options.class, options.capacity) {
        (Some(class), _) => ("InstanceClass", class.clone()),
        (None, Some(mib)) => ("Capacity", mib.to_string()),
        (None, None) => ("InstanceClass", DEFAULT_CLASS.to_owned()),
    };
    let mut params = vec![
        ("RegionId", region),
        ("Token", token),
        ("InstanceType", "Redis".to_owned()),
        ("EngineVersion", options.engine_version.clone()),
        size,
    ];
    params.extend(options.name.clone().map(|name| ("InstanceName", name)));
    params.extend(options.port.map(|port| ("Port", port.to_string())));
    params.extend(password.map(|password| ("Password", password)));
    params
}

fn describe(instance: &Value) -> String {
    let text = |name: &str| output::text(&instance[name]);
    let (host, port) = (text("ConnectionDomain"), text("Port"));
    output::fields(&[
        ("Instance", text("InstanceId")),
        ("Name", text("InstanceName")),
        ("Status", text("InstanceStatus")),
        ("Endpoint", if host.is_empty() { host.clone() } else { format!("{host}:{port}") }),
        ("Connect", if host.is_empty() { host } else { format!("redis-cli -h {host} -p {port}") }),
    ])
}
