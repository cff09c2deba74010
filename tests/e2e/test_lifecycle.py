"""What happens to an instance as a whole, through the official SDK."""

import json

import pytest

from support.sdk import REGION, ZONE, ApiError, NewSdk

CLASS = "redis.shard.micro.ce"


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
