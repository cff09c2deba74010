"""Parameters of instances: set through the official SDK, seen by a real Redis client."""

import json
import time
from datetime import datetime, timedelta, timezone

import pytest
import redis

from support.sdk import ApiError, NewSdk
from support.waiting import attempt, until

DISABLED = "#no_loose_disabled-commands"


@pytest.fixture
def sdk(shared):
    """The official SDK with the root key."""
    return NewSdk(shared.ready)


@pytest.fixture
def instance_id(shared, sdk):
    """The quickstart instance, whose parameters are as before afterwards."""
    instance_id = shared.ready["instance"]["id"]
    before = read(sdk, instance_id)
    yield instance_id
    sdk.call("ModifyInstanceConfig", instance_id=instance_id, config=json.dumps(before))


def read(sdk, instance_id):
    """All parameters as they are set."""
    return json.loads(sdk.call("DescribeInstanceConfig", instance_id=instance_id)["Config"])


def modify(sdk, instance_id, **parameters):
    """Sets parameters; underscores stand for dashes."""
    def plain(name):
        return name if name.startswith("#") else name.replace("_", "-")

    config = {plain(name): value for name, value in parameters.items()}
    return sdk.call("ModifyInstanceConfig", instance_id=instance_id, config=json.dumps(config))


def refusal(sdk, instance_id, config):
    """Status, code and text of the refusal that this must end with."""
    with pytest.raises(ApiError) as raised:
        sdk.call("ModifyInstanceConfig", instance_id=instance_id, config=config)
    return raised.value.status, raised.value.code, raised.value.message


def test_what_is_set_is_in_force_when_the_call_returns(shared, sdk, instance_id):
    client = shared.redis()
    began = time.monotonic()
    modify(sdk, instance_id, timeout="300", maxmemory_policy="allkeys-lfu", slowlog_max_len=500)
    expected = {"timeout": "300", "maxmemory-policy": "allkeys-lfu", "slowlog-max-len": "500"}
    for name, value in expected.items():
        assert client.config_get(name) == {name: value}
        assert read(sdk, instance_id)[name] == value
    assert time.monotonic() - began < 1
    for which in ("ConfigParameters", "RunningParameters"):
        answer = sdk.call("DescribeParameters", dbinstance_id=instance_id)
        shown = {row["ParameterName"]: row["ParameterValue"] for row in answer[which]["Parameter"]}
        assert expected.items() <= shown.items(), which
    assert sdk.status(instance_id) == "Normal"


def test_sizes_of_packed_collections_are_felt(shared, sdk, instance_id):
    client = shared.redis()
    modify(sdk, instance_id, hash_max_listpack_entries="2")
    client.delete("parameters:hash")
    client.hset("parameters:hash", mapping={"a": 1, "b": 2})
    assert client.object("encoding", "parameters:hash") == "listpack"
    client.hset("parameters:hash", "c", 3)
    assert client.object("encoding", "parameters:hash") == "hashtable"


def test_keyspace_events_are_published(shared, sdk, instance_id):
    client = shared.redis()
    with client.pubsub(ignore_subscribe_messages=True) as pubsub:
        pubsub.psubscribe("__keyevent@0__:*")
        modify(sdk, instance_id, notify_keyspace_events="KEA")
        client.set("parameters:event", 1)
        heard = until(lambda: pubsub.get_message(timeout=1), "an event")
        assert heard["channel"] == "__keyevent@0__:set"


def test_disabled_commands_are_refused(shared, sdk, instance_id):
    client = shared.redis()
    modify(sdk, instance_id, **{DISABLED: "flushall,keys,client"})
    for words in ("FLUSHALL", "flushall async", "KEYS *", "CLIENT ID", "CLIENT LIST"):
        name = " ".join(words.split()[: 2 if words.startswith("CLIENT") else 1]).upper()
        with pytest.raises(redis.ResponseError, match=f"{name}.* not support for normal user"):
            client.execute_command(*words.split())
    with pytest.raises(redis.ResponseError, match="can.t run this command"):
        client.eval("return redis.call('keys', '*')", 0)
    assert client.execute_command("FLUSHDB", "ASYNC") and client.ping()
    modify(sdk, instance_id, **{DISABLED: ""})
    assert client.keys("parameters:*") == [] and client.client_id()


