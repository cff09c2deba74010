"""The longest stall that a client sees while large collections are saved and written, as JSON.

    .venv/bin/python benches/snapshot_stalls.py [--loops 1] [--members 5000000] [--check] [--realtime]

Fills a sorted set, a hash, a set and a list of `--members` each, a string of 256 MB and a million
small keys; then writers change all of them while a prober asks once a millisecond on a connection of
its own: first without a save, then during BGSAVE. Give it idle cores: a scheduler that makes a loop
wait is measured, too, and the first phase shows how much. On a busy machine `--realtime` (as root)
keeps that away from prober and loops.
"""

import argparse
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))

from support.node import Node

BITMAP_BYTES = 256 << 20
SMALL_KEYS = 1_000_000
QUIET_S = 10
BATCH = 20


def encode(*words):
    """One request."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def connect(port):
    """A connection without Nagle."""
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link


def ask(link, requests, count):
    """Sends requests whose `count` replies have one line each."""
    link.sendall(requests)
    while count > 0:
        count -= link.recv(1 << 16).count(b"\r\n")


def fill(port, members):
    """All the data."""
    link = connect(port)
    for start in range(0, members, 500):
        numbers = range(start, min(start + 500, members))
        pairs = [word for n in numbers for word in (n % 1000, f"member:{n:08}")]
        fields = [word for n in numbers for word in (f"field:{n:08}", f"value:{n:08}")]
        requests = encode("ZADD", "zset", *pairs) + encode("HSET", "hash", *fields)
        requests += encode("SADD", "set", *pairs[1::2]) + encode("RPUSH", "list", *fields[1::2])
        ask(link, requests, 4)
    for start in range(0, BITMAP_BYTES, 1 << 20):
        ask(link, encode("SETRANGE", "bitmap", start, random.randbytes(1 << 20)), 1)
    for start in range(0, SMALL_KEYS, 500):
        pairs = [word for n in range(start, start + 500) for word in (f"key:{n}", f"value:{n}")]
        ask(link, encode("MSET", *pairs), 1)


def write(port, members, seed, stop, written):
    """Changes everything until told to stop."""
    rng = random.Random(seed)
    link = connect(port)
    number = lambda: rng.randrange(members)
    changes = [
        lambda: encode("ZADD", "zset", rng.random(), f"member:{number():08}"),
        lambda: encode("ZREM", "zset", f"member:{number():08}"),
        lambda: encode("HSET", "hash", f"field:{number():08}", "changed"),
        lambda: encode("HDEL", "hash", f"field:{number():08}"),
        lambda: encode("SADD", "set", f"new:{number()}"),
        lambda: encode("SREM", "set", f"member:{number():08}"),
        lambda: encode("RPUSH", "list", "changed"),
        lambda: encode("LSET", "list", rng.randrange(members // 2), "changed"),
        lambda: encode("SETRANGE", "bitmap", rng.randrange(BITMAP_BYTES - 8), "changed"),
        lambda: encode("SET", f"key:{rng.randrange(SMALL_KEYS)}", "changed"),
    ]
    while not stop.is_set():
        batch = b"".join(rng.choice(changes)() for _ in range(BATCH))
        ask(link, batch, BATCH)
        with written.get_lock():
            written.value += BATCH


class Runnable:
    """How long threads were ready to run and did not, as the scheduler counts it."""

    def __init__(self, pid):
        tasks = [task for task in Path(f"/proc/{pid}/task").iterdir()]
        named = [task for task in tasks if (task / "comm").read_text().startswith("loop")]
        named += [task for task in tasks if (task / "comm").read_text().startswith("snapshots")]
        self.files = [open(task / "schedstat", "rb", buffering=0) for task in named]
        self.files.append(open("/proc/thread-self/schedstat", "rb", buffering=0))

    def milliseconds(self):
        """Since the start of each thread."""
        return [int(os.pread(file.fileno(), 64, 0).split()[1]) / 1e6 for file in self.files]


def probe(port, pid, realtime, stop, out):
    """Asks once a millisecond; puts the waiting times in milliseconds, as they were and less the
    time for which the kernel let a loop, the snapshot thread or the prober itself wait."""
    if realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    link = connect(port)
    runnable = Runnable(pid)
    before = runnable.milliseconds()
    requests = [
        encode("ZSCORE", "zset", "member:00000001"),
        encode("HEXISTS", "hash", "field:00000001"),
        encode("SISMEMBER", "set", "member:00000001"),
        encode("LLEN", "list"),
        encode("STRLEN", "bitmap"),
        encode("PING"),
    ]
    times, turn = [], 0
    due = time.perf_counter()
    while not stop.is_set():
        due += 0.001
        time.sleep(max(0.0, due - time.perf_counter()))
        turn += 1
        start = time.perf_counter()
        link.sendall(requests[turn % len(requests)])
        link.recv(4096)
        end = time.perf_counter()
        after = runnable.milliseconds()
        waited = max(now - then for now, then in zip(after, before))
        before = after
        took = (end - start) * 1000
        times.append((took, max(0.0, took - waited)))
        due = max(due, end)
    out.put(times)


def phase(node, options, until):
    """Runs prober and writers until `until` says so; what the prober saw."""
    stop, out, written = multiprocessing.Event(), multiprocessing.Queue(), multiprocessing.Value("q")
    tasks = [multiprocessing.Process(target=probe, args=(node.port, node.process.pid, options.realtime, stop, out))]
    tasks += [
        multiprocessing.Process(target=write, args=(node.port, options.members, seed, stop, written))
        for seed in range(2)
    ]
    for task in tasks:
        task.start()
    started = time.monotonic()
    until()
    seconds = time.monotonic() - started
    stop.set()
    both = out.get()
    for task in tasks:
        task.join()
    times, less = sorted(time for time, _ in both), sorted(time for _, time in both)
    at = lambda share: round(times[min(len(times) - 1, int(len(times) * share))], 2)
    return {
        "seconds": round(seconds, 1),
        "writes_per_second": round(written.value / seconds),
        "probes": len(times),
        "median_ms": at(0.5),
        "p999_ms": at(0.999),
        "longest_ms": round(times[-1], 2),
        "above_5_ms": sum(time > 5 for time in times),
        "longest_less_scheduler_ms": round(less[-1], 2),
        "above_5_ms_less_scheduler": sum(time > 5 for time in less),
    }


def hurry(pid):
    """Lets the scheduler prefer the threads of the loops."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().startswith("loop"):
            os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(1))


