"""Hard case: SCAN through growth and shrinking, with one loop and with four."""

import threading

import pytest
import redis

STAY = 4_000
COME_AND_GO = 60_000


def churn(node, stop):
    """Adds and removes keys until told to stop, so that every table grows and shrinks meanwhile."""
    client = redis.Redis(port=node.port)
    while not stop.is_set():
        for verb in ("MSET", "DEL"):
            for start in range(0, COME_AND_GO, 500):
                keys = [f"passing:{n}" for n in range(start, start + 500)]
                words = [word for key in keys for word in (key, "x")] if verb == "MSET" else keys
                client.execute_command(verb, *words)
    client.close()


@pytest.mark.parametrize("loops", ["1", "4"])
@pytest.mark.parametrize("count", [1, 10, 5_000])
def test_scan_returns_every_key_that_stayed(make_node, loops, count):
    node = make_node("--io-threads", loops)
    client = redis.Redis(port=node.port)
    client.mset({f"stay:{n}": n for n in range(STAY)})
    stop = threading.Event()
    writer = threading.Thread(target=churn, args=(node, stop))
    writer.start()
    try:
        rounds = 3 if count > 1 else 1
        for _ in range(rounds):
            seen, cursor = set(), 0
            while True:
                cursor, keys = client.scan(cursor, count=count)
                assert cursor < 2**53
                seen.update(key for key in keys if key.startswith(b"stay:"))
                if cursor == 0:
                    break
            assert len(seen) == STAY
    finally:
        stop.set()
        writer.join()
