"""Debian's redis-server, to compare with."""

import shutil
import subprocess
from pathlib import Path

from support import ports
from support.waiting import until


class Reference:
    """A redis-server with nothing in it."""

    def __init__(self, directory: Path):
        directory.mkdir(parents=True, exist_ok=True)
        self.port = ports.free_port()
        program = shutil.which("redis-server")
        assert program, "redis-server is missing: apt-get install redis-server"
        command = [program, "--port", str(self.port), "--dir", str(directory), "--save", ""]
        command += ["--enable-debug-command", "yes"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        until(lambda: ports.is_open(self.port), "redis-server listens")

    def stop(self):
        """Ends it without saving."""
        self.process.kill()
        self.process.wait(30)
