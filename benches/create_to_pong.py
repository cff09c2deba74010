"""Milliseconds from CreateInstance to the first PONG of the new instance, five times, as JSON.

By the official SDK against a `larder up` of its own: create with a password, wait for Normal, open
the allowlist, AUTH and PING.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))

import redis

from support.larder import Larder
from support.sdk import NewSdk
from support.waiting import attempt, until

PASSWORD = "Measure-2026"
TIMES = 5


def one(larder, sdk):
    """Creates, measures, deletes; the time in milliseconds."""
    started = time.monotonic()
    instance_id = sdk.create(password=PASSWORD)["InstanceId"]
    sdk.wait_normal(instance_id)
    sdk.call("ModifySecurityIps", instance_id=instance_id, security_ips="127.0.0.1")
    client = larder.redis(sdk.endpoint(instance_id, PASSWORD))
    until(lambda: attempt(client.ping, redis.RedisError), "PONG")
    elapsed_ms = (time.monotonic() - started) * 1000
    client.close()
    sdk.call("DeleteInstance", instance_id=instance_id)
    sdk.wait_gone(instance_id)
    return elapsed_ms


def main():
    with tempfile.TemporaryDirectory() as directory:
        larder = Larder(Path(directory) / "larder", quickstart=False)
        try:
            larder.start()
            sdk = NewSdk(larder.ready)
            print(json.dumps([round(one(larder, sdk), 1) for _ in range(TIMES)]))
            larder.stop()
        finally:
            larder.destroy()


if __name__ == "__main__":
    main()
