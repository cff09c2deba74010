"""The append-only file: it survives SIGKILL, Redis 7.0 loads it, and loads ours."""

import random
import shutil
import subprocess
import threading
import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from support import ports
from support.waiting import until

ON = ("--appendonly", "yes", "--save", "", "--enable-debug-command", "yes")
REDIS = shutil.which("redis-server")
ROUNDS = 20
# A client that tries again would keep each round waiting, and nobody answers after a kill.
ONCE = Retry(NoBackoff(), 0)


def fill(client):
    """Keys of every type and commands whose effects differ from their words."""
    client.set("a", 1)
    client.incr("a")
    client.rpush("list", *range(300))
    client.lpop("list")
    client.hset("hash", mapping={f"f{i}": "v" * i for i in range(100)})
    client.sadd("set", *range(50))
    client.spop("set", 3)
    client.zadd("zset", {f"m{i}": i / 3 for i in range(200)})
    client.set("mortal", "x", ex=1000)
    client.set("gone", "x", px=1)
    client.incrbyfloat("float", 0.1)
    client.setrange("sparse", 10, "end")
    client.set("binary", bytes(range(256)) * 10)
    with client.pipeline(transaction=True) as pipe:
        pipe.incr("a").rename("a", "b").copy("b", "c").execute()
    client.execute_command("SELECT", 5)
    client.mset({"five": 5, "": "empty"})
    client.execute_command("SELECT", 0)
    until(lambda: client.get("gone") is None, "the end of a key")


def digest(client):
    """The signature of all data."""
    return client.execute_command("DEBUG", "DIGEST")


