//! Metrics through the API: what the agent sampled comes back in the documented form.

use crate::store::documents;
use crate::testing::{NOW_UNIX_MS, World};
use admin::agent::NodeSample;
use admin::node::NodeFigures;
use control_model::Instance;
use serde_json::Value;

/// A minute of samples that ends with the world's present.
pub fn sampled(world: &World, id: &str, rows: i64, change: impl Fn(i64, &mut NodeFigures)) {
    let now_s = world.now_unix_ms.load(std::sync::atomic::Ordering::Relaxed) / 1000;
    let first_s = now_s.div_euclid(5) * 5 - 5 * (rows - 1);
    let store = world.control.shared.store.as_ref();
    let instances: Vec<Instance> =
        documents::instances(store).expect("read").into_iter().map(|read| read.value).collect();
    for row in 0..rows {
        let at_s = first_s + 5 * row;
        let uptime_ms = (at_s * 1000 - NOW_UNIX_MS + 86_400_000).unsigned_abs();
        let mut figures = NodeFigures { uptime_ms, ..NodeFigures::default() };
        change(row, &mut figures);
        let sample = NodeSample {
            node_id: format!("{id}-node-0"),
            pid: 7,
            figures: Some(figures),
            cpu_us: Some((row * 500_000).unsigned_abs()),
            resident_bytes: Some(10 << 20),
            ..NodeSample::default()
        };
        world.control.shared.metrics.take(at_s, vec![sample], &instances);
    }
}

/// `StartTime` and `EndTime` around the world's present.
fn around(from_s: i64, to_s: i64) -> String {
    let text = |at_s: i64| {
        let at = jiff::Timestamp::from_second(NOW_UNIX_MS / 1000 + at_s).expect("in range");
        format!("{at:.0}")
    };
    format!("&StartTime={}&EndTime={}&IntervalForHistory=01m", text(from_s), text(to_s))
}

fn history(answer: &Value) -> Vec<(String, Value)> {
    let text = answer["MonitorHistory"].as_str().expect("a text");
    let parsed: Value = serde_json::from_str(text).expect("JSON");
    let rows = parsed.as_object().expect("by time").clone();
    rows.into_iter().collect()
}

#[tokio::test]
async fn history_in_steps() {
    let world = World::new();
    let id = world.instance("").await;
    sampled(&world, &id, 12, |row, at| {
        at.used_memory_bytes = 64 << 20;
        at.calls = (row * 50).unsigned_abs();
        at.reads = (row * 10).unsigned_abs();
        at.slowest_us = (row + 1).unsigned_abs();
        at.commands = [("flushall".to_owned(), row.unsigned_abs())].into();
    });
    let on_id = format!("InstanceId={id}{}", around(-300, 0));
    let rows = history(&world.ok("DescribeHistoryMonitorValues", &on_id).await);
    assert_eq!(rows.len(), 12);
    assert_eq!(rows[0].0, "2026-11-22T12:50:20Z");
    assert_eq!(rows[0].1["UsedMemory"], "67108864");
    assert_eq!(rows[0].1["quotaMemory"], "268435456");
    let keys = "&MonitorKeys=CpuUsage,MemoryUsage$db,UsedQPS,Calls_Monitor,UsedQPS$proxy";
    let rows = history(&world.ok("DescribeHistoryMonitorValues", &format!("{on_id}{keys}")).await);
    let last = &rows[11].1;
    let shown = ["CpuUsage", "memoryUsage", "TotalQps", "GetQps", "OtherOps", "flushall_calls"];
    let shown: Vec<_> = shown.iter().map(|name| last[name].as_str().unwrap_or("none")).collect();
    assert_eq!(shown, ["10.00", "25.00", "10.00", "2.00", "8.00", "1"]);
    assert_eq!(rows[0].1["memoryUsage"], "25.00");
    assert_eq!(rows[0].1.get("TotalQps"), None, "one sample tells no rate");
    let minutes = format!("InstanceId={id}&MonitorKeys=Redis_Max_Rt_Monitor{}", around(-7_200, 60));
    let rows = history(&world.ok("DescribeHistoryMonitorValues", &minutes).await);
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[0].1["MaxRt"].as_str(), rows[1].1["MaxRt"].as_str()),
        (Some("8.00"), Some("12.00"))
    );
    let node = format!("{on_id}&NodeId={id}-node-0&NodeRole=MASTER");
    assert_eq!(history(&world.ok("DescribeHistoryMonitorValues", &node).await).len(), 12);
    let none = format!("{on_id}&NodeRole=READONLY");
    assert_eq!(world.ok("DescribeHistoryMonitorValues", &none).await["MonitorHistory"], "{}");
}

#[tokio::test]
async fn history_refusals() {
    let world = World::new();
    let id = world.instance("").await;
    let on_id = format!("InstanceId={id}");
    let good = around(-300, 0);
    let rows = [
        (format!("InstanceId=r-none{good}"), "404 InvalidInstanceId.NotFound"),
        (good.trim_start_matches('&').to_owned(), "400 MissingInstanceId"),
        (on_id.clone(), "400 MissingStartTime"),
        (format!("{on_id}{}", around(0, 0)), "400 InvalidEndTime.Malformed"),
        (format!("{on_id}{}", around(-8 * 86_400, 0)), "400 InvalidEndTime.Malformed"),
        (
            format!("{on_id}{}", around(-32 * 86_400, -31 * 86_400)),
            "400 InvalidStartTime.Malformed",
        ),
        (format!("{on_id}{good}&StartTime=now"), "400 InvalidStartTime.Malformed"),
        (format!("{on_id}{good}&MonitorKeys=Nothing"), "400 InvalidMonitorKeys.Malformed"),
        (format!("{on_id}{good}&MonitorKeys=UsedQPS$x"), "400 InvalidMonitorKeys.Malformed"),
        (format!("{on_id}{good}&NodeId=r-other-node-0"), "400 InvalidNodeId.Malformed"),
        (format!("{on_id}{good}&NodeRole=Any"), "400 InvalidNodeRole.Malformed"),
    ];
    for (params, expected) in rows {
        let refusal = world.refusal("DescribeHistoryMonitorValues", &params).await;
        assert_eq!(refusal, expected, "{params}");
    }
    let mut stranger = world.request("DescribeHistoryMonitorValues", &format!("{on_id}{good}"));
    stranger.principal.account_id = "9999999999999999".into();
    assert_eq!(world.control.call(stranger).await.status, 404);
    let items = world.ok("DescribeMonitorItems", "").await;
    let items = items["MonitorItems"]["KVStoreMonitorItem"].as_array().expect("a list");
    let has = |key: &str, unit: &str| {
        items.iter().any(|item| item["MonitorKey"] == key && item["Unit"] == unit)
    };
    assert!(
        has("CpuUsage", "%") && has("UsedMemory", "Bytes") && has("Redis_Keys_Monitor", "Counts/s")
    );
}
