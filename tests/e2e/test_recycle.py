"""The recycle bin: what was deleted by mistake comes back, and what was destroyed does not."""

import datetime
import json
import os
import stat

import pytest
import redis

from support import ports, processes
from support.larder import Larder
from support.sdk import ApiError, NewSdk, REGION
from support.waiting import attempt, until

PASSWORD = "Recycle-2026"
NOT_FOUND = (404, "InvalidInstanceId.NotFound")
WRONG_STATE = (403, "IncorrectDBInstanceState")


@pytest.fixture(scope="module")
def sdk(shared):
    """The official SDK as root."""
    return NewSdk(shared.ready)


def refusal(call, *arguments, **parameters):
    """Status and code of a call that must not succeed."""
    with pytest.raises(ApiError) as refused:
        call(*arguments, **parameters)
    return refused.value.status, refused.value.code


def make(sdk, **parameters):
    """An instance that this host may use, away from the ports that others begin with."""
    parameters = {"port": ports.free_port()} | parameters
    instance_id = sdk.create(password=PASSWORD, **parameters)["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
    return instance_id


def delete(sdk, instance_id):
    """Deletes, and waits until the API does not know it any more."""
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)


def directory(larder, instance_id):
    """Where the node's data are."""
    return larder.data / "nodes" / f"{instance_id}-node-0"


def fill(client):
    """A thousand keys of five types, every third with a time to live."""
    pipe = client.pipeline(transaction=False)
    for n in range(1000):
        key = f"key:{n}"
        match n % 5:
            case 0:
                pipe.set(key, f"value {n}" * (n % 50))
            case 1:
                pipe.rpush(key, *range(n % 40 + 1))
            case 2:
                pipe.sadd(key, *(f"m{m}" for m in range(n % 40 + 1)))
            case 3:
                pipe.zadd(key, {f"m{m}": m / 3 for m in range(n % 40 + 1)})
            case 4:
                pipe.hset(key, mapping={f"f{m}": m for m in range(n % 40 + 1)})
        if n % 3 == 0:
            pipe.pexpire(key, 3_600_000 + n)
    pipe.execute()


def content(client):
    """All that is in the database, with the times at which keys end."""
    readers = {
        "string": client.get,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": client.smembers,
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        "hash": client.hgetall,
    }
    keys = sorted(client.scan_iter(count=1000))
    return {key: (readers[client.type(key)](key), client.pexpiretime(key)) for key in keys}


def test_deleted_by_mistake(sdk, shared):
    instance_id = make(sdk, instance_name="orders")
    rights = {"account_privilege": "RoleReadOnly", "account_password": PASSWORD}
    sdk.call("CreateAccount", instance_id=instance_id, account_name="reader", **rights)
    config = json.dumps({"timeout": "300"})
    sdk.call("ModifyInstanceConfig", instance_id=instance_id, config=config)
    endpoint = sdk.endpoint(instance_id, PASSWORD)
    client = shared.redis(endpoint)
    fill(client)
    before = content(client)
    assert len(before) == 1000
    security = sdk.call("DescribeSecurityIps", instance_id=instance_id)["SecurityIpGroups"]

    delete(sdk, instance_id)
    until(lambda: not ports.is_open(endpoint["port"]), "the endpoint is closed")
    with pytest.raises(redis.RedisError):
        shared.redis(endpoint).ping()
    for action in ("DescribeInstanceAttribute", "DescribeSecurityIps", "DeleteInstance"):
        assert refusal(sdk.call, action, instance_id=instance_id) == NOT_FOUND, action
    listed = sdk.call("DescribeInstances", region_id=REGION, instance_ids=instance_id)
    assert listed["Instances"]["KVStoreInstance"] == []
    kept = sdk.released()[instance_id]
    assert (kept["InstanceName"], kept["InstanceStatus"]) == ("orders", "Released")
    deleted, until_when = (
        datetime.datetime.fromisoformat(kept[name]) for name in ("EndTime", "DestroyTime")
    )
    assert until_when - deleted == datetime.timedelta(days=7)
    modes = {path: stat.S_IMODE(os.stat(path).st_mode) for path in
             [directory(shared, instance_id), *directory(shared, instance_id).rglob("*")]}
    assert modes and all(mode & 0o077 == 0 for mode in modes.values()), modes

    recovered = sdk.own("RecoverInstance", InstanceId=instance_id)
    assert (recovered["InstanceId"], recovered["Port"]) == (instance_id, endpoint["port"])
    assert recovered["InstanceStatus"] in ("BackupRecovering", "Normal")
    sdk.wait_normal(instance_id)
    client = shared.redis(endpoint)
    assert content(client) == before
    assert client.config_get("timeout") == {"timeout": "300"}
    reader = shared.redis(endpoint, username="reader")
    assert reader.get("key:5") == before["key:5"][0]
    with pytest.raises(redis.exceptions.NoPermissionError):
        reader.set("a", "b")
    with pytest.raises(redis.exceptions.AuthenticationError):
        shared.redis(endpoint | {"password": "Wrong-2026"}).ping()
    again = sdk.call("DescribeSecurityIps", instance_id=instance_id)["SecurityIpGroups"]
    assert again == security
    assert sdk.attribute(instance_id)["InstanceName"] == "orders"
    assert instance_id not in sdk.released()
    sdk.destroy(instance_id)


