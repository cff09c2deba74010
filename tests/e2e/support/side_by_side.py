"""One sequence of requests against a node and against redis-server: the replies must be the same."""

import socket

from support.writes import encode

# Requests under way at a time.
BATCH = 200


class Side:
    """A connection that gives replies as they were written, maps and errors included."""

    def __init__(self, port, protocol=2):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.reader = self.socket.makefile("rb")
        self.socket.sendall(encode(["HELLO", protocol]))
        self.read()

    def send(self, requests):
        """Sends all, then gives all replies."""
        self.socket.sendall(b"".join(encode(words) for words in requests))
        return [self.read() for _ in requests]

    def read(self):
        """One reply: its first byte, then its text or its parts."""
        line = self.reader.readline()
        assert line, "the connection was closed"
        kind, rest = line[:1], line[1:-2]
        if kind in b"$=" and rest != b"-1":
            return kind, self.reader.read(int(rest) + 2)[:-2]
        if kind in b"*~>" and rest != b"-1":
            return kind, [self.read() for _ in range(int(rest))]
        if kind == b"%":
            return kind, [self.read() for _ in range(2 * int(rest))]
        return kind, rest

    def close(self):
        """Ends it."""
        self.reader.close()
        self.socket.close()


def compare(ours, theirs, requests):
    """Sends the requests to both ports over RESP2 and RESP3 in turn, and compares each reply."""
    pairs = [(Side(ours, protocol), Side(theirs, protocol)) for protocol in (2, 3)]
    requests = list(requests)
    for number, start in enumerate(range(0, len(requests), BATCH)):
        batch = requests[start : start + BATCH]
        one, other = pairs[number % len(pairs)]
        for words, got, want in zip(batch, one.send(batch), other.send(batch)):
            assert got == want, f"{words}: {got} instead of {want}"
    for one, other in pairs:
        one.close()
        other.close()
