"""CPU time that the data-plane audit log adds to a managed node, per write, as a ratio.

Alternates rounds with the log off and on over the same instance, SET and GET, with and without
pipelining; the node's own CPU time (user and system, all threads) over its own count of commands.
Usage: .venv/bin/python benches/data_audit.py [rounds]"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))

from support.larder import Larder  # noqa: E402
from support.processes import BINARY  # noqa: E402
from support.sdk import NewSdk  # noqa: E402
from support.waiting import until  # noqa: E402

LOADS = {"SET P1": ("set=1", 1, 300_000), "SET P16": ("set=1", 16, 2_000_000),
         "GET P16": ("get=1", 16, 4_000_000)}


def measure(larder, load):
    """Microseconds of the node a command."""
    mix, pipeline, requests = LOADS[load]
    client = larder.redis()
    read = lambda: (client.info("cpu"), client.info("stats")["total_commands_processed"])
    begin = read()
    subprocess.run([str(BINARY), "bench", "--url", larder.ready["instance"]["url"], "--mix", mix,
                    "-P", str(pipeline), "--requests", str(requests), "-k", "100000"],
                   check=True, capture_output=True)
    end = read()
    spent = sum(end[0][name] - begin[0][name] for name in ("used_cpu_user", "used_cpu_sys"))
    return 1e6 * spent / (end[1] - begin[1])


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as directory:
        larder = Larder(Path(directory) / "larder").start()
        sdk, instance = NewSdk(larder.ready), larder.ready["instance"]["id"]
        found = {(load, is_on): [] for load in LOADS for is_on in (False, True)}
        try:
            for _ in range(rounds):
                for load, is_on in found:
                    sdk.call("ModifyAuditLogConfig", instance_id=instance, db_audit=is_on,
                             retention="1")
                    until(lambda: sdk.status(instance) == "Normal", "the log is switched")
                    found[load, is_on].append(measure(larder, load))
        finally:
            larder.stop()
        for load in LOADS:
            off, on = (statistics.median(found[load, is_on]) for is_on in (False, True))
            print(f"{load:8} off {off:6.3f} us  on {on:6.3f} us  ratio {on / off:.3f}")


if __name__ == "__main__":
    main()
