"""Tasks as SDK and terminal see them: followed, put off, and whole again after a kill."""

import datetime
import json

import pytest

from support import processes
from support.sdk import REGION, ApiError, NewSdk
from support.waiting import attempt, until

RANGE = {
    "region_id": REGION,
    "from_start_time": "2020-01-01T00:00:00Z",
    "to_start_time": "2099-01-01T00:00:00Z",
}


def tasks(sdk, instance_id):
    """Type and status of each task of an instance, the oldest first."""
    answer = sdk.call("DescribeHistoryTasks", instance_id=instance_id, page_size=100, **RANGE)
    return [(item["TaskType"], item["Status"]) for item in reversed(answer["Items"])]


def window(hours):
    """A maintenance window of an hour that begins `hours` after the present full hour."""
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    end = start + datetime.timedelta(hours=1, minutes=30)
    return {"maintain_start_time": f"{start:%H}:00Z", "maintain_end_time": f"{end:%H}:00Z"}


def test_a_restart_waits_for_the_window(shared):
    sdk = NewSdk(shared.ready)
    instance_id = sdk.create(instance_name="windows")["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifyInstanceMaintainTime", instance_id=instance_id, **window(3))
    pid = shared.node_pid(instance_id)
    sdk.call("RestartInstance", instance_id=instance_id, effective_time="MaintainTime")
    assert tasks(sdk, instance_id)[1:] == [("RestartIns", "Scheduled")]
    assert shared.node_pid(instance_id) == pid
    # The window is moved to now.
    now = window(0)
    end = {"maintain_end_time": window(2)["maintain_start_time"]}
    sdk.call("ModifyInstanceMaintainTime", instance_id=instance_id, **(now | end))
    over = lambda: tasks(sdk, instance_id)[1:] == [("RestartIns", "Succeed")]
    until(over, "the restart in the window")
    assert shared.node_pid(instance_id) != pid
    sdk.wait_normal(instance_id)

    sdk.call("ModifyInstanceAttribute", instance_id=instance_id, instance_release_protection=True)
    with pytest.raises(ApiError) as refused:
        sdk.call("DeleteInstance", instance_id=instance_id)
    assert (refused.value.status, refused.value.code) == (403, "InstanceReleaseProtection")
    cli = shared.cli("instance", "set", instance_id, "--protect", "false", "--name", "renamed")
    assert cli.returncode == 0, cli.stderr
    listed = shared.cli("instance", "tasks", instance_id)
    assert "RestartIns" in listed.stdout and "100 %" in listed.stdout, listed.stdout
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)
    assert tasks(sdk, instance_id)[-1] == ("DeleteIns", "Succeed")
    shown = json.loads(shared.cli("instance", "tasks", instance_id, "-o", "json").stdout)
    assert {item["InstanceName"] for item in shown["Items"]} == {"windows", "renamed"}


def test_tasks_end_after_the_control_was_killed(larder):
    sdk = NewSdk(larder.ready)
    instance_id = larder.ready["instance"]["id"]
    sdk.call("RestartInstance", instance_id=instance_id)
    [control] = [pid for pid in larder.pids() if processes.role(pid) == "control"]
    processes.kill(control)
    seen = lambda: attempt(lambda: tasks(sdk, instance_id), Exception)
    until(lambda: seen() == [("CreateIns", "Succeed"), ("RestartIns", "Succeed")], "both ends")


def test_resize_while_serving(shared):
    sdk = NewSdk(shared.ready)
    created = sdk.create(password="Tutorial-2026", instance_class="redis.shard.micro.ce")
    instance_id = created["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
    client = shared.redis(sdk.endpoint(instance_id, "Tutorial-2026"))
    assert client.info("memory")["maxmemory"] == 256 << 20
    connection = client.client_id()

    done = shared.cli(
        "instance", "resize", instance_id, "--class", "redis.shard.small.2.ce", "--wait"
    )
    assert done.returncode == 0, done.stderr
    assert client.info("memory")["maxmemory"] == 1 << 30
    for number in range(300):
        client.set(f"key:{number}", bytes(1 << 20))
    assert client.client_id() == connection, "it served on"

    refused = shared.cli("instance", "resize", instance_id, "--class", "redis.shard.micro.ce")
    assert refused.returncode == 1 and "bytes are used" in refused.stderr, refused.stderr
    assert client.dbsize() == 300 and client.info("memory")["maxmemory"] == 1 << 30
    client.flushall()
    used = lambda: client.info("memory")["used_memory"] < 100 << 20
    until(used, "the memory is free")
    sdk.call("ModifyInstanceSpec", instance_id=instance_id, instance_class="redis.shard.micro.ce")
    sdk.wait_normal(instance_id)
    assert client.info("memory")["maxmemory"] == 256 << 20
    assert tasks(sdk, instance_id)[1:] == [("ModifyInsSpec", "Succeed")] * 2
    client.close()
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)
