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

    let interval = format!("DBInstanceId={id}");
    assert_eq!(world.ok("DescribeDBInstanceMonitor", &interval).await["Interval"], "5");
    world.ok("ModifyDBInstanceMonitor", &format!("{interval}&Interval=60")).await;
    assert_eq!(world.ok("DescribeDBInstanceMonitor", &interval).await["Interval"], "60");
    let rows = history(&world.ok("DescribeHistoryMonitorValues", &on_id).await);
    assert!((1..=2).contains(&rows.len()), "a minute each: {rows:?}");
    for (params, expected) in [
        (format!("{interval}&Interval=30"), "400 InvalidInterval.Malformed"),
        (interval, "400 MissingInterval"),
        ("DBInstanceId=r-none&Interval=5".into(), "404 InvalidInstanceId.NotFound"),
    ] {
        assert_eq!(world.refusal("ModifyDBInstanceMonitor", &params).await, expected, "{params}");
    }
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

fn datapoints(answer: &Value) -> Vec<Value> {
    assert_eq!((&answer["Code"], &answer["Success"]), (&"200".into(), &true.into()));
    let text = answer["Datapoints"].as_str().expect("a text");
    serde_json::from_str::<Value>(text).expect("JSON").as_array().expect("a list").clone()
}

const CPU: &str = "Namespace=acs_kvstore&MetricName=StandardCpuUsage";
const MEMORY: &str = "Namespace=acs_kvstore&MetricName=StandardMemoryUsage";

#[tokio::test]
async fn cloud_monitor_reads_whole_periods() {
    let world = World::new();
    let (a, b) = (world.instance("").await, world.instance("").await);
    sampled(&world, &a, 60, |row, at| at.used_memory_bytes = (row.unsigned_abs() + 1) << 20);
    sampled(&world, &b, 60, |_, at| at.used_memory_bytes = 128 << 20);
    // The present is 12:51:19; the minute that has begun does not count.
    let on_a = format!("{MEMORY}&Dimensions=[{{\"instanceId\":\"{a}\"}}]");
    let points = datapoints(&world.ok("DescribeMetricList", &on_a).await);
    let times: Vec<_> = points.iter().filter_map(|point| point["timestamp"].as_i64()).collect();
    let minute_ms = NOW_UNIX_MS / 60_000 * 60_000;
    assert_eq!(times.last(), Some(&(minute_ms - 60_000)), "{points:?}");
    assert_eq!(times.len(), 5);
    let last = points.last().expect("there");
    assert_eq!(last["instanceId"], a.as_str());
    assert_eq!(last["userId"], world.credentials.account_id.as_str());
    assert_eq!((&last["Minimum"], &last["Maximum"]), (&17.58.into(), &21.88.into()));
    assert_eq!(last["Average"], 19.726);
    // The start is not part of the range, the end is.
    let range = format!("{on_a}&StartTime={}&EndTime={}", times[1], times[3]);
    let shown = datapoints(&world.ok("DescribeMetricData", &range).await);
    assert_eq!(
        shown.iter().filter_map(|p| p["timestamp"].as_i64()).collect::<Vec<_>>(),
        times[2..4]
    );
    let text = format!("{on_a}&StartTime=2026-11-22 12:48:00&EndTime=2026-11-22T12:49:00Z");
    assert_eq!(datapoints(&world.ok("DescribeMetricList", &text).await).len(), 1);
    let fine = format!("{on_a}&Period=15");
    assert!(datapoints(&world.ok("DescribeMetricList", &fine).await).len() >= 18);

    let all = world.ok("DescribeMetricList", &format!("{MEMORY}&Length=4")).await;
    assert_eq!((datapoints(&all).len(), &all["NextToken"]), (4, &"4".into()));
    let rest = world.ok("DescribeMetricList", &format!("{MEMORY}&Length=400&NextToken=4")).await;
    assert_eq!((datapoints(&rest).len(), &rest["NextToken"]), (6, &Value::Null));
    assert_eq!(datapoints(&world.ok("DescribeMetricLast", MEMORY).await).len(), 2);
    let order = async |more: &str| {
        let answer = world.ok("DescribeMetricTop", &format!("{MEMORY}{more}")).await;
        datapoints(&answer).first().and_then(|p| Some(p["instanceId"].as_str()?.to_owned()))
    };
    assert_eq!(order("").await, Some(b.clone()));
    assert_eq!(order("&OrderDesc=False").await, Some(a.clone()));
    assert!(!datapoints(&world.ok("DescribeMetricLast", CPU).await).is_empty());
    let mut stranger = world.request("DescribeMetricLast", MEMORY);
    stranger.principal.account_id = "9999999999999999".into();
    assert!(datapoints(&world.control.call(stranger).await.body).is_empty());
}

#[tokio::test]
async fn cloud_monitor_refusals_and_names() {
    let world = World::new();
    let rows = [
        ("Namespace=acs_kvstore", "400 MissingMetricName"),
        ("MetricName=StandardCpuUsage", "400 MissingNamespace"),
        ("Namespace=acs_ecs&MetricName=StandardCpuUsage", "404 ResourceNotFound"),
        ("Namespace=acs_kvstore&MetricName=CpuUsage", "404 ResourceNotFound"),
        (&format!("{CPU}&Period=7"), "400 ParameterInvalid"),
        (&format!("{CPU}&StartTime=x"), "400 ParameterInvalid"),
        (&format!("{CPU}&StartTime=2&EndTime=1"), "400 ParameterInvalid"),
        (&format!("{CPU}&Dimensions=x"), "400 ParameterInvalid"),
        (&format!("{CPU}&Dimensions=[]"), "400 ParameterInvalid"),
        (&format!("{CPU}&Dimensions=[{{\"id\":1}}]"), "400 ParameterInvalid"),
        (&format!("{CPU}&Length=1441"), "400 InvalidLength.Malformed"),
        (&format!("{CPU}&NextToken=x"), "400 ParameterInvalid"),
    ];
    for (params, expected) in rows {
        assert_eq!(world.refusal("DescribeMetricList", params).await, expected, "{params}");
    }
    let meta = world.ok("DescribeMetricMetaList", "Namespace=acs_kvstore&PageSize=10000").await;
    let rows = meta["Resources"]["Resource"].as_array().expect("a list");
    assert_eq!(meta["TotalCount"], rows.len().to_string());
    assert!(rows.len() > 150);
    for row in rows.iter().step_by(9) {
        let name = row["MetricName"].as_str().expect("a name");
        let read = format!("Namespace=acs_kvstore&MetricName={name}");
        assert_eq!(world.ok("DescribeMetricLast", &read).await["Datapoints"], "[]");
    }
    let one = world.ok("DescribeMetricMetaList", "MetricName=StandardCpuUsage").await;
    assert_eq!(one["Resources"]["Resource"][0]["Unit"], "%");
}
