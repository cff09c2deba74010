"""Seconds from SIGKILL of a node until it answers again with all its keys, three times, as JSON.

One million strings of 64 bytes, saved by a restart of the instance. Run it with the environment of
the tests, after `cargo build --release`: .venv/bin/python benches/kill_to_served.py
"""

import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))

import redis

from support.larder import Larder
from support.waiting import attempt, until

KEYS = 1_000_000
TIMES = 3


def fill(client):
    """Sets every key, in pipelines of five thousand."""
    for start in range(0, KEYS, 5000):
        pipe = client.pipeline(transaction=False)
        for number in range(start, start + 5000):
            pipe.set(f"key:{number:010d}", "x" * 64)
        pipe.execute()


def one(larder):
    """Kills the node and waits for all keys; the time in seconds."""
    pid = int(larder.redis().info("server")["process_id"])
    started = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    until(lambda: attempt(lambda: larder.redis().dbsize(), redis.RedisError), KEYS)
    return time.monotonic() - started


def main():
    with tempfile.TemporaryDirectory() as directory:
        larder = Larder(Path(directory) / "larder")
        try:
            larder.start()
            fill(larder.redis())
            larder.cli("instance", "restart", larder.ready["instance"]["id"], "--wait")
            files = list(Path(directory).glob("**/dump.rdb"))
            seconds = [round(one(larder), 2) for _ in range(TIMES)]
            print(json.dumps({"file_bytes": files[0].stat().st_size, "seconds": seconds}))
            larder.stop()
        finally:
            larder.destroy()


if __name__ == "__main__":
    main()
