//! The newest figures in Prometheus' text format 0.0.4: a gauge for each row of the table of
//! metrics, counters as nodes count them, runs of single commands. Must not know who asks.

use super::{Latest, PERIOD_S};
use admin::node::NodeFigures;
use catalog::metrics::{METRICS, row};
use control_model::Instance;
use std::fmt::Write;

/// A sample older than this is none, in seconds.
const STALE_S: i64 = 4 * PERIOD_S;

/// A counter: name behind `larder_`, what it counts, where it is.
type Counter = (&'static str, &'static str, fn(&NodeFigures) -> u64);

/// Counters as the nodes have them; they start anew with the process.
const COUNTERS: &[Counter] = &[
    ("commands_total", "Commands run.", |at| at.calls),
    ("reads_total", "Commands run that only read data.", |at| at.reads),
    ("writes_total", "Commands run that write data.", |at| at.writes),
    ("errors_total", "Commands answered by an error.", |at| at.errors),
    ("connections_received_total", "Connections accepted.", |at| at.connections_received),
    ("connections_refused_total", "Connections refused.", |at| at.connections_refused),
    ("network_input_bytes_total", "Bytes read from clients.", |at| at.net_input_bytes),
    ("network_output_bytes_total", "Bytes written to clients.", |at| at.net_output_bytes),
    ("keyspace_hits_total", "Lookups that found their key.", |at| at.keyspace_hits),
    ("keyspace_misses_total", "Lookups that did not.", |at| at.keyspace_misses),
    ("expired_keys_total", "Keys removed because their time had come.", |at| at.expired_keys),
    ("evicted_keys_total", "Keys removed to make room.", |at| at.evicted_keys),
];

/// An instance with its newest sample, if there is one.
pub(crate) type Seen<'a> = (&'a Instance, Option<Latest>);

/// The page.
pub(crate) fn page(seen: &[Seen<'_>], now_s: i64) -> String {
    let mut page = String::new();
    head(&mut page, "build_info", "gauge", "Version of the control plane.");
    let _ = writeln!(page, "larder_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    let fresh: Vec<(String, Option<&Latest>)> = seen
        .iter()
        .map(|(instance, latest)| {
            let latest = latest.as_ref().filter(|latest| now_s - latest.at_s <= STALE_S);
            (labels(instance), latest)
        })
        .collect();
    head(&mut page, "node_up", "gauge", "1 while the node answers.");
    for (labels, latest) in &fresh {
        let up = latest.is_some_and(|latest| latest.sample.figures.is_some());
        let _ = writeln!(page, "larder_node_up{{{labels}}} {}", u8::from(up));
    }
    for metric in METRICS {
        head(&mut page, metric.name, "gauge", metric.doc);
        let column = metric.id.column();
        for (labels, latest) in &fresh {
            let numbers = latest.iter().flat_map(|latest| &latest.numbers);
            for (_, stored) in numbers.filter(|(found, _)| *found == column) {
                let value = row(metric.id).unit.load(*stored as f64);
                let _ = writeln!(page, "larder_{}{{{labels}}} {value}", metric.name);
            }
        }
    }
    for (name, doc, of) in COUNTERS {
        head(&mut page, name, "counter", doc);
        for (labels, figures) in figures(&fresh) {
            let _ = writeln!(page, "larder_{name}{{{labels}}} {}", of(figures));
        }
    }
    head(&mut page, "command_calls_total", "counter", "Runs of each command.");
    for (labels, figures) in figures(&fresh) {
        for (command, calls) in &figures.commands {
            let command = escaped(command);
            let labels = format!("{labels},command=\"{command}\"");
            let _ = writeln!(page, "larder_command_calls_total{{{labels}}} {calls}");
        }
    }
    page
}

fn figures<'a>(
    fresh: &'a [(String, Option<&'a Latest>)],
) -> impl Iterator<Item = (&'a String, &'a NodeFigures)> {
    fresh
        .iter()
        .filter_map(|(labels, latest)| Some((labels, latest.as_ref()?.sample.figures.as_ref()?)))
}

fn head(page: &mut String, name: &str, kind: &str, doc: &str) {
    let _ = writeln!(page, "# HELP larder_{name} {doc}\n# TYPE larder_{name} {kind}");
}

fn labels(instance: &Instance) -> String {
    let Instance { account_id, instance_id, name, .. } = instance;
    let (node_id, name) = (instance.node_id(), escaped(name));
    format!(
        "account_id=\"{account_id}\",instance_id=\"{instance_id}\",instance_name=\"{name}\",\
         node_id=\"{node_id}\""
    )
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escaped("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }

    #[test]
    fn counters_end_in_total_and_have_no_gauge_beside_them() {
        for (name, doc, _) in COUNTERS {
            assert!(name.ends_with("_total") && doc.ends_with('.'), "{name}");
            assert!(METRICS.iter().all(|metric| metric.name != *name));
        }
    }
}
