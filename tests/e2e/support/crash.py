"""Kills control or `larder up` at a chosen moment: in place of its n-th fsync from now on."""

import mmap
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("crash_points.c")
SLOTS = {"control": 0, "up": 1}
FAR = 1 << 40


class CrashPoints:
    """A preloaded library with its counters, made in `directory`."""

    def __init__(self, directory):
        library, counters = directory / "crash_points.so", directory / "counters"
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
        subprocess.run(command, check=True)
        counters.write_bytes(bytes(mmap.PAGESIZE))
        with open(counters, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.environment = {"LD_PRELOAD": str(library), "LARDER_TEST_CRASH": str(counters)}

    def arm(self, role, step):
        """The role dies at its `step`-th fsync from now on; 0 disarms."""
        struct.pack_into("q", self.page, SLOTS[role] * 8, step)

    def left(self, role):
        """Fsyncs until the kill; 0 when it has happened."""
        return struct.unpack_from("q", self.page, SLOTS[role] * 8)[0]

    def count(self, role, work):
        """How often the role syncs during `work`."""
        self.arm(role, FAR)
        work()
        steps = FAR - self.left(role)
        self.arm(role, 0)
        return steps
