"""`larder node` as a drop-in for redis-server: directives, files, signals."""

import socket
import subprocess

import redis

from support import ports, processes
from support.node import Node
from support.waiting import attempt, until


def test_directives_from_file_and_command_line(tmp_path):
    conf = tmp_path / "redis.conf"
    conf.write_text('# ours\nmaxmemory 64mb\nrequirepass "pass word"\ntimeout 7\n')
    node = Node(tmp_path / "node", str(conf), "--timeout", "9")
    try:
        client = node.start(password="pass word").redis(password="pass word")
        assert client.config_get("maxmemory") == {"maxmemory": str(64 << 20)}
        assert client.config_get("timeout") == {"timeout": "9"}
        node.stop()
    finally:
        node.destroy()


def test_bad_directive_is_named(tmp_path):
    command = [str(processes.BINARY), "node", "--no-such-directive", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, cwd=tmp_path)
    assert done.returncode == 1
    assert "no-such-directive" in done.stdout + done.stderr


def _fails(*arguments):
    command = [str(processes.BINARY), "node", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    return done.stdout + done.stderr


def test_starts_that_cannot_succeed_say_why(tmp_path, make_node):
    node = make_node()
    assert "in use" in _fails("--port", node.port, "--dir", tmp_path)
    missing = tmp_path / "missing"
    assert str(missing) in _fails("--port", ports.free_port(), "--dir", missing)
    dump = tmp_path / "dump.rdb"
    dump.write_bytes(b"REDIS0010garbage")
    assert "dump.rdb is damaged" in _fails("--port", ports.free_port(), "--dir", tmp_path)
    assert dump.read_bytes() == b"REDIS0010garbage"


def test_empty_requests_before_an_exclusive_one(make_node):
    node = make_node("--io-threads", "2")
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as peer:
        peer.sendall(b"*0\r\n\r\nFLUSHALL\r\n")
        assert peer.recv(100) == b"+OK\r\n"


def test_a_stranger_who_does_not_read_is_cut_off(make_node):
    """Otherwise the node would take in (and keep) as much as the peer can send."""
    node = make_node("--requirepass", "x", password="x")
    with socket.create_connection(("127.0.0.1", node.port), timeout=1) as peer:
        try:
            for _ in range(64):
                peer.sendall(b"GET a\r\n" * (1 << 17))
            raise AssertionError("the node took in 58 MB of a stranger")
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert node.redis(password="x").ping()


def test_sigterm_saves_and_start_loads(make_node):
    node = make_node("--save", "3600 1")
    client = node.redis()
    client.set("a", "1")
    client.zadd("z", {"m": 1.5})
    client.set("t", "x", ex=1000)
    node.stop()
    assert (node.directory / "dump.rdb").is_file()
    node.start()
    client = node.redis()
    assert client.get("a") == "1" and client.zscore("z", "m") == 1.5
    assert 0 < client.ttl("t") <= 1000


def test_shutdown_nosave(make_node):
    node = make_node("--save", "3600 1")
    client = node.redis()
    client.set("a", "1")
    client.shutdown(nosave=True)
    assert node.process.wait(10) == 0
    assert not (node.directory / "dump.rdb").exists()
    node.process = None


def test_rdb_is_read_by_redis_server(tmp_path, make_node):
    """Our file in the hands of the real server, and its file in ours."""
    node = make_node("--save", "3600 1")
    client = node.redis()
    client.set("s", "x" * 10000)
    client.rpush("l", *range(500))
    client.sadd("i", *range(100))
    client.hset("h", mapping={f"f{n}": "v" * 70 for n in range(50)})
    client.zadd("z", {f"m{n}": n / 3 for n in range(300)})
    client.set("e", "soon", ex=5000)
    expected = _dump(client)
    node.stop()

    port = ports.free_port()
    command = ["redis-server", "--port", str(port), "--dir", str(node.directory), "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        real = redis.Redis(port=port, decode_responses=True)
        waiting = (redis.ConnectionError, redis.BusyLoadingError)
        until(lambda: attempt(real.ping, *waiting), "redis-server loads our file")
        assert _dump(real) == expected
        real.set("from", "redis")
        real.save()
    finally:
        server.terminate()
        server.wait(10)
    node.start()
    assert node.redis().get("from") == "redis"
    assert _dump(node.redis()) == expected | {"from": "redis"}


def _dump(client):
    readers = {
        "string": client.get,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": lambda key: sorted(client.smembers(key)),
        "hash": client.hgetall,
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    return {key: readers[client.type(key)](key) for key in client.keys()}
