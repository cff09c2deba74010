"""redis-benchmark's default tests against a drop-in node, with one loop and with four."""

import re
import subprocess

import pytest

# PING_INLINE … MSET: what redis-benchmark 7.0 runs when no test is named.
DEFAULT_TESTS = [
    "PING_INLINE",
    "PING_MBULK",
    "SET",
    "GET",
    "INCR",
    "LPUSH",
    "RPUSH",
    "LPOP",
    "RPOP",
    "SADD",
    "HSET",
    "SPOP",
    "ZADD",
    "ZPOPMIN",
    "LPUSH (needed to benchmark LRANGE)",
    "LRANGE_100 (first 100 elements)",
    "LRANGE_300 (first 300 elements)",
    "LRANGE_500 (first 500 elements)",
    "LRANGE_600 (first 600 elements)",
    "MSET (10 keys)",
]


@pytest.mark.parametrize("loops", [1, 4])
def test_default_tests(make_node, loops):
    node = make_node("--save", "", "--io-threads", str(loops))
    command = ["redis-benchmark", "-q", "-p", str(node.port), "-n", "20000", "-P", "16"]
    command += ["--threads", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    # "WARNING: Could not fetch server CONFIG" would mean that a drop-in answers otherwise.
    assert "rror" not in done.stdout + done.stderr, done.stdout[-2000:] + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    lines = done.stdout.replace("\r", "\n")
    finished = re.findall(r"^(.+?): ([0-9.]+) requests per second", lines, re.MULTILINE)
    assert [name for name, _ in finished] == DEFAULT_TESTS
    assert all(float(rate) > 0 for _, rate in finished)
    assert node.redis().ping()