def test_destroyed_for_good(sdk, shared):
    instance_id = make(sdk)
    assert refusal(sdk.call, "DestroyInstance", instance_id=instance_id) == WRONG_STATE
    assert refusal(sdk.own, "RecoverInstance", InstanceId=instance_id) == WRONG_STATE
    delete(sdk, instance_id)
    assert directory(shared, instance_id).is_dir()
    assert sdk.call("DestroyInstance", instance_id=instance_id)["RequestId"]
    until(lambda: not directory(shared, instance_id).exists(), "the data are gone")
    again = lambda: sdk.call("DestroyInstance", instance_id=instance_id)
    until(lambda: attempt(again, ApiError) is None, "nothing is known of it")
    assert refusal(sdk.call, "DestroyInstance", instance_id=instance_id) == NOT_FOUND
    assert refusal(sdk.own, "RecoverInstance", InstanceId=instance_id) == NOT_FOUND
    assert refusal(sdk.call, "DestroyInstance", instance_id="r-none") == NOT_FOUND
    ever = {"from_start_time": "2020-01-01T00:00:00Z", "to_start_time": "2099-01-01T00:00:00Z"}
    items = sdk.call("DescribeHistoryTasks", instance_id=instance_id, region_id=REGION, **ever)
    ends = {item["TaskType"]: item["Status"] for item in items["Items"]}
    assert ends["DeleteIns"] == ends["DestroyIns"] == "Succeed"


def test_the_port_is_free_for_others(sdk, shared):
    first = make(sdk)
    port = sdk.endpoint(first, PASSWORD)["port"]
    delete(sdk, first)
    second = make(sdk, port=port)
    assert sdk.endpoint(second, PASSWORD)["port"] == port
    told = sdk.own("RecoverInstance", InstanceId=first)["Port"]
    assert told != port
    sdk.wait_normal(first)
    shared.redis(sdk.endpoint(first, PASSWORD)).set("who", "first")
    shared.redis(sdk.endpoint(second, PASSWORD)).set("who", "second")
    wanted = ports.free_port()
    delete(sdk, first)
    assert sdk.own("RecoverInstance", InstanceId=first, Port=wanted)["Port"] == wanted
    sdk.wait_normal(first)
    assert shared.redis(sdk.endpoint(first, PASSWORD)).get("who") == "first"
    for one in (first, second):
        sdk.destroy(one)


def test_another_account_sees_nothing_of_the_bin(sdk, shared):
    instance_id = make(sdk)
    delete(sdk, instance_id)
    made = json.loads(shared.cli("account", "create", "-o", "json").stdout)
    other = NewSdk(shared.ready, key_id=made["AccessKeyId"], secret=made["AccessKeySecret"])
    assert other.released() == {}
    for call in (
        lambda one: other.call("DestroyInstance", instance_id=one),
        lambda one: other.own("RecoverInstance", InstanceId=one),
    ):
        assert refusal(call, instance_id) == refusal(call, "r-none") == NOT_FOUND
    assert instance_id in sdk.released()
    sdk.call("DestroyInstance", instance_id=instance_id)


