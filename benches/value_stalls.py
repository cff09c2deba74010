"""The longest wait of a 1 kHz prober while values of 10 M elements are deleted, expire, are copied,
renamed over or stored anew, as JSON by type.

One loop unless told otherwise. On a busy machine the scheduler's own waits are in the figures,
as `quiet` shows.
.venv/bin/python benches/value_stalls.py [--elements 10000000] [--types list,hash,…] [--loops 1]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from beside_long import ask, beside  # and the path to the tests' support
from support.node import Node

BATCH = 1000
TYPES = ["list", "set", "hash", "zset", "stream", "string"]


def encode(*words):
    """One request."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def request(kind, start, end):
    """What adds the elements from `start` to `end`."""
    numbers = range(start, end)
    if kind == "list":
        return encode("RPUSH", "big", *(f"element:{n}" for n in numbers))
    if kind == "set":
        return encode("SADD", "big", *(f"member:{n}" for n in numbers))
    if kind == "hash":
        return encode("HSET", "big", *(word for n in numbers for word in (f"f:{n}", f"v:{n}")))
    if kind == "zset":
        return encode("ZADD", "big", *(word for n in numbers for word in (n * 7 % 1000003, f"m:{n}")))
    if kind == "stream":
        return b"".join(encode("XADD", "big", f"{n + 1}-1", "f", "v") for n in numbers)
    return encode("SETRANGE", "big", start * 16, b"x" * 16 * (end - start))


def fill(node, kind, elements):
    """Makes the value under the key `big`."""
    peer = node.redis(socket_timeout=600).connection_pool.get_connection()
    for start in range(0, elements, BATCH):
        end = min(start + BATCH, elements)
        peer._sock.sendall(request(kind, start, end))
        for _ in range(end - start if kind == "stream" else 1):
            peer.read_response()
    peer.disconnect()


def wait_for_death(node, client):
    """Has the value expire, and waits until the server has noticed and a moment longer."""
    client.pexpire("big", 1)
    while client.dbsize() > 1:
        time.sleep(0.01)
    time.sleep(1)


def settle(node, words):
    """Runs a command, and the time in which what it threw away is dropped."""
    ask(node, words)
    time.sleep(1)


def measure(node, kind, elements):
    """What the prober sees beside each way for a value to come or go."""
    client = node.redis(socket_timeout=600)
    client.set("probe", "x")
    fill(node, kind, elements)
    figures = {"quiet": beside(node, lambda: time.sleep(1))}
    figures["copy"] = beside(node, lambda: settle(node, b"COPY big other"))
    figures["copy over"] = beside(node, lambda: settle(node, b"COPY big other REPLACE"))
    figures["set over"] = beside(node, lambda: settle(node, b"SET other small"))
    client.copy("big", "other")
    figures["rename over"] = beside(node, lambda: settle(node, b"RENAME other big"))
    client.copy("big", "other")
    figures["del"] = beside(node, lambda: settle(node, b"DEL other"))
    client.copy("big", "other")
    client.delete("big")
    client.rename("other", "big")
    figures["expire"] = beside(node, lambda: wait_for_death(node, client))
    fill(node, kind, elements)
    figures["del, never copied"] = beside(node, lambda: settle(node, b"DEL big"))
    client.flushall()
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--elements", type=int, default=10_000_000)
    parser.add_argument("--types", default=",".join(TYPES))
    parser.add_argument("--loops", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        node = Node(Path(directory), "--io-threads", str(options.loops), "--save", "")
        node.start()
        try:
            kinds = options.types.split(",")
            print(json.dumps({kind: measure(node, kind, options.elements) for kind in kinds}, indent=1))
        finally:
            node.stop()


if __name__ == "__main__":
    main()
