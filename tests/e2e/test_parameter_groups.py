"""Parameter groups and allowlist groups at creation: asked for through the official SDK, seen by a
real Redis client."""

import json

import pytest
import redis

from support.sdk import REGION, ZONE, ApiError, NewSdk

PASSWORD = "Grouped-2026"
KIND = {"category": "standard", "engine_type": "redis", "engine_version": "7.0"}
CACHE = {"maxmemory-policy": "allkeys-lfu", "timeout": "300"}


@pytest.fixture
def sdk(shared):
    """The official SDK with the root key."""
    return NewSdk(shared.ready)


def unique(request):
    """A name of a group that no other test takes."""
    return request.node.name.replace("[", "_").replace("]", "")[:60]


@pytest.fixture
def group_id(sdk, request):
    """A group that holds CACHE; gone afterwards."""
    wish = {"parameter_group_name": unique(request), "parameters": json.dumps(CACHE)}
    made = sdk.call("CreateParameterGroup", region_id=REGION, **KIND, **wish)["ParamGroupId"]
    yield made
    try:
        sdk.call("DeleteParameterGroup", parameter_group_id=made)
    except ApiError as error:
        assert error.code == "InvalidParameterGroupId.NotFound"


@pytest.fixture
def made(sdk):
    """Ids of instances to delete afterwards."""
    ids = []
    yield ids
    for instance_id in ids:
        sdk.wait_normal(instance_id)
        sdk.call("DeleteInstance", instance_id=instance_id)
    for instance_id in ids:
        sdk.wait_gone(instance_id)


def refusal(sdk, action, **parameters):
    """Status and code of the refusal that this must end with."""
    with pytest.raises(ApiError) as raised:
        sdk.call(action, **parameters)
    return raised.value.status, raised.value.code


def client(shared, sdk, instance_id):
    """A client of an instance that lets us in."""
    return shared.redis(sdk.endpoint(instance_id, PASSWORD))


def values(shown, names):
    """These parameters as the node has them."""
    return {name: shown.config_get(name)[name] for name in names}


def test_a_group_is_made_read_listed_changed_and_deleted(sdk, group_id, request):
    name = unique(request)
    group = sdk.call("DescribeParameterGroup", parameter_group_id=group_id)["ParameterGroup"]
    details = {one["ParamName"]: one["ParamValue"] for one in group["ParamGroupsDetails"]}
    assert details == CACHE
    assert (group["ParameterGroupName"], group["Category"], group["Engine"]) == (name, 0, "redis")
    listed = lambda: sdk.call("DescribeParameterGroups", region_id=REGION)["ParameterGroups"]
    mine = [one for one in listed() if one["ParamGroupId"] == group_id]
    assert [one["EngineVersion"] for one in mine] == ["7.0"]
    change = {"parameter_group_name": name, "category": "enterprise"}
    change |= {"parameters": '{"timeout":7}', "parameter_group_desc": "for tests"}
    answer = sdk.call("ModifyParameterGroup", parameter_group_id=group_id, **change)
    assert answer["ParamGroupId"] == group_id
    group = sdk.call("DescribeParameterGroup", parameter_group_id=group_id)["ParameterGroup"]
    assert group["ParamGroupsDetails"] == [{"ParamName": "timeout", "ParamValue": "7"}]
    assert (group["Category"], group["ParameterGroupDesc"]) == (1, "for tests")
    sdk.call("DeleteParameterGroup", parameter_group_id=group_id)
    assert all(one["ParamGroupId"] != group_id for one in listed())
    gone = refusal(sdk, "DescribeParameterGroup", parameter_group_id=group_id)
    assert gone == (404, "InvalidParameterGroupId.NotFound")


def test_what_a_group_can_hold_is_told_and_taken(sdk):
    support = sdk.call("DescribeParameterGroupSupportParam", **KIND)["ResourceList"]
    names = {one["ParamName"] for one in support}
    rows = sdk.call("DescribeParameterGroupTemplateList", **KIND)["Parameters"]
    assert names == {row["ParameterName"] for row in rows} and CACHE.keys() <= names
    for row in rows:
        assert type(row["Effective"]) is type(row["Factor"]) is type(row["Revisable"]) is int
        assert type(row["SupportModifyForMinorVersion"]) is bool
    defaults = {row["ParameterName"]: row["ParameterValue"] for row in rows}
    wish = {"parameter_group_name": "all_defaults", "parameters": json.dumps(defaults)}
    made = sdk.call("CreateParameterGroup", region_id=REGION, **KIND, **wish)["ParamGroupId"]
    sdk.call("DeleteParameterGroup", parameter_group_id=made)


@pytest.mark.parametrize("wrong, code", [
    ({"parameters": '{"timeout":-1}'}, "InvalidParameters.Format"),
    ({"parameters": '{"hz":10}'}, "ParamNotSupportedForCurrentVersion"),
    ({"parameters": "[]"}, "InvalidParameters.Format"),
    ({"parameter_group_name": "short"}, "InvalidParameterGroupName.Malformed"),
    ({"parameter_group_desc": "x" * 201}, "InvalidParameterGroupDesc.Malformed"),
    ({"engine_version": "4.0"}, "InvalidEngineVersion.Malformed"),
    ({"engine_type": "tair_pena"}, "InstanceType.NotSupport"),
])
def test_what_no_group_can_be(sdk, wrong, code):
    good = {"region_id": REGION, "parameter_group_name": "not_made", "parameters": '{"timeout":1}'}
    assert refusal(sdk, "CreateParameterGroup", **(good | KIND | wrong))[1] == code


