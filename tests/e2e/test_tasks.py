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
