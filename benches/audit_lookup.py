"""How fast LookupEvents and `larder audit verify` are over a million lines of ninety days.

Writes the chain by itself, from its description in crates/control/src/audit/chain.rs, so it is a
second implementation too. Usage: .venv/bin/python benches/audit_lookup.py [lines]"""

import hashlib
import hmac
import json
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))

from support.larder import Larder  # noqa: E402
from test_audit import Trail, verify  # noqa: E402

FILE_BYTES = 64 << 20


class Chain:
    """Makes lines."""

    def __init__(self, data):
        master = (data / "master.key").read_bytes()
        self.key = hmac.digest(master, b"larder audit chain key", hashlib.sha256)
        self.seq, self.prev = 0, self.mac(b"larder audit chain 1")

    def mac(self, text):
        return hmac.digest(self.key, text, hashlib.sha256)[:16].hex()

    def line(self, fields):
        self.seq += 1
        text = f'{{"seq":{self.seq},"prev":"{self.prev}",{json.dumps(fields)[1:-1]}'
        self.prev = self.mac(text.encode())
        return f'{text},"mac":"{self.prev}"}}\n'.encode()

    def anchor(self, first):
        text = f"larder-audit-anchor 1\nfirst 1 {first}\nlast {self.seq} {self.prev}\n"
        text += f"synced {self.seq}\nboot {Path('/proc/sys/kernel/random/boot_id').read_text()}"
        return f"{text}mac {self.mac(text.encode())}\n".ljust(399) + "\n"


def fill(data, account, key_id, count):
    """Replaces the log by `count` calls over the last 90 days; gives the bytes."""
    directory = data / "control"
    for path in [*directory.glob("audit.*"), *directory.glob("store.redb")]:
        if path.name != "store.redb":
            path.unlink()
    chain = Chain(data)
    genesis = chain.prev
    begin = datetime.now(timezone.utc) - timedelta(days=90)
    step = timedelta(days=90) / count
    first, pieces, size, total = 1, [], 0, 0

    def put(name):
        nonlocal pieces, size, total, first
        (directory / name).write_bytes(b"".join(pieces))
        total += size
        pieces, size, first = [], 0, chain.seq + 1

    for number in range(count):
        instance = f"r-{number % 200:016x}"
        fields = {
            "access_key_id": key_id, "account_id": account, "action": "DescribeInstanceAttribute",
            "answer": {}, "code": "", "event": "end", "message": "", "nonce": f"{number:032x}",
            "params": {"InstanceId": instance}, "principal": "root", "region": "",
            "request_id": f"{number:032X}", "resource": instance,
            "resource_type": "ACS::KVStore::DBInstance", "rw": "Read", "service": "kvstore",
            "source": "127.0.0.1", "status": 200, "time": (begin + number * step).isoformat(),
            "user_agent": "Python/3.11.2 Core/0.4.6 TeaDSL/2", "version": "2015-01-01", "via": "Api",
        }
        fields["time"] = fields["time"].replace("+00:00", "Z")
        if number == count // 2:
            fields |= {"action": "DeleteInstance", "rw": "Write"}
        line = chain.line(fields)
        pieces.append(line)
        size += len(line)
        if size >= FILE_BYTES:
            put(f"audit.{first:020}.log")
    put("audit.log")
    (directory / "audit.anchor").write_text(chain.anchor(genesis))
    return total


def timed(what, act):
    """Runs and prints how long it took."""
    begin = time.monotonic()
    result = act()
    print(f"{what:58} {time.monotonic() - begin:8.3f} s")
    return result


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as directory:
        larder = Larder(Path(directory) / "larder").start()
        key_id = larder.ready["access_key_id"]
        event = Trail(larder.ready).events(max_results="1").events[0]
        larder.stop()
        total = fill(larder.data, event["recipientAccountId"], key_id, count)
        print(f"{count} lines, {total >> 20} MiB")
        timed("start with no index", larder.start)
        trail = Trail(larder.ready)
        now = datetime.now(timezone.utc)
        text = "%Y-%m-%dT%H:%M:%SZ"
        whole = {"start_time": (now - timedelta(days=90)).strftime(text),
                 "end_time": now.strftime(text)}
        timed("first question, makes the indexes", lambda: trail.events(**whole))
        for _ in range(3):
            timed("newest 20 of 90 days", lambda: trail.events(**whole))
            timed("oldest 20 of 90 days", lambda: trail.events(direction="FORWARD", **whole))
            [found] = timed("the one DeleteInstance of 90 days", lambda: trail.events(
                ("EventName", "DeleteInstance"), **whole)).events
            assert found["eventRW"] == "Write"
            assert timed("nothing in 90 days", lambda: trail.events(
                ("User", "nobody"), **whole)).events == []
        status, words = timed("larder audit verify", lambda: verify(larder))
        assert status in (0, 1), words
        print(words.strip())
        larder.stop()
        timed("start with indexes", larder.start)
        larder.stop()


if __name__ == "__main__":
    main()