def test_an_instance_is_given_a_group_and_keeps_the_copy(shared, sdk, group_id, request):
    instance_id = shared.ready["instance"]["id"]
    before = sdk.call("DescribeInstanceConfig", instance_id=instance_id)["Config"]
    node = shared.redis()
    where = {"region_id": REGION, "instance_id": instance_id}
    answer = sdk.call("ModifyInstanceParameter", parameter_group_id=group_id, **where)
    assert (answer["InstanceId"], answer["TaskId"]) == (instance_id, 0)
    assert values(node, CACHE) == CACHE, "in force when the call returns"
    change = {"parameter_group_name": unique(request), "parameters": '{"timeout":"7"}'}
    sdk.call("ModifyParameterGroup", parameter_group_id=group_id, category="standard", **change)
    sdk.call("DeleteParameterGroup", parameter_group_id=group_id)
    sdk.call("ModifyInstanceParameter", parameters='{"slowlog-max-len":500}', **where)
    expected = CACHE | {"slowlog-max-len": "500"}
    assert values(node, expected) == expected
    gone = refusal(sdk, "ModifyInstanceParameter", parameter_group_id=group_id, **where)
    assert gone == (404, "InvalidParameterGroupId.NotFound")
    assert refusal(sdk, "ModifyInstanceParameter", **where) == (400, "MissingParameter")
    sdk.call("ModifyInstanceConfig", instance_id=instance_id, config=before)


def _one(sdk, **groups):
    return sdk.create(password=PASSWORD, **groups)["InstanceId"]


def _tair(sdk, **groups):
    wish = {"region_id": REGION, "zone_id": ZONE, "instance_type": "tair_rdb"}
    wish |= {"instance_class": "redis.shard.micro.ce", "engine_version": "7.0"}
    return sdk.call("CreateTairInstance", password=PASSWORD, **wish, **groups)["InstanceId"]


def _several(sdk, param_group_id, global_security_group_ids):
    one = {"RegionId": REGION, "ZoneId": ZONE, "EngineVersion": "7.0", "Password": PASSWORD}
    one |= {"InstanceClass": "redis.shard.micro.ce", "ParamGroupId": param_group_id}
    one |= {"GlobalSecurityGroupIds": global_security_group_ids}
    answer = sdk.call("CreateInstances", instances=json.dumps([one]))
    return answer["InstanceIds"]["InstanceId"][0]


@pytest.mark.parametrize("create", [_one, _tair, _several])
def test_instances_are_made_from_groups(shared, sdk, group_id, made, create):
    office = {"global_ig_name": "of_creation", "gip_list": "127.0.0.1"}
    office = sdk.call("CreateGlobalSecurityIPGroup", region_id=REGION, **office)
    office = office["GlobalSecurityIPGroup"][0]["GlobalSecurityGroupId"]
    where = {"region_id": REGION, "global_security_group_id": office}
    instance_id = create(sdk, param_group_id=group_id, global_security_group_ids=office)
    sdk.wait_normal(instance_id)
    node = client(shared, sdk, instance_id)
    assert values(node, CACHE) == CACHE and node.set("made", "1")
    relation = {"region_id": REGION, "dbcluster_id": instance_id}
    bound = sdk.call("DescribeGlobalSecurityIPGroupRelation", **relation)
    assert [one["GlobalIgName"] for one in bound["GlobalSecurityIPGroupRel"]] == ["of_creation"]
    in_use = refusal(sdk, "DeleteGlobalSecurityIPGroup", **where)
    assert in_use == (403, "OperationDenied.GlobalSecurityIPGroupInUse")
    sdk.call("ModifyGlobalSecurityIPGroupRelation", global_security_group_id="", **relation)
    with pytest.raises(redis.RedisError):
        client(shared, sdk, instance_id).ping()
    sdk.call("DeleteGlobalSecurityIPGroup", **where)
    made.append(instance_id)


@pytest.mark.parametrize("wrong, code", [
    ({"param_group_id": "g-none"}, "InvalidParameterGroupId.NotFound"),
    ({"global_security_group_ids": "g-none"}, "InvalidGlobalSecurityGroupId.NotFound"),
])
def test_nothing_is_made_from_groups_that_there_are_not(sdk, wrong, code):
    count = lambda: sdk.call("DescribeInstances", region_id=REGION)["TotalCount"]
    before = count()
    for more in ({}, {"dry_run": True}):
        with pytest.raises(ApiError) as raised:
            sdk.create(**wrong, **more)
        assert (raised.value.status, raised.value.code) == (404, code)
    assert count() == before


def test_a_group_of_another_version_is_refused(sdk, group_id):
    with pytest.raises(ApiError) as raised:
        sdk.create(param_group_id=group_id, engine_version="6.0")
    assert raised.value.code == "ParamNotSupportedForCurrentVersion"
    assert "7.0" in raised.value.message and "6.0" in raised.value.message
