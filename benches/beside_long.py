"""The longest wait of a 1 kHz prober beside KEYS * on 5 M keys and beside FLUSHALL of 10 M, as JSON.

With one loop and with four, each several times; `quiet` is the same prober beside nothing. Run it
with the environment of the tests, after `cargo build --release`:
.venv/bin/python benches/beside_long.py
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))

from support.node import Node
from support.processes import BINARY

KEYS = 5_000_000
FLUSHED = 10_000_000
TIMES = 5

# A process of its own, which does nothing else: asks once a millisecond until its input ends, then
# prints the longest, the second longest and the 999th of 1000 waits, in milliseconds.
PROBER = """
import select, socket, sys, time
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
waits = []
next_s = time.perf_counter()
while not select.select([sys.stdin], [], [], 0)[0]:
    next_s = max(next_s + 0.001, time.perf_counter())
    time.sleep(max(0, next_s - time.perf_counter()))
    started = time.perf_counter()
    peer.sendall(b"GET probe\\r\\n")
    peer.recv(100)
    waits.append((time.perf_counter() - started) * 1000)
waits.sort()
print(waits[-1], waits[-2], waits[len(waits) * 999 // 1000])
"""


def beside(node, work):
    """Runs `work` beside a prober; its duration and the prober's waits, in milliseconds."""
    command = [sys.executable, "-c", PROBER, str(node.port)]
    prober = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    started = time.perf_counter()
    work()
    took_ms = (time.perf_counter() - started) * 1000
    time.sleep(0.2)
    out, _ = prober.communicate("\n")
    longest, second, p999 = (round(float(word), 2) for word in out.split())
    return {"took": round(took_ms), "longest": longest, "second": second, "p99.9": p999}


def ask(node, request):
    """Sends a request and takes all of its reply, without reading it."""
    peer = socket.create_connection(("127.0.0.1", node.port))
    peer.sendall(request + b"\r\nECHO the-end-of-it\r\n")
    room, tail = bytearray(1 << 20), b""
    while not tail.endswith(b"the-end-of-it\r\n"):
        n = peer.recv_into(room)
        tail = (tail + bytes(room[max(0, n - 20) : n]))[-20:]
    peer.close()


def populate(node, keys):
    """Makes keys of 3 to 11 bytes with values of 7 to 15, all by one thread that then ends."""
    node.redis(socket_timeout=600).execute_command("DEBUG", "POPULATE", keys)


def fill(node, keys):
    """Has clients set keys, so that the loops allocate them."""
    words = ["--url", f"redis://127.0.0.1:{node.port}", "--keys", str(keys), "--mix", "set=1"]
    words += ["--preload", "--requests", "10", "--pipeline", "16", "--value-bytes", "8"]
    subprocess.run([BINARY, "bench", *words], check=True, stdout=subprocess.DEVNULL)


def measure(directory, loops):
    """All figures with so many loops."""
    node = Node(directory, "--io-threads", str(loops), "--enable-debug-command", "yes", "--save", "")
    node.start()
    try:
        client = node.redis(socket_timeout=600)
        client.set("probe", "x")
        figures = {"quiet": [beside(node, lambda: time.sleep(1)) for _ in range(TIMES)]}
        populate(node, KEYS)
        figures["keys"] = [beside(node, lambda: ask(node, b"KEYS *")) for _ in range(TIMES)]
        for name, make in [("flushall", fill), ("flushall of populated", populate)]:
            figures[name] = []
            for _ in range(2):
                make(node, FLUSHED)
                client.set("probe", "x")
                figures[name].append(beside(node, lambda: flush(node)))
        return figures
    finally:
        node.stop()


def flush(node):
    """FLUSHALL, and the time in which the tables are dropped behind it."""
    ask(node, b"FLUSHALL")
    time.sleep(3)


def main():
    with tempfile.TemporaryDirectory() as directory:
        figures = {loops: measure(Path(directory) / str(loops), loops) for loops in (1, 4)}
        print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
