"""The stream to replicas, word for word as redis-server writes it for the same commands."""

import re
import shlex
import socket
from pathlib import Path

import pytest

from support.reference import Reference
from support.writes import encode

LINES = (Path(__file__).parent / "support" / "effects.txt").read_text().splitlines()
# Moments in milliseconds differ by when the command came.
MOMENT = re.compile(rb"\b1[78]\d{11}\b")


class Peer:
    """A connection that speaks RESP2 and no more."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.reader = self.socket.makefile("rb")

    def send(self, words):
        """Sends one request."""
        self.socket.sendall(encode(words))

    def read(self):
        """Reads one reply, or one command of the stream."""
        line = self.reader.readline()
        assert line, "the connection was closed"
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(max(0, int(rest)))]
        return kind + rest

    def attach(self):
        """Becomes a replica that never acknowledges."""
        self.socket.sendall(b"SYNC\r\n")
        line = b"\n"
        while line == b"\n":
            line = self.reader.readline()
        self.reader.read(int(line[1:-2]))


def _streams(port):
    """What each line of the script puts into the stream; a transaction's lines go together."""
    client, replica = Peer(port), Peer(port)
    client.send(["CONFIG", "SET", "repl-ping-replica-period", 3600])
    client.read()
    replica.attach()
    streams, lines = [], []
    for number, line in enumerate(LINES):
        words = shlex.split(line)
        lines.append(line)
        client.send(words)
        client.read()
        if words[0] == "MULTI" or lines[0] == "MULTI" and words[0] not in ("EXEC", "DISCARD"):
            continue
        mark = b"mark-%d" % number
        client.send(["PUBLISH", "marks", mark])
        client.read()
        commands = []
        while not commands or commands[-1][-1] != mark:
            command = replica.read()
            # Sent by time: one may be under way before the period above is in force.
            if command[0].lower() != b"ping":
                commands.append(command)
        told = [b" ".join(command) for command in commands[:-1]]
        streams.append((lines, [MOMENT.sub(b"<ms>", command) for command in told]))
        lines = []
    return streams


@pytest.mark.parametrize("loops", ["1", "4"])
def test_effects_of_every_command_are_those_of_redis(make_node, tmp_path, loops):
    reference = Reference(tmp_path / "reference")
    try:
        want = _streams(reference.port)
    finally:
        reference.stop()
    got = _streams(make_node("--io-threads", loops).port)
    assert len(got) == len(want) > 100
    for ours, theirs in zip(got, want):
        assert ours == theirs


def test_every_write_command_of_redis_has_a_line(tmp_path):
    reference = Reference(tmp_path / "reference")
    try:
        client = Peer(reference.port)
        client.send(["COMMAND", "LIST", "FILTERBY", "ACLCAT", "write"])
        wanted = {name.decode() for name in client.read()}
    finally:
        reference.stop()
    seen = {line.split()[0].lower() for line in LINES}
    # Subcommands count by their container; libraries of functions travel as they are sent.
    # The other two move keys between nodes of a cluster.
    elsewhere = {"function", "migrate", "restore-asking"}
    missing = {name.split("|")[0] for name in wanted} - seen - elsewhere
    assert wanted and not missing
