"""The tutorial's steps by redis-cli and redis-py, and what goes wrong when one errs."""

import socket

import pytest
import redis


@pytest.fixture
def instance(shared):
    """The quickstart instance, emptied."""
    instance = shared.ready["instance"]
    client = shared.redis()
    client.flushall()
    client.close()
    return instance


def test_redis_cli(redis_cli, instance):
    def check(line, expected):
        assert redis_cli(instance, *line.split()) == expected, line

    check("PING", "PONG")
    check("SET tutorial:hello world", "OK")
    check("GET tutorial:hello", "world")
    check("INCR tutorial:counter", "1")
    check("INCR tutorial:counter", "2")
    check("EXPIRE tutorial:counter 60", "1")
    assert 0 < int(redis_cli(instance, "TTL", "tutorial:counter")) <= 60
    check("DEL tutorial:hello", "1")
    check("GET tutorial:hello", "")
    script = "SET a 1\nINCR a\nGET a\n"
    assert redis_cli(instance, stdin=script).split() == ["OK", "2", "2"]


def test_redis_py(shared, instance):
    client = redis.Redis.from_url(instance["url"], decode_responses=True)
    assert client.set("tutorial:py", "ok", ex=120)
    assert client.get("tutorial:py") == "ok"
    assert 0 < client.ttl("tutorial:py") <= 120
    assert client.exists("tutorial:py") == 1
    client.close()


def test_authentication(redis_cli, instance):
    def check(line, expected):
        answer = redis_cli(instance, *line.split(), auth=False)
        assert answer.startswith(expected), (line, answer)

    password, name = instance["password"], instance["id"]
    check("PING", "NOAUTH Authentication required")
    check("GET x", "NOAUTH Authentication required")
    check("AUTH wrong", "WRONGPASS")
    check(f"AUTH {name} wrong", "WRONGPASS")
    check(f"AUTH nobody {password}", "WRONGPASS")
    check(f"AUTH {password}", "OK")
    check(f"AUTH default {password}", "OK")
    check(f"AUTH {name} {password}", "OK")
    check(f"AUTH {name}:{password}", "OK")
    check(f"AUTH {name}:wrong", "WRONGPASS")


def test_errors(redis_cli, instance):
    def check(line, expected):
        assert redis_cli(instance, *line.split()).startswith(expected), line

    check("NOSUCH a b", "ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b'")
    check("GET", "ERR wrong number of arguments for 'get' command")
    check("SET a b EX", "ERR syntax error")
    check("SET a b EX 0", "ERR invalid expire time in 'set' command")
    redis_cli(instance, "LPUSH", "list", "1")
    check("INCR list", "WRONGTYPE Operation against a key holding the wrong kind of value")
    redis_cli(instance, "SET", "word", "x")
    check("INCR word", "ERR value is not an integer or out of range")


@pytest.mark.parametrize(
    "line", ["DEBUG SLEEP 0", "SHUTDOWN", "MODULE LIST", "CONFIG SET dir /tmp"]
)
def test_a_tenant_may_not(redis_cli, shared, instance, line):
    answer = redis_cli(instance, *line.split())
    assert answer.startswith(("ERR", "NOPERM")), answer
    assert shared.redis().ping()


def test_address_outside_the_allowlist(shared, instance):
    listed = shared.cli("instance", "show", instance["id"], "-o", "json")
    assert '"127.0.0.1"' in listed.stdout, "the quickstart's allowlist is 127.0.0.1"
    where = (instance["host"], instance["port"])
    with socket.create_connection(where, 5, source_address=("127.0.0.2", 0)) as stranger:
        stranger.sendall(b"PING\r\n")
        answer = stranger.makefile("rb").readline()
        assert answer == b"-ERR illegal address\r\n"
