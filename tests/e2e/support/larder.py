"""One `larder up` with a data directory of its own, from start to a clean end."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import redis

from support import logs, ports, processes
from support.waiting import attempt, until

START_S = 15
STOP_S = 30


class Larder:
    """Starts, stops and kills; `check_clean_end` says whether anything was left behind."""

    def __init__(self, directory: Path, quickstart=True, arguments=(), environment=None):
        self.directory = directory
        self.extra_environment = environment or {}
        self.data = directory / "data"
        self.ready_file = directory / "ready.json"
        self.log = directory / "up.log"
        self.home = directory / "home"
        self.temporary = directory / "tmp"
        for made in (self.home, self.temporary):
            made.mkdir(parents=True)
        self.api_port = ports.free_port()
        self.quickstart = quickstart
        self.arguments = list(arguments)
        self.process = None
        self.ready = None
        self.expected_log = []
        self.seen_ports = {self.api_port}

    # Life.

    def start(self):
        """Starts `larder up` and waits for its ready file."""
        self.ready_file.unlink(missing_ok=True)
        command = [str(processes.BINARY), "up", "--data-dir", str(self.data)]
        command += ["--api", f"127.0.0.1:{self.api_port}", "--ready-file", str(self.ready_file)]
        command += ["--quickstart"] if self.quickstart else []
        environment = self.environment() | self.extra_environment
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command + self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self.directory,
            )
        self.ready = until(self._read_ready, "ready file of larder up", START_S)
        if self.ready.get("instance"):
            self.seen_ports.add(self.ready["instance"]["port"])
        return self

    def _read_ready(self):
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-3000:]
            raise AssertionError(f"larder up ended with {self.process.returncode}:\n{tail}")
        text = attempt(self.ready_file.read_text, FileNotFoundError)
        return json.loads(text) if text else None

    def stop(self):
        """SIGTERM, and waits for the end; the exit status must be 0."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_S)
        self.process = None
        assert status == 0, f"larder up ended with {status} after SIGTERM"

    def kill_up(self):
        """SIGKILL to `larder up` alone."""
        self.process.kill()
        self.process.wait(STOP_S)
        self.process = None

    def running(self):
        """True between start and stop."""
        return self.process is not None

    def environment(self):
        """Environment of every larder process, away from the person's own files."""
        kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        return kept | {"HOME": str(self.home), "TMPDIR": str(self.temporary), "RUST_BACKTRACE": "1"}

    # What is there.

    def pids(self, role=None):
        """Pids of all its processes, or of those with this role."""
        all_pids = processes.belonging_to(self.data)
        return [pid for pid in all_pids if role is None or processes.role(pid) == role]

    def node_pid(self, instance_id):
        """Pid of the one node of an instance."""
        def look():
            for pid in self.pids("node"):
                arguments = " ".join(processes.command_line(pid))
                if instance_id in arguments or instance_id in os.readlink(f"/proc/{pid}/cwd"):
                    return pid
            return None

        return until(look, f"node process of {instance_id}")

    def redis(self, instance=None, **options):
        """A redis-py client of an instance (the quickstart's by default)."""
        instance = instance or self.ready["instance"]
        self.seen_ports.add(instance["port"])
        options = {"decode_responses": True, "socket_timeout": 10} | options
        host, port = instance["host"], instance["port"]
        return redis.Redis(host=host, port=port, password=instance["password"], **options)

    def cli(self, *arguments, stdin=None, profile=True, environment=None):
        """Runs a verb of the CLI; gives the finished process with text output."""
        variables = self.environment() | (environment or {})
        if profile:
            variables["LARDER_PROFILE"] = str(self.ready_file)
        return subprocess.run(
            [str(processes.BINARY), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
            env=variables,
            cwd=self.directory,
        )

    # The end.

    def check_logs(self):
        """Fails on a warning that no test announced in `expected_log`."""
        found = {}
        for path in [self.log, *self.data.glob("nodes/*/node.log"), *self.data.glob("**/*.log")]:
            if path.is_file():
                text = path.read_text(errors="replace")
                found[path.name] = logs.suspicious_lines(text, self.expected_log)
        loud = {name: lines for name, lines in found.items() if lines}
        assert not loud, f"unexpected in the logs: {loud}"

    def check_clean_end(self):
        """No process, listening port, socket or temporary file may be left."""
        left = self.pids()
        assert not left, {pid: processes.command_line(pid) for pid in left}
        still_open = [port for port in self.seen_ports if ports.is_open(port)]
        assert not still_open, f"still listened on: {still_open}"
        litter = re.compile(r"\.(sock|tmp|part)$|^temp-|\.tmp[-.]")
        files = [path for path in self.data.rglob("*") if litter.search(path.name)]
        assert not files, f"left behind: {files}"
        assert not list(self.temporary.iterdir()), "left behind in TMPDIR"

    def destroy(self):
        """Kills whatever is left, for a test that failed on its way."""
        if self.process is not None:
            self.kill_up()
        for pid in self.pids():
            processes.kill(pid)
