"""Emptying an instance through the official SDK, and a node that dies right after it."""

import pytest

from support import processes
from support.sdk import NewSdk
from support.waiting import until

PASSWORD = "Flushes-2026"


@pytest.fixture
def instance(shared):
    """An instance of its own with keys in three databases."""
    sdk = NewSdk(shared.ready)
    instance_id = sdk.create(password=PASSWORD)["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
    endpoint = sdk.endpoint(instance_id, PASSWORD)
    clients = [shared.redis(endpoint, db=db) for db in range(3)]
    for client in clients:
        client.set("key", "value")
    yield sdk, instance_id, clients
    sdk.wait_normal(instance_id)
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)


def test_one_database_then_all(instance):
    sdk, instance_id, clients = instance
    watcher = clients[2].pipeline()
    watcher.watch("key")
    sdk.call("FlushInstanceForDB", instance_id=instance_id, db_index=1)
    sdk.wait_normal(instance_id)
    assert [client.dbsize() for client in clients] == [1, 0, 1]
    sdk.call("FlushInstance", instance_id=instance_id)
    sdk.wait_normal(instance_id)
    assert [client.dbsize() for client in clients] == [0, 0, 0]
    watcher.multi()
    watcher.set("key", "lost")
    with pytest.raises(Exception, match="Watched variable changed"):
        watcher.execute()


def test_dead_keys_are_removed_at_once(instance):
    sdk, instance_id, [client, *_] = instance
    with client.pipeline() as pipeline:
        for number in range(20_000):
            pipeline.set(f"mortal:{number}", "x", px=1)
        pipeline.execute()
    answer = sdk.call("FlushExpireKeys", instance_id=instance_id, effective_time="Immediately")
    assert answer["TaskId"].startswith("t-") and answer["InstanceId"] == instance_id
    sdk.wait_normal(instance_id)
    assert client.dbsize() == 1


def test_what_is_written_after_a_flush_survives_and_what_was_flushed_stays_away(shared, instance):
    sdk, instance_id, clients = instance
    shared.expected_log.append(r"node")
    cli = shared.cli("instance", "restart", instance_id, "--wait")
    assert cli.returncode == 0, cli.stderr
    assert clients[1].dbsize() == 1, "it is in the file now"
    sdk.call("FlushInstanceForDB", instance_id=instance_id, db_index=1)
    sdk.wait_normal(instance_id)
    # The file is of before the flush.
    processes.kill(shared.node_pid(instance_id))
    until(lambda: sdk.status(instance_id) == "Normal", "it serves again")
    assert [client.dbsize() for client in clients] == [1, 0, 1]
    clients[1].set("later", "1")
    cli = shared.cli("instance", "restart", instance_id, "--wait")
    assert cli.returncode == 0, cli.stderr
    processes.kill(shared.node_pid(instance_id))
    until(lambda: sdk.status(instance_id) == "Normal", "it serves again")
    assert clients[1].get("later") == "1"
