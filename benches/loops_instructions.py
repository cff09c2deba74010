"""What more loops cost: instructions per operation with 1 and with 2 loops, counted by callgrind.

Run from the repository's root after `cargo build --release`; needs valgrind. The count of a short run
is taken from that of a long one, so that starting and stopping drop out. Prints one line per pipeline
with the ratio.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BINARY = os.path.abspath("target/release/larder")
SHORT, LONG = 40_000, 160_000


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, process):
    while process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as client:
                client.sendall(b"PING\r\n")
                if client.recv(7) == b"+PONG\r\n":
                    return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the node ended before it answered")


def instructions(loops, pipeline, operations):
    """Instructions of a whole run of the server."""
    directory = tempfile.mkdtemp()
    out, port = os.path.join(directory, "callgrind"), free_port()
    command = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}", BINARY, "node"]
    command += ["--port", str(port), "--save", "", "--io-threads", str(loops)]
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        bench = [BINARY, "bench", "--url", f"redis://127.0.0.1:{port}", "--mix", "get=10,set=1"]
        bench += ["--pipeline", str(pipeline), "--requests", str(operations), "--seed", "1"]
        subprocess.run(bench, check=True, stdout=subprocess.DEVNULL)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        with open(out) as file:
            return int(re.search(r"^(?:summary|totals): (\d+)", file.read(), re.M).group(1))
    finally:
        if process.poll() is None:
            process.kill()
        shutil.rmtree(directory, ignore_errors=True)


def per_operation(loops, pipeline):
    more = instructions(loops, pipeline, LONG) - instructions(loops, pipeline, SHORT)
    return more / (LONG - SHORT)


def main():
    for pipeline in (16, 1):
        one, two = per_operation(1, pipeline), per_operation(2, pipeline)
        print(f"P{pipeline}: 1 loop {one:.0f}, 2 loops {two:.0f} instructions per operation: "
              f"{two / one:.3f}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
