"""The official SDKs, unmodified, through an instance's whole life."""

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from support import ports
from support.sdk import REGION, ApiError, NewSdk, OldSdk
from support.waiting import until

PASSWORD = "Tutorial-2026"
SDKS = {
    "acs3": NewSdk,
    "rpc-v1-new": lambda ready, **options: NewSdk(ready, algorithm="v2", **options),
    "rpc-v1-old": OldSdk,
}


@pytest.fixture(params=SDKS)
def make_sdk(request):
    """One of the SDKs, not yet given credentials."""
    return SDKS[request.param]


@pytest.fixture
def sdk(make_sdk, shared):
    """One of the SDKs with the root key."""
    return make_sdk(shared.ready)


def refusal(call, *arguments, **parameters):
    """The ApiError that the call must end with."""
    with pytest.raises(ApiError) as raised:
        call(*arguments, **parameters)
    return raised.value


def test_life_of_an_instance(sdk, shared):
    created = sdk.create(instance_name="tutorial", password=PASSWORD)
    instance_id = created["InstanceId"]
    assert created["InstanceStatus"] == "Creating"
    assert created["UserName"] == instance_id
    assert created["Capacity"] == 1024
    sdk.wait_normal(instance_id)
    endpoint = sdk.endpoint(instance_id, PASSWORD)
    node_pid = shared.node_pid(instance_id)

    # Nobody may connect before the allowlist was set.
    client = shared.redis(endpoint)
    with pytest.raises(redis.RedisError, match="illegal address|closed"):
        client.ping()
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
    groups = sdk.call("DescribeSecurityIps", instance_id=instance_id)["SecurityIpGroups"]
    assert groups["SecurityIpGroup"][0]["SecurityIpList"] == "127.0.0.1"
    assert groups["SecurityIpGroup"][0]["SecurityIpGroupName"] == "default"

    client = shared.redis(endpoint)
    assert client.set("tutorial:hello", "world")
    assert client.incr("tutorial:counter") == 1

    restarted = sdk.call("RestartInstance", instance_id=instance_id)
    assert restarted["InstanceId"] == instance_id
    sdk.wait_normal(instance_id)
    assert shared.node_pid(instance_id) != node_pid
    client = shared.redis(endpoint)
    assert client.get("tutorial:hello") == "world"
    assert client.incr("tutorial:counter") == 2
    client.close()

    sdk.call("DeleteInstance", instance_id=instance_id)
    gone = sdk.wait_gone(instance_id)
    assert (gone.status, gone.code) == (404, "InvalidInstanceId.NotFound")
    again = refusal(sdk.call, "DeleteInstance", instance_id=instance_id)
    assert again.code == "InvalidInstanceId.NotFound"
    assert not ports.is_open(endpoint["port"])
    sdk.call("DestroyInstance", instance_id=instance_id)
    left = lambda: list(shared.data.rglob(f"*{instance_id}*"))
    until(lambda: not left(), "nothing of it is left, in the recycle bin neither", 60)
    assert not [pid for pid in shared.pids() if instance_id in open(f"/proc/{pid}/cmdline").read()]
    listed = sdk.call("DescribeInstances", region_id=REGION, instance_ids=instance_id)
    assert listed["Instances"]["KVStoreInstance"] == [] and listed["TotalCount"] == 0


def test_attributes_and_lists(sdk, shared):
    quickstart = shared.ready["instance"]["id"]
    attribute = sdk.attribute(quickstart)
    assert attribute["InstanceStatus"] == "Normal"
    assert attribute["Port"] == shared.ready["instance"]["port"]
    assert attribute["IsSupportTDE"] is False and attribute["IsOrderCompleted"] is True
    assert attribute["ChargeType"] == "PostPaid"
    assert attribute["RealInstanceClass"] == attribute["InstanceClass"]
    assert attribute["Engine"] == "Redis"
    region = attribute["RegionId"]
    listed = sdk.call("DescribeInstances", region_id=region)
    assert quickstart in [row["InstanceId"] for row in listed["Instances"]["KVStoreInstance"]]
    assert listed["TotalCount"] >= 1
    none = sdk.call("DescribeInstances", region_id=region, search_key="no-such-name")
    assert none["Instances"]["KVStoreInstance"] == []