def test_a_refusal_names_the_culprit_and_changes_nothing(shared, sdk, instance_id):
    before = read(sdk, instance_id)
    invalid, unsupported = "InvalidParameters.Format", "ParamNotSupportedForCurrentVersion"
    rows = [
        ("{", invalid, "JSON object"),
        ("{}", invalid, "no parameter"),
        ('{"slowlog-max-len": 500, "timeout": -1}', invalid, "timeout is a number from 0 to 100000"),
        ('{"slowlog-max-len": 500, "dir": "/"}', invalid, "no parameter dir"),
        ('{"slowlog-max-len": 500, "hz": 10}', unsupported, "hz"),
        ('{"hash-max-ziplist-entries": 10}', unsupported, "hash-max-ziplist-entries"),
        (json.dumps({DISABLED: "config"}), invalid, "config cannot"),
        (json.dumps({DISABLED: "client|kill"}), invalid, "is none"),
    ]
    for config, code, text in rows:
        status, got, message = refusal(sdk, instance_id, config)
        assert (status, got) == (400, code) and text in message, (config, message)
    assert read(sdk, instance_id) == before
    assert shared.redis().config_get("slowlog-max-len") == {"slowlog-max-len": "1024"}


def values(checking_code):
    """Good and bad values of a range as the templates show it."""
    inner = checking_code.strip("[]*")
    low, dash, high = inner.partition("-")
    if dash and low.isdigit() and high.isdigit():
        return [low, high], [str(int(low) - 1), str(int(high) + 1), "garbage", "", "9" * 40]
    if "|" in inner:
        return inner.split("|"), ["garbage", "", inner.split("|")[0].upper()]
    return [""], ["?", "x" * 10_000]


def test_every_parameter_over_its_whole_range(shared, sdk, instance_id):
    client = shared.redis()
    about = {"character_type": "normal", "engine": "Redis", "engine_version": "7.0"}
    template = sdk.call("DescribeParameterTemplates", **about)
    records = template["Parameters"]["TemplateRecord"]
    assert template["ParameterCount"] == str(len(records)) and 10 <= len(records)
    original = read(sdk, instance_id)
    assert original.keys() == {record["ParameterName"] for record in records}
    for record in records:
        name = record["ParameterName"]
        good, bad = values(record["CheckingCode"])
        for value in good:
            modify(sdk, instance_id, **{name: value})
            assert read(sdk, instance_id)[name] == value
            if not name.startswith("#"):
                assert client.config_get(name) == {name: value}
        for value in bad:
            config = json.dumps({"timeout": "77", name: value})
            assert refusal(sdk, instance_id, config)[:2] == (400, "InvalidParameters.Format")
            assert read(sdk, instance_id)[name] == good[-1]
        modify(sdk, instance_id, **{name: original[name]})
    assert read(sdk, instance_id) == original


def test_the_history_tells_who_set_what(shared, sdk, instance_id):
    modify(sdk, instance_id, timeout="41")
    modify(sdk, instance_id, timeout="42")
    now = datetime.now(timezone.utc)
    shape = "%Y-%m-%dT%H:%MZ"
    about = {"instance_id": instance_id, "parameter_name": "timeout"}
    about |= {"start_time": (now - timedelta(minutes=5)).strftime(shape)}
    about |= {"end_time": (now + timedelta(minutes=1)).strftime(shape)}
    answer = sdk.call("DescribeParameterModificationHistory", **about)
    entries = answer["HistoricalParameters"]["HistoricalParameter"]
    assert [entry["NewParameterValue"] for entry in entries[:2]] == ["42", "41"]
    assert entries[0]["OldParameterValue"] == "41"
    with pytest.raises(ApiError) as raised:
        sdk.call("DescribeParameterModificationHistory", **(about | {"start_time": "yesterday"}))
    assert raised.value.code == "InvalidStartTime.Malformed"