class Real:
    """The real redis-server on a directory."""

    def __init__(self, directory, *arguments):
        self.port = ports.free_port()
        command = [REDIS, "--port", str(self.port), "--dir", str(directory), *ON, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client = redis.Redis(port=self.port)
        until(self._answers, "PONG of redis-server")

    def _answers(self):
        assert self.process.poll() is None, "redis-server refuses the files"
        try:
            return self.client.ping()
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False

    def kill(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait(30)


def manifest_of(directory):
    return directory / "appendonlydir" / "appendonly.aof.manifest"


def check_files(directory):
    """What Redis' own tool says."""
    tool = ["redis-check-aof", str(manifest_of(directory))]
    done = subprocess.run(tool, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "are valid" in done.stdout, done.stdout + done.stderr


def rewrite(client):
    info = lambda: client.info("persistence")
    until(lambda: not info()["aof_rewrite_in_progress"], "the end of a rewrite before")
    client.bgrewriteaof()
    until(lambda: not info()["aof_rewrite_in_progress"], "the end of a rewrite")
    assert info()["aof_last_bgrewrite_status"] == "ok"


def kill(node):
    node.process.kill()
    node.process.wait(30)
    node.process = None


def settled(node, client):
    """Waits until everything accepted is in the files, as far as a killed process matters."""
    client.set("last", random.random())
    mark = str(client.get("last")).encode()
    parts = lambda: manifest_of(node.directory).parent.glob("*.incr.aof")
    until(lambda: any(mark in path.read_bytes() for path in parts()), "the last write in the files")


@pytest.mark.parametrize("threads", ["1", "4"])
@pytest.mark.parametrize("form", ["yes", "no"])
def test_files_go_to_redis_and_back(make_node, form, threads):
    """Ours → Redis → ours: equal data each time, and redis-check-aof finds nothing."""
    arguments = ("--aof-use-rdb-preamble", form)
    node = make_node(*ON, *arguments, "--io-threads", threads)
    client = node.redis()
    fill(client)
    rewrite(client)
    client.append("b", "after the rewrite")
    client.execute_command("DEBUG", "LOADAOF")
    settled(node, client)
    want = digest(client)
    kill(node)
    check_files(node.directory)
    real = Real(node.directory, *arguments)
    try:
        assert digest(real.client).decode() == want
        fill(real.client)
        real.client.bgrewriteaof()
        until(lambda: real.client.info()["aof_rewrite_in_progress"] == 0, "Redis' rewrite")
        real.client.lpush("list", "more")
        want = digest(real.client).decode()
    finally:
        real.kill()
    node.start()
    assert digest(node.redis()) == want
    node.redis().set("goes", "on")
    kill(node)
    check_files(node.directory)
    node.start()


def test_an_old_single_file_is_taken_over(make_node, tmp_path):
    """As Redis 7 does with the file of version 6."""
    directory = tmp_path / "node-0"
    directory.mkdir(parents=True)
    words = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"
    (directory / "appendonly.aof").write_bytes(words)
    node = make_node(*ON)
    assert node.redis().get("k") == "v"
    kill(node)
    assert not (directory / "appendonly.aof").exists()
    check_files(directory)
    real = Real(directory)
    try:
        assert real.client.get("k") == b"v"
    finally:
        real.kill()
    node.start()


def test_switched_on_while_running(make_node):
    """CONFIG SET appendonly yes under writers; then no, then yes again."""
    node = make_node("--save", "", "--enable-debug-command", "yes", "--io-threads", "2")
    client = node.redis()
    fill(client)
    for _ in range(2):
        client.config_set("appendonly", "yes")
        for i in range(2000):
            client.incr(f"n{i % 7}")
        info = lambda: client.info("persistence")
        until(lambda: not info()["aof_rewrite_in_progress"], "the first base")
        client.incr("n0")
        client.config_set("appendonly", "no")
    want = digest(client)
    kill(node)
    check_files(node.directory)
    node.arguments += ("--appendonly", "yes")
    node.start()
    assert digest(node.redis()) == want


def test_a_replica_keeps_a_file_that_stands_alone(make_node):
    """Its increments select the database that its primary's stream selected long before."""
    primary = make_node("--save", "", "--enable-debug-command", "yes")
    replica = make_node(*ON, "--replicaof", "127.0.0.1", str(primary.port))
    source, copy = primary.redis(db=3), replica.redis(db=3)
    fill(primary.redis())
    source.set("before", 1)
    until(lambda: copy.get("before") == "1", "the replica has it")
    rewrite(copy)
    source.set("after", 2)
    until(lambda: copy.get("after") == "2", "the replica has it")
    want = digest(source)
    increments = manifest_of(replica.directory).parent.glob("*.incr.aof")
    parts = list(increments)
    until(lambda: any(b"after" in path.read_bytes() for path in parts), "it is in the file")
    kill(replica)
    check_files(replica.directory)
    replica.arguments = ON
    replica.start()
    assert digest(replica.redis()) == want


class Witness(threading.Thread):
    """A client that remembers the newest value of every counter that it was told of."""

    def __init__(self, node, seed):
        super().__init__()
        self.node, self.rng = node, random.Random(seed)
        self.seen, self.taken = {}, set()
        self.pushed = 0
        self.seed = seed

    def run(self):
        try:
            with self.node.redis(socket_timeout=5, retry=ONCE) as client:
                while True:
                    self.step(client)
        except (redis.ConnectionError, redis.TimeoutError):
            pass

    def step(self, client):
        a, b = (f"counter:{self.rng.randrange(8)}" for _ in "ab")
        match self.rng.randrange(6):
            case 0 | 1:
                self.saw(a, client.incr(a))
            case 2 | 3:
                values = client.mget(a, b)
                for name, value in zip((a, b), values, strict=True):
                    self.saw(name, value)
            case 4:
                with client.pipeline(transaction=True) as pipe:
                    values = pipe.incr(a).incr(b).publish("news", "x").execute()
                self.saw(a, values[0])
                self.saw(b, values[1])
            case 5:
                self.pushed += 1
                client.rpush("queue", f"{self.seed}-{self.pushed}")

    def saw(self, name, value):
        if value is not None:
            self.seen[name] = max(self.seen.get(name, 0), int(value))


class Taker(Witness):
    """A blocked client: what it was handed must not be handed out again."""

    def step(self, client):
        popped = client.blpop("queue", 4)
        if popped:
            self.taken.add(popped[1])


class Listener(Witness):
    """A subscriber to key events and to what scripts publish."""

    def run(self):
        try:
            with self.node.redis(socket_timeout=5, retry=ONCE) as client:
                feed = client.pubsub()
                feed.subscribe("told")
                for message in feed.listen():
                    if message["type"] == "message":
                        self.saw("counter:script", message["data"])
        except (redis.ConnectionError, redis.TimeoutError):
            pass


class Scripter(Witness):
    """Counts by a script that publishes the number."""

    SCRIPT = "local n = redis.call('incr', KEYS[1]) redis.call('publish', 'told', n) return n"

    def step(self, client):
        self.saw("counter:script", client.eval(self.SCRIPT, 1, "counter:script"))


@pytest.mark.parametrize("threads", ["1", "4"])
def test_always_no_read_shows_what_a_sigkill_then_takes_back(make_node, threads):
    """Replies, reads of others, served waiters and messages: after SIGKILL nothing is missing."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    always = ("--appendfsync", "always", "--io-threads", threads)
    node = make_node(*ON, *always, "--auto-aof-rewrite-min-size", "20000")
    taken = set()
    for round_number in range(ROUNDS):
        kinds = [Witness] * 4 + [Taker, Listener, Scripter]
        crowd = [kind(node, round_number * 100 + i) for i, kind in enumerate(kinds)]
        for one in crowd:
            one.start()
        time.sleep(rng.uniform(0.05, 0.4))
        kill(node)
        for one in crowd:
            one.join(30)
        node.start()
        client = node.redis()
        for one in crowd:
            for name, value in one.seen.items():
                now = int(client.get(name) or 0)
                assert now >= value, f"round {round_number}: {name} was {value}, now it is {now}"
            taken |= one.taken
        back = taken & set(client.lrange("queue", 0, -1))
        assert not back, f"round {round_number}: handed out before the kill, and there again"
        assert any(one.seen for one in crowd), "the clients saw nothing"


def test_always_the_disk_comes_before_the_reply(make_node, tmp_path):
    """What the system was asked for, in order: write, sync, send."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    node = make_node(*ON, "--appendfsync", "always")
    client = node.redis()
    client.set("warm", "up")
    trace = tmp_path / "trace"
    calls = "trace=write,fdatasync,sendto"
    tracer = subprocess.Popen(
        ["strace", "-f", "-e", calls, "-o", str(trace), "-p", str(node.process.pid)],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        if "attached" not in tracer.stderr.readline():
            pytest.skip("this system lets nobody trace")
        client.set("key", "value-in-the-file")
    finally:
        tracer.terminate()
        tracer.wait(30)
    lines = trace.read_text().splitlines()
    find = lambda word, start: next(
        (i for i, line in enumerate(lines) if i >= start and word in line), None
    )
    wrote = find('write(', 0)
    while wrote is not None and "SET" not in lines[wrote]:
        wrote = find('write(', wrote + 1)
    assert wrote is not None, lines
    synced = find("fdatasync", wrote)
    done = find("fdatasync", synced) if "unfinished" not in lines[synced] else None
    done = done if done is not None else find("fdatasync resumed", synced)
    sent = find("sendto", 0)
    assert None not in (synced, done, sent) and wrote < synced <= done < sent, lines


def test_a_full_disk_refuses_writes_and_comes_back(make_node, tmp_path):
    """A small file system: MISCONF when it is full, writes again when there is room."""
    disk = tmp_path / "small"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("only root mounts a small file system")
    try:
        (tmp_path / "node-0").mkdir()
        (tmp_path / "node-0" / "appendonlydir").symlink_to(disk)
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(2 << 20))
        node = make_node(*ON, "--auto-aof-rewrite-percentage", "0")
        client = node.redis()
        with pytest.raises(redis.ResponseError, match="MISCONF Errors writing to the AOF file"):
            for i in range(100_000):
                client.set(f"k{i}", "x" * 1000)
        kept = client.dbsize()
        assert client.get("k0") == "x" * 1000
        ballast.unlink()
        until(lambda: _writes(client), "writes again")
        settled(node, client)
        kill(node)
        node.start()
        assert node.redis().dbsize() >= kept
        text = "Error writing to the AOF file: No space left on device"
        node.stop([text])
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def _writes(client):
    try:
        return client.set("again", "x")
    except redis.ResponseError:
        return False