def test_same_token_same_instance(sdk, shared):
    token = f"token-{id(sdk)}"
    first = sdk.create(token=token, instance_name="one")["InstanceId"]
    assert sdk.create(token=token, instance_name="one")["InstanceId"] == first
    other = refusal(sdk.create, token=token, instance_name="two")
    assert (other.status, other.code) == (400, "IdempotentParameterMismatch")
    sdk.wait_normal(first)
    sdk.call("DeleteInstance", instance_id=first)
    sdk.wait_gone(first)


def test_dry_run_makes_nothing(sdk, shared):
    nodes = len(shared.pids("node"))
    answer = refusal(sdk.create, dry_run=True, instance_name="dry")
    assert (answer.status, answer.code) == (400, "DryRunOperation")
    wrong = refusal(sdk.create, dry_run=True, instance_class="redis.no.such")
    assert wrong.code != "DryRunOperation"
    listed = sdk.call("DescribeInstances", region_id=REGION, search_key="dry")
    assert listed["TotalCount"] == 0
    assert len(shared.pids("node")) == nodes


def test_password_can_be_reset(sdk, shared):
    instance_id = sdk.create(password=PASSWORD)["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.0/8")
    account = {"instance_id": instance_id, "account_name": instance_id}
    sdk.call("ResetAccountPassword", account_password="Another-2026", **account)
    sdk.wait_normal(instance_id)
    client = shared.redis(sdk.endpoint(instance_id, "Another-2026"))

    def accepted():
        try:
            return client.ping()
        except redis.AuthenticationError:
            return False

    until(accepted, "the new password works")
    old = shared.redis(sdk.endpoint(instance_id, PASSWORD))
    with pytest.raises(redis.AuthenticationError):
        old.ping()
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)


def test_wrong_credentials(make_sdk, shared):
    wrong = make_sdk(shared.ready, secret="not-the-secret")
    answer = refusal(wrong.call, "DescribeInstances", region_id=REGION)
    assert answer.status == 400
    # Both SDKs translate the answer when the string to sign in it equals theirs.
    assert answer.code in ("SignatureDoesNotMatch", "InvalidAccessKeySecret")
    unknown = make_sdk(shared.ready, key_id="LTAInobody")
    answer = refusal(unknown.call, "DescribeInstances", region_id=REGION)
    assert (answer.status, answer.code) == (404, "InvalidAccessKeyId.NotFound")


def test_refusals(sdk):
    missing = refusal(sdk.call, "DescribeInstanceAttribute")
    assert missing.status == 400 and missing.code.startswith("Missing")
    unknown = refusal(sdk.call, "DescribeInstanceAttribute", instance_id="r-nosuchinstance")
    assert (unknown.status, unknown.code) == (404, "InvalidInstanceId.NotFound")
    weak = refusal(sdk.create, password="weak")
    assert (weak.status, weak.code) == (400, "InvalidPassword.Malformed")
    name = refusal(sdk.create, instance_name="1<>")
    assert (name.status, name.code) == (400, "InvalidInstanceName.Malformed")
    not_offered = refusal(sdk.call, "CreateTairKVCacheVNode")
    assert not_offered.status in (400, 403, 404) and not_offered.code


def test_access_without_password(sdk, shared):
    instance_id = sdk.create(password=PASSWORD)["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
    endpoint = sdk.endpoint(instance_id, PASSWORD)
    at = {"host": endpoint["host"], "port": endpoint["port"], "retry": Retry(NoBackoff(), 0)}
    bare = redis.Redis(**at)
    with pytest.raises(redis.AuthenticationError):
        bare.ping()
    sdk.call("ModifyInstanceVpcAuthMode", instance_id=instance_id, vpc_auth_mode="Close")
    assert bare.set("a", 1)
    # Who says a name still needs its password.
    named = redis.Redis(**at, username=instance_id, password="x")
    with pytest.raises(redis.AuthenticationError):
        named.ping()
    assert shared.redis(endpoint).get("a") == "1"
    sdk.call("ModifyInstanceVpcAuthMode", instance_id=instance_id, vpc_auth_mode="Open")
    fresh = redis.Redis(**at)
    with pytest.raises(redis.AuthenticationError):
        fresh.ping()
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)
