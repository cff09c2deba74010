//! Pages that derive from the table of metrics: the list for people and Grafana's dashboard.

use catalog::metrics::{METRICS, Metric, Unit, monitor_keys, submetrics};
use serde_json::{Value, json};
use std::fmt::Write;

/// Where the list lies.
pub const PAGE: &str = "docs/metrics.md";
/// Where the dashboard lies.
pub const DASHBOARD: &str = "packaging/grafana/larder.json";

/// The list of all metrics.
pub fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\nMade by `cargo xtask docs` from `crates/catalog`. Every node is sampled each \
         5 s; samples are kept for a day, minutes (mean, largest, smallest) for 30 days.\n\n\
         - R-KVStore API: DescribeHistoryMonitorValues, by MonitorKey and submetric.\n\
         - CloudMonitor API, namespace `acs_kvstore`: DescribeMetricList and its kin, and alarm \
         rules, by name.\n\
         - Prometheus: `GET /metrics` with the content of `control/metrics.token` in the data \
         directory as bearer token; `packaging/grafana/larder.json` is a dashboard over it.\n\n\
         | Prometheus | MonitorKey / submetric | CloudMonitor | unit | what it is |\n\
         |---|---|---|---|---|\n",
    );
    for metric in METRICS {
        let keys: Vec<String> =
            metric.monitor.iter().map(|(key, sub)| format!("{key} / {sub}")).collect();
        let cloud = match metric.cloud {
            "" => String::new(),
            name => format!("Standard{name}"),
        };
        let (keys, unit) = (keys.join(", "), metric.unit.api());
        let _ = writeln!(
            page,
            "| larder_{} | {keys} | {cloud} | {unit} | {} |",
            metric.name, metric.doc
        );
    }
    page.push_str(
        "\n## Runs of single commands\n\nRuns a second, in CloudMonitor `Standard<command>`.\n\n",
    );
    let of_commands = monitor_keys().into_iter().filter(|(key, _)| {
        METRICS.iter().all(|metric| metric.monitor.iter().all(|(known, _)| known != key))
    });
    for (key, _) in of_commands {
        let names: Vec<&str> = submetrics(key).iter().map(|sub| sub.name).collect();
        let _ = writeln!(page, "- {key}: {}", names.join(", "));
    }
    page
}

/// Grafana's name of a unit.
fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => "percent",
        Unit::Bytes => "bytes",
        Unit::Megabytes => "decmbytes",
        Unit::KilobytesPerSecond => "KiBs",
        Unit::Count => "short",
        Unit::CountPerSecond => "cps",
        Unit::Microseconds => "µs",
    }
}

/// One panel a metric, two a row.
fn panel(place: usize, metric: &Metric) -> Value {
    let expression = format!("larder_{}{{instance_id=~\"$instance\"}}", metric.name);
    json!({
        "id": place + 1,
        "type": "timeseries",
        "title": metric.doc.trim_end_matches('.'),
        "description": format!("larder_{}", metric.name),
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"x": 12 * (place % 2), "y": 8 * (place / 2), "w": 12, "h": 8},
        "fieldConfig": {
            "defaults": {"unit": unit(metric.unit), "min": 0, "custom": {"fillOpacity": 10}},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [{
            "refId": "A",
            "expr": expression,
            "legendFormat": "{{instance_id}} {{instance_name}}",
        }],
    })
}

/// The dashboard.
pub fn dashboard() -> String {
    let panels: Vec<Value> =
        METRICS.iter().enumerate().map(|(place, metric)| panel(place, metric)).collect();
    let dashboard = json!({
        "title": "Larder instances",
        "uid": "larder-instances",
        "tags": ["larder", "redis"],
        "schemaVersion": 39,
        "version": 1,
        "editable": true,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source"},
            {
                "name": "instance",
                "type": "query",
                "label": "Instance",
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "query": "label_values(larder_node_up, instance_id)",
                "refresh": 2,
                "multi": true,
                "includeAll": true,
                "allValue": ".*",
                "current": {"text": "All", "value": "$__all"},
            },
        ]},
        "panels": panels,
    });
    format!("{dashboard:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_on_disk_are_what_the_table_says() {
        for (path, made) in [(PAGE, page()), (DASHBOARD, dashboard())] {
            let found = std::fs::read_to_string(crate::shell::root().join(path));
            let found = found.unwrap_or_default();
            assert!(found == made, "{path} is stale: run `cargo xtask docs`");
        }
    }
}
