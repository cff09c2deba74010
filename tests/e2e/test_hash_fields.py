"""Fields of hashes that die: for real clients, over restarts, rewrites and replicas."""

import pytest
import redis

from support.waiting import until

FAR_MS = 4_000_000_000_000


def times(client, key, *fields):
    """When the fields die, in Unix milliseconds."""
    return client.execute_command("HPEXPIRETIME", key, "FIELDS", len(fields), *fields)


def fill(client):
    """A small hash and a large one, some of whose fields die far in the future."""
    client.hset("small", mapping={"a": 1, "": 2, "c": 3})
    client.hpexpireat("small", FAR_MS, "a")
    client.hset("large", mapping={f"field:{i}": "v" * i for i in range(800)})
    client.hpexpireat("large", FAR_MS + 5, *[f"field:{i}" for i in range(0, 800, 2)])


def check(client):
    """Everything is as `fill` left it."""
    assert times(client, "small", "a", "", "x") == [FAR_MS, -1, -2]
    assert client.hgetall("small") == {"a": "1", "": "2", "c": "3"}
    assert times(client, "large", "field:798", "field:799") == [FAR_MS + 5, -1]
    assert client.hlen("large") == 800


def test_a_client_of_today(make_node):
    client = make_node("--save", "", "--notify-keyspace-events", "KEA").redis()
    heard = client.pubsub()
    heard.psubscribe("__keyspace@0__:*")
    assert client.hsetex("h", mapping={"a": 1, "": 2}, px=30) == 1
    assert client.hgetex("h", "a", ex=100) == ["1"]
    assert client.hgetdel("h", "x") == [None]
    until(lambda: client.hkeys("h") == ["a"], "the end of ")
    assert 99 <= client.httl("h", "a")[0] <= 100
    assert client.hpersist("h", "a") == [1]
    assert client.httl("h", "a") == [-1]
    assert client.hexpire("h", 0, "a") == [2]
    assert client.exists("h") == 0

    def names():
        while (message := heard.get_message()) is not None:
            if message["type"] == "pmessage":
                seen.append(message["data"])
        return "del" in seen

    seen = []
    until(names, "what happened")
    assert seen == ["hset", "hexpire", "hexpire", "hexpired", "hpersist", "hdel", "del"]


def test_they_die_without_being_asked_for(make_node):
    client = make_node("--save", "").redis()
    for i in range(500):
        client.hsetex(f"h{i}", mapping={"a": 1}, px=5)
    client.hsetex("large", mapping={f"f{i}": i for i in range(5_000)}, px=5)
    until(lambda: client.dbsize() == 0, "all of them are gone")
    assert client.info("stats")["expired_keys"] == 0, "no key has died: they were empty"


@pytest.mark.parametrize("how", ["rdb", "log", "rewritten"])
def test_times_outlive_a_restart(make_node, how):
    options = ("--save", "")
    if how != "rdb":
        options += ("--appendonly", "yes", "--appendfsync", "always")
    node = make_node(*options)
    client = node.redis()
    fill(client)
    if how == "rdb":
        client.save()
    if how == "rewritten":
        client.bgrewriteaof()
        until(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, "the rewrite")
    node.destroy()
    node.start()
    check(node.redis())


def test_copies_have_the_same_times(make_node):
    node = make_node("--save", "")
    client = node.redis()
    fill(client)
    plain = node.redis(decode_responses=False)
    payload = plain.dump("small")
    client.copy("large", "other")
    client.delete("small", "large")
    plain.restore("small", 0, payload)
    client.rename("other", "large")
    check(client)
    with pytest.raises(redis.ResponseError, match="Bad data format|checksum"):
        plain.restore("bad", 0, payload[:-12] + payload[-10:])


def test_replicas_follow(make_node):
    primary, replica = make_node("--save", ""), make_node("--save", "")
    client, copy = primary.redis(), replica.redis()
    fill(client)
    copy.replicaof("127.0.0.1", primary.port)
    until(lambda: copy.info("replication").get("master_link_status") == "up", "the link")
    check(copy)
    client.hsetex("late", mapping={"a": 1, "": 2}, px=50)
    client.hset("late", "", 3)
    client.hincrbyfloat("small", "a", 1.5)
    until(lambda: client.hlen("late") == 1, "the end of a field")
    client.wait(1, 5_000)
    assert copy.hgetall("late") == {"": "3"}
    assert copy.hget("small", "a") == "2.5"
    assert times(copy, "small", "a") == [FAR_MS]