def save(client, peak):
    """BGSAVE and its end; notes the largest memory meanwhile."""
    time.sleep(1)
    assert client.bgsave()
    while client.info("persistence")["rdb_bgsave_in_progress"]:
        memory = client.info("memory")
        peak["used"] = max(peak["used"], memory["used_memory"])
        peak["resident"] = max(peak["resident"], memory["used_memory_rss"])
        time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--loops", type=int, default=1)
    parser.add_argument("--members", type=int, default=5_000_000)
    parser.add_argument("--realtime", action="store_true", help="schedule loops before all else")
    parser.add_argument("--check", action="store_true", help="load the file in redis-check-rdb")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        node = Node(Path(directory), "--io-threads", str(options.loops), "--save", "")
        try:
            node.start()
            client = node.redis()
            started = time.monotonic()
            fill(node.port, options.members)
            filled = time.monotonic() - started
            before = client.info("memory")
            if options.realtime:
                hurry(node.process.pid)
            peak = {"used": 0, "resident": 0}
            result = {
                "loops": options.loops,
                "members": options.members,
                "cores": os.cpu_count(),
                "fill_seconds": round(filled, 1),
                "used_mb": before["used_memory"] >> 20,
                "without_save": phase(node, options, lambda: time.sleep(QUIET_S)),
                "during_save": phase(node, options, lambda: save(client, peak)),
            }
            info = client.info("persistence")
            assert info["rdb_last_bgsave_status"] == "ok"
            result["extra_used_mb"] = (peak["used"] - before["used_memory"]) >> 20
            result["extra_resident_mb"] = (peak["resident"] - before["used_memory_rss"]) >> 20
            result["set_aside_mb"] = info["rdb_last_cow_size"] >> 20
            result["file_mb"] = (Path(directory) / "dump.rdb").stat().st_size >> 20
            if options.check:
                check = ["redis-check-rdb", str(Path(directory) / "dump.rdb")]
                result["check"] = subprocess.run(check, capture_output=True).returncode
            print(json.dumps(result, indent=1))
            node.stop()
        finally:
            node.destroy()


if __name__ == "__main__":
    main()
