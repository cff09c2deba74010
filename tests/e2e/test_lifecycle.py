"""What happens to an instance as a whole, through the official SDK."""

import json
import socket

import pytest
import redis

from support.ports import free_port
from support.sdk import REGION, ZONE, ApiError, NewSdk
from support.waiting import until
from test_tasks import RANGE

CLASS = "redis.shard.micro.ce"
PASSWORD = "Lifecycle-2026"


def outcome(sdk, instance_id, kind):
    """Status of the newest task of a kind."""
    answer = sdk.call("DescribeHistoryTasks", instance_id=instance_id, task_type=kind, **RANGE)
    return answer["Items"][0]["Status"]


def remove(sdk, instance_id):
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)


def refusal(call):
    """Status and code that a call is refused with."""
    with pytest.raises(ApiError) as refused:
        call()
    return refused.value.status, refused.value.code


def test_several_instances_at_a_time(shared):
    sdk = NewSdk(shared.ready)
    item = {"RegionId": REGION, "ZoneId": ZONE, "InstanceClass": CLASS}
    good = json.dumps([item | {"InstanceName": "one"}, item | {"Tag": [{"Key": "a"}]}])
    request = {"instances": good, "engine_version": "7.0", "token": "several-1"}
    made = sdk.call("CreateInstances", **request)["InstanceIds"]["InstanceId"]
    again = sdk.call("CreateInstances", **request)["InstanceIds"]["InstanceId"]
    assert again == made and len(made) == 2
    for instance_id in made:
        sdk.wait_normal(instance_id)
        assert sdk.attribute(instance_id)["EngineVersion"] == "7.0"
    assert sdk.attribute(made[1])["Tags"]["Tag"] == [{"Key": "a", "Value": ""}]
    bad = json.dumps([item, item | {"Password": "short"}])
    refused = refusal(lambda: sdk.call("CreateInstances", instances=bad))
    assert refused == (400, "InvalidPassword.Malformed")
    listed = sdk.call("DescribeInstances", region_id=REGION, search_key="one")
    assert [one["InstanceId"] for one in listed["Instances"]["KVStoreInstance"]] == made[:1]
    for instance_id in made:
        remove(sdk, instance_id)


def test_a_tair_instance_in_a_resource_group(shared):
    sdk = NewSdk(shared.ready)
    request = {"region_id": REGION, "zone_id": ZONE, "instance_class": "tair.rdb.1g"}
    request |= {"instance_type": "tair_rdb", "shard_type": "STAND_ALONE"}
    request |= {"resource_group_id": "rg-caches", "engine_version": "7.0"}
    dry = refusal(lambda: sdk.call("CreateTairInstance", dry_run=True, **request))
    assert dry == (400, "DryRunOperation")
    instance_id = sdk.call("CreateTairInstance", client_token="tair-1", **request)["InstanceId"]
    sdk.wait_normal(instance_id)
    assert sdk.attribute(instance_id)["RealInstanceClass"] == "tair.rdb.1g"
    members = lambda group: [
        one["InstanceId"] for one in sdk.call(
            "DescribeInstances", region_id=REGION, resource_group_id=group
        )["Instances"]["KVStoreInstance"]
    ]
    assert members("rg-caches") == [instance_id]
    sdk.call("ModifyResourceGroup", region_id=REGION, instance_id=instance_id,
             resource_group_id="rg-others")
    assert (members("rg-caches"), members("rg-others")) == ([], [instance_id])
    wrong = refusal(lambda: sdk.call(
        "ModifyResourceGroup", region_id=REGION, instance_id=instance_id, resource_group_id="x"))
    assert wrong == (400, "ResourceGroupNotExist")
    remove(sdk, instance_id)


def test_an_endpoint_moves_and_its_data_with_it(shared):
    sdk = NewSdk(shared.ready)
    instance_id = sdk.create(password=PASSWORD, instance_class=CLASS)["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
    before = sdk.endpoint(instance_id, PASSWORD)
    shared.redis(before).set("key", "value")
    wanted = free_port()
    move = {"dbinstance_id": instance_id, "current_connection_string": before["host"]}
    sdk.call("ModifyDBInstanceConnectionString", port=str(wanted), **move)
    assert sdk.status(instance_id) in ("NetworkModifying", "Normal")
    sdk.wait_normal(instance_id)
    after = sdk.endpoint(instance_id, PASSWORD)
    assert after["port"] == wanted
    assert shared.redis(after).get("key") == "value"
    with pytest.raises(redis.ConnectionError):
        shared.redis(before).ping()

    # A port that somebody else on this host has: the task fails, the endpoint stays.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sdk.call("ModifyDBInstanceConnectionString", port=str(port), **move)
        ended = lambda: outcome(sdk, instance_id, "ModifyInsConnStr") == "Failed"
        until(ended, "the end of the task")
    sdk.wait_normal(instance_id)
    assert sdk.endpoint(instance_id, PASSWORD) == after
    assert shared.redis(after).get("key") == "value"
    named = refusal(lambda: sdk.call(
        "ModifyDBInstanceConnectionString", new_connection_string="mycache123", **move))
    assert named == (400, "NewConnectionStringNotSupport")
    remove(sdk, instance_id)


def test_the_newest_program_with_the_same_data(shared):
    sdk = NewSdk(shared.ready)
    instance_id = sdk.create(password=PASSWORD, instance_class=CLASS)["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
    client = shared.redis(sdk.endpoint(instance_id, PASSWORD))
    client.set("key", "value")
    pid = shared.node_pid(instance_id)
    sdk.call("ModifyInstanceMinorVersion", instance_id=instance_id, effective_time="0",
             minorversion="latest_version")
    sdk.wait_normal(instance_id)
    assert shared.node_pid(instance_id) != pid
    assert client.get("key") == "value"
    assert outcome(sdk, instance_id, "UpgradeMinorVersion") == "Succeed"
    sdk.call("ModifyDBInstanceAutoUpgrade", dbinstance_id=instance_id, value="1")
    version = sdk.call("DescribeEngineVersion", instance_id=instance_id)
    assert version["IsAutoUpgradeOpen"] == "1"
    bandwidth = sdk.call("DescribeIntranetAttribute", instance_id=instance_id)
    assert bandwidth["IntranetBandwidth"] == 24
    remove(sdk, instance_id)
