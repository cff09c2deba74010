"""What redis-py does beyond single commands: pipelines, transactions, pub/sub, RESP3, scanning."""

import pytest
import redis

from support.waiting import until


@pytest.fixture(params=[2, 3], ids=["RESP2", "RESP3"])
def client(request, shared):
    """A client of the quickstart instance over either protocol, on an empty database."""
    client = shared.redis(protocol=request.param)
    client.flushall()
    yield client
    client.close()


def test_pipeline(client):
    pipeline = client.pipeline(transaction=False)
    for number in range(5000):
        pipeline.set(f"key:{number}", number)
    pipeline.incr("key:7")
    assert pipeline.execute() == [True] * 5000 + [8]
    assert client.dbsize() == 5000


def test_transaction(client):
    with client.pipeline() as pipeline:
        assert pipeline.set("a", 1).incr("a").lpush("l", "x").execute() == [True, 2, 1]
    with client.pipeline() as pipeline:
        pipeline.set("a", "text").incr("a")
        with pytest.raises(redis.ResponseError, match="not an integer"):
            pipeline.execute()
    assert client.get("a") == "text"


def test_watch(client):
    client.set("a", 1)
    with client.pipeline() as pipeline:
        pipeline.watch("a")
        client.set("a", 2)
        pipeline.multi()
        pipeline.set("a", 3)
        with pytest.raises(redis.WatchError):
            pipeline.execute()
    assert client.get("a") == "2"

    def add_five(pipeline):
        pipeline.multi()
        pipeline.incrby("a", 5)

    assert client.transaction(add_five, "a") == [7]


def test_publish_and_subscribe(client):
    listener = client.pubsub()
    listener.subscribe("news")
    listener.psubscribe("we*")
    got = []
    until(lambda: _collect(listener, got, "subscribe", 2), "both subscriptions")
    assert client.publish("news", "one") == 1
    assert client.publish("weather", "two") == 1
    until(lambda: _collect(listener, got, "message", 2), "both messages")
    messages = [(m["type"], m["channel"], m["data"]) for m in got if m["type"].endswith("message")]
    assert messages == [("message", "news", "one"), ("pmessage", "weather", "two")]
    assert client.pubsub_channels() == ["news"]
    listener.close()
    until(lambda: client.pubsub_channels() == [], "the subscription ends with its connection")


def _collect(listener, got, kind, count):
    message = listener.get_message(timeout=0.1)
    if message:
        got.append(message)
    return sum(entry["type"].endswith(kind) for entry in got) >= count


def test_scan(client):
    names = {f"scan:{number}" for number in range(2000)}
    client.mset(dict.fromkeys(names, "x"))
    client.set("other", 1)
    assert set(client.scan_iter("scan:*", count=100)) == names
    assert set(client.scan_iter("scan:*", _type="list")) == set()
    client.hset("hash", mapping={f"f{number}": number for number in range(1000)})
    assert len(dict(client.hscan_iter("hash"))) == 1000


def test_types(client):
    client.hset("h", mapping={"a": 1, "b": 2})
    assert client.hgetall("h") == {"a": "1", "b": "2"}
    client.rpush("l", 1, 2, 3)
    assert client.lrange("l", 0, -1) == ["1", "2", "3"]
    client.sadd("s", "x", "y")
    assert client.smembers("s") == {"x", "y"}
    client.zadd("z", {"low": 1, "high": 2.5})
    rows = client.zrange("z", 0, -1, withscores=True)
    assert [(row[0], float(row[1])) for row in rows] == [("low", 1.0), ("high", 2.5)]
    assert client.type("z") == "zset"


def test_binary_values(shared):
    client = shared.redis(decode_responses=False)
    blob = bytes(range(256)) * 4096
    client.set(b"bin\x00key", blob)
    assert client.get(b"bin\x00key") == blob
    client.delete(b"bin\x00key")


def test_many_connections(shared):
    clients = [shared.redis() for _ in range(300)]
    assert all(client.ping() for client in clients)
    for client in clients:
        client.close()
    watcher = shared.redis()
    settled = lambda: watcher.info("clients")["connected_clients"] <= 20
    until(settled, "closed connections are forgotten")
