"""Saving beside the commands: what is saved is one moment, in a file that Redis loads."""

import subprocess
import threading

import pytest
import redis

from support import ports
from support.waiting import attempt, until

LARGE = 20_000
SMALL = 20_000


class Redis:
    """The real server on a directory with a dump.rdb."""

    def __init__(self, directory):
        self.port = ports.free_port()
        command = ["redis-server", "--port", str(self.port), "--dir", str(directory)]
        command += ["--save", "", "--enable-debug-command", "yes", "--databases", "16"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client = redis.Redis(port=self.port, decode_responses=True)

    def __enter__(self):
        waiting = (redis.ConnectionError, redis.BusyLoadingError)
        until(lambda: attempt(self.client.ping, *waiting), "redis-server loads our file")
        return self.client

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def _digest(client):
    return client.execute_command("DEBUG", "DIGEST")


def _saving(client):
    return client.info("persistence")["rdb_bgsave_in_progress"]


def _fill(client):
    with client.pipeline(transaction=False) as pipe:
        for start in range(0, LARGE, 1000):
            numbers = range(start, start + 1000)
            pipe.zadd("zset", {f"member:{n}": n / 3 for n in numbers})
            pipe.hset("hash", mapping={f"field:{n}": f"value:{n}" for n in numbers})
            pipe.sadd("set", *(f"member:{n}" for n in numbers))
            pipe.rpush("list", *(f"element:{n}" for n in numbers))
        pipe.setrange("bitmap", 3 << 20, "end")
        for n in range(SMALL):
            pipe.set(f"key:{n}", f"value:{n}", px=10_000_000 if n % 3 == 0 else None)
        pipe.execute()
        pipe.execute_command("SELECT", 3)
        for n in range(2000):
            pipe.set(f"other:{n}", n)
        pipe.hset("small", mapping={"a": 1, "b": 2})
        pipe.execute_command("SELECT", 0)
        pipe.execute()


def _disturb(client, seed, done):
    """Changes everything there is, again and again."""
    step = 0
    while not done.is_set():
        with client.pipeline(transaction=False) as pipe:
            for _ in range(100):
                step += 1
                n = step * 7919 + seed
                small, large = n % SMALL, n % LARGE
                pipe.set(f"key:{small}", "changed")
                pipe.delete(f"key:{(n * 31) % SMALL}")
                pipe.pexpire(f"key:{(n * 17) % SMALL}", 1 + n % 500)
                pipe.zadd("zset", {f"member:{large}": -1, f"new:{step}": 5})
                pipe.zrem("zset", f"member:{(n * 3) % LARGE}")
                pipe.hset("hash", f"field:{large}", "changed")
                pipe.hdel("hash", f"field:{(n * 5) % LARGE}")
                pipe.srem("set", f"member:{large}")
                pipe.sadd("set", f"new:{step}")
                pipe.lpop("list")
                pipe.rpush("list", f"new:{step}")
                pipe.lset("list", large % 100, "changed")
                pipe.setrange("bitmap", n % (3 << 20), "changed")
            if step % 1000 == 0:
                pipe.execute_command("SWAPDB", 3, 4)
                pipe.execute_command("SELECT", 3)
                pipe.execute_command("FLUSHDB")
                pipe.execute_command("SELECT", 0)
            pipe.execute(raise_on_error=False)
    client.close()


@pytest.mark.parametrize("loops", ["1", "4"])
def test_snapshot_is_one_moment_while_everything_is_written(make_node, tmp_path, loops):
    """Digests of the real server, of a node that loads the file, and of the moment agree."""
    node = make_node("--io-threads", loops, "--save", "", "--enable-debug-command", "yes")
    client = node.redis()
    _fill(client)
    want = _digest(client)
    # Long enough that the writers meet most of what has not been visited.
    client.config_set("rdb-key-save-delay", 50)
    assert client.bgsave()
    done = threading.Event()
    writers = [
        threading.Thread(target=_disturb, args=(node.redis(), seed, done)) for seed in range(4)
    ]
    for writer in writers:
        writer.start()
    assert client.info("persistence")["rdb_bgsave_in_progress"] == 1
    until(lambda: client.info("persistence")["current_cow_size"] > 100_000, "copies before writes")
    client.config_set("rdb-key-save-delay", 0)
    until(lambda: not _saving(client), "the end of the save", 120)
    done.set()
    for writer in writers:
        writer.join()
    info = client.info("persistence")
    assert info["rdb_last_bgsave_status"] == "ok"
    assert info["rdb_last_cow_size"] > 100_000
    assert _digest(client) != want
    check = subprocess.run(
        ["redis-check-rdb", "dump.rdb"], cwd=node.directory, capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout
    with Redis(node.directory) as real:
        assert _digest(real) == want
    node.stop()
    node.start()
    assert _digest(node.redis()) == want


def test_saving_makes_no_keys_go(make_node):
    """What is set aside for a save is no reason to evict, as Redis does not count its child."""
    node = make_node("--save", "", "--maxmemory-policy", "allkeys-random")
    client = node.redis()
    _fill(client)
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 600_000)
    client.config_set("rdb-key-save-delay", 500)
    assert client.bgsave()
    for start in range(0, SMALL, 200):
        with client.pipeline(transaction=False) as pipe:
            for n in range(start, start + 200):
                pipe.set(f"key:{n}", f"other:{n}", keepttl=True)
                pipe.hset("hash", f"field:{n}", f"other:{n}")
            pipe.execute()
    info = client.info("persistence")
    assert (info["rdb_bgsave_in_progress"], info["current_cow_size"] > 300_000) == (1, True)
    assert client.info("stats")["evicted_keys"] == 0
    client.config_set("rdb-key-save-delay", 0)
    until(lambda: not _saving(client), "the end of the save", 120)
    client.set("one", "more")
    assert client.info("stats")["evicted_keys"] == 0


def test_save_is_due_after_changes(make_node):
    """`save` by seconds and changes, and the lines that tools wait for."""
    node = make_node("--save", "1 3")
    client = node.redis()
    last = client.lastsave()
    client.mset({"a": 1})
    client.mset({"b": 1})
    client.mset({"c": 1})
    until(lambda: client.lastsave() != last, "a save without being asked")
    until(lambda: client.info("persistence")["rdb_changes_since_last_save"] == 0, "no changes")
    log = node.log.read_text()
    assert "3 changes in 1 seconds. Saving..." in log
    assert "Background saving started by pid" in log
    assert "Background saving terminated with success" in log


def test_save_in_progress_leaves_no_file_when_the_node_stops(make_node):
    """The temporary file goes with the node, and the save at the end counts."""
    node = make_node("--save", "3600 1")
    client = node.redis()
    client.mset({f"k{n}": n for n in range(100)})
    client.config_set("rdb-key-save-delay", 10_000_000)
    assert client.bgsave()
    until(lambda: list(node.directory.glob("temp-*")), "the temporary file")
    client.set("late", 1)
    client.config_set("rdb-key-save-delay", 0)
    node.stop()
    assert [path.name for path in node.directory.glob("*.rdb")] == ["dump.rdb"]
    node.start()
    assert node.redis().dbsize() == 101


def test_writes_stop_when_the_disk_fails(make_node):
    """A directory that takes no files: MISCONF until a save succeeds."""
    node = make_node("--save", "3600 1", "--dbfilename", "sub/dump.rdb")
    client = node.redis()
    client.set("k", 1)
    assert client.bgsave()
    until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "the failure")
    with pytest.raises(redis.ResponseError, match="MISCONF Redis is configured to save RDB"):
        client.set("k", 2)
    with pytest.raises(redis.ResponseError, match="MISCONF"):
        client.ping()
    (node.directory / "sub").mkdir()
    assert client.bgsave()
    until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "ok", "a good save")
    assert client.set("k", 3)
    node.stop(expected=["Background saving error: cannot rename"])
