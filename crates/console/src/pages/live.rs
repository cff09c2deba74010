//! The part of an instance's page that refreshes itself: status, endpoint, figures, clients.

use super::instances::Summary;
use super::{Outcome, draw};
use crate::door::Member;
use crate::figures;
use crate::problem::Refusal;
use askama::Template;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

/// A longer table would be heavy to refresh and nobody reads it.
const CLIENTS_SHOWN_MAX: usize = 100;

/// What the node says of itself, as the API gives it.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NodeFigures {
    version: String,
    loading: bool,
    uptime_ms: u64,
    used_memory_bytes: u64,
    maxmemory_bytes: u64,
    connections: u64,
    connections_received: u64,
    connections_refused: u64,
    commands_per_second: u64,
    net_input_bytes: u64,
    net_output_bytes: u64,
    keyspace_hits: u64,
    keyspace_misses: u64,
    keys: u64,
    keys_with_ttl: u64,
    expired_keys: u64,
    cpu_us: u64,
}

/// One connection, as the API gives it.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Client {
    address: String,
    name: String,
    user: String,
    db: u64,
    age_s: u64,
    idle_s: u64,
    command: String,
    library: String,
}

impl Client {
    fn age(&self) -> String {
        figures::duration(self.age_s)
    }

    fn idle(&self) -> String {
        figures::duration(self.idle_s)
    }
}

/// Everything the panel shows.
#[derive(Template)]
#[template(path = "live.html")]
pub struct Panel {
    pub instance: Summary,
    node: Option<NodeFigures>,
    clients: Vec<Client>,
    /// Clients that are not shown.
    hidden: usize,
    cpu: String,
}

/// CPU time and uptime seen at the last refresh; the browser keeps it for us between two of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Sample {
    cpu_us: u64,
    uptime_ms: u64,
}

impl Panel {
    /// Asks for status and figures.
    ///
    /// # Errors
    /// The refusal of DescribeInstanceAttribute; without live figures the panel says so instead.
    pub async fn load(member: &Member, id: &str) -> Result<(Self, Value), Refusal> {
        let params = [("InstanceId", id)];
        let mut answer = member.call("DescribeInstanceAttribute", &params).await?;
        let attributes = answer["Instances"]["DBInstanceAttribute"][0].take();
        let live = member.call("LarderDescribeInstanceLive", &params).await.unwrap_or_default();
        let field = |name: &str| member.visit.field(name).parse().unwrap_or(0);
        let before = Sample { cpu_us: field("cpu_us"), uptime_ms: field("uptime_ms") };
        Ok((Self::new(&attributes, live, before), attributes))
    }

    fn new(attributes: &Value, mut live: Value, before: Sample) -> Self {
        let node: Option<NodeFigures> =
            serde_json::from_value(live["Status"].take()).unwrap_or_default();
        let mut clients: Vec<Client> =
            serde_json::from_value(live["Clients"].take()).unwrap_or_default();
        let hidden = clients.len().saturating_sub(CLIENTS_SHOWN_MAX);
        clients.truncate(CLIENTS_SHOWN_MAX);
        let now = node.as_ref().map_or_else(Sample::default, |node| Sample {
            cpu_us: node.cpu_us,
            uptime_ms: node.uptime_ms,
        });
        Self { instance: Summary::new(attributes), node, clients, hidden, cpu: cpu(before, now) }
    }

    /// Whether anybody connected since the node started; unknown counts as no.
    pub fn was_used(&self) -> bool {
        self.node.as_ref().is_some_and(|node| node.connections_received > 0)
    }

    /// Memory in use against the limit: `ok`, `busy` from three quarters on, `bad` from 95 %.
    fn memory_tone(&self) -> &'static str {
        let (used, max) = self
            .node
            .as_ref()
            .map_or((0, 0), |node| (node.used_memory_bytes, node.maxmemory_bytes));
        match used.saturating_mul(100).checked_div(max) {
            Some(95..) => "bad",
            Some(75..) => "busy",
            _ => "ok",
        }
    }
}

impl NodeFigures {
    fn used(&self) -> String {
        figures::bytes(self.used_memory_bytes)
    }

    fn max(&self) -> String {
        match self.maxmemory_bytes {
            0 => "no limit".to_owned(),
            bytes => format!("of {}", figures::bytes(bytes)),
        }
    }

    fn hit_rate(&self) -> String {
        let lookups = self.keyspace_hits + self.keyspace_misses;
        figures::percent(self.keyspace_hits, lookups).unwrap_or_else(|| "–".to_owned())
    }

    fn lookups(&self) -> String {
        figures::count(self.keyspace_hits + self.keyspace_misses)
    }

    fn uptime(&self) -> String {
        figures::duration(self.uptime_ms / 1000)
    }

    fn traffic(&self) -> (String, String) {
        (figures::bytes(self.net_input_bytes), figures::bytes(self.net_output_bytes))
    }

    fn grouped(&self, number: &u64) -> String {
        figures::count(*number)
    }
}

/// Share of one core since the last refresh, or since the start when there was none or the node
/// is a new one.
fn cpu(before: Sample, now: Sample) -> String {
    let continues = before.uptime_ms < now.uptime_ms && before.cpu_us <= now.cpu_us;
    let since = if continues { before } else { Sample::default() };
    let spent_us = now.cpu_us - since.cpu_us;
    figures::percent(spent_us, (now.uptime_ms - since.uptime_ms).saturating_mul(1000))
        .unwrap_or_else(|| "–".to_owned())
}

/// The panel alone, for the page's background requests.
pub async fn show(member: Member) -> Outcome {
    let (panel, _) = Panel::load(&member, &member.visit.target).await?;
    draw(StatusCode::OK, &panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_taken_between_two_looks() {
        let at = |cpu_us, uptime_ms| Sample { cpu_us, uptime_ms };
        let rows = [
            (at(0, 0), at(500_000, 1_000), "50.0 %"),
            (at(500_000, 1_000), at(600_000, 3_000), "5.0 %"),
            (at(500_000, 9_000), at(100_000, 1_000), "10.0 %"),
            (at(0, 0), at(0, 0), "–"),
            (at(7, 1_000), at(7, 1_000), "0.0 %"),
        ];
        for (before, now, expected) in rows {
            assert_eq!(cpu(before, now), expected, "{before:?} {now:?}");
        }
    }
}
