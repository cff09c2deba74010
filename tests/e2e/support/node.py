"""`larder node` alone: the drop-in for redis-server."""

import signal
import subprocess
from pathlib import Path

import redis

from support import logs, ports, processes
from support.waiting import attempt, until


class Node:
    """A node with its own directory and port."""

    def __init__(self, directory: Path, *arguments):
        self.directory = directory
        self.arguments = arguments
        self.port = ports.free_port()
        self.log = directory / "out.log"
        self.process = None
        directory.mkdir(parents=True, exist_ok=True)

    def start(self, password=None):
        """Starts it and waits until it answers PING."""
        command = [str(processes.BINARY), "node", *self.arguments]
        command += ["--port", str(self.port), "--dir", str(self.directory)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        refused = (redis.ConnectionError, redis.BusyLoadingError)
        client = self.redis(password=password)
        until(lambda: self._running() and attempt(client.ping, *refused), "PONG of larder node")
        client.close()
        return self

    def _running(self):
        status = self.process.poll()
        if status is not None:
            self.process = None
            tail = self.log.read_text(errors="replace")[-3000:]
            raise AssertionError(f"larder node ended with {status}:\n{tail}")
        return True

    def redis(self, **options):
        """A redis-py client."""
        options = {"decode_responses": True, "socket_timeout": 30} | options
        return redis.Redis(host="127.0.0.1", port=self.port, **options)

    def stop(self, expected=()):
        """SIGTERM; exit status 0, port closed, nothing suspicious in the log but the expected."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self.process = None
        log = self.log.read_text(errors="replace")
        assert status == 0, f"larder node ended with {status} after SIGTERM:\n{log[-3000:]}"
        assert not ports.is_open(self.port)
        loud = logs.suspicious_lines(log, expected)
        assert not loud, loud

    def destroy(self):
        """Kills it if a test failed on its way."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
