"""An instance that is locked for writes, as a real Redis client finds it: across restarts and kills
until it is unlocked. And short verbs of the terminal for that and its neighbours."""

import datetime
import threading

import pytest
import redis

from support import processes
from support.sdk import ApiError, NewSdk
from support.waiting import attempt, until

REASON = "moving to another host"
REFUSED = f"locked for writes: {REASON}; UnlockDBInstanceWrite unlocks it"


@pytest.fixture
def sdk(shared):
    """The official SDK with the root key."""
    return NewSdk(shared.ready)


@pytest.fixture
def instance_id(shared, sdk):
    """The quickstart instance, unlocked afterwards."""
    instance_id = shared.ready["instance"]["id"]
    yield instance_id
    sdk.wait_normal(instance_id)
    sdk.call("UnlockDBInstanceWrite", dbinstance_id=instance_id)


def refused(client):
    """Whether everything that writes is refused, and reading is not."""
    assert client.get("lock:key") == "before"
    client.publish("lock:news", "x")
    for words in (
        ("SET", "lock:key", "after"),
        ("DEL", "lock:key"),
        ("FLUSHALL",),
        ("EVAL", "return redis.call('set', KEYS[1], 'after')", 1, "lock:key"),
        ("BLPOP", "lock:list", 1),
    ):
        with pytest.raises(redis.exceptions.ReadOnlyError, match=REFUSED):
            client.execute_command(*words)
    with client.pipeline(transaction=True) as pipe:
        with pytest.raises(redis.RedisError, match="READONLY|locked for writes|EXECABORT"):
            pipe.set("lock:key", "after").get("lock:key").execute()
    assert client.get("lock:key") == "before"
    read = "return redis.call('get', KEYS[1])"
    for script in (read, f"#!lua flags=no-writes\n{read}"):
        assert client.eval(script, 1, "lock:key") == "before"
    return True


def serving(shared, instance_id, pid):
    """A client of the instance, served by another process than before."""
    other = lambda: shared.node_pid(instance_id) not in (None, pid)
    until(lambda: attempt(lambda: other() and shared.redis().ping(), Exception), "it serves", 30)
    return shared.redis()


def test_a_lock_lasts_until_it_is_unlocked(shared, sdk, instance_id):
    client = shared.redis()
    client.set("lock:key", "before")
    lock = {"dbinstance_id": instance_id, "lock_reason": REASON}
    answer = sdk.call("LockDBInstanceWrite", **lock)
    assert (answer["DBInstanceName"], answer["LockReason"]) == (instance_id, REASON)
    assert type(answer["TaskId"]) is int
    assert refused(client), "in force when the call returns, for connections of before too"
    with pytest.raises(ApiError) as flushed:
        sdk.call("FlushInstance", instance_id=instance_id)
    assert (flushed.value.status, flushed.value.code) == (403, "IncorrectDBInstanceLockMode")

    pid = shared.node_pid(instance_id)
    sdk.call("RestartInstance", instance_id=instance_id)
    sdk.wait_normal(instance_id)
    assert refused(serving(shared, instance_id, pid))
    pid = shared.node_pid(instance_id)
    processes.kill(pid)
    assert refused(serving(shared, instance_id, pid))

    sdk.wait_normal(instance_id)
    sdk.call("UnlockDBInstanceWrite", dbinstance_id=instance_id)
    client = shared.redis()
    assert client.set("lock:key", "after") and client.get("lock:key") == "after"


def test_nothing_is_written_once_the_call_has_returned(shared, sdk, instance_id):
    """Writers in one stream each, some with a transaction that was queued before the lock."""
    ended = []

    def write(number):
        client = shared.redis()
        with client.pipeline() as pipe:
            try:
                while True:
                    pipe.multi()
                    pipe.incr("lock:count").incr(f"lock:count:{number}").execute()
            except redis.RedisError as error:
                ended.append(str(error))

    queued = shared.redis(single_connection_client=True)
    queued.execute_command("MULTI")
    queued.execute_command("INCR", "lock:count")
    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    client = shared.redis()
    until(lambda: int(client.get("lock:count") or 0) > 500, "writers write")
    sdk.call("LockDBInstanceWrite", dbinstance_id=instance_id, lock_reason=REASON)
    last = client.get("lock:count")
    for writer in writers:
        writer.join(30)
    assert len(ended) == 8 and all("locked for writes" in text for text in ended), ended
    with pytest.raises(redis.RedisError, match="locked for writes"):
        queued.execute_command("EXEC")
    assert client.get("lock:count") == last
    parts = sum(int(client.get(f"lock:count:{number}")) for number in range(8))
    assert parts == int(last), "no transaction was cut in two"


def test_the_interval_of_metrics_is_kept(sdk, instance_id):
    shown = lambda: sdk.call("DescribeDBInstanceMonitor", dbinstance_id=instance_id)["Interval"]
    assert shown() == "5"
    sdk.call("ModifyDBInstanceMonitor", dbinstance_id=instance_id, interval="60")
    assert shown() == "60"
    with pytest.raises(ApiError) as refusal:
        sdk.call("ModifyDBInstanceMonitor", dbinstance_id=instance_id, interval="7")
    assert refusal.value.code == "InvalidInterval.Malformed"
    sdk.call("ModifyDBInstanceMonitor", dbinstance_id=instance_id, interval="5")


def test_the_terminal_has_verbs_for_locks_groups_and_what_waits(shared, sdk, instance_id):
    def cli(*words):
        done = shared.cli(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    cli("instance", "lock", instance_id, "from the terminal")
    with pytest.raises(redis.exceptions.ReadOnlyError, match="from the terminal"):
        shared.redis().set("lock:key", "x")
    cli("instance", "unlock", instance_id)
    assert shared.redis().set("lock:key", "x")

    cli("param-group", "create", "of_terminal", "7.0", '{"timeout":"77"}')
    [group] = [row for row in cli("param-group", "list").splitlines() if "of_terminal" in row]
    group = group.split()[0]
    assert "timeout" in cli("param-group", "show", group)
    cli("param-group", "apply", group, instance_id)
    assert shared.redis().config_get("timeout") == {"timeout": "77"}
    cli("param-group", "set", group, "of_terminal", '{"timeout":"78"}')
    assert "78" in cli("param-group", "show", group)
    cli("param-group", "delete", group, "--yes")
    sdk.call("ModifyInstanceConfig", instance_id=instance_id, config='{"timeout":"0"}')

    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = (now + datetime.timedelta(hours=hours) for hours in (6, 8))
    cli("instance", "window", instance_id, f"{start:%H:%M}Z", f"{end:%H:%M}Z")
    sdk.call("ModifyInstanceMinorVersion", instance_id=instance_id, effective_time="MaintainTime")
    [row] = [row for row in cli("operation", "list").splitlines() if "rds_apsaradb_upgrade" in row]
    number = row.split()[0]
    cli("operation", "cancel", number, "--yes")
    assert shared.cli("operation", "start", number, "--yes").returncode != 0, "it is gone"
