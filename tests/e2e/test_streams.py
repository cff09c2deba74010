"""Streams between this node and redis-server: payloads both ways, and the same answers after."""

import random

import pytest
import redis

from support.reference import Reference

SHOWN = [
    ["XINFO", "STREAM", "s", "FULL", "COUNT", 0],
    ["XINFO", "STREAM", "s"],
    ["XINFO", "GROUPS", "s"],
    ["XRANGE", "s", "-", "+"],
    ["XREVRANGE", "s", "(150-3", "20"],
    ["XPENDING", "s", "g"],
    ["XPENDING", "s", "h"],
]


def _command(rng):
    """A command at random that moves no clock: times are given, and answers follow from the data."""
    number = rng.randrange
    identity = f"{number(260)}-{number(5)}"
    group, consumer = rng.choice("gh"), rng.choice(["ann", "bob", "7"])
    fields = [f"f{i}" for i in range(rng.choice([1, 1, 1, 3]))]
    pairs = [word for field in fields for word in (field, str(number(10**6)))]
    return rng.choice(
        [
            ["XADD", "s", f"{number(260)}-*", *pairs],
            ["XADD", "s", identity, *pairs],
            ["XADD", "s", "MAXLEN", "~", number(60), f"{number(260)}-*", *pairs],
            ["XTRIM", "s", rng.choice(["MAXLEN", "MINID"]), rng.choice("~="), number(200)],
            ["XTRIM", "s", "MAXLEN", "~", number(30), "LIMIT", number(30)],
            ["XDEL", "s", identity, f"{number(260)}-0"],
            ["XCLAIM", "s", group, consumer, 0, identity, "FORCE", "TIME", 5 + number(90)],
            ["XCLAIM", "s", group, consumer, 0, identity, "TIME", 7, "JUSTID", "LASTID", identity],
            ["XACK", "s", group, identity, f"{number(260)}-0"],
            ["XGROUP", "SETID", "s", group, identity, "ENTRIESREAD", number(50)],
            ["XGROUP", "DELCONSUMER", "s", group, consumer],
            ["XREADGROUP", "GROUP", group, consumer, "COUNT", 2, "NOACK", "STREAMS", "s", ">"],
            ["XREADGROUP", "GROUP", group, consumer, "STREAMS", "s", identity],
            ["XREAD", "COUNT", 3, "STREAMS", "s", identity],
            ["XRANGE", "s", identity, "+", "COUNT", 4],
            ["XSETID", "s", identity, "ENTRIESADDED", number(900), "MAXDELETEDID", identity],
        ]
    )


def _run(client, command):
    try:
        return client.execute_command(*command)
    except redis.ResponseError as error:
        return str(error)


def _without_times(reply):
    """A reply without when consumers and entries were seen, which are different moments."""
    if isinstance(reply, list):
        return [_without_times(part) for part in reply]
    return "<ms>" if isinstance(reply, int) and reply > 1_000_000_000_000 else reply


def _shown(client, digest):
    return [_without_times(_run(client, command)) for command in SHOWN] + [_run(client, digest)]


@pytest.fixture
def pair(make_node, tmp_path):
    """Our node and redis-server, with small nodes."""
    reference = Reference(tmp_path / "reference")
    clients = []
    for port in (make_node("--enable-debug-command", "yes").port, reference.port):
        client = redis.Redis(port=port, protocol=2)
        client.response_callbacks.clear()
        client.execute_command("CONFIG", "SET", "stream-node-max-entries", 10)
        clients.append(client)
    yield clients
    reference.stop()


@pytest.mark.parametrize("seed", range(3))
def test_the_same_commands_leave_the_same_stream(pair, seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    ours, theirs = pair
    for client in pair:
        for group in ("g", "h"):
            client.execute_command("XGROUP", "CREATE", "s", group, "0", "MKSTREAM")
    for number in range(1_500):
        command = _command(rng)
        got, want = (_without_times(_run(client, command)) for client in pair)
        assert got == want, (number, command)
        if number % 100 == 99:
            digest = ["DEBUG", "DIGEST-VALUE", "s"]
            assert _shown(ours, digest) == _shown(theirs, digest), number
            for client, other in ((ours, theirs), (theirs, ours)):
                payload = other.execute_command("DUMP", "s")
                client.execute_command("RESTORE", "s", 0, payload, "REPLACE")
            assert _shown(ours, digest) == _shown(theirs, digest), number
