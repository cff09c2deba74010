"""Processes die; clients of the instance should hardly notice."""

import threading
import time

import redis

from support import processes
from support.sdk import NewSdk
from support.waiting import attempt, until

DOWN = (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError)
RECOVERY_S_MAX = 1.0


def _seconds_until_served(larder, key):
    """From now until a new connection reads `key` again."""
    started = time.monotonic()

    def served():
        client = larder.redis(socket_timeout=2)
        try:
            return attempt(lambda: client.get(key), *DOWN)
        finally:
            client.close()

    until(served, "the instance serves again", 30)
    return time.monotonic() - started


def test_killed_node_comes_back(larder, record_property):
    client = larder.redis()
    with client.pipeline(transaction=False) as pipeline:
        for number in range(50_000):
            pipeline.set(f"key:{number}", "x" * 1000)
        pipeline.execute()
    instance_id = larder.ready["instance"]["id"]
    assert larder.cli("instance", "restart", instance_id, "--wait").returncode == 0
    client.close()
    assert larder.redis().dbsize() == 50_000
    larder.expected_log.append(r"node")
    pid = larder.node_pid(instance_id)
    processes.kill(pid)
    seconds = _seconds_until_served(larder, "key:1")
    record_property("recovery_s", seconds)
    print(f"served again after {seconds:.3f} s with 50 MB")
    assert larder.redis().dbsize() == 50_000
    assert seconds <= RECOVERY_S_MAX
    new_pid = larder.node_pid(instance_id)
    assert new_pid != pid
    sdk = NewSdk(larder.ready)
    sdk.wait_normal(instance_id)


def test_killed_nodes_come_back_every_time(larder):
    larder.expected_log.append(r"node")
    instance_id = larder.ready["instance"]["id"]
    larder.redis().set("kept", "1")
    assert larder.cli("instance", "restart", instance_id, "--wait").returncode == 0
    for _ in range(3):
        processes.kill(larder.node_pid(instance_id))
        assert _seconds_until_served(larder, "kept") < 10


class Traffic:
    """A client that works on one connection in the background and notes each failure."""

    def __init__(self, client):
        self.client = client
        self.failures = []
        self.done = 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._work)

    def _work(self):
        while not self.ending.is_set():
            try:
                self.client.incr("traffic")
                self.done += 1
            except redis.RedisError as error:
                self.failures.append(error)
                return

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join(20)

    def check_moves(self):
        """Waits until more work was done, without a failure."""
        before = self.done
        until(lambda: self.failures or self.done > before + 100, "traffic goes on")
        assert not self.failures, self.failures


def single_connection(larder):
    """A client that may not reconnect silently."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    client = larder.redis(single_connection_client=True, retry=Retry(NoBackoff(), 0))
    client.ping()
    return client


def test_killed_control_is_not_noticed(larder):
    larder.expected_log.append(r"control")
    with Traffic(single_connection(larder)) as traffic:
        traffic.check_moves()
        [pid] = larder.pids("control")
        nodes = larder.pids("node")
        processes.kill(pid)
        traffic.check_moves()
        sdk = NewSdk(larder.ready)
        instance_id = larder.ready["instance"]["id"]
        normal = lambda: attempt(lambda: sdk.status(instance_id), Exception) == "Normal"
        until(normal, "the API answers again")
        traffic.check_moves()
        assert larder.pids("node") == nodes
        created = sdk.create()["InstanceId"]
        sdk.wait_normal(created)
        sdk.call("DeleteInstance", instance_id=created)
        sdk.wait_gone(created)


def test_killed_agent_and_its_successor(larder):
    instance_id = larder.ready["instance"]["id"]
    with Traffic(single_connection(larder)) as traffic:
        traffic.check_moves()
        pid = larder.node_pid(instance_id)
        started = processes.start_time(pid)
        larder.kill_up()
        until(lambda: not larder.pids("control"), "control dies with the agent")
        traffic.check_moves()
        assert larder.redis().ping(), "new connections are served without the agent"
        larder.expected_log.append(r"adopt|agent|control")
        larder.start()
        assert larder.node_pid(instance_id) == pid
        assert processes.start_time(pid) == started, "the same process, adopted"
        traffic.check_moves()
        sdk = NewSdk(larder.ready)
        sdk.wait_normal(instance_id)
        # An adopted node obeys: it is restarted, and restarts itself after a crash.
        traffic.ending.set()
    sdk.call("RestartInstance", instance_id=instance_id)
    sdk.wait_normal(instance_id)
    assert larder.node_pid(instance_id) != pid
    assert int(larder.redis().get("traffic")) == traffic.done


def test_killed_agent_and_node(larder):
    """Both die; the next start brings the node back with what was saved."""
    instance_id = larder.ready["instance"]["id"]
    larder.redis().set("kept", "1")
    assert larder.cli("instance", "restart", instance_id, "--wait").returncode == 0
    larder.expected_log.append(r"node|control")
    larder.kill_up()
    processes.kill(larder.node_pid(instance_id))
    larder.start()
    assert _seconds_until_served(larder, "kept") < 10
