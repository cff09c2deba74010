"""What streams have had since Redis 7.0, for real clients, over restarts, rewrites and replicas."""

import pytest
import redis

from support.reference import Reference
from support.waiting import until

# Some of it has no method in the client.
SHOWN = [
    ["XRANGE", "s", "-", "+"],
    ["XPENDING", "s", "g", "-", "+", 99],
    ["XPENDING", "s", "h", "-", "+", 99],
]


def plain(node):
    """A client that shows replies as they are sent."""
    client = redis.Redis(port=node.port, protocol=2, decode_responses=True)
    client.response_callbacks.clear()
    return client


def shown(client):
    """All there is to see, without for how long entries are out."""
    replies = [client.execute_command(*command) for command in SHOWN]
    for pending in replies[1:]:
        for entry in pending:
            entry[2] = min(entry[2], 0)
    return replies


def fill(client):
    """A stream with groups that refer to entries in every way."""
    run = client.execute_command
    for i in range(1, 41):
        run("XADD", "s", f"{i}-1", "f", i)
    run("XGROUP", "CREATE", "s", "g", 0)
    run("XGROUP", "CREATE", "s", "h", 0)
    run("XREADGROUP", "GROUP", "g", "ann", "COUNT", 20, "STREAMS", "s", ">")
    run("XREADGROUP", "GROUP", "h", "bob", "COUNT", 30, "STREAMS", "s", ">")
    run("XACK", "s", "g", *[f"{i}-1" for i in range(1, 20, 2)])
    run("XACK", "s", "h", *[f"{i}-1" for i in range(1, 20, 3)])
    assert run("XDELEX", "s", "ACKED", "IDS", 3, "1-1", "2-1", "99") == [1, 2, -1]
    assert run("XDELEX", "s", "DELREF", "IDS", 2, "2-1", "3-1") == [1, 1]
    assert run("XACKDEL", "s", "h", "KEEPREF", "IDS", 2, "5-1", "7-1") == [1, -1]
    assert run("XTRIM", "s", "MAXLEN", 5, "ACKED") == 3
    assert run("XTRIM", "s", "MINID", "=", 5, "DELREF") == 1
    assert run("XADD", "s", "MAXLEN", 30, "DELREF", "41-1", "f", 41) == "41-1"
    assert run("XNACK", "s", "g", "FAIL", "IDS", 3, "18-1", "14-1", "16-1") == 3
    assert run("XNACK", "s", "h", "FATAL", "IDS", 1, "38-1", "FORCE") == 1
    claimed = run("XREADGROUP", "GROUP", "g", "cay", "COUNT", 1, "CLAIM", 9999, "STREAMS", "s", ">")
    assert claimed[0][1][0][0] == "18-1"
    sent = run("XADD", "p", "IDMP", "producer", "one", "*", "a", 1)
    assert run("XADD", "p", "IDMP", "producer", "one", "*", "a", 2) == sent
    auto = run("XADD", "p", "MAXLEN", "~", 9, "IDMPAUTO", "producer", "*", "a", 1, "b", 2)
    run("XADD", "q", "*", "a", 1)
    run("XCFGSET", "q", "IDMP-DURATION", 7)
    return sent, auto


def check_sent(client, sent, auto):
    """What producers sent is known."""
    run = client.execute_command
    assert run("XLEN", "p") == 2
    assert run("XADD", "p", "IDMP", "producer", "one", "*", "a", 3) == sent
    assert run("XADD", "p", "IDMPAUTO", "producer", "*", "b", 2, "a", 1) == auto
    info = run("XINFO", "STREAM", "q")
    assert info[info.index("idmp-duration") + 1] == 7


def claim_all(client):
    """Ids in the order in which they can be claimed."""
    command = ["XREADGROUP", "GROUP", "g", "dan", "CLAIM", 99999, "COUNT", 2, "STREAMS", "s", ">"]
    return [entry[0] for entry in client.execute_command(*command)[0][1]]


@pytest.mark.parametrize("how", ["rdb", "log", "rewritten", "commands"])
def test_policies_outlive_a_restart(make_node, how):
    options = ("--save", "") if how == "rdb" else ("--save", "", "--appendonly", "yes")
    rdb = "no" if how == "commands" else "yes"
    node = make_node(*options, "--aof-use-rdb-preamble", rdb)
    client = plain(node)
    known = fill(client)
    before = shown(client)
    if how == "rdb":
        client.execute_command("SAVE")
        node.destroy()
    else:
        if how != "log":
            client.execute_command("BGREWRITEAOF")
            until(lambda: "aof_rewrite_in_progress:0" in client.execute_command("INFO"), "the end")
        node.stop()
    node.start()
    client = plain(node)
    assert shown(client) == before
    check_sent(client, *known)
    assert claim_all(client) == ["14-1", "16-1"]


def test_policies_reach_replicas_by_effects_and_by_copies(make_node):
    primary, early = (make_node("--save", "") for _ in range(2))
    early.redis().replicaof("127.0.0.1", primary.port)
    until(lambda: early.redis().info("replication")["master_link_status"] == "up", "the link")
    client = plain(primary)
    known = fill(client)
    late = make_node("--save", "")
    late.redis().replicaof("127.0.0.1", primary.port)
    for node in (early, late):
        replica = plain(node)
        until(lambda: shown(replica) == shown(client), "the same streams", timeout_s=10)
        replica.execute_command("REPLICAOF", "NO", "ONE")
        check_sent(replica, *known)
        assert claim_all(replica) == ["14-1", "16-1"]


def test_a_replica_of_redis_7_has_the_same_entries(make_node, tmp_path):
    primary = make_node("--save", "")
    reference = Reference(tmp_path / "reference")
    try:
        client = plain(primary)
        replica = plain(reference)
        replica.execute_command("REPLICAOF", "127.0.0.1", primary.port)
        link = "master_link_status:up"
        until(lambda: link in replica.execute_command("INFO", "replication"), "the link")
        fill(client)
        client.execute_command("XADD", "s", "50-1", "the", "end")
        until(lambda: replica.execute_command("XLEN", "s") == client.execute_command("XLEN", "s"),
              "the last entry", timeout_s=10)
        ours, theirs = shown(client), shown(replica)
        assert ours == [theirs[0]] + [
            [[*entry[:2], -1 if entry[1] == "" else 0, entry[3]] for entry in pending]
            for pending in theirs[1:]
        ]
        assert client.execute_command("XLEN", "p") == replica.execute_command("XLEN", "p")
        assert link in replica.execute_command("INFO", "replication")
    finally:
        reference.stop()
