"""Replicas: ours of ours, Redis' of ours, ours of Redis'."""

import os

import pytest
import redis

from support import writes
from support.reference import Reference
from support.waiting import attempt, until

# LARDER_WRITES=1000000 is the full form, minutes a case.
WRITES = int(os.environ.get("LARDER_WRITES", "100000"))


@pytest.fixture
def make_reference(tmp_path):
    """Starts redis-servers; ends them."""
    servers = []

    def make():
        servers.append(Reference(tmp_path / f"reference-{len(servers)}"))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def _client(server, **options):
    return redis.Redis(port=server.port, decode_responses=True, socket_timeout=120, **options)


def _follow(replica, primary):
    client = _client(replica)
    client.execute_command("REPLICAOF", "127.0.0.1", primary.port)
    up = lambda: client.info("replication").get("master_link_status") == "up"
    until(up, "the link to the primary")
    return client


def _offset(client):
    info = client.info("replication")
    return info["slave_repl_offset"] if info["role"] == "slave" else info["master_repl_offset"]


def _settle(primary, replicas):
    """Waits until nothing expires any more and the replicas have applied everything."""
    mortal = lambda: any(db["expires"] for db in primary.info("keyspace").values())
    until(lambda: not mortal(), "the death of all mortal keys", 60)
    same = lambda: len({_offset(client) for client in [primary, *replicas]}) == 1
    until(same, "equal offsets", 120)


def _digests(clients):
    return {client.execute_command("DEBUG", "DIGEST") for client in clients}


@pytest.mark.parametrize("loops", ["1", "4"])
@pytest.mark.parametrize("primary_is_ours", [True, False])
def test_replicas_of_both_kinds_end_with_the_digest_of_their_primary(
    make_node, make_reference, loops, primary_is_ours
):
    ours = ["--io-threads", loops, "--enable-debug-command", "yes", "--save", ""]
    primary = make_node(*ours) if primary_is_ours else make_reference()
    replicas = [_follow(make_node(*ours), primary), _follow(make_reference(), primary)]
    client = _client(primary)
    writes.write_from_many(primary.port, 4, WRITES // 2)
    # One that comes late copies the data set while the others go on writing.
    late = make_node(*ours)
    _client(late).execute_command("REPLICAOF", "127.0.0.1", primary.port)
    writes.write_from_many(primary.port, 4, WRITES // 2, seed=2)
    replicas.append(_follow(late, primary))
    _settle(client, replicas)
    assert client.dbsize() > 100
    assert len(_digests([client, *replicas])) == 1


@pytest.mark.parametrize("primary_is_ours", [True, False])
def test_a_broken_link_goes_on_where_it_was(make_node, make_reference, primary_is_ours):
    primary = make_node() if primary_is_ours else make_reference()
    kinds = [make_node(), make_reference()]
    replicas = [_follow(replica, primary) for replica in kinds]
    client = _client(primary)
    client.set("a", 1)
    full = client.info("stats")["sync_full"]
    for connection in client.client_list(_type="replica"):
        client.client_kill_filter(_id=connection["id"])
    client.set("b", 2)
    for replica in replicas:
        until(lambda replica=replica: replica.get("b") == "2", "the write behind the break")
    _settle(client, replicas)
    stats = client.info("stats")
    assert stats["sync_full"] == full and stats["sync_partial_ok"] >= 2, stats


def test_both_go_on_after_a_restart(make_node):
    primary = make_node()
    replica = make_node("--replicaof", f"127.0.0.1 {primary.port}")
    up = lambda: _client(replica).info("replication")["master_link_status"] == "up"
    until(up, "the link")
    third = _client(primary, db=3)
    third.set("a", 1)
    _settle(third, [_client(replica)])
    replica.stop()
    third.incr("a")
    replica.start()
    until(lambda: _client(replica, db=3).get("a") == "2", "the write while it was away")
    assert third.info("stats")["sync_partial_ok"] == 1
    primary.stop()
    primary.start()
    until(up, "the link")
    assert _client(primary).info("stats")["sync_partial_ok"] == 1
    _client(primary, db=3).incr("a")
    until(lambda: _client(replica, db=3).get("a") == "3", "the write behind both restarts")


def test_replicas_of_replicas_and_promotion(make_node, make_reference):
    """Ours, Redis' and ours in a row; the one in the middle becomes the primary of all."""
    first, middle, last = make_node(), make_reference(), make_node()
    clients = [_client(first), _follow(middle, first), _follow(last, middle)]
    clients[0].rpush("l", 1, 2, 3)
    until(lambda: clients[2].llen("l") == 3, "the write at the end of the row")
    assert len({client.info("replication")["master_replid"] for client in clients}) == 1
    clients[1].execute_command("REPLICAOF", "NO", "ONE")
    until(lambda: attempt(lambda: clients[1].rpush("l", 4), redis.ReadOnlyError), "a write")
    _follow(first, middle)
    until(lambda: clients[0].llen("l") == 4 == clients[2].llen("l"), "the new primary's write")
    assert clients[1].info("stats")["sync_partial_ok"] >= 2
    refused = attempt(lambda: clients[0].rpush("l", 5), redis.ReadOnlyError)
    assert refused is None


def test_a_replica_that_asks_for_a_password(make_node):
    primary = make_node("--requirepass", "pw", password="pw")
    replica = make_node("--replicaof", f"127.0.0.1 {primary.port}")
    client = _client(replica)
    status = lambda: client.info("replication")["master_link_status"]
    assert status() == "down"
    client.config_set("masterauth", "pw")
    until(lambda: status() == "up", "the link with a password")
    _client(primary, password="pw").set("k", "v")
    until(lambda: client.get("k") == "v", "the write")
    with pytest.raises(redis.ReadOnlyError):
        client.set("k", "w")
    assert client.role()[0] == "slave"
    assert _client(primary, password="pw").role()[2][0][1] == str(replica.port)
    replica.stop(expected=["follow the primary: the primary refuses PSYNC: -NOAUTH"])
