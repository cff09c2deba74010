"""Active operations through the official SDK: what waits for the maintenance window is listed, moved
to another time and given up."""

import datetime

import pytest

from support.sdk import ApiError, NewSdk
from support.waiting import until


@pytest.fixture(scope="module")
def sdk(shared):
    """The official SDK with the root key."""
    return NewSdk(shared.ready)


@pytest.fixture(scope="module")
def instance_id(sdk):
    """An instance whose window is hours away."""
    instance_id = sdk.create()["InstanceId"]
    sdk.wait_normal(instance_id)
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = (now + datetime.timedelta(hours=hours) for hours in (5, 7))
    window = {"maintain_start_time": f"{start:%H}:00Z", "maintain_end_time": f"{end:%H}:00Z"}
    sdk.call("ModifyInstanceMaintainTime", instance_id=instance_id, **window)
    yield instance_id
    sdk.wait_normal(instance_id)
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)


def listed(sdk, instance_id, status):
    """Operations of an instance in one state."""
    answer = sdk.call("DescribeActiveOperationTasks", ins_name=instance_id, status=status)
    assert answer["TotalRecordCount"] == len(answer["Items"])
    return answer["Items"]


def put_off(sdk, instance_id, **more):
    """Has a restart wait; its number."""
    known = {one["Id"] for one in listed(sdk, instance_id, 3)}
    sdk.call("RestartInstance", instance_id=instance_id, effective_time="MaintainTime", **more)
    [new] = [one for one in listed(sdk, instance_id, 3) if one["Id"] not in known]
    assert type(new["Id"]) is int and new["AllowChange"] == new["AllowCancel"] == "1"
    return new["Id"]


def test_what_waits_is_given_up(shared, sdk, instance_id):
    pid = shared.node_pid(instance_id)
    number = put_off(sdk, instance_id)
    assert sdk.call("DescribeActiveOperationTaskCount")["TaskCount"] >= 1
    older = sdk.call("DescribeActiveOperationTask", region="all", task_type="all")
    assert number in [one["Id"] for one in older["Items"]]
    assert sdk.call("CancelActiveOperationTasks", ids=str(number))["Ids"] == str(number)
    assert listed(sdk, instance_id, 3) == []
    assert number in [one["Id"] for one in listed(sdk, instance_id, 7)]
    with pytest.raises(ApiError) as again:
        sdk.call("CancelActiveOperationTasks", ids=str(number))
    assert (again.value.status, again.value.code) == (403, "OperationDenied.TaskStatus")
    assert shared.node_pid(instance_id) == pid


def test_what_waits_is_begun_at_once(shared, sdk, instance_id):
    pid = shared.node_pid(instance_id)
    number = put_off(sdk, instance_id)
    change = {"ids": str(number), "switch_time": "2020-01-01T00:00:00Z", "immediate_start": 1}
    sdk.call("ModifyActiveOperationTasks", **change)
    over = lambda: number in [one["Id"] for one in listed(sdk, instance_id, 5)]
    until(over, "the restart", 30)
    assert shared.node_pid(instance_id) != pid
    sdk.wait_normal(instance_id)


def test_what_waits_is_moved_to_a_time_of_its_owner(shared, sdk, instance_id):
    pid = shared.node_pid(instance_id)
    number = put_off(sdk, instance_id)
    [one] = listed(sdk, instance_id, 3)
    deadline = datetime.datetime.fromisoformat(one["Deadline"])
    for wrong in (deadline + datetime.timedelta(seconds=1), datetime.datetime(2020, 1, 1), "soon"):
        text = wrong if isinstance(wrong, str) else f"{wrong:%Y-%m-%dT%H:%M:%SZ}"
        with pytest.raises(ApiError) as refused:
            sdk.call("ModifyActiveOperationTasks", ids=str(number), switch_time=text)
        assert refused.value.code == "InvalidSwitchTime.Malformed", text
    now = datetime.datetime.now(datetime.timezone.utc)
    soon = now + datetime.timedelta(seconds=3)
    text = f"{soon:%Y-%m-%dT%H:%M:%SZ}"
    sdk.call("ModifyActiveOperationTask", ids=str(number), switch_time=text)
    [one] = listed(sdk, instance_id, 3)
    assert one["SwitchTime"] == text and shared.node_pid(instance_id) == pid
    over = lambda: number in [one["Id"] for one in listed(sdk, instance_id, 5)]
    until(over, "the restart at its time", 20)
    assert shared.node_pid(instance_id) != pid


def test_an_account_prefers_days(shared, sdk, instance_id):
    now = datetime.datetime.now(datetime.timezone.utc)
    after_tomorrow = now + datetime.timedelta(days=2)
    day = after_tomorrow.isoweekday()
    wish = {"cycle_type": "Week", "cycle_time": str(day), "status": 1}
    wish |= {"maintain_start_time": "03:00:00Z", "maintain_end_time": "05:00:00Z"}
    sdk.call("ModifyActiveOperationMaintainConfig", **wish)
    try:
        shown = sdk.call("DescribeActiveOperationMaintenanceConfig")
        assert (shown["HasConfig"], shown["Config"]["Status"]) == (1, 1)
        assert shown["Config"]["CycleTime"] == str(day)
        number = put_off(sdk, instance_id)
        [one] = listed(sdk, instance_id, 3)
        assert one["SwitchTime"] == f"{after_tomorrow:%Y-%m-%d}T03:00:00Z"
        with pytest.raises(ApiError) as wrong:
            sdk.call("ModifyActiveOperationMaintainConfig", **(wish | {"cycle_time": "8"}))
        assert wrong.value.code == "InvalidCycleTime.Malformed"
    finally:
        sdk.call("ModifyActiveOperationMaintainConfig", status=2)
    [one] = listed(sdk, instance_id, 3)
    assert one["SwitchTime"] < f"{after_tomorrow:%Y-%m-%d}", "its own window again"
    sdk.call("CancelActiveOperationTasks", ids=str(number))
    assert sdk.call("DescribeActiveOperationMaintenanceConfig")["Config"]["CycleTime"] == "0"
