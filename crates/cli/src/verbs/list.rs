//! `larder instance list`.

use super::session::Session;
use crate::error::Error;
use crate::options::Common;
use crate::output;
use clap::Args;
use serde_json::Value;

/// Flags of the verb.
#[derive(Debug, Args)]
pub struct Options {
    /// Only instances whose id or name contains this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only instances in this status
    #[arg(long)]
    status: Option<String>,
    /// Only deleted instances that can still be brought back
    #[arg(long, conflicts_with = "status")]
    released: bool,
    /// Region to look in
    #[arg(long)]
    region: Option<String>,
    /// Page to show
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    page: u32,
    /// Instances per page, at most 50
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    page_size: u32,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Shows one page, and says when there are more.
pub fn run(options: &Options, session: &mut Session<'_>) -> Result<(), Error> {
    let region = session.region(options.region.as_deref());
    let (page, page_size) = (options.page.to_string(), options.page_size.to_string());
    let mut params =
        vec![("RegionId", &*region), ("PageNumber", &*page), ("PageSize", &*page_size)];
    params.extend(options.search.as_deref().map(|text| ("SearchKey", text)));
    let released = options.released.then_some("Released");
    params.extend(released.or(options.status.as_deref()).map(|word| ("InstanceStatus", word)));
    let answer = session.call("DescribeInstances", &params)?;
    let colour = session.terminal.colour();
    session.show(&answer, || match options.released {
        true => bin(&answer),
        false => table(&answer, colour),
    })?;
    let shown = instances(&answer).len() as u64;
    let total = answer["TotalCount"].as_u64().unwrap_or(shown);
    if shown < total {
        session.terminal.note(&format!("{shown} of {total} instances; see --page and --page-size"));
    }
    Ok(())
}

fn instances(answer: &Value) -> &[Value] {
    answer["Instances"]["KVStoreInstance"].as_array().map_or(&[], Vec::as_slice)
}

fn table(answer: &Value, colour: bool) -> String {
    let rows: Vec<Vec<String>> = instances(answer).iter().map(|row| columns(row, colour)).collect();
    let headers =
        ["INSTANCE", "NAME", "STATUS", "CLASS", "MEMORY", "ENGINE", "ENDPOINT", "CREATED"];
    output::table(&headers, &rows)
}

/// The recycle bin: what was there, since when, and until when it can be brought back.
fn bin(answer: &Value) -> String {
    let row = |instance: &Value| {
        let text = |name: &str| output::text(&instance[name]);
        let memory = instance["Capacity"].as_u64();
        vec![
            text("InstanceId"),
            text("InstanceName"),
            text("InstanceClass"),
            memory.map_or_else(String::new, |mib| output::bytes(mib << 20)),
            text("EngineVersion"),
            text("EndTime"),
            text("DestroyTime"),
        ]
    };
    let rows: Vec<Vec<String>> = instances(answer).iter().map(row).collect();
    let headers = ["INSTANCE", "NAME", "CLASS", "MEMORY", "ENGINE", "DELETED", "KEPT UNTIL"];
    output::table(&headers, &rows)
}

fn columns(instance: &Value, colour: bool) -> Vec<String> {
    let text = |name: &str| output::text(&instance[name]);
    let (host, port) = (text("ConnectionDomain"), text("Port"));
    vec![
        text("InstanceId"),
        text("InstanceName"),
        output::status(&text("InstanceStatus"), colour),
        text("InstanceClass"),
        instance["Capacity"].as_u64().map_or_else(String::new, |mib| output::bytes(mib << 20)),
        text("EngineVersion"),
        if host.is_empty() { String::new() } else { format!("{host}:{port}") },
        text("CreateTime"),
    ]
}