def test_in_the_terminal(shared):
    sdk = NewSdk(shared.ready)
    instance_id = make(sdk, instance_name="terminal")
    done = shared.cli("instance", "delete", instance_id, "--yes", "--wait")
    assert done.returncode == 0, done.stderr
    assert f"larder instance recover {instance_id}" in done.stdout, done.stdout
    listed = shared.cli("instance", "list", "--released")
    assert listed.returncode == 0 and instance_id in listed.stdout, listed.stderr
    assert sdk.released()[instance_id]["DestroyTime"] in listed.stdout
    done = shared.cli("instance", "recover", instance_id, "--wait")
    assert done.returncode == 0, done.stderr
    assert sdk.status(instance_id) == "Normal"
    assert shared.cli("instance", "delete", instance_id, "--yes", "--wait").returncode == 0
    refused = shared.cli("instance", "destroy", instance_id)
    assert refused.returncode != 0 and "--yes" in refused.stderr, refused.stderr
    assert shared.cli("instance", "destroy", instance_id, "--yes").returncode == 0
    until(lambda: not directory(shared, instance_id).exists(), "the data are gone")


def test_without_a_bin_nothing_is_kept(tmp_path):
    larder = Larder(tmp_path / "larder", quickstart=False, arguments=["--recycle-days", "0"])
    try:
        larder.start()
        sdk = NewSdk(larder.ready)
        instance_id = make(sdk)
        delete(sdk, instance_id)
        assert not directory(larder, instance_id).exists()
        assert sdk.released() == {}
        assert refusal(sdk.own, "RecoverInstance", InstanceId=instance_id) == NOT_FOUND
        larder.stop()
        larder.check_clean_end()
    finally:
        larder.destroy()


def test_everything_killed_while_it_is_in_the_bin(tmp_path):
    larder = Larder(tmp_path / "larder", quickstart=False)
    larder.expected_log.append(r"")
    try:
        larder.start()
        sdk = NewSdk(larder.ready)
        instance_id = make(sdk)
        endpoint = sdk.endpoint(instance_id, PASSWORD)
        client = larder.redis(endpoint)
        client.set("kept", "yes")
        # Killed right behind the answer: the node is about to be stopped, or being.
        sdk.call("DeleteInstance", instance_id=instance_id)
        for pid in larder.pids("control"):
            processes.kill(pid)
        larder.kill_up()
        larder.start()
        sdk = NewSdk(larder.ready)
        until(lambda: instance_id in sdk.released(), "it is in the bin")
        sdk.wait_gone(instance_id)
        until(lambda: not larder.pids("node"), "no node is left")
        larder.stop()
        larder.start()
        sdk = NewSdk(larder.ready)
        sdk.own("RecoverInstance", InstanceId=instance_id)
        sdk.wait_normal(instance_id)
        client = larder.redis(sdk.endpoint(instance_id, PASSWORD))
        assert client.get("kept") == "yes"
        # A node that dies by itself in that moment is not waited for.
        client.set("later", "yes")
        processes.kill(larder.node_pid(instance_id))
        attempt(lambda: delete(sdk, instance_id), ApiError)
        until(lambda: instance_id in sdk.released() or _deleted(sdk, instance_id), "in the bin")
        sdk.wait_gone(instance_id)
        sdk.call("DestroyInstance", instance_id=instance_id)
        until(lambda: not directory(larder, instance_id).exists(), "the data are gone")
        larder.stop()
        larder.check_clean_end()
    finally:
        larder.destroy()


def _deleted(sdk, instance_id):
    """Tries to delete again; a state that does not allow it passes."""
    attempt(lambda: sdk.call("DeleteInstance", instance_id=instance_id), ApiError)
    return False
