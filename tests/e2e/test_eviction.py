"""Making room above maxmemory, by every policy, with one loop and with four."""

import pytest
import redis

LIMIT_BYTES = 8 << 20
POLICIES = [
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
]


@pytest.mark.parametrize("loops", [1, 4])
@pytest.mark.parametrize("policy", POLICIES)
def test_keys_make_room(make_node, policy, loops):
    node = make_node(
        "--maxmemory", str(LIMIT_BYTES), "--maxmemory-policy", policy, "--io-threads", str(loops)
    )
    client = node.redis()
    for start in range(0, 30_000, 100):
        pipe = client.pipeline(transaction=False)
        for number in range(start, start + 100):
            pipe.set(f"key:{number}", "x" * 400, ex=1000 + number)
        pipe.execute()
    memory, stats = client.info("memory"), client.info("stats")
    assert stats["evicted_keys"] > 1000
    assert client.dbsize() + stats["evicted_keys"] == 30_000
    # The reply to INFO is being made while it is counted.
    assert memory["used_memory"] < LIMIT_BYTES + 64 * 1024


def test_volatile_policies_spare_keys_without_ttl(make_node):
    node = make_node("--maxmemory", str(LIMIT_BYTES), "--maxmemory-policy", "volatile-lru")
    client = node.redis()
    client.set("mortal", "x", ex=1000)
    with pytest.raises(redis.OutOfMemoryError):
        for number in range(60_000):
            client.set(f"key:{number}", "x" * 400)
    assert not client.exists("mortal")
    assert client.get("key:0")
    client.delete("key:0")


def test_recently_used_keys_stay(make_node):
    node = make_node("--maxmemory", str(LIMIT_BYTES), "--maxmemory-policy", "allkeys-lfu")
    client = node.redis()
    for number in range(200):
        client.set(f"hot:{number}", "x" * 400)
    for _ in range(100):
        client.mget([f"hot:{number}" for number in range(200)])
    for number in range(30_000):
        client.set(f"cold:{number}", "x" * 400)
    kept = client.exists(*[f"hot:{number}" for number in range(200)])
    assert kept >= 190, f"{kept} of 200 often used keys were kept"
