"""Tags through the official SDK: put on, found by, listed, taken off."""

import pytest
from alibabacloud_r_kvstore20150101 import models

from support.sdk import REGION, ApiError, NewSdk

WHERE = {"region_id": REGION, "resource_type": "INSTANCE"}


def pairs(model, **tags):
    """Tags as a request of the SDK takes them."""
    return [model(key=key, value=value) for key, value in tags.items()]


def listed(sdk, **parameters):
    """Id, key and value of each entry of ListTagResources, page after page."""
    entries, token = [], None
    while token != "":
        answer = sdk.call("ListTagResources", next_token=token, **WHERE, **parameters)
        for entry in answer["TagResources"]["TagResource"]:
            assert entry["ResourceType"] == "ALIYUN::KVSTORE::INSTANCE"
            entries.append((entry["ResourceId"], entry["TagKey"], entry["TagValue"]))
        token = answer["NextToken"]
    return entries


def refusal(call):
    """Status and code that a call is refused with."""
    with pytest.raises(ApiError) as refused:
        call()
    return refused.value.status, refused.value.code


@pytest.fixture
def tagged(shared):
    """Two instances, the first made with a tag."""
    sdk = NewSdk(shared.ready)
    made = pairs(models.CreateInstanceRequestTag, team="caches")
    size = {"instance_class": "redis.shard.micro.ce"}
    ids = [sdk.create(tag=made, **size)["InstanceId"], sdk.create(**size)["InstanceId"]]
    for instance_id in ids:
        sdk.wait_normal(instance_id)
    yield sdk, ids
    for instance_id in ids:
        sdk.call("DeleteInstance", instance_id=instance_id)
        sdk.wait_gone(instance_id)


def test_tags_of_two_instances(tagged):
    sdk, ids = tagged
    put = pairs(models.TagResourcesRequestTag, team="queues", stage="test")
    sdk.call("TagResources", resource_id=ids, tag=put, **WHERE)
    first = [(ids[0], "stage", "test"), (ids[0], "team", "queues")]
    assert sorted(listed(sdk, resource_id=ids[:1])) == first
    by_tag = pairs(models.ListTagResourcesRequestTag, stage="test")
    assert {entry[0] for entry in listed(sdk, tag=by_tag)} == set(ids)
    wanted = pairs(models.DescribeInstancesRequestTag, team="queues")
    found = sdk.call("DescribeInstances", region_id=REGION, tag=wanted)
    assert {one["InstanceId"] for one in found["Instances"]["KVStoreInstance"]} == set(ids)
    used = sdk.call("DescribeTags", region_id=REGION)["Tags"]
    assert {"TagKey": "team", "TagValues": ["queues"]} in used
    sdk.call("UntagResources", resource_id=ids, tag_key=["stage"], **WHERE)
    sdk.call("UntagResources", resource_id=ids[:1], all=True, **WHERE)
    assert listed(sdk, resource_id=ids) == [(ids[1], "team", "queues")]


def test_what_is_refused_changes_nothing(tagged):
    sdk, ids = tagged
    put = lambda ids, **tags: sdk.call(
        "TagResources", resource_id=ids, tag=pairs(models.TagResourcesRequestTag, **tags), **WHERE)
    rows = [
        (lambda: put(ids + ["r-nobody"], a="1"), (404, "InvalidDbInstanceId.NotFound")),
        (lambda: put(ids, **{"acs:x": "1"}), (400, "InvalidTagKey.Malformed")),
        (lambda: put(ids, a="v" * 129), (400, "InvalidTagValue.Malformed")),
        (lambda: put(ids[:1], **{f"k{n}": "" for n in range(20)}), (400, "NumberExceed.Tags")),
        (lambda: sdk.call("ListTagResources", **WHERE), (400, "MissParameter.TagOrResourceId")),
    ]
    for call, expected in rows:
        assert refusal(call) == expected
    assert listed(sdk, resource_id=ids) == [(ids[0], "team", "caches")]
