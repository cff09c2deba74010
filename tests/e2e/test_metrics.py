"""Metrics of a real instance as the APIs, Prometheus and a killed control plane tell them."""

import datetime
import json
import re
import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support import processes
from support.sdk import ApiError, CmsSdk, NewSdk
from support.waiting import attempt, until


def around(minutes=5):
    """The range of the last minutes, as the API writes it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    start = now - datetime.timedelta(minutes=minutes)
    form = "%Y-%m-%dT%H:%M:%SZ"
    return {"start_time": f"{start:{form}}", "end_time": f"{now:{form}}"}


def history(sdk, instance_id, keys, minutes=5):
    """Rows by time."""
    answer = sdk.call(
        "DescribeHistoryMonitorValues",
        instance_id=instance_id,
        interval_for_history="01m",
        monitor_keys=keys,
        **around(minutes),
    )
    return json.loads(answer["MonitorHistory"])


def newest(sdk, instance_id, keys):
    """The last row, or nothing."""
    rows = history(sdk, instance_id, keys)
    return rows[max(rows)] if rows else {}


def test_what_a_client_does_is_seen(shared):
    sdk = NewSdk(shared.ready)
    instance = shared.ready["instance"]
    client = shared.redis(instance)
    rated = lambda: "TotalQps" in newest(sdk, instance["id"], "UsedQPS")
    until(rated, "two samples, which tell a rate", 30)
    for number in range(500):
        client.set(f"key:{number}", "x" * 100, ex=3600 if number < 50 else None)
        client.get(f"key:{number}")
    client.get("nothing")
    keys = "UsedMemory,quotaMemory,Redis_Basic_Monitor,UsedConnection,Redis_Memory_Monitor"
    row = until(
        lambda: next(
            (row for row in [newest(sdk, instance["id"], keys)] if row.get("Keys") == "500"), None
        ),
        "a sample with all keys",
        30,
    )
    assert row["Expires"] == "50" and int(row["ConnCount"]) >= 1
    info = client.info("memory")
    assert abs(int(row["UsedMemory"]) - info["used_memory"]) < 4 << 20
    assert int(row["quotaMemory"]) == info["maxmemory"]
    assert int(row["used_memory_rss"]) > 1 << 20
    # The calls are in the sample of their period, whichever that was.
    keys = "UsedQPS,Hit_Rate_Monitor,Redis_String_Monitor,IntranetIn,Redis_Avg_Rt_Monitor,CpuUsage"
    rows = history(sdk, instance["id"], keys).values()
    gets = sum(5 * float(row.get("get", 0)) for row in rows)
    assert 450 <= gets <= 510, gets
    assert max(float(row["PutQps"]) for row in rows if "PutQps" in row) > 10
    assert any(0 < float(row["hit_rate"]) < 100 for row in rows if "hit_rate" in row)
    assert any(float(row["AvgRt"]) > 0 for row in rows if "AvgRt" in row)
    assert all(re.fullmatch(r"\d+\.\d\d", row["CpuUsage"]) for row in rows if "CpuUsage" in row)
    items = sdk.call("DescribeMonitorItems")["MonitorItems"]["KVStoreMonitorItem"]
    every = ",".join(item["MonitorKey"] for item in items)
    assert len(newest(sdk, instance["id"], every)) >= 24
    client.close()


def test_cloud_monitor_tells_the_same(shared):
    sdk = CmsSdk(shared.ready)
    instance_id = shared.ready["instance"]["id"]
    asked = {"namespace": "acs_kvstore", "dimensions": json.dumps([{"instanceId": instance_id}])}

    def last(name, **more):
        answer = sdk.call("DescribeMetricLast", metric_name=name, period="15", **asked, **more)
        return json.loads(answer["Datapoints"])

    [point] = until(lambda: last("StandardUsedMemory"), "a period of memory", 60)
    assert point["instanceId"] == instance_id and point["timestamp"] % 15000 == 0
    assert point["Minimum"] <= point["Average"] <= point["Maximum"]
    listed = sdk.call("DescribeMetricList", metric_name="StandardKeys", period="15", **asked)
    assert listed["Period"] == "15" and json.loads(listed["Datapoints"])
    top = sdk.call("DescribeMetricTop", metric_name="StandardKeys", period="15", namespace="acs_kvstore")
    assert json.loads(top["Datapoints"])[0]["order"] == 1
    meta = sdk.call("DescribeMetricMetaList", namespace="acs_kvstore", page_size=100)
    assert len(meta["Resources"]["Resource"]) == 100
    with pytest.raises(ApiError) as refused:
        last("CpuUsage")
    assert (refused.value.status, refused.value.code) == (404, "ResourceNotFound")


def test_samples_outlive_a_kill_and_end_with_the_instance(larder):
    sdk = NewSdk(larder.ready)
    instance_id = larder.ready["instance"]["id"]
    until(lambda: len(history(sdk, instance_id, "UsedMemory")) >= 14, "more than a minute", 120)
    before = history(sdk, instance_id, "UsedMemory")
    [control] = [pid for pid in larder.pids() if processes.role(pid) == "control"]
    processes.kill(control)
    again = lambda: attempt(lambda: history(sdk, instance_id, "UsedMemory"), Exception)
    until(lambda: again() is not None, "control is back", 60)
    kept = set(again()) & set(before)
    assert len(before) - len(kept) <= 12, "at most a minute is lost"
    directory = larder.data / "control/metrics"
    assert [path.name for path in directory.iterdir()] == [f"{instance_id}-node-0"]
    sdk.destroy(instance_id)
    sdk.wait_gone(instance_id)
    until(lambda: not list(directory.iterdir()), "the series are deleted", 120)


def test_prometheus_scrapes_with_the_token(shared):
    url = f"{shared.ready['api'].rstrip('/')}/metrics"

    def scrape(token):
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return answer.read().decode()

    for bad in ("", "x" * 64):
        with pytest.raises(urllib.error.HTTPError) as refused:
            scrape(bad)
        assert refused.value.code == 401
    path = shared.data / "control/metrics.token"
    assert path.stat().st_mode & 0o777 == 0o600
    token = path.read_text()
    seen = lambda: {
        family.name: family for family in text_string_to_metric_families(scrape(token))
    }
    until(lambda: seen()["larder_used_memory_bytes"].samples, "a sample", 30)
    families = seen()
    [up] = families["larder_node_up"].samples
    assert up.value == 1 and up.labels["instance_id"] == shared.ready["instance"]["id"]
    assert families["larder_commands"].type == "counter"
    assert len(families) > 50
