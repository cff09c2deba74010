"""Processes as /proc shows them."""

import os
import signal
from pathlib import Path

from support.waiting import until

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("LARDER_BINARY") or ROOT / "target/release/larder")


def command_line(pid):
    """The arguments of a process, empty when it is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def belonging_to(directory):
    """Pids of larder processes that work in or were told of `directory`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            program = Path(os.readlink(entry / "exe")).name
            inside = os.readlink(entry / "cwd").startswith(str(directory))
        except OSError:
            continue
        if not program.startswith("larder"):
            continue
        arguments = command_line(entry.name)
        if inside or any(str(directory) in argument for argument in arguments):
            found.append(int(entry.name))
    return sorted(found)


def role(pid):
    """`up`, `control`, `node`: the subcommand of a larder process."""
    arguments = command_line(pid)
    return arguments[1] if len(arguments) > 1 else ""


def start_time(pid):
    """Kernel start time in ticks; tells a process from a later one with the same pid."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return int(text.rsplit(")", 1)[1].split()[19])


def alive(pid):
    """True while the process runs; a zombie does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rsplit(")", 1)[1].split()[0] not in "ZX"


def kill(pid):
    """SIGKILL, and waits until the process is gone."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    until(lambda: not alive(pid), f"end of process {pid}")