def test_parameters_outlive_restarts(larder):
    sdk = NewSdk(larder.ready)
    instance = larder.ready["instance"]
    modify(sdk, instance["id"], timeout="77", **{DISABLED: "flushall"})
    sdk.call("RestartInstance", instance_id=instance["id"])
    larder.stop()
    larder.start()
    sdk = NewSdk(larder.ready)
    sdk.wait_normal(instance["id"])
    client = larder.redis(instance)
    until(lambda: attempt(client.ping, redis.RedisError), "it serves")
    assert client.config_get("timeout") == {"timeout": "77"}
    with pytest.raises(redis.ResponseError, match="not support for normal user"):
        client.flushall()
    assert read(sdk, instance["id"])["timeout"] == "77"


def test_a_tenant_sees_no_paths_and_no_secrets(shared):
    shown = shared.redis().config_get("*")
    assert "maxmemory-policy" in shown
    for name, value in shown.items():
        assert "/" not in value and name not in ("dir", "requirepass", "masterauth", "logfile"), name


def entries(sdk, instance_id, name):
    """What the history tells of one parameter, the newest first."""
    now = datetime.now(timezone.utc)
    shape = "%Y-%m-%dT%H:%MZ"
    about = {"instance_id": instance_id, "parameter_name": name}
    about |= {"start_time": (now - timedelta(minutes=5)).strftime(shape)}
    about |= {"end_time": (now + timedelta(minutes=1)).strftime(shape)}
    answer = sdk.call("DescribeParameterModificationHistory", **about)
    return answer["HistoricalParameters"]["HistoricalParameter"]


def test_config_set_of_a_permitted_parameter_becomes_the_intent(shared, sdk, instance_id):
    client = shared.redis()
    assert client.config_set("timeout", 4321)
    assert client.config_get("timeout") == {"timeout": "4321"}
    until(lambda: read(sdk, instance_id)["timeout"] == "4321", "control knows", 30)
    assert entries(sdk, instance_id, "timeout")[0]["NewParameterValue"] == "4321"
    # What comes later does not undo it.
    modify(sdk, instance_id, slowlog_max_len="300")
    assert client.config_get("timeout") == {"timeout": "4321"}
    modify(sdk, instance_id, timeout="0")
    assert client.config_get("timeout") == {"timeout": "0"}


def test_config_set_of_anything_else_is_refused(shared, sdk, instance_id):
    client = shared.redis()
    before = client.config_get("*")
    for words in (
        "maxmemory 1", "dir /tmp", "requirepass x", "appendonly yes", "hz 100", "port 1",
        "save 1", "enable-debug-command yes", "timeout 5 maxclients 1", "nosuch 1",
        f"{DISABLED} get",
    ):
        with pytest.raises(redis.ResponseError, match="ModifyInstanceConfig"):
            client.execute_command("CONFIG", "SET", *words.split())
    for words in ("timeout -1", "timeout x", "slowlog-max-len 5", "maxmemory-policy LRU"):
        with pytest.raises(redis.ResponseError, match="CONFIG SET failed .*argument must be"):
            client.execute_command("CONFIG", "SET", *words.split())
    assert client.config_get("*") == before
    with pytest.raises(redis.RedisError):
        client.config_rewrite()


def test_config_set_survives_a_stop_of_larder_or_is_undone(larder):
    sdk = NewSdk(larder.ready)
    instance = larder.ready["instance"]
    client = larder.redis(instance)
    client.config_set("timeout", 1234)
    larder.stop()
    larder.start()
    sdk = NewSdk(larder.ready)
    sdk.wait_normal(instance["id"])
    client = larder.redis(instance)
    until(lambda: attempt(client.ping, redis.RedisError), "it serves")

    def said():
        return client.config_get("timeout")["timeout"]

    until(lambda: said() == read(sdk, instance["id"])["timeout"], "both say the same", 30)
    assert said() in ("0", "1234")
